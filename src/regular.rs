//! Files that a host, a user or a manifest names: regular ones only. Opening a pipe would wait for ever, and reading a
//! device never end.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a regular file, which links may lead to. Never waits: what is a pipe, a device or a folder is refused, also if
/// it takes the file's place in the very moment of opening.
pub(crate) fn open(path: &Path) -> Result<File> {
    let not_a_file = || Error::new(ErrorKind::InvalidInput, "it is not a file");
    // A device is not opened at all.
    if !path.metadata()?.is_file() {
        return Err(not_a_file());
    }
    // Without effect on regular files.
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(not_a_file()),
    }
}

/// Its content.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path)?.read_to_end(&mut content)?;
    Ok(content)
}

/// An I/O error in words, without the path that it may hold: folders are named after patients.
pub(crate) fn why(e: Error) -> String {
    match e.get_ref() {
        Some(inner) if e.raw_os_error().is_none() => inner.to_string(),
        _ => e.kind().to_string(),
    }
}
