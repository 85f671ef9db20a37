//! Files that a host, a user or a manifest names: regular ones only. Opening a pipe would wait for ever, and reading a
//! device never end.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use std::fs::{File, OpenOptions};
#[cfg(feature = "dicom")]
use std::io::Read;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

pub(crate) use system::is_regular;

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
    let file = system::without_waiting(OpenOptions::new().read(true)).open(path)?;
    if is_regular(&file)? {
        Ok(file)
    } else {
        Err(no_file())
    }
}

/// Opens a file to read it and to add to its end; makes it, for its owner alone, if it is not there.
pub(crate) fn open_to_append(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    let options = options.read(true).append(true).create(true);
    let file = system::without_waiting(system::for_owner_alone(options)).open(path)?;
    if is_regular(&file)? {
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
    match (too_many_open_files(&e), e.get_ref()) {
        (Some(reason), _) => reason.into(),
        (None, Some(inner)) => inner.to_string(),
        (None, None) => e.kind().to_string(),
    }
}

/// Returns the reason in words if an I/O error says that there are too many open files: the file is not at fault.
pub(crate) fn too_many_open_files(e: &Error) -> Option<&'static str> {
    let code = e.raw_os_error()?;
    let mut limits = system::OPEN_FILE_LIMITS.iter();
    limits.find_map(|(limit, reason)| (*limit == code).then_some(*reason))
}
