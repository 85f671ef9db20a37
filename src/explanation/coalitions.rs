//! The scores of a case for every combination of its planes: a plane is the case's own, or the baseline's.

use super::baseline::baseline_tensor;
use super::options::Baseline;
use super::steps::Steps;
use crate::engine::{Heads, probability};
use crate::error::Result;
use crate::imaging::sampler::PreprocessSpec;
use crate::scorer::NetworkRuns;
use std::sync::Arc;

/// The scores of every combination. Bit n of an index says whether plane n is the case's own: first the planes of the PET,
/// then those of the CT, each in the order of the channels. A modality that the network does not see has no bits.
pub struct Coalitions {
    /// Combinations of the planes of PET and CT; 1 for a modality that the network does not see.
    pub sets: [usize; 2],
    /// For each head that was asked for, the probability of each combination,
    pub probability: Vec<Vec<f64>>,
    /// and its log-odds.
    pub log_odds: Vec<Vec<f64>>,
}

/// What combinations of planes are computed from.
pub struct CoalitionRuns<'a> {
    /// The network.
    pub runs: &'a NetworkRuns<'a>,
    /// Its heads; `None` to run the network for each combination.
    pub heads: Option<Arc<Heads>>,
    /// The preprocessing.
    pub spec: &'a PreprocessSpec,
    /// PET and CT tensor of the case.
    pub tensors: [&'a [f32]; 2],
    /// Whether the network sees PET, and CT.
    pub seen: [bool; 2],
    /// Indices of the heads to compute.
    pub wanted: &'a [usize],
    /// All heads of the bundle.
    pub n_heads: usize,
    /// The pooled features of the case as it is, once they are known.
    pub whole: Option<Vec<f32>>,
    /// The scores of the case as it is, likewise.
    pub whole_scores: Option<Vec<f32>>,
}

impl CoalitionRuns<'_> {
    /// Returns how many runs of the network two baselines take in all: the case as it is belongs to both.
    #[must_use]
    pub fn total(&self) -> usize {
        let [pet, ct] = self.sets();
        match self.heads {
            Some(_) => 2 * pet.max(ct) - 1,
            None => 2 * pet * ct - 1,
        }
    }

    fn sets(&self) -> [usize; 2] {
        let planes = self.spec.channels.len();
        self.seen.map(|seen| if seen { 1 << planes } else { 1 })
    }

    /// Computes the scores of every combination with a baseline.
    pub fn compute(&mut self, baseline: Baseline, steps: &mut Steps<'_, '_>) -> Result<Coalitions> {
        let intensities = [&self.spec.pet, &self.spec.ct];
        let sets = self.sets();
        let mixed: [Vec<Vec<f32>>; 2] = std::array::from_fn(|m| {
            let tensor = self.tensors[m];
            let empty = baseline_tensor(baseline, self.spec, intensities[m], tensor);
            let len = self.spec.output * self.spec.output;
            (0..sets[m])
                .map(|set| mix(tensor, &empty, set, sets[m], len))
                .collect()
        });
        match self.heads.clone() {
            Some(heads) => self.compute_pooled(&heads, sets, &mixed, steps),
            None => self.compute_full(sets, &mixed, steps),
        }
    }

    /// One run for each set of planes, of PET and CT at once; then the heads for every pair of sets.
    fn compute_pooled(
        &mut self,
        heads: &Heads,
        sets: [usize; 2],
        mixed: &[Vec<Vec<f32>>; 2],
        steps: &mut Steps<'_, '_>,
    ) -> Result<Coalitions> {
        let last = sets[0].max(sets[1]) - 1;
        let pair = |set: usize| [0, 1].map(|m| mixed[m][set.min(sets[m] - 1)].as_slice());
        // The last is the case as it is, which was run with the baseline before.
        let known = self.whole.take();
        let cases: Vec<_> = (0..=last - usize::from(known.is_some()))
            .map(pair)
            .collect();
        let mut pooled: Vec<Vec<f32>> = Vec::with_capacity(last + 1);
        for batch in cases.chunks(self.runs.max_batch()) {
            let run = self.runs.scores_and_pooled(batch)?;
            let values = run.pooled.len() / batch.len();
            pooled.extend(run.pooled.chunks_exact(values).map(<[f32]>::to_vec));
            steps.advance(batch.len())?;
        }
        pooled.extend(known);
        let mut found = Coalitions::new(sets, self.wanted.len());
        let of_case: Vec<&[f32]> = pooled.iter().map(Vec::as_slice).collect();
        for (n, head) in self.wanted.iter().enumerate() {
            let pet = heads.hidden_sums(*head, 0, &of_case[..sets[0]]);
            let ct = heads.hidden_sums(*head, 1, &of_case[..sets[1]]);
            for (c, p) in (0..sets[1]).flat_map(|c| (0..sets[0]).map(move |p| (c, p))) {
                let log_odds = heads.log_odds(*head, &pet[p], &ct[c]);
                found.push(n, probability(log_odds), log_odds);
            }
        }
        self.whole = pooled.pop();
        Ok(found)
    }

    /// One run for each combination.
    fn compute_full(
        &mut self,
        sets: [usize; 2],
        mixed: &[Vec<Vec<f32>>; 2],
        steps: &mut Steps<'_, '_>,
    ) -> Result<Coalitions> {
        let pair = |n: usize| {
            [
                mixed[0][n % sets[0]].as_slice(),
                mixed[1][n / sets[0]].as_slice(),
            ]
        };
        let known = self.whole_scores.take();
        let n = sets[0] * sets[1] - usize::from(known.is_some());
        let cases: Vec<_> = (0..n).map(pair).collect();
        let mut scores: Vec<Vec<f32>> = Vec::with_capacity(n + 1);
        for batch in cases.chunks(self.runs.max_batch()) {
            let found = self.runs.scores(batch)?;
            scores.extend(found.chunks_exact(self.n_heads).map(<[f32]>::to_vec));
            steps.advance(batch.len())?;
        }
        scores.extend(known);
        let mut found = Coalitions::new(sets, self.wanted.len());
        for of_case in &scores {
            for (n, head) in self.wanted.iter().enumerate() {
                let p = f64::from(of_case[*head]);
                found.push(n, p, (p / (1.0 - p)).ln());
            }
        }
        self.whole_scores = scores.pop();
        Ok(found)
    }
}

impl Coalitions {
    fn new(sets: [usize; 2], heads: usize) -> Self {
        let empty = || vec![Vec::with_capacity(sets[0] * sets[1]); heads];
        Self {
            sets,
            probability: empty(),
            log_odds: empty(),
        }
    }

    fn push(&mut self, head: usize, probability: f64, log_odds: f64) {
        self.probability[head].push(probability);
        self.log_odds[head].push(log_odds);
    }
}

/// Returns a tensor whose planes of `set` are the case's, and whose others are the baseline's. The last set is the case as it
/// is, also where there is but one.
fn mix(tensor: &[f32], empty: &[f32], set: usize, sets: usize, len: usize) -> Vec<f32> {
    let planes = tensor.chunks_exact(len).zip(empty.chunks_exact(len));
    let own = |plane: usize| sets == 1 || set >> plane & 1 == 1;
    planes
        .enumerate()
        .flat_map(|(n, (tensor, empty))| if own(n) { tensor } else { empty })
        .copied()
        .collect()
}
