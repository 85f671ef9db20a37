//! Switches ONNX Runtime's telemetry off without touching the host's environment.
//!
//! Official builds since 1.29 upload on Linux too, and write a device identifier and a cache below the user's home while
//! the environment (`OrtEnv`) is created, before the API's own switch (`DisableTelemetryEvents`) can be reached. The one
//! full opt-out is an environment variable, which is read at that moment and latched for the life of the process.
//!
//! A library must not change its host's environment: `setenv` races with `getenv` of other threads, and replacing
//! `environ` for a moment loses what another thread sets meanwhile. Therefore only the answer that ONNX Runtime itself
//! gets is changed: the entry for `getenv` in the global offset table of the loaded libonnxruntime points to
//! [`answer_of_this_process`], which answers the opt-out's names by itself and asks libc for every other one. No other
//! library sees a difference, and nothing has to be put back: the library stays loaded for the life of the process.
#![allow(unsafe_code)]

use super::redirect::{Replacement, redirect};
use crate::environment;
use std::ffi::{CStr, c_char, c_void};

/// Names of the opt-out, by version of ONNX Runtime.
const OPT_OUT: [&CStr; 2] = [c"ORT_DISABLE_TELEMETRY", c"ORT_TELEMETRY_DISABLED"];

/// Functions of libc through which a library may read one variable.
const READERS: [&CStr; 3] = [c"getenv", c"secure_getenv", c"__secure_getenv"];

/// First minor version of ONNX Runtime 1 whose official Linux builds have telemetry.
const FIRST_WITH_TELEMETRY: u32 = 29;

/// Makes the loaded library that holds the code at `address` read the opt-out as set.
///
/// # Errors
/// The reason in words, where the library of `version` may have telemetry, the opt-out could not be given to it, and the
/// process's environment does not hold it.
///
/// In the hardened mode it reads no other variable either: every other one is answered as not set.
pub fn switch_off(address: *const c_void, version: &str, hardened: bool) -> Result<(), String> {
    let function = if hardened {
        opt_out_alone as *const ()
    } else {
        answer_of_this_process as *const ()
    };
    let replacement = Replacement {
        names: &READERS,
        function,
    };
    let why = match redirect(address, &replacement) {
        Ok(0) => "it does not call getenv".into(),
        Ok(_) => return Ok(()),
        Err(why) => why,
    };
    let minor = version.split('.').nth(1).and_then(|n| n.parse().ok());
    let old = minor.is_some_and(|minor: u32| minor < FIRST_WITH_TELEMETRY);
    if hardened {
        // What cannot be redirected reads the process's environment.
        return Err(format!("the environment cannot be kept from it ({why})"));
    }
    let set = |name: &&str| environment::read(name).is_some_and(|v| v == "1");
    if old || environment::TELEMETRY_OFF.iter().any(set) {
        return Ok(());
    }
    Err(format!(
        "its telemetry cannot be switched off ({why}); start the process with ORT_DISABLE_TELEMETRY=1 in its environment"
    ))
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
