//! The one boundary: nothing unwinds into C, and every failure becomes a status with an error object.

use super::error_object::{dlnms_error, store_error, store_forked};
use super::handle::{self, Object};
use crate::error::{Error, Result, status};
use crate::process;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Run the body of an exported function.
///
/// Unwind safety: objects the body used are poisoned by their own guards, and out parameters are written last. In a process
/// that was forked from the one that owns ONNX Runtime the body does not run: another thread may have held any lock.
pub fn guard(err: *mut *mut dlnms_error, body: impl FnOnce() -> Result<()>) -> i32 {
    if process::is_forked() {
        store_forked(err);
        return status::DLNMS_E_FORKED;
    }
    match catch(body) {
        Ok(()) => status::DLNMS_OK,
        Err(error) => {
            let code = error.status();
            // Storing allocates and locks; if even that panics, the status still arrives.
            let _ = catch(|| {
                store_error(err, error);
                Ok(())
            });
            code
        }
    }
}

/// As [`guard`] for a function that gives the host an object: `out` receives its handle, and stays untouched on a failure.
///
/// # Safety
/// `out` is NULL or writable.
pub unsafe fn guard_new<T: Object>(
    out: *mut *mut T::Handle,
    err: *mut *mut dlnms_error,
    body: impl FnOnce() -> Result<T>,
) -> i32 {
    guard(err, || {
        if out.is_null() {
            return Err(Error::NullArgument("out"));
        }
        let object = body()?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(object)) };
        Ok(())
    })
}

/// Run the body of a function that cannot report: a panic gives `fallback`, and so does a forked process.
pub fn guard_or<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    if process::is_forked() {
        return fallback;
    }
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

/// As [`guard`] for functions that need the readers: without the feature `dicom` the body is left out, and the call is
/// refused. Every function of the header is there in every build.
///
/// With `progress`, the host's struct is taken over in every build: its drop is called also where the call is refused.
macro_rules! guard_readers {
    ($err:expr, progress: $progress:expr, $body:expr $(,)?) => {
        $crate::ffi::guard::guard($err, || {
            // SAFETY: by contract of the exported function the struct is NULL or initialised.
            let progress = unsafe { $crate::ffi::callbacks::HostProgress::read($progress) }?;
            #[cfg(feature = "dicom")]
            let outcome = ($body)(progress);
            #[cfg(not(feature = "dicom"))]
            let outcome = Err($crate::ffi::guard::no_readers_with(progress));
            outcome
        })
    };
    ($err:expr, $body:expr $(,)?) => {
        $crate::ffi::guard::guard($err, {
            #[cfg(feature = "dicom")]
            let body = $body;
            #[cfg(not(feature = "dicom"))]
            let body = || Err($crate::ffi::guard::no_readers());
            body
        })
    };
}
pub(super) use guard_readers;

/// As [`guard_or`] for functions that need the readers: without the feature `dicom` they give `fallback`.
macro_rules! guard_readers_or {
    ($fallback:expr, $body:expr $(,)?) => {{
        #[cfg(feature = "dicom")]
        let result = $crate::ffi::guard::guard_or($fallback, $body);
        #[cfg(not(feature = "dicom"))]
        let result = $fallback;
        result
    }};
}
pub(super) use guard_readers_or;

/// Returns the refusal of every function that needs the readers, in a build without them.
#[cfg(not(feature = "dicom"))]
pub fn no_readers() -> Error {
    Error::Unsupported("this build of the library reads no files (feature dicom)".into())
}

/// As [`no_readers`], after the host's progress was dropped.
#[cfg(not(feature = "dicom"))]
pub fn no_readers_with(_progress: Option<super::callbacks::HostProgress>) -> Error {
    no_readers()
}

/// Turn a panic into [`Error::Internal`].
pub fn catch<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panic".into());
        Err(Error::Internal(text))
    })
}

#[cfg(test)]
mod tests {
    use super::super::error::{dlnms_error_free, dlnms_error_message, dlnms_error_status};
    use super::*;

    #[test]
    fn a_panic_becomes_internal_with_its_message() {
        let mut err = std::ptr::null_mut();
        let code = guard(&mut err, || {
            std::panic::resume_unwind(Box::new("broken".to_string()))
        });
        assert_eq!(code, status::DLNMS_E_INTERNAL);
        assert_eq!(dlnms_error_status(err), code);
        // SAFETY: the message lives as long as the error.
        let text = unsafe { std::ffi::CStr::from_ptr(dlnms_error_message(err)) };
        assert!(text.to_str().unwrap().contains("broken"));
        dlnms_error_free(err);
        assert_eq!(guard_or(3, || std::panic::resume_unwind(Box::new(()))), 3);
    }
}
