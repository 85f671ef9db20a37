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

/// What a host knows of a patient. `None`: nobody said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PatientFacts {
    /// The nodes are clinically negative (cN0).
    pub clinical_n0: Option<bool>,
    /// The tumour is a non-small cell lung cancer.
    pub nsclc: Option<bool>,
    /// Age, years.
    pub age_years: Option<f64>,
}

/// Which squares of the planes are hidden, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OcclusionOptions {
    /// Side of a square, pixels.
    pub patch: usize,
    /// From square to square, pixels; at most `patch`, and the squares end with the plane.
    pub stride: usize,
    /// Hide all squares, not only those near the lesion.
    pub whole_planes: bool,
}

impl OcclusionOptions {
    /// Squares of 28 pixels every 14, which are 33 mm with the authors' preprocessing: 147 on three planes.
    pub const FAST: Self = Self {
        patch: 28,
        stride: 14,
        whole_planes: false,
    };
    /// Squares of 16 pixels every 8, 19 mm, for tumours below 3 cm: 507 on three planes.
    pub const FINE: Self = Self {
        patch: 16,
        stride: 8,
        whole_planes: false,
    };
}

/// Parts of an explanation. The score itself is always part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainOptions {
    /// Compute the contributions of the planes and of the modalities: 15 runs.
    pub contributions: bool,
    /// Run the network on the fixed list of small changes of the case: 43 runs.
    pub stability: bool,
    /// Hide squares of the planes, and see how the scores fall: some hundred runs.
    pub occlusion: Option<OcclusionOptions>,
    /// What is known of the patient, to compare with the study's population.
    pub facts: PatientFacts,
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
            stability: true,
            occlusion: None,
            facts: PatientFacts::default(),
            baseline: Baseline::default(),
            all_heads: false,
            full_runs: false,
        }
    }
}

impl ExplainOptions {
    /// Returns the runs that each part takes at most, in the order in which they are made, on planes of so many pixels.
    pub(super) fn shares(&self, planes: usize, side: usize) -> Vec<usize> {
        let squares = |o: &OcclusionOptions| {
            let along = side.saturating_sub(o.patch) / o.stride.max(1) + 1;
            planes * along * along
        };
        let contributions = if self.full_runs { 127 } else { 15 };
        let parts = [
            self.contributions.then_some(contributions),
            self.stability.then_some(43),
            self.occlusion.as_ref().map(squares),
        ];
        parts.into_iter().flatten().collect()
    }
}
