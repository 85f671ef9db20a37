//! Ends the building of a session from another thread.

use crate::error::{Error, Result};
use ort::session::builder::{LoadCanceler, SessionBuilder};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stopped once and for good; whoever builds looks at it between steps, and ONNX Runtime within one.
#[derive(Default)]
pub struct Interrupt {
    stopped: AtomicBool,
    /// Of the session that is being built.
    loading: Mutex<Option<LoadCanceler>>,
}

impl Interrupt {
    /// Stop what is being built, and what would be built next.
    pub fn stop(&self) {
        let loading = self.loading.lock().unwrap_or_else(|e| e.into_inner());
        self.stopped.store(true, Ordering::Release);
        if let Some(loading) = &*loading {
            // It can only fail where ONNX Runtime has no such flag; then the build ends by itself.
            let _ = loading.cancel();
        }
    }

    /// [`Error::Cancelled`] once it was stopped.
    pub fn check(&self) -> Result<()> {
        match self.stopped.load(Ordering::Acquire) {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    }

    /// Let [`Interrupt::stop`] reach the session that this builder is about to build.
    pub(super) fn watch(&self, builder: &SessionBuilder) -> Result<()> {
        // Under the lock, so that a stop comes before the check or after the canceler is there.
        let mut loading = self.loading.lock().unwrap_or_else(|e| e.into_inner());
        *loading = Some(builder.canceler());
        self.check()
    }
}
