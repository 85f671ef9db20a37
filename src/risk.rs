//! Scores and cut-offs -> risk groups. Pure.
//!
//! Source: Zhong et al., Nature Communications 2023, 14:7513. A score above the cut-off is high, below it low; a
//! score exactly at the cut-off is undefined in the paper and is called high here. Nothing is rounded first.

use crate::bundle::Cutoffs;
use serde::Serialize;

/// Risk group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Risk {
    /// Score below the cut-off.
    Low = 1,
    /// Score at or above the cut-off.
    High = 2,
}

/// Risk groups of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RiskGroups {
    /// Of the N1 score.
    pub n1: Risk,
    /// Of the N2 score.
    pub n2: Risk,
    /// High if either is.
    pub combined: Risk,
}

impl RiskGroups {
    /// Group two scores.
    pub fn new(n1: f32, n2: f32, cutoffs: &Cutoffs) -> Self {
        let group = |score: f32, cutoff: f64| {
            if f64::from(score) >= cutoff {
                Risk::High
            } else {
                Risk::Low
            }
        };
        let (n1, n2) = (group(n1, cutoffs.n1), group(n2, cutoffs.n2));
        let combined = if n1 == Risk::High || n2 == Risk::High {
            Risk::High
        } else {
            Risk::Low
        };
        Self { n1, n2, combined }
    }
}

/// What the paper found with the authors' trained weights; part of every report beside the weights' own kind.
pub const PAPER_FINDING: &str = "Zhong et al. 2023 (Nat Commun 14:7513) report, for the authors' trained DLNMS in \
    clinical N0 NSCLC, AUROC 0.958 / 0.879 / 0.914 for occult N1 and 0.942 / 0.875 / 0.919 for occult N2 (validation / \
    external / prospective cohort). These figures are the paper's; they hold for no other weights.";

/// Stands in every output.
pub const RESEARCH_USE_ONLY: &str =
    "Research use only. Not a medical device; not for diagnosis or treatment decisions.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutoffs_are_compared_unrounded_and_equal_is_high() {
        let cutoffs = Cutoffs {
            n1: 0.362,
            n2: 0.356,
        };
        assert_eq!(
            RiskGroups::new(0.3619, 0.3559, &cutoffs).combined,
            Risk::Low
        );
        assert_eq!(
            RiskGroups::new(0.363, 0.1, &cutoffs),
            RiskGroups {
                n1: Risk::High,
                n2: Risk::Low,
                combined: Risk::High
            }
        );
        assert_eq!(RiskGroups::new(0.1, 0.357, &cutoffs).combined, Risk::High);
        assert_eq!(
            RiskGroups::new(0.5, 0.25, &Cutoffs { n1: 0.5, n2: 0.5 }).n1,
            Risk::High
        );
    }
}
