//! What an explanation is to hold.

use serde::Serialize;

/// What stands in the place of a plane that is taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Baseline {
    /// The manifest's values outside of a volume: no uptake, air. The only baseline that the sampler itself can produce.
    #[default]
    Outside = 1,
    /// The plane itself, blurred with a Gaussian of 12 pixels: the same brightness without detail.
    Blur = 2,
}

impl Baseline {
    /// Returns the baseline that is computed beside this one.
    #[must_use]
    pub fn second(self) -> Self {
        match self {
            Baseline::Outside => Baseline::Blur,
            Baseline::Blur => Baseline::Outside,
        }
    }
}

/// Parts of an explanation. The score itself is always part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainOptions {
    /// Compute the contributions of the planes and of the modalities: 15 runs.
    pub contributions: bool,
    /// What stands in the place of what is taken away; the other baseline is computed too.
    pub baseline: Baseline,
    /// Compute the contributions for every head of the bundle, not for N1 and N2 alone.
    pub all_heads: bool,
    /// Run the network once for each combination of planes, also where pooled features would do: a cross-check.
    pub full_runs: bool,
}

impl Default for ExplainOptions {
    fn default() -> Self {
        Self {
            contributions: true,
            baseline: Baseline::default(),
            all_heads: false,
            full_runs: false,
        }
    }
}
