//! Switches ONNX Runtime's telemetry off without touching the host's environment.
//!
//! Official builds since 1.29 upload on Linux too, and write a device identifier and a cache below the user's home while
//! the environment (`OrtEnv`) is created, before the API's own switch (`DisableTelemetryEvents`) can be reached. The one
//! full opt-out is an environment variable, which is read at that moment and latched for the life of the process. Builds
//! for Windows up to 1.32 hand events to the system's tracing instead, and read no variable.
//!
//! A library must not change its host's environment: `setenv` races with `getenv` of other threads, and replacing
//! `environ` for a moment loses what another thread sets meanwhile. Therefore only the answer that ONNX Runtime itself
//! gets is changed: the entries for the functions that read the environment, in the table of imported functions of the
//! loaded library, point to functions of this module, which answer the opt-out's names by themselves and ask the system
//! for every other one. No other library sees a difference, and nothing has to be put back: the library stays loaded for
//! the life of the process.

mod opt_out;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use super::redirect::redirect;
use crate::environment;
use std::ffi::c_void;

/// Makes the loaded library that holds the code at `address` read the opt-out as set.
///
/// # Errors
/// The reason in words, where the library of `version` may have telemetry, the opt-out could not be given to it, and the
/// process's environment does not hold it.
///
/// In the hardened mode it reads no other variable either: every other one is answered as not set.
pub fn switch_off(address: *const c_void, version: &str, hardened: bool) -> Result<(), String> {
    let redirected = system::replacements(hardened)
        .iter()
        .map(|replacement| redirect(address, replacement))
        .sum::<Result<usize, String>>();
    let why = match redirected {
        Ok(0) => "it does not read the environment".into(),
        Ok(_) => return Ok(()),
        Err(why) => why,
    };
    let minor = version.split('.').nth(1).and_then(|n| n.parse().ok());
    let old = minor.is_some_and(|minor: u32| minor < system::FIRST_WITH_TELEMETRY);
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
