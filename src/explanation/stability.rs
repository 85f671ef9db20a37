//! How steady the scores and the risk groups are under small changes of the case.
//!
//! The changes are a choice of this library: what it counts are changes of the group among these, and no probability.

use super::outline;
use super::perturbations::{Kind, Perturbation};
use super::random::Random;
use super::reason::reason;
use super::score_pair::{Named, ScorePair};
use super::steps::Steps;
use crate::cancel::CancelToken;
use crate::case::{Case, ReferenceRequest};
use crate::error::{Error, Result};
use crate::evidence::reference_region;
use crate::imaging::sampler::{Intensity, PreprocessSpec, Workspace};
use crate::risk::RiskGroups;
use crate::scorer::{NetworkRuns, Scores};
use serde::Serialize;

/// The scores of a case under a fixed list of small changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stability {
    /// Changes that were made; up to 42.
    pub changes: usize,
    /// Spread of each score over the case as it is and its changes.
    pub scores: ScorePair<Spread>,
    /// How often the risk group became another; `None` if the bundle has no cut-offs.
    pub group_changed: Option<GroupChanges>,
    /// Lowest and highest score by kind of change, for example `center`.
    pub kinds: Named<KindSpread>,
    /// The case as it is, then every change that was made, in the order of the list.
    pub cases: Vec<ChangedCase>,
    /// Changes that were not made, and why.
    pub omitted: Vec<OmittedChange>,
}

/// Spread of a score. Percentiles are order statistics: values that occurred.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Lowest.
    pub min: f64,
    /// Highest.
    pub max: f64,
    /// Standard deviation, of a population.
    pub sd: f64,
    /// The value that 5 % do not exceed.
    pub p5: f64,
    /// The value that 95 % do not exceed.
    pub p95: f64,
    /// Distance of the score from its cut-off in standard deviations, positive above it; `None` without a cut-off or spread.
    pub margin_sd: Option<f64>,
}

/// In how many of the changed cases a risk group is another than that of the case as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct GroupChanges {
    /// Of N1.
    pub n1: usize,
    /// Of N2.
    pub n2: usize,
    /// Of both together.
    pub combined: usize,
    /// Changed cases.
    pub of: usize,
}

/// Lowest and highest score over the changes of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindSpread {
    /// Changes of this kind that were made.
    pub changes: usize,
    /// Lowest scores.
    pub min: ScorePair<f64>,
    /// Highest scores.
    pub max: ScorePair<f64>,
    /// How often the group became another; `None` if the bundle has no cut-offs.
    pub group_changed: Option<GroupChanges>,
}

/// The scores of one changed case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangedCase {
    /// What was changed.
    pub change: String,
    /// Kind of the change.
    pub kind: Kind,
    /// Score N1.
    pub n1: f32,
    /// Score N2.
    pub n2: f32,
}

/// A change that was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OmittedChange {
    /// What would have been changed.
    pub change: String,
    /// Kind of the change.
    pub kind: Kind,
    /// Why it was not.
    pub reason: String,
}

/// Standard deviation of the CT's noise, HU.
const CT_NOISE_HU: f64 = 15.0;

/// A case whose changed copies are made.
struct ChangedTensors<'a> {
    case: &'a Case<'a>,
    factors: &'a [f64],
    center: [f64; 3],
    spec: &'a PreprocessSpec,
    /// PET and CT tensor as they are.
    tensors: [&'a [f32]; 2],
    /// Mean and standard deviation of the liver's SUV, or why they are not known.
    liver: std::result::Result<[f64; 2], String>,
}

