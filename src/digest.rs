//! SHA-256 of bytes and files, as lower-case hexadecimal.

use crate::error::{Error, Result};
use crate::regular_file;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Size and SHA-256 of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Bytes.
    pub bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

impl Digest {
    /// Of bytes in memory.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::finish(bytes.len() as u64, Sha256::new_with_prefix(bytes))
    }

    /// Of a whole file.
    pub fn of_file(path: &Path) -> std::io::Result<Self> {
        Self::of_reader(&mut regular_file::open(path)?, &mut |_| ())
    }

    /// Of what is left of an open file, handing it on as it is read.
    pub(crate) fn of_reader(
        file: &mut File,
        content: &mut dyn FnMut(&[u8]),
    ) -> std::io::Result<Self> {
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut buffer = vec![0u8; 1 << 20];
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                return Ok(Self::finish(bytes, hash));
            }
            bytes += n as u64;
            hash.update(&buffer[..n]);
            content(&buffer[..n]);
        }
    }

    /// Of so many bytes that were hashed.
    pub(crate) fn finish(bytes: u64, hash: Sha256) -> Self {
        let sha256 = hexadecimal(&hash.finalize());
        Self { bytes, sha256 }
    }
}

/// Returns bytes as lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Returns a SHA-256 that a host expects, in lower case.
///
/// # Errors
/// [`Error::InvalidArgument`] naming the option.
pub(crate) fn parse_sha256(option: &'static str, text: &str) -> Result<String> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    let why = "is not a sha256 of 64 hexadecimal digits";
    Err(Error::invalid(option, why))
}
