//! A case beside the training cases of the bundle, by the hidden activations of the heads.

use super::score_pair::ScorePair;
use crate::bundle::Manifest;
use crate::engine::ReferencePosition;
use crate::error::Result;
use crate::scorer::NetworkRuns;
use serde::Serialize;

/// How far a case lies from the training cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReferenceDistance {
    /// Where the training cases come from.
    pub source: String,
    /// Training cases.
    pub cases: u64,
    /// By score.
    pub scores: ScorePair<ReferencePlace>,
}

/// The place of one score's hidden activations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReferencePlace {
    /// Distance from the training cases' mean along their axes, in standard deviations.
    pub distance: f64,
    /// Length of what is left beside the axes.
    pub residual: f64,
    /// The case lies farther than this percentage of the held-out training cases, by distance or residual: 0, 50, 90, 95 or 99.
    pub farther_than_percent: u32,
}

/// Returns how far a case lies from the training cases, or why nobody knows.
///
/// # Errors
/// Those of a run and of reading the statistics.
pub fn reference_distance(
    runs: &NetworkRuns<'_>,
    manifest: &Manifest,
    tensors: [&[f32]; 2],
) -> Result<std::result::Result<ReferenceDistance, String>> {
    let Some(reference) = &manifest.reference else {
        return Ok(Err("the bundle has no reference statistics".into()));
    };
    let heads = match runs.heads()? {
        Ok(heads) => heads,
        Err(why) => return Ok(Err(why)),
    };
    let statistics = runs.reference_statistics()?;
    let pooled = runs.scores_and_pooled(&[tensors])?.pooled;
    let place = |n: usize, name: &str| -> Option<ReferencePlace> {
        let head = manifest.head(name)?;
        let sums = [0, 1].map(|m| heads.hidden_sums(head, m, &[&pooled]));
        let activations = heads.activations(head, &sums[0][0], &sums[1][0]);
        let found: ReferencePosition = statistics.as_ref()?.position(n, &activations)?;
        Some(ReferencePlace {
            distance: found.distance,
            residual: found.residual,
            farther_than_percent: found.beyond_percentile,
        })
    };
    let scores = place(0, "n1").zip(place(1, "n2"));
    Ok(scores
        .map(|(n1, n2)| ReferenceDistance {
            source: reference.source.clone(),
            cases: reference.cases,
            scores: ScorePair { n1, n2 },
        })
        .ok_or_else(|| "the statistics do not fit the heads of the bundle".into()))
}
