//! A case in, scores and evidence out.

mod batch;
mod exchange;
mod prepare;
mod preprocess;
mod queue;

pub use exchange::*;
pub use preprocess::Planes;
pub use queue::{Queue, Task};

use crate::bundle::Bundle;
pub use crate::cancel::CancelToken;
pub use crate::case::{Case, Facts, LesionRequest};
use crate::decision::Decision;
use crate::error::{Error, Result};
use crate::lesion::Lesion;
use crate::quality::Finding;
use crate::reference::References;
use crate::runtime::provider::PassedOver;
use crate::runtime::{Runtime, Session, attempts};
use crate::{lesion, quality, reference};
use preprocess::{Buffers, Checked};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};
use std::time::{Duration, Instant};

/// A bundle with a runtime. Share it: every method takes `&self` and may be called from any thread.
pub struct Scorer {
    bundle: Bundle,
    runtime: Runtime,
    options: ScorerOptions,
    ready: RwLock<Readiness>,
    /// Whether a thread is building the session, so that it is built once.
    preparing: Mutex<bool>,
    /// Told when it is not any more.
    prepared_or_not: Condvar,
    /// Kept so that warm calls allocate no tensors.
    buffers: Mutex<Vec<Buffers>>,
}

/// A case that was looked at.
struct Looked {
    checked: Checked,
    lesion: Option<std::result::Result<Lesion, String>>,
    references: Option<References>,
    quality: Vec<Finding>,
    /// How long the lesion, the references and the quality checks took.
    took: Duration,
}

/// How long the parts of a call took that came before the last.
struct Times {
    prepare: Duration,
    preprocess: Duration,
    evidence: Duration,
    queue: Duration,
    infer: Duration,
}

/// What can be scored with, if anything.
#[derive(Default)]
struct Readiness {
    prepared: Option<Arc<Prepared>>,
    /// What was ready once and failed, in the order of the policy's attempts.
    given_up: Vec<PassedOver>,
}

/// A session that passed its self-test.
struct Prepared {
    session: Session,
    engine: Arc<Engine>,
}

impl Scorer {
    /// Open a bundle. Its model is verified and the session built by [`Scorer::prepare`], or by the first score.
    pub fn new(runtime: Runtime, bundle: &Path, options: ScorerOptions) -> Result<Self> {
        if options.threads > MAX_THREADS {
            return Err(Error::invalid(
                "threads",
                format!("{} is above {MAX_THREADS}", options.threads),
            ));
        }
        for entry in &options.policy.entries {
            entry.validate()?;
        }
        Ok(Self {
            bundle: Bundle::open_without_models(
                bundle,
                options.expected_manifest_sha256.as_deref(),
            )?,
            runtime,
            options,
            ready: RwLock::default(),
            preparing: Mutex::new(false),
            prepared_or_not: Condvar::new(),
            buffers: Mutex::new(Vec::new()),
        })
    }

    /// Score one case. Prepares first if nobody has; the timings say so.
    pub fn score(&self, case: &Case<'_>, cancel: &CancelToken) -> Result<Scores> {
        let start = Instant::now();
        cancel.check()?;
        let mut prepared = start;
        if self.prepared().is_none() {
            // Bad input should fail before half a second is spent on a session for it.
            Checked::of(case)?;
            self.prepare(None, cancel)?;
            prepared = Instant::now();
        }

        let looked = self.look(case)?;
        let mut buffers = self.buffers();
        let spec = &self.bundle.manifest.preprocessing;
        let planes = buffers.fill(spec, case, &looked.checked);
        let preprocessed = Instant::now();
        let mut heads = vec![0f32; self.bundle.manifest.heads.len()];
        let outcome = planes.and_then(|()| {
            cancel.check()?;
            let entered = Instant::now();
            let run = self.infer([&buffers.pet, &buffers.ct], &mut heads, cancel)?;
            Ok((entered, run))
        });
        lock(&self.buffers).push(buffers);
        let (entered, (again, infer)) = outcome?;
        let times = Times {
            prepare: prepared - start + again,
            preprocess: (preprocessed - prepared).saturating_sub(looked.took),
            evidence: looked.took,
            queue: entered - preprocessed,
            infer,
        };
        Ok(self.finish(case, looked, &heads, times))
    }

