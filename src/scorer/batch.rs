//! Many cases at once: planes on all cores, then the network on several cases in one run, which reads every weight once
//! for all of them. ONNX Runtime's CPU kernels give each case the bits it has alone; a test compares.

use super::preprocess::Buffers;
use super::{Looked, Scorer, Scores, Times, lock};
use crate::case::Case;
use crate::error::{Error, Result};
use crate::parallel;
use crate::scorer::CancelToken;
use std::time::Instant;

/// A case whose planes are computed.
struct Filled {
    looked: Looked,
    buffers: Buffers,
    began: Instant,
    done: Instant,
}

impl Scorer {
    /// Score many cases. One outcome for each, in order, the same to the bit as from [`Scorer::score`]; fails as a whole
    /// only if there is nothing to score with. Threads are made for the length of the call.
    ///
    /// `infer` in the timings is that of the run a case was part of.
    pub fn score_batch(
        &self,
        cases: &[Case<'_>],
        cancel: &CancelToken,
    ) -> Result<Vec<Result<Scores>>> {
        self.prepare(None, cancel)?;
        let ready = self.prepared();
        let chunk = ready.map_or(1, |ready| ready.session.max_batch());
        let chunks = cases.chunks(chunk);
        Ok(chunks.flat_map(|c| self.score_chunk(c, cancel)).collect())
    }

    fn score_chunk(&self, cases: &[Case<'_>], cancel: &CancelToken) -> Vec<Result<Scores>> {
        let filled = parallel::map(cases.len(), self.threads(), |n| {
            self.fill(&cases[n], cancel)
        });
        let good = filled.iter().flatten();
        let tensors: Vec<[&[f32]; 2]> = good.map(|g| [&*g.buffers.pet, &*g.buffers.ct]).collect();
        let n_heads = self.bundle().manifest.heads.len();
        let n = tensors.len();
        let mut heads = vec![0f32; n * n_heads];
        let entered = Instant::now();
        let ran = match n {
            0 => Ok(()),
            _ => match self.prepared() {
                Some(ready) => ready.session.run(&tensors, &mut heads),
                None => Err(Error::Internal("nothing is prepared".into())),
            },
        };
        let infer = entered.elapsed();
        let mut heads = heads.chunks_exact(n_heads);
        let outcomes = cases.iter().zip(filled).map(|(case, filled)| {
            let Filled {
                looked,
                buffers,
                began,
                done,
            } = filled?;
            lock(&self.buffers).push(buffers);
            if ran.is_err() {
                // One case's values may have spoilt the run of all, or the provider failed: each by itself has its own outcome.
                return self.score(case, cancel);
            }
            let heads = heads.next().unwrap_or_default();
            let times = Times {
                prepare: Default::default(),
                preprocess: (done - began).saturating_sub(looked.took),
                evidence: looked.took,
                queue: entered - done,
                infer,
            };
            Ok(self.finish(case, looked, heads, times))
        });
        outcomes.collect()
    }

    fn fill(&self, case: &Case<'_>, cancel: &CancelToken) -> Result<Filled> {
        let began = Instant::now();
        if cancel.is_triggered() {
            return Err(Error::Cancelled);
        }
        let looked = self.look(case)?;
        let spec = &self.bundle().manifest.preprocessing;
        let mut buffers = self.buffers();
        match buffers.fill(spec, case, &looked.checked) {
            Ok(()) => Ok(Filled {
                looked,
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
