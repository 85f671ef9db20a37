//! The bundle's test vectors, by which a provider shows that it computes the network that the manifest promises.

use super::shared::Scorer;
use crate::cancel::CancelToken;
use crate::engine::Session;
use crate::error::{Error, Result};

const WARM_UP_RUNS: usize = 2;

impl Scorer {
    /// Runs the first test vector some times, for providers that allocate in their first runs. `step` hears the fraction done
    /// and may end it.
    pub(super) fn warm_up(
        &self,
        session: &Session,
        cancel: &CancelToken,
        step: &dyn Fn(f32) -> Result<()>,
    ) -> Result<()> {
        let mut heads = vec![0f32; self.bundle.manifest.heads.len()];
        let first = self.bundle.self_test_cases().next();
        let (pet, ct, _) = first.ok_or_else(|| Error::Internal("no test vectors".into()))?;
        for run in 0..WARM_UP_RUNS {
            step(run as f32 / WARM_UP_RUNS as f32)?;
            session.run(&[[pet, ct]], &mut heads, cancel)?;
        }
        Ok(())
    }

    /// Runs every test vector and returns the largest absolute difference of any head. `step` hears the fraction done and may
    /// end it.
    ///
    /// # Errors
    /// [`Error::SelfTest`] for a difference above the model's tolerance or an output that is not a number.
    pub(super) fn self_test(
        &self,
        session: &Session,
        cancel: &CancelToken,
        step: &dyn Fn(f32) -> Result<()>,
    ) -> Result<f64> {
        let mut heads = vec![0f32; self.bundle.manifest.heads.len()];
        let cases: Vec<_> = self.bundle.self_test_cases().collect();
        let mut worst = 0f64;
        for (i, (pet, ct, expected)) in cases.iter().enumerate() {
            step(i as f32 / cases.len() as f32)?;
            session.run(&[[pet, ct]], &mut heads, cancel)?;
            worst = worst.max(self.compare(session, i, &heads, expected)?);
        }
        if let Some(n) = session.engine_batch() {
            let batch: Vec<_> = cases.iter().cycle().take(n).map(|c| [c.0, c.1]).collect();
            let mut of_all = vec![0f32; n * heads.len()];
            session.run(&batch, &mut of_all, cancel)?;
            let expected = cases.iter().map(|c| c.2).enumerate().cycle();
            for (heads, (i, expected)) in of_all.chunks_exact(heads.len()).zip(expected) {
                worst = worst.max(self.compare(session, i, heads, expected)?);
            }
        }
        Ok(worst)
    }

    /// Returns the largest difference of the heads of test vector `case`.
    fn compare(
        &self,
        session: &Session,
        case: usize,
        heads: &[f32],
        expected: &[f64],
    ) -> Result<f64> {
        let mut worst = 0f64;
        let names = &self.bundle.manifest.heads;
        for ((got, want), name) in heads.iter().zip(expected).zip(names) {
            let difference = (f64::from(*got) - want).abs();
            // Written so that NaN is refused.
            if !(difference <= session.tolerance && (0.0..=1.0).contains(got)) {
                return Err(Error::SelfTest {
                    provider: session.provider.name().into(),
                    head: name.clone(),
                    case,
                    difference,
                    tolerance: session.tolerance,
                });
            }
            worst = worst.max(difference);
        }
        Ok(worst)
    }
}
