//! Section "errors": the status and the object that a failed call leaves.

use super::handle::{self, Object};
use super::strings;
use crate::error::Error;
use std::ffi::CString;

/// Outcome of a call: 0 is success, everything else one of the DLNMS_E_ constants.
pub type dlnms_status = i32;

/// Why a call failed: a status and a message that names the field, file or value at fault.
/// Messages hold nothing a patient could be known by. Free with dlnms_error_free().
pub struct dlnms_error {
    _private: [u8; 0],
}

pub(super) struct ErrorObject {
    pub status: i32,
    pub message: CString,
}

impl Object for ErrorObject {
    type Handle = dlnms_error;
    const NAME: &'static str = "dlnms_error";
}

/// Give an error to the host, if it asked for one.
pub(super) fn store_error(err: *mut *mut dlnms_error, error: Error) {
    if err.is_null() {
        return;
    }
    // Each cause once: thiserror's messages are whole sentences, sources add the layer below.
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    let object = ErrorObject {
        status: error.status(),
        message: strings::owned(&text),
    };
    // SAFETY: not NULL; by contract of every exported function `err` is NULL or writable.
    unsafe { err.write(handle::register(object)) };
}

/// The error of a forked process: no object, so that neither a lock nor memory is needed. Handles of objects are multiples
/// of 16.
const FORKED: usize = 8;

/// Gives the error of a forked process to the host, if it asked for one.
pub(super) fn store_forked(err: *mut *mut dlnms_error) {
    if !err.is_null() {
        // SAFETY: not NULL; by contract of every exported function `err` is NULL or writable.
        unsafe { err.write(std::ptr::without_provenance_mut(FORKED)) };
    }
}
