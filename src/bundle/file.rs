//! Opening and reading the files of a bundle.

use crate::error::{Error, Result};
use crate::regular_file;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Returns the error of a file that cannot be read.
pub(super) fn missing(path: &Path, e: std::io::Error) -> Error {
    Error::BundleMissing {
        path: path.to_owned(),
        why: e.to_string(),
    }
}

/// Opens a file for reading.
///
/// # Errors
/// [`Error::BundleMissing`].
pub(super) fn open(path: &Path) -> Result<File> {
    regular_file::open(path).map_err(|e| missing(path, e))
}

/// Reads a text whole; `None` if it has more bytes than that.
///
/// # Errors
/// [`Error::BundleMissing`].
pub(super) fn read(path: &Path, file: File, most: u64) -> Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut text)
        .map_err(|e| missing(path, e))?;
    Ok((text.len() as u64 <= most).then_some(text))
}
