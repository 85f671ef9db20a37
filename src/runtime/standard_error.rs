//! Keeps ONNX Runtime from writing to the host's standard error.
//!
//! What it says goes through its logger, which is ours. But the part of it that looks at the processor writes to standard
//! error by itself, where the system does not describe the processor as it expects. A host's descriptors must not be
//! changed, not even for a moment, as other threads use them; so the function that writes is replaced for that library alone.

mod processor_log;
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

/// Has what the loaded library that holds the code at `address` writes about the processor go to the log.
pub fn take_over(address: *const c_void) {
    if let Err(why) = redirect(address, &system::replacement()) {
        log::debug!(target: "dlnms::runtime", "ONNX Runtime may write to standard error: {why}");
    }
}
