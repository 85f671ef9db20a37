//! Keeps ONNX Runtime from writing to the host's standard error.
//!
//! What it says goes through its logger, which is ours. But the part of it that looks at the processor writes to the file
//! descriptor of standard error by itself, where /proc/cpuinfo or /sys cannot be read. A host's descriptors must not be
//! changed, not even for a moment, as other threads use them; so `write` is replaced for that library alone.
#![allow(unsafe_code)]

use super::redirect::{Replacement, redirect};
use std::ffi::{c_int, c_void};

/// What its texts begin with. Only these are kept back: in a host that closed its standard error, the descriptor may be a
/// file's.
const BEGINNINGS: [&[u8]; 4] = [
    b"Error in cpuinfo",
    b"Warning in cpuinfo",
    b"Note in cpuinfo",
    b"Fatal error in cpuinfo",
];

/// Has what the loaded library that holds the code at `address` writes about the processor go to the log.
pub fn take_over(address: *const c_void) {
    let replacement = Replacement {
        names: &[c"write"],
        function: write_or_log as *const (),
    };
    if let Err(why) = redirect(address, &replacement) {
        log::debug!(target: "dlnms::runtime", "ONNX Runtime may write to standard error: {why}");
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
    if !BEGINNINGS.iter().any(|b| text.starts_with(b)) {
        // SAFETY: handed on from the caller.
        return unsafe { libc::write(descriptor, buffer, count) };
    }
    // ONNX Runtime is C++: nothing may unwind into it, not from a host's logger either.
    let _ = std::panic::catch_unwind(|| {
        let text = String::from_utf8_lossy(text);
        log::warn!(target: "dlnms::onnxruntime", "{}", text.trim_end());
    });
    count.try_into().unwrap_or(isize::MAX)
}
