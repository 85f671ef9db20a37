//! Owner and mode of folders.
#![allow(unsafe_code)]

use crate::regular_file::io_reason;
use std::fs::{DirBuilder, Metadata};
use std::io::Result as IoResult;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

/// Makes the folder, and those above it, with mode 0700 if they are not there.
pub fn create(folder: &Path) -> IoResult<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder)
}

/// Checks that nobody but this user can write the folder or replace it.
///
/// # Errors
/// The reason in words.
pub fn check_access(folder: &Path) -> Result<(), String> {
    let found = folder.symlink_metadata().map_err(io_reason)?;
    check_own(&found).map_err(|why| format!("its folder {why}"))?;
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
    Ok(())
}

/// Returns why something does not belong to this user, and to nobody else's hands.
fn check_own(found: &Metadata) -> Result<(), &'static str> {
    if found.uid() != user() {
        return Err("belongs to another user");
    }
    match found.mode() & 0o022 {
        0 => Ok(()),
        _ => Err("can be written by other users"),
    }
}

/// Returns whether a file, not what it may link to, belongs to this user.
pub fn is_own(path: &Path) -> IoResult<bool> {
    Ok(path.symlink_metadata()?.uid() == user())
}

fn user() -> u32 {
    // SAFETY: reads a number of the process; cannot fail.
    unsafe { libc::geteuid() }
}
