//! How Unix opens files.

use std::fs::{File, OpenOptions};
use std::io::Result;
use std::os::unix::fs::OpenOptionsExt;

/// Codes of too many open files, each in words.
pub const OPEN_FILE_LIMITS: [(i32, &str); 2] = [
    (libc::EMFILE, "the process has too many open files (EMFILE)"),
    (libc::ENFILE, "the system has too many open files (ENFILE)"),
];

/// Has a file opened without waiting for the other end of a pipe.
pub fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options.custom_flags(libc::O_NONBLOCK)
}

/// Has a file that is made belong to its owner alone.
pub fn for_owner_alone(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Returns whether an open file is a regular one.
pub fn is_regular(file: &File) -> Result<bool> {
    Ok(file.metadata()?.is_file())
}
