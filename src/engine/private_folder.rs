//! Folders of a cache that nobody but this process's user can write.
//!
//! Another user of the machine can neither place nor change a file in one, because the folder belongs to the user of this
//! process, is writable by nobody else, is no link, and no folder above it lets others put another one in its place. The
//! user of this process and the system's administrators are trusted; they could replace the library as well.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use crate::regular_file::io_reason;
use std::path::{Path, PathBuf};

pub use system::is_own;

/// Makes the folder if it is not there, for this user alone, and checks it.
///
/// # Errors
/// The reason in words, without the path, for which it must not be used.
pub fn make(folder: &Path) -> Result<PathBuf, String> {
    system::create(folder).map_err(io_reason)?;
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
    system::check_access(&folder)?;
    Ok(folder)
}

/// Removes whatever is there, a folder with all that is in it, and no link's target.
pub fn remove(path: &Path) {
    let _ = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        _ => std::fs::remove_file(path),
    };
}
