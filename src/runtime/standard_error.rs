//! Keeps ONNX Runtime from writing to the host's standard error.
//!
//! What it says goes through its logger, which is ours. But the part of it that looks at the processor writes to standard
//! error by itself, where the system does not describe the processor as it expects. A host's descriptors must not be
//! changed, not even for a moment, as other threads use them; so the function that writes is replaced for that library alone.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use super::redirect::redirect;
use std::ffi::c_void;

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
    if let Err(why) = redirect(address, &system::replacement()) {
        log::debug!(target: "dlnms::runtime", "ONNX Runtime may write to standard error: {why}");
    }
}

/// Logs a text about the processor; returns whether it is one.
fn log_of_processor(text: &[u8]) -> bool {
    if !BEGINNINGS.iter().any(|b| text.starts_with(b)) {
        return false;
    }
    // ONNX Runtime is C++: nothing may unwind into it, not from a host's logger either.
    let _ = std::panic::catch_unwind(|| {
        let text = String::from_utf8_lossy(text);
        log::warn!(target: "dlnms::onnxruntime", "{}", text.trim_end());
    });
    true
}
