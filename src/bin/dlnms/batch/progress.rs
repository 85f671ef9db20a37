//! How far a batch is, and how long the rest will take.

use super::study::{Line, Outcome};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Between two lines where standard error is no terminal.
const INTERVAL: Duration = Duration::from_secs(5);

/// Counts of a batch: a bar on a terminal, a line from time to time elsewhere.
pub struct Progress {
    bar: Option<ProgressBar>,
    /// Scored, refused, failed: the earlier runs' among them.
    counts: [usize; 3],
    /// In this run.
    done: usize,
    pending: usize,
    start: Instant,
    said: Instant,
}

impl Progress {
    pub fn new(earlier: impl Iterator<Item = Outcome>, pending: usize) -> Self {
        let now = Instant::now();
        let mut new = Self {
            bar: None,
            counts: [0; 3],
            done: 0,
            pending,
            start: now,
            said: now,
        };
        earlier.for_each(|outcome| new.count(outcome));
        if new.counts != [0; 3] {
            eprintln!("{}; {pending} left", new.summary());
        }
        if std::io::stderr().is_terminal() && pending > 0 {
            let bar = ProgressBar::new(pending as u64);
            let style =
                ProgressStyle::with_template("[{bar:32}] {pos} of {len}, {msg}, about {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(new.summary());
            new.bar = Some(bar);
        }
        new
    }

    fn count(&mut self, outcome: Outcome) {
        self.counts[match outcome {
            Outcome::Scored => 0,
            Outcome::Refused => 1,
            Outcome::Failed => 2,
        }] += 1;
    }

    fn summary(&self) -> String {
        let [scored, refused, failed] = self.counts;
        let mut text = format!("{scored} scored, {refused} refused");
        if failed > 0 {
            text += &format!(", {failed} failed (the next run tries them again)");
        }
        text
    }

    /// Counts a line.
    pub fn add(&mut self, line: &Line) {
        self.count(line.outcome);
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.set_message(self.summary());
            bar.set_position(self.done as u64);
        } else if self.said.elapsed() >= INTERVAL {
            self.said = Instant::now();
            let rate = self.rate();
            let left = (self.pending - self.done) as f64 / rate;
            eprintln!(
                "{} of {}: {}, {rate:.2} studies/s, about {} left",
                self.done,
                self.pending,
                self.summary(),
                duration(left)
            );
        }
    }

    /// Studies a second in this run.
    fn rate(&self) -> f64 {
        self.done as f64 / self.start.elapsed().as_secs_f64().max(1e-9)
    }

    /// Says what there is in the end.
    pub fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let mut text = self.summary();
        if self.done > 0 {
            let seconds = self.start.elapsed().as_secs_f64();
            text += &format!(
                "; {} studies in {}, {:.2} studies/s",
                self.done,
                duration(seconds),
                self.rate()
            );
        }
        eprintln!("{text}");
    }
}

/// A span of time for a person.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
