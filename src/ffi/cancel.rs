//! Section "cancelling".

use super::error_object::{dlnms_error, dlnms_status};
use super::guard::{guard, guard_or};
use super::handle::{self, Object};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};

/// Cancels calls that were given it; may be triggered from any thread, once and for good.
pub struct dlnms_cancel {
    _private: [u8; 0],
}

impl Object for CancelToken {
    type Handle = dlnms_cancel;
    const NAME: &'static str = "dlnms_cancel";
}

/// Make a cancel token. Free with dlnms_cancel_free(). Any thread.
///
/// # Safety
/// `out` is writable, `err` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_cancel_new(
    out: *mut *mut dlnms_cancel,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        if out.is_null() {
            return Err(Error::NullArgument("out"));
        }
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(CancelToken::default())) };
        Ok(())
    })
}

/// Cancel every call that has this token, now or later; they fail with DLNMS_E_CANCELLED within 100 ms, also in the middle
/// of a run of the network on the CPU. A GPU ends what it was given. NULL does nothing. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_cancel_trigger(cancel: *const dlnms_cancel) {
    guard_or((), || {
        if let Ok(token) = handle::get::<CancelToken>(cancel) {
            token.trigger();
        }
    });
}

/// Free a token. NULL does nothing. Calls in flight keep it. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_cancel_free(cancel: *mut dlnms_cancel) {
    guard_or((), || handle::free::<CancelToken>(cancel));
}

/// The token of a call; NULL is one that nobody triggers.
pub(super) fn token(cancel: *const dlnms_cancel) -> Result<CancelToken> {
    Ok(handle::get_optional::<CancelToken>(cancel)?
        .map(|t| t.clone())
        .unwrap_or_default())
}
