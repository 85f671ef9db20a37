//! Section "runtime".

use super::error_object::{dlnms_error, dlnms_status};
use super::guard::{guard_new, guard_or};
use super::handle::{self, Object};
use super::strings;
use super::structs::{self, versioned};
use crate::runtime::{Runtime, RuntimeOptions};
use std::ffi::{CString, c_char};

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
    /// Not 0: nothing is looked for that the host has not named. No environment variable is read, by this library or by
    /// ONNX Runtime, and no folder is searched but one that is given: `library_path` is needed and absolute, and so is
    /// `dlnms_scorer_options.plugin_path` for a plugin.
    pub hardened: u32,
    /// libonnxruntime.so or the folder that holds it. NULL: the environment variable DLNMS_ONNXRUNTIME, and where it
    /// is not set the folder of this library (of the program, if it is linked statically).
    pub library_path: *const c_char,
    /// SHA-256 that the library's file must have, 64 hexadecimal digits. What is loaded is a sealed copy in memory of the bytes
    /// that were hashed. Libraries of providers that ONNX Runtime loads from its folder (CUDA, TensorRT) are not covered. NULL: any.
    pub expected_sha256: *const c_char,
}

versioned!(dlnms_runtime_options, 24, { struct_size, hardened, library_path, expected_sha256 } reserved {  });

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
/// DLNMS_E_RUNTIME_ALTERED if its digest is not the expected one, DLNMS_E_RUNTIME_CONFLICT if the process has loaded another one,
/// or this one without the pin or the mode that is asked for now; DLNMS_E_INVALID_ARGUMENT (expected_onnxruntime_sha256, library_path).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_runtime_new(
    options: *const dlnms_runtime_options,
    out: *mut *mut dlnms_runtime,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    let make = || {
        let mut wanted = RuntimeOptions::default();
        if !options.is_null() {
            // SAFETY: handed on from the caller.
            let raw = unsafe { structs::read(options) }?;
            // SAFETY: handed on from the caller.
            let library = unsafe { strings::optional(raw.library_path, "library_path") }?;
            // SAFETY: handed on from the caller.
            let expected = unsafe { strings::optional(raw.expected_sha256, "expected_sha256") }?;
            wanted = RuntimeOptions {
                library: library.map(Into::into),
                expected_sha256: expected.map(str::to_owned),
                hardened: raw.hardened != 0,
            };
        }
        let runtime = Runtime::load_with(&wanted)?;
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
