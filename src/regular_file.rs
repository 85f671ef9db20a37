//! Files that a host, a user or a manifest names: regular ones only. Opening a pipe would wait for ever, and reading a
//! device never end.

use std::fs::{File, OpenOptions};
#[cfg(feature = "dicom")]
use std::io::Read;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What is read whole is a text of some kilobytes.
#[cfg(feature = "dicom")]
const MAX_WHOLE_BYTES: u64 = 64 << 20;

/// Opens a file, which links may lead to.
///
/// The kind is looked at before, for opening a device may do something, and after, for the file may have become a pipe
/// in between, which must not be waited for.
pub(crate) fn open(path: &Path) -> Result<File> {
    let no_file = || Error::new(ErrorKind::InvalidInput, "it is not a file");
    if !path.metadata()?.is_file() {
        return Err(no_file());
    }
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(no_file())
    }
}

/// Opens a file to read it and to add to its end; makes it, for its owner alone, if it is not there.
pub(crate) fn open_to_append(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    let options = options.read(true).append(true).create(true).mode(0o600);
    let file = options.custom_flags(libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Error::new(ErrorKind::InvalidInput, "it is not a file"))
    }
}

/// Returns the content of a text file.
#[cfg(feature = "dicom")]
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    let file = open(path)?;
    file.take(MAX_WHOLE_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_WHOLE_BYTES {
        Err(Error::new(ErrorKind::FileTooLarge, "it is too large"))
    } else {
        Ok(content)
    }
}

/// Returns an I/O error in words, without the path that it may hold: folders are named after patients.
pub(crate) fn io_reason(e: Error) -> String {
    match (e.raw_os_error(), e.get_ref()) {
        (Some(libc::EMFILE), _) => "the process has too many open files (EMFILE)".into(),
        (Some(libc::ENFILE), _) => "the system has too many open files (ENFILE)".into(),
        (None, Some(inner)) => inner.to_string(),
        _ => e.kind().to_string(),
    }
}
