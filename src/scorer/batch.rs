//! Many cases at once: planes on all cores, then the network on several cases in one run, which reads every weight once
//! for all of them. ONNX Runtime's CPU kernels give each case the bits it has alone; a test compares.

use super::engine_state::ActiveEngine;
use super::preprocess::Buffers;
use super::scores::Scores;
use super::shared::Scorer;
use super::single::{MeasuredCase, Times};
use crate::allocation;
use crate::cancel::CancelToken;
use crate::case::Case;
use crate::engine::are_probabilities;
use crate::error::{Error, Result};
use crate::lock::lock;
use crate::parallel;
use std::time::{Duration, Instant};

/// A case whose input tensors are computed.
struct SampledCase {
    measured: MeasuredCase,
    buffers: Buffers,
    began: Instant,
    done: Instant,
}

impl Scorer {
    /// Scores many cases. One outcome for each, in order, the same to the bit as from [`Scorer::score`]; fails as a whole
    /// only if there is nothing to score with. Threads are made for the length of the call, as many as the scorer has.
    ///
    /// `infer` in the timings is that of the run a case was part of. A case that spoils the run of several is scored by
    /// itself, and the others too: each has the outcome it has alone.
    pub fn score_batch(
        &self,
        cases: &[Case<'_>],
        cancel: &CancelToken,
    ) -> Result<Vec<Result<Scores>>> {
        self.prepare(None, cancel)?;
        let mut outcomes = allocation::with_capacity(cases.len(), "the outcomes of a batch")?;
        let mut left = cases;
        while !left.is_empty() {
            // Another call may have given up what this one was prepared with: then one by one, with whatever is next.
            let Some(active) = self.active_engine() else {
                outcomes.extend(left.iter().map(|case| self.score_unrecorded(case, cancel)));
                break;
            };
            let (now, later) = left.split_at(active.session.max_batch().clamp(1, left.len()));
            self.score_chunk(&active, now, cancel, &mut outcomes);
            left = later;
        }
        self.record(cases, &mut outcomes);
        Ok(outcomes)
    }

    fn score_chunk(
        &self,
        active: &ActiveEngine,
        cases: &[Case<'_>],
        cancel: &CancelToken,
        outcomes: &mut Vec<Result<Scores>>,
    ) {
        // Where there are fewer cases than threads, each has several of them.
        let threads_of_case = (self.threads() / cases.len().max(1)).max(1);
        let sampled = parallel::map(cases.len(), self.threads(), |n| {
            self.sample(&cases[n], threads_of_case, cancel)
        });
        let good = sampled.iter().flatten();
        let tensors: Vec<[&[f32]; 2]> = good.map(|g| [&*g.buffers.pet, &*g.buffers.ct]).collect();
        let n_heads = self.bundle().manifest.heads.len();
        let mut heads = vec![0f32; tensors.len() * n_heads];
        let entered = Instant::now();
        let ran = match tensors.len() {
            0 => Ok(()),
            _ => active.session.run(&tensors, &mut heads, cancel),
        };
        let infer = entered.elapsed();
        let mut heads = heads.chunks_exact(n_heads);
        for (case, sampled) in cases.iter().zip(sampled) {
            let sampled = match sampled {
                Ok(sampled) => sampled,
                Err(e) => {
                    outcomes.push(Err(e));
                    continue;
                }
            };
            lock(&self.buffers).push(sampled.buffers);
            let times = Times {
                prepare: Duration::ZERO,
                preprocess: (sampled.done - sampled.began).saturating_sub(sampled.measured.took),
                evidence: sampled.measured.took,
                infer,
            };
            let heads = heads.next().filter(|h| ran.is_ok() && are_probabilities(h));
            outcomes.push(match heads {
                Some(heads) => {
                    let engine = active.engine.clone();
                    let scores = self.finish(case, sampled.measured, engine, heads.to_vec(), times);
                    Ok(scores)
                }
                // The provider failed, or these values are none it can compute with: what a single call makes of it.
                None => self.score_unrecorded(case, cancel),
            });
        }
    }

    fn sample(&self, case: &Case<'_>, threads: usize, cancel: &CancelToken) -> Result<SampledCase> {
        let began = Instant::now();
        if cancel.is_triggered() {
            return Err(Error::Cancelled);
        }
        let mut measured = self.measure(case, threads, cancel)?;
        let spec = &self.bundle().manifest.preprocessing;
        let mut buffers = self.buffers()?;
        let filled = buffers
            .fill(spec, case, &measured.validated)
            .and_then(|()| measured.hash(case, &buffers, threads, cancel));
        match filled {
            Ok(()) => Ok(SampledCase {
                measured,
                buffers,
                began,
                done: Instant::now(),
            }),
            Err(e) => {
                lock(&self.buffers).push(buffers);
                Err(e)
            }
        }
    }
}
