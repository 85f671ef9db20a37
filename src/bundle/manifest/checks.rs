//! What every text, name and digest of a manifest has to be.

use crate::error::{Error, Result};

/// Refuses a manifest, naming the field.
pub(super) fn refuse<T>(why: String) -> Result<T> {
    Err(Error::BundleManifest(why))
}

/// Refuses whatever is not a file name but a path: a manifest must not reach out of its folder.
pub(super) fn plain_name(field: &str, name: &str) -> Result<()> {
    let path = std::path::Path::new(name);
    let plain = path.file_name().is_some_and(|f| f == path.as_os_str()) && !name.contains('\\');
    if !plain {
        return refuse(format!("{field}: {name:?} is not a plain file name"));
    }
    printable(field, name)
}

/// Refuses control characters. These texts go into logs, reports and terminals: a line of them stays one line.
pub(super) fn printable(field: &str, text: &str) -> Result<()> {
    if text.chars().any(char::is_control) {
        refuse(format!("{field}: {text:?} holds a control character"))
    } else {
        Ok(())
    }
}

/// Refuses an empty text and control characters.
pub(super) fn stated(field: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return refuse(format!("{field} is empty"));
    }
    printable(field, text)
}

/// Refuses whatever is not a SHA-256 in lower-case hexadecimal.
pub(super) fn digest(field: &str, hex: &str) -> Result<()> {
    if hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(())
    } else {
        refuse(format!("{field}: is not a lower-case sha256"))
    }
}
