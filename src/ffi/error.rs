//! Section "errors".

use super::error_object::{ErrorObject, dlnms_error, dlnms_status};
use super::guard::guard_or;
use super::handle;
use crate::error::status;
use crate::process;
use std::ffi::c_char;

/// Returns a static English text for a status code, never NULL.
///
/// # Parameters
/// - `code`: a dlnms_status; an unknown one has a text of its own.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_status_string(code: dlnms_status) -> *const c_char {
    status::text(code).as_ptr()
}

/// Returns the status of an error.
///
/// # Parameters
/// - `error`: the error. DLNMS_E_INVALID_HANDLE is returned for NULL or a freed one, DLNMS_E_FORKED for any in a forked process.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_error_status(error: *const dlnms_error) -> dlnms_status {
    if process::is_forked() {
        return status::DLNMS_E_FORKED;
    }
    guard_or(status::DLNMS_E_INTERNAL, || {
        handle::get::<ErrorObject>(error).map_or(status::DLNMS_E_INVALID_HANDLE, |e| e.status)
    })
}

/// Returns the message of an error with its causes, never NULL. The text lives as long as the error.
///
/// # Parameters
/// - `error`: the error. NULL and a freed one have a message that says so.
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

/// Frees an error.
///
/// # Parameters
/// - `error`: the error. NULL and one that is freed already do nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_error_free(error: *mut dlnms_error) {
    guard_or((), || handle::free::<ErrorObject>(error));
}