/// Runs the network on the changed copies of a case.
///
/// # Errors
/// Those of a run; [`Error::Cancelled`]. A change that is not possible for this case is omitted with its reason.
pub fn stability(
    runs: &NetworkRuns<'_>,
    case: &Case<'_>,
    scores: &Scores,
    tensors: [&[f32]; 2],
    steps: &mut Steps<'_, '_>,
) -> Result<Stability> {
    let manifest = &scores.engine.manifest;
    let factors = scores.suv.as_ref().map_or(&[][..], |s| &s.factors);
    let changed = ChangedTensors {
        case,
        factors,
        center: scores.center,
        spec: &manifest.preprocessing,
        tensors,
        liver: liver(case, factors, scores, steps.cancel()),
    };
    let list = Perturbation::list();
    steps.begin(list.len());
    let mut workspace = Workspace::default();
    let (mut cases, mut omitted) = (Vec::with_capacity(list.len()), Vec::new());
    let heads = ["n1", "n2"].map(|name| manifest.head(name).unwrap_or_default());
    for batch in list.chunks(runs.max_batch()) {
        let mut made: Vec<(Perturbation, [Vec<f32>; 2])> = Vec::with_capacity(batch.len());
        for change in batch {
            steps.cancel().check()?;
            match changed.tensors(*change, &mut workspace) {
                Ok(tensors) => made.push((*change, tensors)),
                Err(e @ (Error::Cancelled | Error::OutOfMemory { .. } | Error::Internal(_))) => {
                    return Err(e);
                }
                Err(why) => omitted.push(OmittedChange {
                    change: change.name(),
                    kind: change.kind(),
                    reason: reason(why),
                }),
            }
        }
        let tensors: Vec<[&[f32]; 2]> = made.iter().map(|(_, [p, c])| [&**p, &**c]).collect();
        if !tensors.is_empty() {
            let found = runs.scores(&tensors)?;
            let of_case = found.chunks_exact(manifest.heads.len());
            cases.extend(
                made.iter()
                    .zip(of_case)
                    .map(|((change, _), of_case)| ChangedCase {
                        change: change.name(),
                        kind: change.kind(),
                        n1: of_case[heads[0]],
                        n2: of_case[heads[1]],
                    }),
            );
        }
        steps.advance(batch.len())?;
    }
    Ok(summarize(cases, omitted, scores))
}

/// Mean and standard deviation of the liver's SUV: as the case measured them, else looked for on CT.
fn liver(
    case: &Case<'_>,
    factors: &[f64],
    scores: &Scores,
    cancel: &CancelToken,
) -> std::result::Result<[f64; 2], String> {
    let measured = match &scores.references {
        Some(references) => references.liver.clone(),
        None => {
            let request = ReferenceRequest::default();
            let threads = scores.engine.threads;
            reference_region::measure(case, factors, &request, threads, cancel).liver
        }
    };
    match measured {
        Ok(liver) if liver.suv_mean > 0.0 => Ok([liver.suv_mean, liver.suv_sd]),
        Ok(_) => Err("the liver has no uptake, so the noise of the PET is not known".into()),
        Err(why) => Err(format!(
            "the noise of the PET is not known: no liver ({why})"
        )),
    }
}

impl ChangedTensors<'_> {
    /// Returns the PET and the CT tensor of a changed copy of the case.
    fn tensors(&self, change: Perturbation, workspace: &mut Workspace) -> Result<[Vec<f32>; 2]> {
        let [pet, ct] = self.tensors;
        let moved = |by: [f64; 3]| std::array::from_fn(|a| self.center[a] + by[a]);
        match change {
            Perturbation::None => self.sample(self.center, self.center, workspace),
            Perturbation::Center(by) => self.sample(moved(by), moved(by), workspace),
            // What lies at a point of the PET now came from the point less the shift.
            Perturbation::PetShift(by) => {
                self.sample(moved(by.map(|mm| -mm)), self.center, workspace)
            }
            Perturbation::Outline(outline) => {
                let center = outline::center(self.case, self.factors, outline)?;
                self.sample(center, center, workspace)
            }
            Perturbation::SuvScale(by) => {
                let scaled = map_values(&self.spec.pet, pet, |suv| suv * by);
                Ok([scaled, ct.to_vec()])
            }
            Perturbation::Noise(draw) => {
                let [mean, sd] = self.liver.clone().map_err(Error::RoiInvalid)?;
                let mut noise = Noise::new(&format!("dlnms:noise:{draw}"));
                // The variance of counts grows with their number.
                let noisy = |suv: f64| suv + sd * (suv.max(0.0) / mean).sqrt() * noise.next();
                let pet = map_values(&self.spec.pet, pet, noisy);
                let ct = map_values(&self.spec.ct, ct, |hu| hu + CT_NOISE_HU * noise.next());
                Ok([pet, ct])
            }
        }
    }

    fn sample(
        &self,
        pet_center: [f64; 3],
        ct_center: [f64; 3],
        workspace: &mut Workspace,
    ) -> Result<[Vec<f32>; 2]> {
        let (spec, case) = (self.spec, self.case);
        let mut pet = vec![0.0; spec.tensor_len()];
        let mut ct = pet.clone();
        let factors = self.factors;
        spec.sample(
            &case.pet, factors, &spec.pet, pet_center, workspace, &mut pet,
        )?;
        spec.sample(&case.ct, &[], &spec.ct, ct_center, workspace, &mut ct)?;
        Ok([pet, ct])
    }
}

