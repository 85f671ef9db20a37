//! The progress of an explanation, counted in runs of the network.

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::scorer::{Phase, Progress};

/// Counts runs of the network, reports them to the host, and ends the work when the host wants that.
pub struct Steps<'p, 'c> {
    progress: Option<Progress<'p>>,
    cancel: &'c CancelToken,
    /// Runs that were made.
    pub done: usize,
    /// Runs that there will be.
    total: usize,
}

impl<'p, 'c> Steps<'p, 'c> {
    /// Starts to count.
    pub fn new(progress: Option<Progress<'p>>, cancel: &'c CancelToken) -> Self {
        Self {
            progress,
            cancel,
            done: 0,
            total: 0,
        }
    }

    /// Announces runs.
    pub fn expect(&mut self, runs: usize) {
        self.total += runs;
    }

    /// Counts runs and reports the fraction that is done of all that were announced.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the token was triggered, or the host's progress says so.
    pub fn advance(&mut self, runs: usize) -> Result<()> {
        self.done += runs;
        self.cancel.check()?;
        let fraction = self.done as f32 / self.total.max(self.done).max(1) as f32;
        let go_on = |p: &mut Progress<'_>| p(Phase::Explain, fraction);
        let stopped = self.progress.as_mut().is_some_and(|p| !go_on(p));
        if stopped {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }
}
