//! Ends the building of a session, and a run of one, from another thread.
#![allow(unsafe_code)]

use crate::cancel::{CancelToken, Listener};
use crate::error::Result;
use crate::lock::lock;
use ort::session::RunOptions;
use ort::session::builder::{LoadCanceler, SessionBuilder};
use std::cell::Cell;
use std::sync::Mutex;

/// Stopped once and for good; the thread that builds checks it between steps, and ONNX Runtime within one.
#[derive(Default)]
pub struct Interrupt {
    token: CancelToken,
    /// Of the session that is being built.
    loading: Mutex<Option<LoadCanceler>>,
}

impl Interrupt {
    /// Stops what is being built or tried out, and what would be next.
    pub fn stop(&self) {
        let loading = lock(&self.loading);
        self.token.trigger();
        if let Some(loading) = &*loading {
            // It can only fail where ONNX Runtime has no such flag; then the build ends by itself.
            let _ = loading.cancel();
        }
    }

    /// Returns [`Error::Cancelled`](crate::Error::Cancelled) once it was stopped.
    pub fn check(&self) -> Result<()> {
        self.token.check()
    }

    /// Returns the token of runs that this interrupt is to end.
    pub fn token(&self) -> &CancelToken {
        &self.token
    }

    /// Lets [`Interrupt::stop`] reach the session that this builder is about to build.
    pub(super) fn watch(&self, builder: &SessionBuilder) -> Result<()> {
        // Under the lock, so that a stop comes before the check or after the canceler is there.
        let mut loading = lock(&self.loading);
        *loading = Some(builder.canceler());
        self.check()
    }
}

impl Listener for Interrupt {
    fn cancel(&self) {
        self.stop();
    }
}

/// Options of a run, by which another thread terminates it.
pub(super) struct Termination(pub RunOptions);

impl Listener for Termination {
    fn cancel(&self) {
        // It sets a flag, which ONNX Runtime reads between nodes and between the iterations of a loop.
        let _ = self.0.terminate();
    }
}

thread_local! {
    /// The token of the run that this thread is in. ONNX Runtime calls an operator's kernel from the thread of the run,
    /// without telling it whose run that is.
    static RUN: Cell<*const CancelToken> = const { Cell::new(std::ptr::null()) };
}

/// Calls `run` with `token` as the one that [`token_of_run`] returns on this thread.
pub(super) fn with_token_of_run<T>(token: &CancelToken, run: impl FnOnce() -> T) -> T {
    struct Restore(*const CancelToken);
    impl Drop for Restore {
        fn drop(&mut self) {
            RUN.set(self.0);
        }
    }
    let _restore = Restore(RUN.replace(token));
    run()
}

/// Returns the token of the run that this thread is in; outside of a run, one that nobody triggers.
pub(super) fn token_of_run() -> CancelToken {
    // SAFETY: the pointer is null or that of a token borrowed by `with_token_of_run`, which is still on this thread's stack.
    let token = unsafe { RUN.get().as_ref() };
    token.cloned().unwrap_or_default()
}
