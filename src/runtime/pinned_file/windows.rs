//! A library's file, open so that nobody can write, rename or remove it: what is hashed is what is loaded.

use crate::digest::Digest;
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use windows_sys::Win32::Storage::FileSystem::FILE_SHARE_READ;

/// The file. It stays open for as long as the library is loaded, that is for ever.
pub struct PinnedFile {
    file: File,
    path: PathBuf,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
}

impl PinnedFile {
    /// Opens a file, shared with readers alone, and hashes it.
    ///
    /// # Errors
    /// Those of the system, one for a file that somebody has open for writing among them.
    pub fn new(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).share_mode(FILE_SHARE_READ).open(path)?;
        if !crate::regular_file::is_regular(&file)? {
            return Err(Error::new(ErrorKind::InvalidInput, "it is not a file"));
        }
        let sha256 = Digest::of_reader(&mut file, &mut |_| ())?.sha256;
        let path = path.to_owned();
        Ok(Self { file, path, sha256 })
    }

    /// Returns the path of the file.
    pub fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Keeps the file open for as long as the process lives, and returns its digest.
    pub fn keep(self) -> String {
        std::mem::forget(self.file);
        self.sha256
    }
}
