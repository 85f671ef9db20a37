//! Runs of the network on changed copies of a case's tensors: what explanations are made of.

use super::engine_state::{ActiveEngine, CheckedHeads};
use super::scores::Engine;
use super::shared::Scorer;
use crate::allocation;
use crate::bundle::Bundle;
use crate::cancel::CancelToken;
use crate::engine::{Heads, Pooled, ReferenceStatistics, Session, are_probabilities, probability};
use crate::error::{Error, Result};
use crate::lock::lock;
use std::sync::Arc;

/// The network of one engine, for any number of runs on tensors that are made from a case's.
pub(crate) struct NetworkRuns<'a> {
    bundle: &'a Bundle,
    active: Arc<ActiveEngine>,
    cancel: &'a CancelToken,
}

/// What a run of several cases returns.
pub(crate) struct PooledRun {
    /// One probability for each head of each case.
    pub scores: Vec<f32>,
    /// The pooled features of each case.
    pub pooled: Vec<f32>,
}

impl Scorer {
    /// Returns the engine that computed a case's scores, to run the network on changed copies of its tensors.
    ///
    /// # Errors
    /// [`Error::Runtime`] if the scorer has gone over to another engine since: the runs would belong to other scores.
    pub(crate) fn network_runs<'a>(
        &'a self,
        engine: &Arc<Engine>,
        cancel: &'a CancelToken,
    ) -> Result<NetworkRuns<'a>> {
        let active = self
            .active_engine()
            .filter(|active| Arc::ptr_eq(&active.engine, engine));
        let active = active.ok_or_else(|| Error::Runtime {
            doing: "explain the case",
            why: "the provider that scored it was given up meanwhile".into(),
        })?;
        Ok(NetworkRuns {
            bundle: self.bundle(),
            active,
            cancel,
        })
    }
}

impl NetworkRuns<'_> {
    /// Returns how many cases a run of the network has at most.
    pub fn max_batch(&self) -> usize {
        self.active.session.max_batch()
    }

    /// Runs cases, each a PET and a CT tensor; returns one probability for each head of each.
    ///
    /// # Errors
    /// [`Error::VoxelRange`] if an output is no probability; those of a run: the engine stays in use whatever happens here.
    pub fn scores(&self, cases: &[[&[f32]; 2]]) -> Result<Vec<f32>> {
        let session = &self.active.session;
        let n = cases.len() * self.bundle.manifest.heads.len();
        let mut scores = allocation::zeros(n, "scores of changed cases")?;
        session.run(cases, &mut scores, self.cancel)?;
        require_probabilities(&scores)?;
        Ok(scores)
    }

    /// As [`NetworkRuns::scores`], with the pooled features of each case: only for an engine with [`NetworkRuns::heads`].
    pub fn scores_and_pooled(&self, cases: &[[&[f32]; 2]]) -> Result<PooledRun> {
        let session = &self.active.session;
        let values = session.pooled().map_or(0, Pooled::values);
        let run = run_pooled(
            session,
            cases,
            self.bundle.manifest.heads.len(),
            values,
            self.cancel,
        )?;
        require_probabilities(&run.scores)?;
        Ok(run)
    }

    /// Returns the heads that turn this engine's pooled features into log-odds; the reason in words if only full runs are to
    /// be had from it. They are read and compared with the network's own answers once for each engine.
    ///
    /// # Errors
    /// Those of a run and of reading the weights.
    pub fn heads(&self) -> Result<CheckedHeads> {
        let mut checked = lock(&self.active.heads);
        if let Some(checked) = &*checked {
            return Ok(checked.clone());
        }
        let found = self.check_heads()?;
        if let Err(why) = &found {
            log::info!(target: "dlnms::scorer", "explanations take full runs: {why}");
        }
        *checked = Some(found.clone());
        Ok(found)
    }

    /// Returns the statistics of the bundle's training cases, which are read once for each engine; `None` if it has none.
    ///
    /// # Errors
    /// Those of [`ReferenceStatistics::read`].
    pub fn reference_statistics(&self) -> Result<Option<Arc<ReferenceStatistics>>> {
        let mut known = lock(&self.active.reference);
        if let Some(known) = &*known {
            return Ok(known.clone());
        }
        let found = ReferenceStatistics::read(self.bundle, self.cancel)?.map(Arc::new);
        *known = Some(found.clone());
        Ok(found)
    }

    /// Reads the heads and compares them with the network on two test vectors and on the PET of the one with the CT of the
    /// other, which shows that features are those of the modality that they are taken for.
    fn check_heads(&self) -> Result<CheckedHeads> {
        let session = &self.active.session;
        let Some(pooled) = session.pooled() else {
            return Ok(Err(format!(
                "{} returns no pooled features of this bundle",
                session.provider.name()
            )));
        };
        let heads = match Heads::read(self.bundle, pooled, self.cancel) {
            Ok(heads) => heads,
            Err(Error::BundleModel { why, .. }) => return Ok(Err(why)),
            Err(e) => return Err(e),
        };
        let vectors: Vec<_> = self.bundle.self_test_cases().collect();
        let (Some(a), Some(b)) = (vectors.first(), vectors.last()) else {
            return Err(Error::Internal("no test vectors".into()));
        };
        let n_heads = self.bundle.manifest.heads.len();
        let cases = [[a.0, a.1], [b.0, b.1], [a.0, b.1]];
        let run = run_pooled(session, &cases, n_heads, pooled.values(), self.cancel)?;
        let of_case: Vec<&[f32]> = run.pooled.chunks_exact(pooled.values()).collect();
        for head in 0..n_heads {
            let pet = heads.hidden_sums(head, 0, &of_case[..2]);
            let ct = heads.hidden_sums(head, 1, &of_case[..2]);
            for (case, [p, c]) in [[0, 0], [1, 1], [0, 1]].into_iter().enumerate() {
                let computed = probability(heads.log_odds(head, &pet[p], &ct[c]));
                let off = (computed - f64::from(run.scores[case * n_heads + head])).abs();
                if off.is_nan() || off > session.tolerance {
                    return Ok(Err(format!(
                        "head {:?} is off by {off:.1e} when it is computed from pooled features",
                        self.bundle.manifest.heads[head]
                    )));
                }
            }
        }
        Ok(Ok(Arc::new(heads)))
    }
}

fn run_pooled(
    session: &Session,
    cases: &[[&[f32]; 2]],
    heads: usize,
    values: usize,
    cancel: &CancelToken,
) -> Result<PooledRun> {
    let mut scores = allocation::zeros(cases.len() * heads, "scores of changed cases")?;
    let mut pooled = allocation::zeros(cases.len() * values, "pooled features")?;
    session.run_pooled(cases, &mut scores, &mut pooled, cancel)?;
    Ok(PooledRun { scores, pooled })
}

fn require_probabilities(scores: &[f32]) -> Result<()> {
    let wrong = scores.iter().find(|v| !are_probabilities(&[**v]));
    wrong.map_or(Ok(()), |v| {
        Err(Error::VoxelRange(format!(
            "a score is {v} for a changed copy of this case"
        )))
    })
}
