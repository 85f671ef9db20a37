//! How Windows opens files.

use std::fs::{File, OpenOptions};
use std::io::Result;
use windows_sys::Win32::Foundation::ERROR_TOO_MANY_OPEN_FILES;

/// The code of too many open files, in words.
pub const OPEN_FILE_LIMITS: [(i32, &str); 1] = [(
    ERROR_TOO_MANY_OPEN_FILES as i32,
    "the process has too many open files",
)];

/// Returns the options as they are: a pipe without a free end is an error at once.
pub fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Returns the options as they are: a file that is made has the access control list that its folder gives it.
pub fn for_owner_alone(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Returns whether an open file lies on a disk: `NUL`, `CON` and pipes have names that look like those of files.
pub fn is_regular(file: &File) -> Result<bool> {
    Ok(winapi_util::file::typ(file)?.is_disk() && file.metadata()?.is_file())
}
