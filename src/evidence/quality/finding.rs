//! One thing that a quality check found, and the list that the checks add to.

use super::code::{Code, Severity};
use super::policy::{Action, QualityPolicy};
use serde::Serialize;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// One sentence with the numbers.
    pub message: String,
}

/// Findings so far; those that the policy ignores are left out.
pub(super) struct Findings<'p> {
    pub policy: &'p QualityPolicy,
    pub found: Vec<Finding>,
}

impl Findings<'_> {
    /// Returns whether the policy does not ignore a code, so that it is worth a check.
    pub fn wanted(&self, code: Code) -> bool {
        self.policy.action(code) != Action::Ignore
    }

    /// Adds a finding, unless the policy ignores it.
    pub fn add(&mut self, code: Code, message: impl FnOnce() -> String) {
        if self.wanted(code) {
            self.found.push(Finding {
                code,
                severity: code.severity(),
                message: message(),
            });
        }
    }

    /// Adds a finding if something is bad.
    pub fn add_if(&mut self, bad: bool, code: Code, message: &str) {
        if bad {
            self.add(code, || message.into());
        }
    }
}
