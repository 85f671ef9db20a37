//! Files that a host, a user or a manifest names: regular ones only. Opening a pipe would wait for ever, and reading a
//! device never end.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// Open a file, which links may lead to.
pub(crate) fn open(path: &Path) -> Result<File> {
    match path.metadata()?.is_file() {
        true => File::open(path),
        false => Err(Error::new(ErrorKind::InvalidInput, "it is not a file")),
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