/// Returns a tensor whose values in SUV or HU are mapped.
fn map_values(intensity: &Intensity, tensor: &[f32], mut map: impl FnMut(f64) -> f64) -> Vec<f32> {
    let Intensity { mean, std, .. } = intensity;
    let values = tensor.iter().map(|v| f64::from(*v) * std + mean);
    values.map(|v| ((map(v) - mean) / std) as f32).collect()
}

/// Numbers of the normal distribution, one at a time.
struct Noise {
    random: Random,
    spare: Option<f64>,
}

impl Noise {
    fn new(name: &str) -> Self {
        Self {
            random: Random::from_name(name),
            spare: None,
        }
    }

    fn next(&mut self) -> f64 {
        self.spare.take().unwrap_or_else(|| {
            let [now, later] = self.random.normal_pair();
            self.spare = Some(later);
            now
        })
    }
}

fn summarize(cases: Vec<ChangedCase>, omitted: Vec<OmittedChange>, scores: &Scores) -> Stability {
    let cutoffs = scores.engine.manifest.cutoffs;
    let own = scores.decision;
    let groups = |kind: Option<Kind>| {
        let changed = cases.iter().filter(|c| c.kind != Kind::None);
        let changed = changed.filter(|c| kind.is_none_or(|k| k == c.kind));
        let (cutoffs, own) = (cutoffs?, own?);
        let mut changes = GroupChanges {
            n1: 0,
            n2: 0,
            combined: 0,
            of: 0,
        };
        for case in changed {
            let now = RiskGroups::new(case.n1, case.n2, &cutoffs);
            changes.n1 += usize::from(now.n1 != own.n1);
            changes.n2 += usize::from(now.n2 != own.n2);
            changes.combined += usize::from(now.combined != own.combined);
            changes.of += 1;
        }
        Some(changes)
    };
    let values = |s: usize, kind: Option<Kind>| -> Vec<f64> {
        let of_kind = cases.iter().filter(|c| kind.is_none_or(|k| k == c.kind));
        of_kind.map(|c| f64::from([c.n1, c.n2][s])).collect()
    };
    let kinds = Kind::ALL.into_iter().filter_map(|kind| {
        let of = [0, 1].map(|s| values(s, Some(kind)));
        let least = |s: usize| of[s].iter().copied().reduce(f64::min);
        let most = |s: usize| of[s].iter().copied().reduce(f64::max);
        let spread = KindSpread {
            changes: of[0].len(),
            min: ScorePair {
                n1: least(0)?,
                n2: least(1)?,
            },
            max: ScorePair {
                n1: most(0)?,
                n2: most(1)?,
            },
            group_changed: groups(Some(kind)),
        };
        Some((kind.name().to_owned(), spread))
    });
    let own_scores = [scores.n1, scores.n2].map(f64::from);
    let of_scores = cutoffs.map(|c| [c.n1, c.n2]);
    let spread = |s: usize| Spread::new(values(s, None), own_scores[s], of_scores.map(|c| c[s]));
    Stability {
        changes: cases.iter().filter(|c| c.kind != Kind::None).count(),
        scores: ScorePair::from_fn(spread),
        group_changed: groups(None),
        kinds: Named(kinds.collect()),
        cases,
        omitted,
    }
}

impl Spread {
    fn new(mut values: Vec<f64>, score: f64, cutoff: Option<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n.max(1) as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n.max(1) as f64;
        let sd = variance.sqrt();
        // The smallest value that at least this share does not exceed.
        let rank = |share: f64| {
            let rank = (share * n as f64).ceil() as usize;
            values
                .get(rank.saturating_sub(1))
                .copied()
                .unwrap_or(f64::NAN)
        };
        Self {
            min: rank(0.0),
            max: rank(1.0),
            sd,
            p5: rank(0.05),
            p95: rank(0.95),
            margin_sd: cutoff.filter(|_| sd > 0.0).map(|c| (score - c) / sd),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values = (1..=43).rev().map(f64::from).collect();
        let spread = Spread::new(values, 30.0, Some(10.0));
        assert_eq!((spread.min, spread.max), (1.0, 43.0));
        assert_eq!((spread.p5, spread.p95), (3.0, 41.0));
        let sd = ((43.0f64.powi(2) - 1.0) / 12.0).sqrt();
        assert!((spread.sd - sd).abs() < 1e-12);
        assert!((spread.margin_sd.unwrap() - 20.0 / sd).abs() < 1e-12);
        let constant = Spread::new(vec![0.5; 43], 0.5, Some(0.4));
        assert_eq!((constant.sd, constant.margin_sd), (0.0, None));
    }
}
