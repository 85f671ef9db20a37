//! Contributions of the planes and of the modalities to the scores: exact Shapley values.
//!
//! What a plane contributes depends on what stands in its place when it is taken away, so two baselines are computed and
//! compared. Contributions say what moved this network's score. They do not say where the disease is.

use super::coalitions::{CoalitionRuns, Coalitions};
use super::options::{Baseline, ExplainOptions};
use super::score_pair::{Named, ScorePair};
use super::shapley::shapley_values;
use super::steps::Steps;
use crate::bundle::{Manifest, Precision};
use crate::error::{Error, Result};
use crate::scorer::NetworkRuns;
use serde::Serialize;

/// Contributions to N1 and N2, with two baselines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contributions {
    /// With the baseline that was asked for.
    #[serde(flatten)]
    pub first: BaselineContributions,
    /// With the other baseline.
    pub second_baseline: BaselineContributions,
    /// Whether the two baselines agree in sign. Where they do not, the contribution depends on what replaces the plane.
    pub agree: Agreement,
    /// How the combinations of planes were computed.
    pub method: Method,
    /// Runs of the network.
    pub runs: usize,
}

/// Contributions with one baseline, on two scales.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaselineContributions {
    /// What stood in the place of what was taken away.
    pub baseline: Baseline,
    /// As differences of the probability that is the score.
    #[serde(flatten)]
    pub probability: Shares,
    /// As differences of its log-odds; `None` if a score is so near to 0 or 1 that single precision does not hold them.
    pub log_odds: Option<Shares>,
}

/// Shares of a score: `base` and the shares of all planes sum to `full`, and so do `base` and the shares of both modalities.
/// These are two games: the share of a modality is not the sum of the shares of its planes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Shares {
    /// Value with every plane replaced.
    pub base: ScorePair<f64>,
    /// Value with no plane replaced: the score, within the tolerance of the self-test.
    pub full: ScorePair<f64>,
    /// Share of each plane, for example `pet_axial`.
    pub planes: Named<ScorePair<f64>>,
    /// Share of `pet` and of `ct`.
    pub modalities: Named<ScorePair<f64>>,
    /// For every head of the bundle, if they were asked for: base, full and the share of each plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heads: Option<Named<HeadShares>>,
}

/// Shares of one head's output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeadShares {
    /// Value with every plane replaced.
    pub base: f64,
    /// Value with no plane replaced.
    pub full: f64,
    /// Share of each plane.
    pub planes: Named<f64>,
}

/// Whether a contribution has one sign with both baselines, on the scale of probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Of each plane.
    pub planes: Named<ScorePair<bool>>,
    /// Of each modality.
    pub modalities: Named<ScorePair<bool>>,
}

/// How the combinations of planes were computed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Method {
    /// One run for each set of planes of PET and CT at once, and the heads in double precision for every pair.
    PooledFeatures,
    /// One run for each combination.
    FullRuns {
        /// Why pooled features were not used.
        reason: String,
    },
}

/// Planes that contributions are computed for: full runs grow with the power of two of both modalities' planes.
const MAX_PLANES: usize = 3;

/// Computes the contributions of a case's planes.
///
/// # Errors
/// [`Error::Unsupported`] if the bundle has more than three planes or two of one name; those of a run.
pub fn contributions(
    runs: &NetworkRuns<'_>,
    manifest: &Manifest,
    tensors: [&[f32]; 2],
    options: &ExplainOptions,
    steps: &mut Steps<'_, '_>,
) -> Result<Contributions> {
    let (planes, seen) = (plane_names(manifest)?, seen_modalities(manifest));
    let [n1, n2] = ["n1", "n2"].map(|name| manifest.head(name).unwrap_or_default());
    let wanted: Vec<usize> = if options.all_heads {
        (0..manifest.heads.len()).collect()
    } else {
        vec![n1, n2]
    };
    let checked = if options.full_runs {
        Err("full runs were asked for".into())
    } else {
        runs.heads()?
    };
    let method = match &checked {
        Ok(_) => Method::PooledFeatures,
        Err(reason) => Method::FullRuns {
            reason: reason.clone(),
        },
    };
    let mut coalitions = CoalitionRuns {
        runs,
        heads: checked.ok(),
        spec: &manifest.preprocessing,
        tensors,
        seen,
        wanted: &wanted,
        n_heads: manifest.heads.len(),
        whole: None,
        whole_scores: None,
    };
    let total = coalitions.total();
    steps.begin(total);
    let names = Names {
        planes: &planes,
        seen,
        heads: wanted.iter().map(|h| manifest.heads[*h].as_str()).collect(),
        all: options.all_heads,
    };
    let first = options.baseline;
    let first = names.shares(first, &coalitions.compute(first, steps)?);
    let second = options.baseline.second();
    let second = names.shares(second, &coalitions.compute(second, steps)?);
    Ok(Contributions {
        agree: Agreement::new(&first.probability, &second.probability),
        first,
        second_baseline: second,
        method,
        runs: total,
    })
}

