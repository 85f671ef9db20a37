//! The progress of an explanation, counted in runs of the network.

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::scorer::{Phase, Progress};

/// Counts runs of the network, reports the fraction that is done to the host, and ends the work when the host wants that.
pub struct Steps<'p, 'c> {
    progress: Option<Progress<'p>>,
    cancel: &'c CancelToken,
    /// For each part of the explanation, the runs that it takes at most: its share of the whole.
    shares: Vec<usize>,
    /// The part that has begun last; `None` before the first.
    part: Option<usize>,
    /// Runs of that part, made and in all.
    done: usize,
    total: usize,
}

impl<'p, 'c> Steps<'p, 'c> {
    /// Starts to count the runs of parts with these shares.
    pub fn new(
        progress: Option<Progress<'p>>,
        cancel: &'c CancelToken,
        shares: Vec<usize>,
    ) -> Self {
        Self {
            progress,
            cancel,
            shares,
            part: None,
            done: 0,
            total: 0,
        }
    }

    /// Returns the token that ends the work.
    pub fn cancel(&self) -> &'c CancelToken {
        self.cancel
    }

    /// Begins the next part, of so many runs.
    pub fn begin(&mut self, runs: usize) {
        self.part = Some(self.part.map_or(0, |part| part + 1));
        (self.done, self.total) = (0, runs);
    }

    /// Counts runs and reports the fraction that is done.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the token was triggered, or the host's progress says so.
    pub fn advance(&mut self, runs: usize) -> Result<()> {
        self.done += runs;
        self.cancel.check()?;
        let fraction = self.fraction();
        let go_on = |p: &mut Progress<'_>| p(Phase::Explain, fraction);
        let stopped = self.progress.as_mut().is_some_and(|p| !go_on(p));
        if stopped {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }

    fn fraction(&self) -> f32 {
        let part = self.part.unwrap_or_default();
        let before: usize = self.shares.iter().take(part).sum();
        let share = self.shares.get(part).copied().unwrap_or_default() as f64;
        let of_part = self.done as f64 / self.total.max(1) as f64;
        let all = self.shares.iter().sum::<usize>().max(1) as f64;
        ((before as f64 + share * of_part) / all) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fraction_grows_over_all_parts_and_ends_at_one() {
        let cancel = CancelToken::default();
        let mut heard = Vec::new();
        let mut tell = |_: Phase, fraction: f32| {
            heard.push(fraction);
            true
        };
        let mut steps = Steps::new(Some(&mut tell), &cancel, vec![10, 30]);
        steps.begin(2);
        steps.advance(1).unwrap();
        steps.advance(1).unwrap();
        steps.begin(3);
        for _ in 0..3 {
            steps.advance(1).unwrap();
        }
        assert_eq!(heard, [0.125, 0.25, 0.5, 0.75, 1.0]);
    }
}
