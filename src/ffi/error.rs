//! Section "errors".

use super::error_object::{ErrorObject, dlnms_error, dlnms_status};
use super::guard::guard_or;
use super::handle;
use crate::error::status;
use crate::process;
use std::ffi::c_char;

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
