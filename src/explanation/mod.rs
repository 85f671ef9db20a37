//! Why a case has its scores, and how steady they are: many runs of a scorer's network on changed copies of one case.
//!
//! Nothing here is part of a score, and a score has the same bits whether it is explained or not. An explanation shows where
//! changing the images changes the score. It does not show where the disease is.

mod baseline;
mod coalitions;
mod contributions;
mod options;
mod score_pair;
mod shapley;
mod steps;

pub use contributions::{
    Agreement, BaselineContributions, Contributions, HeadShares, Method, Shares,
};
pub use options::{Baseline, ExplainOptions};
pub use score_pair::{Named, ScorePair};
pub use shapley::shapley_values;

use crate::cancel::CancelToken;
use crate::case::Case;
use crate::error::{Error, Result};
use crate::scorer::{Progress, Scorer, Scores};
use serde::Serialize;
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
        let mut steps = Steps::new(progress, cancel);
        let manifest = scores.engine.manifest.clone();
        let contributions = options
            .contributions
            .then(|| contributions::contributions(&runs, &manifest, tensors, options, &mut steps));
        Ok(Self {
            scores,
            contributions: contributions.transpose()?,
        })
    }
}
