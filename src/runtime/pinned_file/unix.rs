//! A copy of a library in memory that nobody can change any more: what is hashed is what is loaded.
#![allow(unsafe_code)]

use crate::digest::Digest;
use crate::regular_file;
use std::fs::File;
use std::io::{Error, Result, Seek, SeekFrom};
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::{Path, PathBuf};

/// The copy. The file stays open for as long as the library is loaded, that is for ever.
pub struct PinnedFile {
    file: File,
    /// SHA-256 of the copy, lower-case hexadecimal.
    pub sha256: String,
}

impl PinnedFile {
    /// Copies a file into memory, seals the copy and hashes it.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new(path: &Path) -> Result<Self> {
        let mut source = regular_file::open(path)?;
        let mut file = memory_file()?;
        std::io::copy(&mut source, &mut file)?;
        seal(&file)?;
        // Only now: what the seals keep is what is hashed.
        file.seek(SeekFrom::Start(0))?;
        let sha256 = Digest::of_reader(&mut file, &mut |_| ())?.sha256;
        Ok(Self { file, sha256 })
    }

    /// Returns a path that leads to the copy in this process, whatever becomes of the file that was copied.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    /// Keeps the copy for as long as the process lives, and returns its digest.
    pub fn keep(self) -> String {
        std::mem::forget(self.file);
        self.sha256
    }
}

/// Returns an empty file that has no name.
fn memory_file() -> Result<File> {
    // SAFETY: a NUL-terminated name, which is for people alone; the descriptor is new.
    let descriptor = unsafe {
        libc::memfd_create(
            c"onnxruntime".as_ptr(),
            libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING,
        )
    };
    if descriptor < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: an open descriptor that nobody else has.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

/// Forbids every change of a file, also through descriptors that others may get.
fn seal(file: &File) -> Result<()> {
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;
    // SAFETY: a call on an open descriptor that takes and returns integers.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn a_copy_stays_what_it_was_whatever_becomes_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("lib.so");
        std::fs::write(&source, b"as released").unwrap();
        let copy = PinnedFile::new(&source).unwrap();
        std::fs::write(&source, b"as replaced").unwrap();
        let read = || std::fs::read(copy.path()).unwrap();
        assert_eq!(read(), b"as released");
        assert_eq!(copy.sha256, Digest::from_bytes(b"as released").sha256);
        // Not even through its own descriptor.
        let mut own = &copy.file;
        own.seek(SeekFrom::Start(0)).unwrap();
        assert!(own.write(b"AS").is_err());
        assert!(copy.file.set_len(2).is_err() && copy.file.set_len(1 << 20).is_err());
        let again = File::options().write(true).open(copy.path());
        assert!(again.and_then(|mut f| f.write(b"AS")).is_err());
        assert_eq!(read(), b"as released");
    }

    #[test]
    fn what_is_no_file_is_not_copied() {
        let dir = tempfile::tempdir().unwrap();
        assert!(PinnedFile::new(dir.path()).is_err());
        assert!(PinnedFile::new(&dir.path().join("none")).is_err());
        let mut content = Vec::new();
        let empty = dir.path().join("empty");
        std::fs::write(&empty, b"").unwrap();
        let copy = PinnedFile::new(&empty).unwrap();
        (&copy.file).read_to_end(&mut content).unwrap();
        assert!(content.is_empty());
    }
}
