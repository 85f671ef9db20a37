//! What is done about each finding.

use super::code::{Code, Severity};

/// What the host wants done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    /// The check is not made.
    Ignore = 1,
    /// The finding is reported with the scores.
    Warn = 2,
    /// The case gets no scores: [`Error::Quality`](crate::Error::Quality).
    Refuse = 3,
}

impl Action {
    /// Returns the action with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Action::Ignore, Action::Warn, Action::Refuse]
            .into_iter()
            .find(|a| *a as u32 == number)
    }
}

/// One action for each code. The default refuses different patients and warns of everything else.
#[derive(Clone, Debug, PartialEq)]
pub struct QualityPolicy([Action; Code::ALL.len()]);

impl Default for QualityPolicy {
    fn default() -> Self {
        let mut policy = Self([Action::Warn; Code::ALL.len()]);
        policy.set(Code::PatientMismatch, Action::Refuse);
        policy
    }
}

impl QualityPolicy {
    /// Builds the policy that refuses every finding after which the scores are probably those of something else than the
    /// tumour's SUV and HU, and warns of the rest.
    ///
    /// It refuses every critical finding, and those that say that PET and CT may not belong together (`study_mismatch`,
    /// `misregistration`), that the tracer is another one (`tracer_not_fdg`), that SUV or an input of it is not that of a
    /// patient or had to be assumed (`suv_implausible`, `suv_normalization`, `dose`, `weight`, `weight_unit_assumed`,
    /// `dose_unit_assumed`, `time_zone_assumed`), and that the centre is not in a tumour (`center_in_air`,
    /// `center_without_uptake`).
    ///
    /// It warns of what makes right numbers less certain: thick slices, borders and padding, uptake time, compression with
    /// loss, derived images, a reference time for want of a better one, joined contours, metadata that is missing.
    #[must_use]
    pub fn strict() -> Self {
        let mut policy = Self::default();
        for code in Code::ALL.into_iter().filter(|code| is_strict(*code)) {
            policy.set(code, Action::Refuse);
        }
        policy
    }

    /// Sets the action for a code.
    pub fn set(&mut self, code: Code, action: Action) {
        self.0[code as usize - 1] = action;
    }

    /// Returns the action for a code.
    pub fn action(&self, code: Code) -> Action {
        self.0[code as usize - 1]
    }
}

/// Returns whether the strict policy refuses a finding.
fn is_strict(code: Code) -> bool {
    code.severity() == Severity::Critical
        || matches!(
            code,
            Code::StudyMismatch
                | Code::Misregistration
                | Code::TracerNotFdg
                | Code::SuvImplausible
                | Code::SuvNormalization
                | Code::Dose
                | Code::Weight
                | Code::WeightUnitAssumed
                | Code::DoseUnitAssumed
                | Code::TimeZoneAssumed
                | Code::CenterInAir
                | Code::CenterWithoutUptake
        )
}

#[cfg(test)]
mod tests;
