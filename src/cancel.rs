//! Cancelling long calls from another thread.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cancels the calls that were given it. Clones are the same token, and any thread may trigger it, once and for good.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Cancels every call that has this token, now or later.
    pub fn trigger(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Returns whether the token was triggered.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Returns an error once the token was triggered. Long loops call this at least every 100 ms.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the token was triggered.
    pub fn check(&self) -> Result<()> {
        if self.is_triggered() {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }
}
