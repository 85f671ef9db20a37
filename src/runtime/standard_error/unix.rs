//! `write` of libc.
#![allow(unsafe_code)]

use super::super::redirect::Replacement;
use super::processor_log::log_of_processor;
use std::ffi::{c_int, c_void};

pub fn replacement() -> Replacement<'static> {
    Replacement {
        names: &[c"write"],
        function: write_or_log as *const (),
    }
}

/// Stands in for `write` in libonnxruntime alone.
///
/// # Safety
/// As for `write`: `buffer` holds `count` bytes.
unsafe extern "C" fn write_or_log(descriptor: c_int, buffer: *const c_void, count: usize) -> isize {
    let standard = [libc::STDOUT_FILENO, libc::STDERR_FILENO].contains(&descriptor);
    let text = if standard && !buffer.is_null() {
        // SAFETY: by the caller's promise.
        unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), count) }
    } else {
        &[]
    };
    if log_of_processor(text) {
        return count.try_into().unwrap_or(isize::MAX);
    }
    // SAFETY: handed on from the caller.
    unsafe { libc::write(descriptor, buffer, count) }
}
