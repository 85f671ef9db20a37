//! Folders of a cache that nobody but this process's user can write.
//!
//! Another user of the machine can neither place nor change a file in one, because the folder belongs to the user of this
//! process, is writable by nobody else, is no link, and no folder above it lets others put another one in its place. The
//! user of this process and root are trusted; they could replace the library as well.
#![allow(unsafe_code)]

use crate::regular_file::io_reason;
use std::fs::{DirBuilder, Metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
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
        .map_err(io_reason)?;
    check(folder)
}

/// Checks a folder that is there; returns its path without links.
///
/// # Errors
/// The reason in words, without the path, for which it must not be used.
fn check(folder: &Path) -> Result<PathBuf, String> {
    // Without a slash at its end, which would lead through a link.
    let folder: PathBuf = folder.components().collect();
    let found = folder.symlink_metadata().map_err(io_reason)?;
    if found.is_symlink() {
        return Err("its folder is a link".into());
    }
    let folder = folder.canonicalize().map_err(io_reason)?;
    let found = folder.symlink_metadata().map_err(io_reason)?;
    if !found.is_dir() {
        return Err("its folder is not a folder".into());
    }
    own(&found).map_err(|why| format!("its folder {why}"))?;
    for above in folder.ancestors().skip(1) {
        let found = above.metadata().map_err(io_reason)?;
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

/// Whether something belongs to this user, and to nobody else's hands.
fn own(found: &Metadata) -> Result<(), &'static str> {
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

/// Removes whatever is there, a folder with all that is in it, and no link's target.
pub fn remove(path: &Path) {
    let _ = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        _ => std::fs::remove_file(path),
    };
}
