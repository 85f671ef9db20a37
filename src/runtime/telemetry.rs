//! No telemetry: official ONNX Runtime builds since 1.29 upload on Linux too, and write a device id and a cache below the
//! user's home while the environment is created - before the API's own switch can be reached. The one full opt-out is an
//! environment variable that is read then and latched for the life of the process.
//!
//! A library must not change its host's environment, and `setenv` races with other threads' `getenv`. So `environ` is
//! pointed to a copy that has the variable, for the moment of the start, and back: a thread that reads meanwhile sees
//! one array or the other, both valid for ever.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Names of the opt-out, by version of ONNX Runtime.
const OPT_OUT: [&CStr; 2] = [c"ORT_DISABLE_TELEMETRY=1", c"ORT_TELEMETRY_DISABLED=1"];

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// Run `start` with the opt-out set.
pub fn disabled_during<T>(start: impl FnOnce() -> T) -> T {
    // SAFETY: `environ` is a pointer-sized variable of libc that lives for ever; every access here is atomic, and libc
    // itself reads it as a whole word.
    let current = unsafe { AtomicPtr::from_ptr(&raw mut environ) };
    let original = current.load(Ordering::Acquire);
    let copy = with_opt_out(original);
    current.store(copy, Ordering::Release);
    let result = start();
    // If another thread called setenv meanwhile, libc has made an array of its own: it stays, with the opt-out in it.
    let _ = current.compare_exchange(copy, original, Ordering::AcqRel, Ordering::Relaxed);
    result
}

/// Copies of the array of variables, kept for ever: another thread may be reading one when it is replaced.
static COPIES: Mutex<Vec<Box<[AtomicPtr<c_char>]>>> = Mutex::new(Vec::new());

fn with_opt_out(variables: *mut *mut c_char) -> *mut *mut c_char {
    let is_opt_out = |variable: &CStr| {
        let names = OPT_OUT
            .iter()
            .map(|o| &o.to_bytes()[..o.to_bytes().len() - 1]);
        names
            .into_iter()
            .any(|name| variable.to_bytes().starts_with(name))
    };
    let mut copy = Vec::new();
    if !variables.is_null() {
        let mut at = variables;
        // SAFETY: POSIX: an array of NUL-terminated strings that ends with NULL.
        unsafe {
            while !(*at).is_null() {
                if !is_opt_out(CStr::from_ptr(*at)) {
                    copy.push(AtomicPtr::new(*at));
                }
                at = at.add(1);
            }
        }
    }
    copy.extend(
        OPT_OUT
            .iter()
            .map(|o| AtomicPtr::new(o.as_ptr().cast_mut())),
    );
    copy.push(AtomicPtr::new(std::ptr::null_mut()));
    let mut copies = COPIES.lock().unwrap_or_else(|e| e.into_inner());
    copies.push(copy.into());
    // An AtomicPtr has the layout of the pointer it holds.
    copies
        .last()
        .map_or(variables, |c| c.as_ptr().cast_mut().cast())
}
