//! Section "errors".

use super::guard::guard_or;
use super::handle::{self, Object};
use super::strings;
use crate::error::{Error, status};
use crate::process;
use std::ffi::{CString, c_char};

/// Outcome of a call: 0 is success, everything else one of the DLNMS_E_ constants.
pub type dlnms_status = i32;

/// Why a call failed: a status and a message that names the field, file or value at fault.
/// Messages hold nothing a patient could be known by. Free with dlnms_error_free().
pub struct dlnms_error {
    _private: [u8; 0],
}

pub(super) struct ErrorObject {
    status: i32,
    message: CString,
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

/// Static English text of a status code, never NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_status_string(code: dlnms_status) -> *const c_char {
    status::text(code).as_ptr()
}

/// Status of an error; DLNMS_E_INVALID_HANDLE if `error` is NULL or freed; DLNMS_E_FORKED of any error in a forked process.
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_error_status(error: *const dlnms_error) -> dlnms_status {
    if process::is_forked() {
        return status::DLNMS_E_FORKED;
    }
    guard_or(status::DLNMS_E_INTERNAL, || {
        handle::get::<ErrorObject>(error).map_or(status::DLNMS_E_INVALID_HANDLE, |e| e.status)
    })
}

/// Message of an error with its causes, never NULL. It lives as long as the error. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_error_message(error: *const dlnms_error) -> *const c_char {
    if process::is_forked() {
        return dlnms_status_string(status::DLNMS_E_FORKED);
    }
    guard_or(c"internal error".as_ptr(), || {
        handle::get::<ErrorObject>(error)
            .map_or(c"invalid or freed error".as_ptr(), |e| e.message.as_ptr())
    })
}

/// Free an error. NULL does nothing, and so does one that is freed already. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_error_free(error: *mut dlnms_error) {
    guard_or((), || handle::free::<ErrorObject>(error));
}
