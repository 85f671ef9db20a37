//! What builds for Windows read, and what they write.
//!
//! Builds up to 1.32 hand events to the system's tracing (TraceLogging over ETW), from where the system may send them; no
//! variable keeps them from it, and the API's own switch comes after the first event. Later ones may upload by themselves,
//! as those for Linux do, unless the opt-out is set.
#![allow(unsafe_code)]

use super::super::redirect::Replacement;
use super::opt_out::OPT_OUT;
use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicBool, Ordering};
use windows_sys::Win32::Foundation::{ERROR_ENVVAR_NOT_FOUND, ERROR_SUCCESS, SetLastError};
use windows_sys::Win32::System::Environment::{GetEnvironmentVariableA, GetEnvironmentVariableW};
use windows_sys::core::{PCSTR, PCWSTR, PSTR, PWSTR};

/// The process's one ONNX Runtime sees no variable but the opt-out.
static HARDENED: AtomicBool = AtomicBool::new(false);

/// Every official build for Windows has telemetry.
pub const FIRST_WITH_TELEMETRY: u32 = 0;

/// Returns what stands in for the functions through which a library may read one variable, and through which it hands
/// events to the system.
///
/// In the hardened mode every variable but the opt-out is answered as not set.
pub fn replacements(hardened: bool) -> [Replacement<'static>; 4] {
    HARDENED.store(hardened, Ordering::Relaxed);
    [
        Replacement {
            names: &[c"GetEnvironmentVariableA"],
            function: answer_in_bytes as *const (),
        },
        Replacement {
            names: &[c"GetEnvironmentVariableW"],
            function: answer_in_words as *const (),
        },
        Replacement {
            names: &[c"getenv"],
            function: answer_by_pointer as *const (),
        },
        // Whatever their arguments, the caller of a function takes them back on 64-bit Windows, and all return a status.
        Replacement {
            names: &[
                c"EventWrite",
                c"EventWriteEx",
                c"EventWriteString",
                c"EventWriteTransfer",
            ],
            function: write_no_event as *const (),
        },
    ]
}

/// Stands in for the functions that write an event, in onnxruntime.dll alone.
extern "system" fn write_no_event() -> u32 {
    ERROR_SUCCESS
}

/// Stands in for `GetEnvironmentVariableA` in onnxruntime.dll alone.
///
/// # Safety
/// As for that function: `name` is NUL-terminated, and `buffer` holds `size` bytes.
unsafe extern "system" fn answer_in_bytes(name: PCSTR, buffer: PSTR, size: u32) -> u32 {
    // SAFETY: NUL-terminated by the caller's promise, if it is not NULL.
    if !name.is_null() && OPT_OUT.contains(&unsafe { CStr::from_ptr(name.cast()) }) {
        // SAFETY: by the caller's promise.
        unsafe { one(buffer, size) }
    } else if HARDENED.load(Ordering::Relaxed) {
        not_set()
    } else {
        // SAFETY: handed on from the caller.
        unsafe { GetEnvironmentVariableA(name, buffer, size) }
    }
}

/// Stands in for `GetEnvironmentVariableW` in onnxruntime.dll alone.
///
/// # Safety
/// As for that function: `name` is NUL-terminated, and `buffer` holds `size` units of UTF-16.
unsafe extern "system" fn answer_in_words(name: PCWSTR, buffer: PWSTR, size: u32) -> u32 {
    let is_name = |wanted: &CStr| {
        let mut wanted = wanted.to_bytes_with_nul().iter().enumerate();
        // SAFETY: `all` ends at the first difference, at the latest at the NUL of the shorter of the two.
        wanted.all(|(n, c)| unsafe { *name.add(n) } == u16::from(*c))
    };
    if !name.is_null() && OPT_OUT.into_iter().any(is_name) {
        // SAFETY: by the caller's promise.
        unsafe { one(buffer, size) }
    } else if HARDENED.load(Ordering::Relaxed) {
        not_set()
    } else {
        // SAFETY: handed on from the caller.
        unsafe { GetEnvironmentVariableW(name, buffer, size) }
    }
}

/// Answers as Windows does for a variable that is not set.
fn not_set() -> u32 {
    // SAFETY: the last error of this thread, which every function of Windows may set.
    unsafe { SetLastError(ERROR_ENVVAR_NOT_FOUND) };
    0
}

/// Writes the value of the opt-out as Windows does: returns its length, or the size that the buffer should have.
///
/// # Safety
/// `buffer` holds `size` units.
unsafe fn one<Unit: From<u8>>(buffer: *mut Unit, size: u32) -> u32 {
    const NEEDED: u32 = 2;
    if buffer.is_null() || size < NEEDED {
        return NEEDED;
    }
    // SAFETY: two units, which the buffer holds.
    unsafe {
        buffer.write(b'1'.into());
        buffer.add(1).write(0.into());
    }
    NEEDED - 1
}

/// Stands in for `getenv` of the C runtime in onnxruntime.dll alone.
///
/// # Safety
/// As for `getenv`: `name` is NULL or NUL-terminated.
unsafe extern "C" fn answer_by_pointer(name: *const c_char) -> *mut c_char {
    if name.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: not NULL, and NUL-terminated by the caller's promise.
    if OPT_OUT.contains(&unsafe { CStr::from_ptr(name) }) {
        return c"1".as_ptr().cast_mut();
    }
    if HARDENED.load(Ordering::Relaxed) {
        return std::ptr::null_mut();
    }
    // SAFETY: handed on from the caller. The C runtime that this library is linked with may not be the caller's; both
    // have the variables that the process was started with.
    unsafe { libc::getenv(name) }
}