    /// Run the network on one case; where its provider fails, with the next of the policy. How long went into providers that
    /// failed and into preparing others, and how long the run took.
    fn infer(
        &self,
        tensors: [&[f32]; 2],
        heads: &mut [f32],
        cancel: &CancelToken,
    ) -> Result<(Duration, Duration)> {
        let mut lost = Duration::ZERO;
        loop {
            let entered = Instant::now();
            // Another call may have given up what this one was prepared with.
            if let Some(ready) = self.prepared() {
                match ready.session.run(&[tensors], heads) {
                    Ok(()) => return Ok((lost, entered.elapsed())),
                    Err(e) => self.give_up(&ready, e)?,
                }
            }
            self.prepare(None, cancel)?;
            lost += entered.elapsed();
        }
    }

    /// Use what failed no more, if the policy has another; else that was the failure.
    fn give_up(&self, failed: &Arc<Prepared>, why: Error) -> Result<()> {
        let mut ready = self.ready.write().unwrap_or_else(|e| e.into_inner());
        let current = ready.prepared.as_ref();
        if current.is_some_and(|c| Arc::ptr_eq(c, failed)) {
            let session = &failed.session;
            let given_up = session.passed_over.len() + 1;
            let allowed = attempts(&self.options.policy, &self.bundle).count();
            if given_up >= allowed {
                return Err(why);
            }
            log::warn!(target: "dlnms::runtime", "provider {} is given up: {why}", session.provider.name());
            ready.given_up = session.passed_over.clone();
            ready.given_up.push(PassedOver {
                provider: session.provider.name(),
                precision: session.precision,
                reason: format!("it failed while it ran: {why}"),
            });
            ready.prepared = None;
        }
        Ok(())
    }

    /// Everything that can be refused, found or computed without sampling.
    fn look(&self, case: &Case<'_>) -> Result<Looked> {
        let checked = Checked::of(case)?;
        let begun = Instant::now();
        let lesion = case.lesion.as_ref().map(|request| {
            lesion::of(case, &checked.roi, checked.factors(), request).map_err(|e| e.to_string())
        });
        let request = case.references.as_ref();
        let references = request.map(|r| reference::of(case, checked.factors(), r));
        let quality = quality::check(
            case,
            &checked.roi,
            checked.suv.as_ref(),
            references.as_ref(),
            &self.bundle.manifest.preprocessing,
            &self.options.quality,
        )?;
        Ok(Looked {
            checked,
            lesion,
            references,
            quality,
            took: begun.elapsed(),
        })
    }

    fn finish(&self, case: &Case<'_>, looked: Looked, heads: &[f32], times: Times) -> Scores {
        let begun = Instant::now();
        let Looked {
            checked,
            lesion,
            references,
            quality,
            took: _,
        } = looked;
        let manifest = &self.bundle.manifest;
        let head = |name| manifest.head(name).map_or(f32::NAN, |i| heads[i]);
        let (n1, n2) = (head("n1"), head("n2"));
        Scores {
            n1,
            n2,
            heads: heads.to_vec(),
            decision: Decision::of(n1, n2, &manifest.cutoffs),
            center: checked.roi.center,
            roi_kind: case.roi.kind(),
            suv: checked.suv,
            quality,
            lesion,
            references,
            timings: Timings {
                prepare: times.prepare,
                preprocess: times.preprocess,
                evidence: times.evidence,
                queue: times.queue,
                infer: times.infer,
                finish: begun.elapsed(),
            },
        }
    }

    fn prepared(&self) -> Option<Arc<Prepared>> {
        let ready = self.ready.read().unwrap_or_else(|e| e.into_inner());
        ready.prepared.clone()
    }

    /// Memory for one call, used before if there is any.
    fn buffers(&self) -> Buffers {
        let used = lock(&self.buffers).pop();
        used.unwrap_or_else(|| Buffers::new(&self.bundle.manifest.preprocessing))
    }

    /// The two tensors the network would see. Needs no session, so no prepare.
    pub fn planes(&self, case: &Case<'_>) -> Result<Planes> {
        Planes::of(&self.bundle.manifest.preprocessing, case)
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The runtime.
    pub fn runtime(&self) -> Runtime {
        self.runtime
    }

    /// What runs the model; `None` before prepare.
    pub fn engine(&self) -> Option<Arc<Engine>> {
        self.prepared().map(|p| p.engine.clone())
    }

    /// Whether they spin.
    pub fn spins(&self) -> bool {
        self.options.spin
    }

    /// Threads of the session's pool.
    pub fn threads(&self) -> usize {
        match self.options.threads {
            0 => crate::parallel::default_threads(),
            n => n,
        }
    }
}

/// More threads than this are a mistake in the options.
const MAX_THREADS: usize = 256;

/// A lock whose holder panicked guards nothing that could be half-written: sessions and buffers are replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
