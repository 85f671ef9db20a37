//! Section "cancelling".

use super::error_object::{dlnms_error, dlnms_status};
use super::guard::{guard_new, guard_or};
use super::handle::{self, Object};
use crate::cancel::CancelToken;
use crate::error::Result;

/// Cancels calls that were given it; may be triggered from any thread, once and for good.
pub struct dlnms_cancel {
    _private: [u8; 0],
}

impl Object for CancelToken {
    type Handle = dlnms_cancel;
    const NAME: &'static str = "dlnms_cancel";
}

/// Makes a cancel token that is not triggered.
///
/// # Safety
/// - `out`: receives the token; free it with dlnms_cancel_free().
///
/// # Errors
/// DLNMS_E_NULL_ARGUMENT (out).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_cancel_new(
    out: *mut *mut dlnms_cancel,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    let make = || Ok(CancelToken::default());
    // SAFETY: handed on from the caller.
    unsafe { guard_new(out, err, make) }
}

/// Cancels every call that has this token, now or later. Such a call fails with DLNMS_E_CANCELLED within 100 ms, also in the
/// middle of a run of the network on the CPU. A GPU finishes the run that it was given.
///
/// # Parameters
/// - `cancel`: the token; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_cancel_trigger(cancel: *const dlnms_cancel) {
    guard_or((), || {
        if let Ok(token) = handle::get::<CancelToken>(cancel) {
            token.trigger();
        }
    });
}

/// Frees a token. Calls that are using it keep it until they end.
///
/// # Parameters
/// - `cancel`: the token; NULL does nothing.
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
