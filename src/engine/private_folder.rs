//! Folders and files of a cache that nobody but this process's user can write, and the secret that proves it.
//!
//! What is protected against whom: another user of the machine can neither place nor change an entry, because the folder
//! belongs to the user of this process, is writable by nobody else, is no link, and no folder above it lets others put
//! another one in its place. What was placed there before its mode was set right, or was copied from elsewhere, lacks the
//! proof: a keyed digest (HMAC-SHA256) whose key is made at random in that folder and readable by the user alone. The user
//! of this process and root are trusted; they could replace the library as well.
#![allow(unsafe_code)]

use crate::regular_file::why;
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, File, Metadata};
use std::io::{Error, ErrorKind, Read, Result as IoResult, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Makes the folder if it is not there, mode 0700, and checks it.
///
/// # Errors
/// The reason in words, without the path, for which it must not be used.
pub fn make(folder: &Path) -> Result<PathBuf, String> {
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(why)?;
    check(folder)
}

/// Checks a folder that is there; returns its path without links.
///
/// # Errors
/// The reason in words, without the path, for which it must not be used.
pub fn check(folder: &Path) -> Result<PathBuf, String> {
    // Without a slash at its end, which would lead through a link.
    let folder: PathBuf = folder.components().collect();
    let found = folder.symlink_metadata().map_err(why)?;
    if found.is_symlink() {
        return Err("its folder is a link".into());
    }
    let folder = folder.canonicalize().map_err(why)?;
    let found = folder.symlink_metadata().map_err(why)?;
    if !found.is_dir() {
        return Err("its folder is not a folder".into());
    }
    own(&found).map_err(|why| format!("its folder {why}"))?;
    for above in folder.ancestors().skip(1) {
        let found = above.metadata().map_err(why)?;
        if ![0, user()].contains(&found.uid()) {
            return Err("a folder above it belongs to another user".into());
        }
        // In a folder that is sticky, as /tmp is, nobody moves what belongs to others.
        if found.mode() & 0o022 != 0 && found.mode() & 0o1000 == 0 {
            return Err("a folder above it can be written by other users".into());
        }
    }
    Ok(folder)
}

/// Opens a file below a private folder: a regular one of this user that nobody else can write, no link. Never waits.
pub fn open(path: &Path) -> IoResult<File> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let found = file.metadata()?;
    let refuse = |why: String| Error::new(ErrorKind::PermissionDenied, why);
    if !found.is_file() {
        return Err(refuse("it is not a file".into()));
    }
    own(&found).map_err(|why| refuse(format!("it {why}")))?;
    Ok(file)
}

/// Whether something belongs to this user, and to nobody else's hands.
pub fn own(found: &Metadata) -> Result<(), &'static str> {
    if !owned(found) {
        return Err("belongs to another user");
    }
    match found.mode() & 0o022 {
        0 => Ok(()),
        _ => Err("can be written by other users"),
    }
}

/// Whether something belongs to this user.
pub fn owned(found: &Metadata) -> bool {
    found.uid() == user()
}

fn user() -> u32 {
    // SAFETY: reads a number of the process; cannot fail.
    unsafe { libc::geteuid() }
}

const KEY_FILE: &str = ".key";

/// The secret of a cache's folder.
pub struct Key([u8; 32]);

impl Key {
    /// Reads the key of a private folder.
    pub fn read(folder: &Path) -> IoResult<Self> {
        let mut file = open(&folder.join(KEY_FILE))?;
        let (mut key, mut more) = ([0; 32], [0]);
        file.read_exact(&mut key)?;
        match file.metadata()?.mode() & 0o077 == 0 && file.read(&mut more)? == 0 {
            true => Ok(Self(key)),
            false => Err(Error::new(ErrorKind::InvalidData, "it is no key")),
        }
    }

    /// Reads the key of a private folder, or makes one, with which nothing that is there agrees.
    pub fn make(folder: &Path) -> IoResult<Self> {
        match Self::read(folder) {
            Ok(key) => return Ok(key),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(_) => remove(&folder.join(KEY_FILE)),
        }
        let mut key = [0u8; 32];
        // SAFETY: the buffer has so many bytes.
        let got = unsafe { libc::getrandom(key.as_mut_ptr().cast(), key.len(), 0) };
        if got != key.len() as isize {
            return Err(Error::last_os_error());
        }
        // It appears whole; of two processes the first wins.
        let part = folder.join(format!("{KEY_FILE}-{}.part", std::process::id()));
        remove(&part);
        let made = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .and_then(|mut file| file.write_all(&key))
            .and_then(|()| std::fs::hard_link(&part, folder.join(KEY_FILE)));
        let made = match made {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
            // A file system without hard links.
            Err(e) if part.exists() && e.kind() != ErrorKind::StorageFull => {
                std::fs::rename(&part, folder.join(KEY_FILE))
            }
            Err(e) => Err(e),
        };
        remove(&part);
        made.and_then(|()| Self::read(folder))
    }

    /// The keyed digest of a message (HMAC-SHA256, RFC 2104), lower-case hexadecimal.
    pub fn proof(&self, message: &[u8]) -> String {
        let pad = |with: u8| {
            let mut block = [with; 64];
            block.iter_mut().zip(self.0).for_each(|(b, k)| *b ^= k);
            block
        };
        let inner = Sha256::new_with_prefix(pad(0x36)).chain_update(message);
        let outer = Sha256::new_with_prefix(pad(0x5c)).chain_update(inner.finalize());
        let bytes = outer.finalize();
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Removes whatever is there, a folder with all that is in it, and no link's target.
pub fn remove(path: &Path) {
    let _ = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        _ => std::fs::remove_file(path),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 1, whose key of 20 bytes is padded with zeros anyway.
    #[test]
    fn the_proof_is_hmac_sha256() {
        let mut key = Key([0; 32]);
        key.0[..20].fill(0x0b);
        assert_eq!(
            key.proof(b"Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
    }
}
