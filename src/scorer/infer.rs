//! Runs the network on one case: with the provider that is ready, and where that fails with the next of the policy.

use super::engine_state::ActiveEngine;
use super::scores::Engine;
use super::shared::Scorer;
use crate::cancel::CancelToken;
use crate::engine::{are_probabilities, attempts};
use crate::error::{Error, Result};
use crate::lock;
use crate::runtime::provider::SkippedProvider;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The network's output for one case.
pub(super) struct Inference {
    /// One probability for each of the manifest's heads.
    pub heads: Vec<f32>,
    /// The engine that computed them.
    pub engine: Arc<Engine>,
    /// Time spent on providers that failed and on preparing others.
    pub lost: Duration,
    /// Time of the run itself.
    pub took: Duration,
}

impl Scorer {
    /// Runs the network on the PET and the CT tensor of one case.
    pub(super) fn infer(&self, tensors: [&[f32]; 2], cancel: &CancelToken) -> Result<Inference> {
        let mut heads = vec![0f32; self.bundle.manifest.heads.len()];
        let mut lost = Duration::ZERO;
        loop {
            let entered = Instant::now();
            // Another call may have given up what this one was prepared with.
            if let Some(active) = self.active_engine() {
                match active.session.run(&[tensors], &mut heads, cancel) {
                    Ok(()) if are_probabilities(&heads) => {
                        return Ok(Inference {
                            heads,
                            engine: active.engine.clone(),
                            lost,
                            took: entered.elapsed(),
                        });
                    }
                    Ok(()) => self.judge(&active, &heads, cancel)?,
                    Err(
                        e @ (Error::Cancelled | Error::Resources(_) | Error::OutOfMemory { .. }),
                    ) => return Err(e),
                    Err(e) => self.fall_back(&active, e)?,
                }
            }
            self.prepare(None, cancel)?;
            lost += entered.elapsed();
        }
    }

    /// Decides whether the case or the provider is at fault for an output that is no probability: a provider that still
    /// answers the self-test stays, and the case is refused with [`Error::VoxelRange`]; another is given up.
    fn judge(&self, active: &Arc<ActiveEngine>, heads: &[f32], cancel: &CancelToken) -> Result<()> {
        let session = &active.session;
        let names = self.bundle.manifest.heads.iter();
        let wrong = names.zip(heads).find(|(_, v)| !are_probabilities(&[**v]));
        let what = wrong.map_or_else(String::new, |(name, v)| format!("{name} is {v}"));
        match self.self_test(session, cancel, &|_| Ok(())) {
            Ok(_) => Err(Error::VoxelRange(format!(
                "{what} for this case, while {} in {} answers the self-test",
                session.provider.name(),
                session.precision.name()
            ))),
            Err(e @ (Error::Cancelled | Error::Resources(_) | Error::OutOfMemory { .. })) => Err(e),
            Err(e) => {
                let why = format!("{what} for a case, and {e}");
                let doing = "run the model";
                self.fall_back(active, Error::Runtime { doing, why })
            }
        }
    }

    /// Takes an engine that failed out of use, so that the next call prepares the next one of the policy.
    ///
    /// # Errors
    /// The failure itself if the policy has no other.
    fn fall_back(&self, failed: &Arc<ActiveEngine>, why: Error) -> Result<()> {
        let mut state = lock::write(&self.engine_state);
        let current = state.active.as_ref();
        if current.is_some_and(|c| Arc::ptr_eq(c, failed)) {
            let session = &failed.session;
            let given_up = session.skipped_providers.len() + 1;
            let allowed = attempts(&self.options.policy, &self.bundle).count();
            if given_up >= allowed {
                return Err(why);
            }
            log::warn!(target: "dlnms::runtime", "provider {} is given up: {why}", session.provider.name());
            state.given_up = session.skipped_providers.clone();
            state.given_up.push(SkippedProvider {
                provider: session.provider.name(),
                precision: session.precision,
                reason: format!("it failed while it ran: {why}"),
            });
            state.active = None;
        }
        Ok(())
    }
}
