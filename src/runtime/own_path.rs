//! Where ONNX Runtime believes to lie.
//!
//! It looks for its providers (CUDA, TensorRT) beside itself, in the folder that `dladdr` names. A library that was loaded from a
//! sealed copy in memory has no folder; so `dladdr` is replaced for that library alone, and names the file that was copied.
#![allow(unsafe_code)]

use super::redirect::{Replacement, redirect};
use std::ffi::{CStr, CString, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

/// The path of the copy, and that of the file that was copied.
static PATHS: OnceLock<[CString; 2]> = OnceLock::new();

/// Has the library that holds the code at `address` and was loaded from `image` believe that it lies at `path`.
pub fn answer(address: *const c_void, image: &Path, path: &Path) {
    let [Ok(image), Ok(path)] = [image, path].map(|p| CString::new(p.as_os_str().as_bytes()))
    else {
        return;
    };
    // Set once: a process loads one ONNX Runtime.
    let _ = PATHS.set([image, path]);
    let replacement = Replacement {
        names: &[c"dladdr"],
        function: dladdr_of_the_file as *const (),
    };
    if let Err(why) = redirect(address, &replacement) {
        log::debug!(target: "dlnms::runtime", "ONNX Runtime may not find its providers: {why}");
    }
}

/// Stands in for `dladdr` in libonnxruntime alone.
///
/// # Safety
/// As for `dladdr`: `info` is writable.
unsafe extern "C" fn dladdr_of_the_file(address: *const c_void, info: *mut libc::Dl_info) -> c_int {
    // SAFETY: handed on from the caller.
    let found = unsafe { libc::dladdr(address, info) };
    if found == 0 || info.is_null() {
        return found;
    }
    // SAFETY: filled by dladdr.
    let info = unsafe { &mut *info };
    if let Some([image, path]) = PATHS.get()
        && !info.dli_fname.is_null()
        // SAFETY: a NUL-terminated string of the loader.
        && unsafe { CStr::from_ptr(info.dli_fname) } == image.as_c_str()
    {
        info.dli_fname = path.as_ptr();
    }
    found
}