/// Returns the names of the planes.
///
/// # Errors
/// [`Error::Unsupported`] if there are more than three, or two of one name.
fn plane_names(manifest: &Manifest) -> Result<Vec<&str>> {
    let channels = &manifest.preprocessing.channels;
    let names: Vec<&str> = channels.iter().map(|c| c.plane.as_str()).collect();
    if names.len() > MAX_PLANES {
        let n = names.len();
        return Err(Error::Unsupported(format!(
            "contributions of {n} planes: at most {MAX_PLANES}"
        )));
    }
    let twice = (1..names.len()).find(|n| names[..*n].contains(&names[*n]));
    match twice {
        Some(n) => Err(Error::Unsupported(format!(
            "contributions where two planes of the bundle are called {:?}",
            names[n]
        ))),
        None => Ok(names),
    }
}

/// Returns whether the network sees PET, and CT.
fn seen_modalities(manifest: &Manifest) -> [bool; 2] {
    let model = manifest.model(Precision::Fp32);
    model.map_or([true; 2], |m| {
        m.inputs.by_modality().map(|name| name.is_some())
    })
}

/// Names of modalities in JSON.
const MODALITIES: [&str; 2] = ["pet", "ct"];

/// What the coalitions of a game are called.
struct Names<'a> {
    planes: &'a [&'a str],
    seen: [bool; 2],
    /// Of the heads that were computed.
    heads: Vec<&'a str>,
    /// All heads are wanted in the outcome.
    all: bool,
}

impl Names<'_> {
    fn shares(&self, baseline: Baseline, coalitions: &Coalitions) -> BaselineContributions {
        let finite = coalitions.log_odds.iter().flatten().all(|v| v.is_finite());
        BaselineContributions {
            baseline,
            probability: self.of_scale(coalitions.sets, &coalitions.probability),
            log_odds: finite.then(|| self.of_scale(coalitions.sets, &coalitions.log_odds)),
        }
    }

    fn players(&self) -> Vec<String> {
        let of = |m: usize| {
            let planes = self.planes.iter();
            planes.map(move |plane| format!("{}_{plane}", MODALITIES[m]))
        };
        (0..2).filter(|m| self.seen[*m]).flat_map(of).collect()
    }

    /// Shares of values on one scale, `values[head][coalition]`.
    fn of_scale(&self, sets: [usize; 2], values: &[Vec<f64>]) -> Shares {
        let last = sets[0] * sets[1] - 1;
        let players = self.players();
        let shapley: Vec<Vec<f64>> = values.iter().map(|v| shapley_values(v)).collect();
        let position = |name: &str| {
            self.heads
                .iter()
                .position(|h| *h == name)
                .unwrap_or_default()
        };
        let scores = ["n1", "n2"].map(position);
        let planes = players.iter().enumerate();
        let planes =
            planes.map(|(n, name)| (name.clone(), ScorePair::from_fn(|s| shapley[scores[s]][n])));
        // Coalitions of no modality, of PET, of CT and of both, of those that the network sees.
        let corners: Vec<usize> = match self.seen {
            [true, true] => vec![0, sets[0] - 1, last + 1 - sets[0], last],
            _ => vec![0, last],
        };
        let of_corners = scores.map(|s| {
            let corners: Vec<f64> = corners.iter().map(|c| values[s][*c]).collect();
            shapley_values(&corners)
        });
        let modalities = (0..2).filter(|m| self.seen[*m]).enumerate();
        let modalities = modalities.map(|(n, m)| {
            (
                MODALITIES[m].to_owned(),
                ScorePair::from_fn(|s| of_corners[s][n]),
            )
        });
        let heads = self.heads.iter().enumerate().map(|(h, name)| {
            let planes = players.iter().cloned().zip(shapley[h].iter().copied());
            let shares = HeadShares {
                base: values[h][0],
                full: values[h][last],
                planes: Named(planes.collect()),
            };
            ((*name).to_owned(), shares)
        });
        Shares {
            base: ScorePair::from_fn(|s| values[scores[s]][0]),
            full: ScorePair::from_fn(|s| values[scores[s]][last]),
            planes: Named(planes.collect()),
            modalities: Named(modalities.collect()),
            heads: self.all.then(|| Named(heads.collect())),
        }
    }
}

impl Agreement {
    fn new(first: &Shares, second: &Shares) -> Self {
        Self {
            planes: same_signs(&first.planes, &second.planes),
            modalities: same_signs(&first.modalities, &second.modalities),
        }
    }
}

fn same_signs(
    first: &Named<ScorePair<f64>>,
    second: &Named<ScorePair<f64>>,
) -> Named<ScorePair<bool>> {
    let same = |a: f64, b: f64| a * b > 0.0 || (a == 0.0 && b == 0.0);
    let pairs = first.0.iter().zip(&second.0);
    Named(
        pairs
            .map(|((name, a), (_, b))| {
                let agree = ScorePair {
                    n1: same(a.n1, b.n1),
                    n2: same(a.n2, b.n2),
                };
                (name.clone(), agree)
            })
            .collect(),
    )
}
