//! Why a case has its scores, and how steady they are: many runs of a scorer's network on changed copies of one case.
//!
//! Nothing here is part of a score, and a score has the same bits whether it is explained or not. An explanation shows where
//! changing the images changes the score. It does not show where the disease is.

mod baseline;
mod coalitions;
mod contributions;
mod occlusion;
mod options;
mod outline;
mod perturbations;
mod population;
mod random;
mod reason;
mod reference;
mod score_pair;
mod shapley;
mod stability;
mod steps;

pub use contributions::{
    Agreement, BaselineContributions, Contributions, HeadShares, Method, Shares,
};
pub use occlusion::{MapValues, OccludedRegion, Occlusion, OcclusionMap};
pub use options::{Baseline, ExplainOptions, OcclusionOptions, PatientFacts};
pub use perturbations::Kind as ChangeKind;
pub use population::{
    Population, PopulationCode, PopulationFact, PopulationFinding, PopulationMeasure,
};
pub use reference::{ReferenceDistance, ReferencePlace};
pub use score_pair::{Named, ScorePair};
pub use shapley::shapley_values;
pub use stability::{ChangedCase, GroupChanges, KindSpread, OmittedChange, Spread, Stability};

use crate::cancel::CancelToken;
use crate::case::Case;
use crate::error::{Error, Result};
use crate::scorer::{Progress, Scorer, Scores};
use serde::Serialize;
use std::time::Instant;
use steps::Steps;

/// The scores of a case and what explains them.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The result that is explained, as [`Scorer::score`] returns it.
    #[serde(skip)]
    pub scores: Scores,
    /// Contributions of planes and modalities, if they were asked for.
    #[serde(flatten)]
    pub contributions: Option<Contributions>,
    /// The scores under small changes of the case, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<Stability>,
    /// Maps of where hiding changes the scores, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occlusion: Option<Occlusion>,
    /// The case beside the population of the study.
    pub population: Population,
    /// How long each part took.
    pub timings_ms: ExplanationTimings,
}

/// How long the parts of an explanation took, milliseconds; 0 for a part that was not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ExplanationTimings {
    /// Contributions; of an engine's first explanation with the reading and checking of the heads.
    pub contributions: f64,
    /// Stability.
    pub stability: f64,
    /// Occlusion maps.
    pub occlusion: f64,
}

/// Milliseconds since a time, which becomes now.
fn lap(since: &mut Instant) -> f64 {
    let before = std::mem::replace(since, Instant::now());
    (*since - before).as_secs_f64() * 1e3
}

impl Explanation {
    /// Scores a case and explains the scores. `progress` is called with [`Phase::Explain`](crate::scorer::Phase) after each
    /// run of the network; the token ends the call within a run.
    ///
    /// # Errors
    /// Those of [`Scorer::score`]; [`Error::Unsupported`] for a part that the bundle does not allow; [`Error::Runtime`] if a
    /// run fails, also where a score would go over to another provider: an explanation belongs to the engine of its score.
    pub fn new(
        scorer: &Scorer,
        case: &Case<'_>,
        options: &ExplainOptions,
        progress: Option<Progress<'_>>,
        cancel: &CancelToken,
    ) -> Result<Self> {
        let scores = scorer.score(case, cancel)?;
        let runs = scorer.network_runs(&scores.engine, cancel)?;
        let planes = scorer.planes(case)?;
        let flat = |tensor: Option<_>| {
            tensor.ok_or_else(|| Error::Internal("a tensor is not contiguous".into()))
        };
        let tensors = [flat(planes.pet.as_slice())?, flat(planes.ct.as_slice())?];
        let manifest = scores.engine.manifest.clone();
        let spec = &manifest.preprocessing;
        let shares = options.shares(spec.channels.len(), spec.output);
        let mut steps = Steps::new(progress, cancel, shares);
        let (mut timings_ms, mut time) = (ExplanationTimings::default(), Instant::now());
        let contributions = options
            .contributions
            .then(|| contributions::contributions(&runs, &manifest, tensors, options, &mut steps));
        let contributions = contributions.transpose()?;
        timings_ms.contributions = lap(&mut time);
        let stability = options
            .stability
            .then(|| stability::stability(&runs, case, &scores, tensors, &mut steps));
        let stability = stability.transpose()?;
        timings_ms.stability = lap(&mut time);
        let occlusion = options.occlusion.as_ref().map(|o| {
            let how = (o, options.baseline);
            occlusion::occlusion(&runs, case, &scores, tensors, how, &mut steps)
        });
        let occlusion = occlusion.transpose()?;
        timings_ms.occlusion = lap(&mut time);
        let distance = reference::reference_distance(&runs, &manifest, tensors)?;
        Ok(Self {
            contributions,
            stability,
            occlusion,
            population: Population::new(&scores, &options.facts, distance),
            scores,
            timings_ms,
        })
    }
}
