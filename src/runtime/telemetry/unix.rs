//! What builds for Unix read.
#![allow(unsafe_code)]

use super::super::redirect::Replacement;
use super::opt_out::OPT_OUT;
use std::ffi::{CStr, c_char};

/// First minor version of ONNX Runtime 1 whose official builds have telemetry.
pub const FIRST_WITH_TELEMETRY: u32 = 29;

/// Returns what stands in for the functions of libc through which a library may read one variable.
pub fn replacements(hardened: bool) -> [Replacement<'static>; 1] {
    let function = if hardened {
        opt_out_alone as *const ()
    } else {
        answer_of_this_process as *const ()
    };
    [Replacement {
        names: &[c"getenv", c"secure_getenv", c"__secure_getenv"],
        function,
    }]
}

/// Stands in for `getenv` in libonnxruntime alone.
///
/// # Safety
/// As for `getenv`: `name` is NULL or NUL-terminated.
unsafe extern "C" fn answer_of_this_process(name: *const c_char) -> *mut c_char {
    if name.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: handed on from the caller.
    let answer = unsafe { opt_out_alone(name) };
    if answer.is_null() {
        // SAFETY: handed on from the caller.
        return unsafe { libc::getenv(name) };
    }
    answer
}

/// Stands in for `getenv` in the hardened mode: only the opt-out is set.
///
/// # Safety
/// As for `getenv`.
unsafe extern "C" fn opt_out_alone(name: *const c_char) -> *mut c_char {
    // SAFETY: not NULL, and NUL-terminated by the caller's promise.
    if !name.is_null() && OPT_OUT.contains(&unsafe { CStr::from_ptr(name) }) {
        c"1".as_ptr().cast_mut()
    } else {
        std::ptr::null_mut()
    }
}
