//! Section "runtime".

use super::error_object::{dlnms_error, dlnms_status};
use super::guard::{guard_new, guard_or};
use super::handle::{self, Object};
use super::strings;
use super::structs::{self, versioned};
use crate::runtime::Runtime;
use std::ffi::{CString, c_char};
use std::path::Path;

/// The process's ONNX Runtime. There is one for each process, loaded once and kept until the process ends, however
/// many of these handles come and go.
pub struct dlnms_runtime {
    _private: [u8; 0],
}

pub(super) struct RuntimeObject {
    pub runtime: Runtime,
    version: CString,
    path: CString,
}

impl Object for RuntimeObject {
    type Handle = dlnms_runtime;
    const NAME: &'static str = "dlnms_runtime";
}

/// How to find ONNX Runtime; fill with dlnms_runtime_options_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_runtime_options {
    /// Size of the struct in bytes, set by dlnms_runtime_options_init().
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// libonnxruntime.so or the folder that holds it. NULL: the environment variable DLNMS_ONNXRUNTIME, and where it
    /// is not set the folder of this library (of the program, if it is linked statically).
    pub library_path: *const c_char,
}

versioned!(dlnms_runtime_options, 16, { struct_size, library_path } reserved { reserved });

/// Writes defaults into options: the library searches for ONNX Runtime as `library_path` describes.
///
/// # Safety
/// - `options`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_runtime_options) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_runtime_options_init(
    options: *mut dlnms_runtime_options,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(options, struct_size) };
}

/// Loads ONNX Runtime (1.24 or later), or returns another handle to the one that is loaded. ONNX Runtime's telemetry is switched
/// off.
///
/// # Safety
/// - `options`: an initialised struct, read during the call; NULL: the defaults.
/// - `out`: receives the handle; free it with dlnms_runtime_free(). ONNX Runtime itself stays loaded until the process ends.
///
/// # Errors
/// DLNMS_E_RUNTIME_NOT_FOUND with the places searched, DLNMS_E_RUNTIME_NOT_A_LIBRARY, DLNMS_E_RUNTIME_VERSION,
/// DLNMS_E_RUNTIME_CONFLICT if the process has loaded another one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_runtime_new(
    options: *const dlnms_runtime_options,
    out: *mut *mut dlnms_runtime,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    let make = || {
        let mut path = None;
        if !options.is_null() {
            // SAFETY: handed on from the caller.
            let raw = unsafe { structs::read(options) }?;
            if !raw.library_path.is_null() {
                // SAFETY: handed on from the caller.
                path = Some(Path::new(unsafe {
                    strings::borrow(raw.library_path, "library_path")
                }?));
            }
        }
        let runtime = Runtime::load(path)?;
        let object = RuntimeObject {
            version: strings::owned(runtime.version()),
            path: strings::owned(&runtime.path().to_string_lossy()),
            runtime,
        };
        Ok(object)
    };
    // SAFETY: handed on from the caller.
    unsafe { guard_new(out, err, make) }
}

/// Returns the version of the loaded ONNX Runtime, for example "1.32.0". The text lives as long as the handle.
///
/// # Parameters
/// - `runtime`: the handle; NULL is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_runtime_version(runtime: *const dlnms_runtime) -> *const c_char {
    guard_or(std::ptr::null(), || {
        handle::get::<RuntimeObject>(runtime).map_or(std::ptr::null(), |r| r.version.as_ptr())
    })
}

/// Returns the absolute path of the loaded ONNX Runtime. The text lives as long as the handle.
///
/// # Parameters
/// - `runtime`: the handle; NULL is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_runtime_path(runtime: *const dlnms_runtime) -> *const c_char {
    guard_or(std::ptr::null(), || {
        handle::get::<RuntimeObject>(runtime).map_or(std::ptr::null(), |r| r.path.as_ptr())
    })
}

/// Frees a handle. Scorers that were made with it keep working.
///
/// # Parameters
/// - `runtime`: the handle; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_runtime_free(runtime: *mut dlnms_runtime) {
    guard_or((), || handle::free::<RuntimeObject>(runtime));
}
