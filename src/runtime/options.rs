//! How a host wants ONNX Runtime to be found, and which it must be.

use super::library;
use crate::digest::parse_sha256;
use crate::error::{Error, Result};
use std::path::PathBuf;

/// How [`Runtime::load_with`](super::Runtime::load_with) finds ONNX Runtime, and which it must be.
#[derive(Clone, Debug, Default)]
pub struct RuntimeOptions {
    /// The library or its folder. `None`: `DLNMS_ONNXRUNTIME`, and where that is not set the places beside this library.
    pub library: Option<PathBuf>,
    /// SHA-256 that the library's file must have, in hexadecimal. The bytes that are hashed are the bytes that are loaded: a
    /// copy in memory that is sealed before. `None`: any.
    ///
    /// It covers this file alone: providers that ONNX Runtime loads from its own folder (CUDA, TensorRT) are files of their own.
    pub expected_sha256: Option<String>,
    /// Nothing is looked for that the host has not named: no environment variable is read, by this library or by
    /// ONNX Runtime, and no folder is searched but one that is given. `library` and the path of a plugin are needed then.
    pub hardened: bool,
}

impl RuntimeOptions {
    /// Returns the digest to expect, in lower case.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for one that is none.
    pub(super) fn digest(&self) -> Result<Option<String>> {
        let expected = self.expected_sha256.as_deref();
        expected
            .map(|text| parse_sha256("expected_onnxruntime_sha256", text))
            .transpose()
    }

    /// Returns the path of the library.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] in the hardened mode without an absolute path; those of [`library::find`].
    pub(super) fn find(&self) -> Result<PathBuf> {
        let refuse = |why| Err(Error::invalid("library_path", why));
        match &self.library {
            None if self.hardened => refuse("is needed in the hardened mode"),
            // The working directory is not the host's alone to choose.
            Some(path) if self.hardened && !path.is_absolute() => {
                refuse("is not absolute, which is needed in the hardened mode")
            }
            path => library::find(path.as_deref()),
        }
    }
}
