//! A case in, scores and evidence out.

mod batch;
mod exchange;
mod infer;
mod prepare;
mod preprocess;
mod queue;
mod self_test;

pub use exchange::*;
pub use preprocess::Planes;
pub use queue::{Queue, QueueId, Task};

use crate::allocation;
use crate::bundle::{Bundle, Manifest};
pub use crate::cancel::CancelToken;
pub use crate::case::{Case, CaseMetadata, LesionRequest};
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::evidence::lesion::Lesion;
use crate::evidence::quality::Finding;
use crate::evidence::reference_region::References;
use crate::evidence::{lesion, quality, reference_region};
use crate::risk::Decision;
use crate::runtime::Runtime;
use crate::runtime::provider::PassedOver;
use infer::Inference;
use preprocess::{Buffers, Checked};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// A bundle with a runtime. Share it: every method takes `&self` and may be called from any thread.
pub struct Scorer {
    bundle: Bundle,
    /// The bundle's, for every engine to name.
    manifest: Arc<Manifest>,
    runtime: Runtime,
    options: ScorerOptions,
    ready: RwLock<Readiness>,
    /// The thread whose call is building the session, so that it is built once.
    preparing: Mutex<Option<ThreadId>>,
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

/// Memory that looking for the reference regions takes: a copy of the CT at a coarse step, and the marks of lung and liver.
const REFERENCES_BYTES: usize = 64 << 20;

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
        let bundle =
            Bundle::open_without_models(bundle, options.expected_manifest_sha256.as_deref())?;
        Ok(Self {
            manifest: Arc::new(bundle.manifest.clone()),
            bundle,
            runtime,
            options,
            ready: RwLock::default(),
            preparing: Mutex::new(None),
            prepared_or_not: Condvar::new(),
            buffers: Mutex::new(Vec::new()),
        })
    }

    /// Scores one case. Prepares first if nobody has; the timings say so. The token ends the call within 100 ms, also while
    /// the network runs.
    ///
    /// # Errors
    /// Those of [`Scorer::prepare`]; whatever the case is refused for; [`Error::VoxelRange`] if the network's output for it is
    /// no probability while the provider answers the self-test; [`Error::Resources`] if memory for the run is short.
    pub fn score(&self, case: &Case<'_>, cancel: &CancelToken) -> Result<Scores> {
        let outcome = self.score_unlogged(case, cancel);
        log_outcome(&outcome);
        outcome
    }

    fn score_unlogged(&self, case: &Case<'_>, cancel: &CancelToken) -> Result<Scores> {
        let start = Instant::now();
        cancel.check()?;
        let mut prepared = start;
        if self.prepared().is_none() {
            // Bad input should fail before half a second is spent on a session for it.
            Checked::of(case)?;
            self.prepare(None, cancel)?;
            prepared = Instant::now();
        }

        let looked = self.look(case, self.threads())?;
        let mut buffers = self.buffers()?;
        let spec = &self.bundle.manifest.preprocessing;
        let planes = buffers.fill(spec, case, &looked.checked);
        let preprocessed = Instant::now();
        let outcome = planes.and_then(|()| {
            cancel.check()?;
            self.infer([&buffers.pet, &buffers.ct], cancel)
        });
        lock(&self.buffers).push(buffers);
        let inference = outcome?;
        let times = Times {
            prepare: prepared - start + inference.lost,
            preprocess: (preprocessed - prepared).saturating_sub(looked.took),
            evidence: looked.took,
            infer: inference.took,
        };
        let Inference { engine, heads, .. } = inference;
        Ok(self.finish(case, looked, engine, heads, times))
    }

    /// Everything that can be refused, found or computed without sampling, on at most so many threads.
    fn look(&self, case: &Case<'_>, threads: usize) -> Result<Looked> {
        let copy = usize::from(case.references.is_some()) * REFERENCES_BYTES;
        allocation::headroom(copy, "what is measured of a case")?;
        let mut checked = Checked::of(case)?;
        let begun = Instant::now();
        let lesion = case.lesion.as_ref().map(|request| {
            lesion::measure(case, &checked.roi, checked.factors(), request)
                .map_err(|e| e.to_string())
        });
        if let Some(Ok(lesion)) = &lesion {
            let missed = &mut checked.roi.lesion_missed_by_mm;
            *missed = missed.or(lesion.missed_by_mm);
        }
        let request = case.references.as_ref();
        let references =
            request.map(|r| reference_region::measure(case, checked.factors(), r, threads));
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

    fn finish(
        &self,
        case: &Case<'_>,
        looked: Looked,
        engine: Arc<Engine>,
        heads: Vec<f32>,
        times: Times,
    ) -> Scores {
        let begun = Instant::now();
        let Looked {
            checked,
            lesion,
            references,
            quality,
            took: _,
        } = looked;
        let manifest = &self.bundle.manifest;
        let head = |name| manifest.head(name).and_then(|i| heads.get(i).copied());
        let [n1, n2] = ["n1", "n2"].map(|name| head(name).unwrap_or(f32::NAN));
        Scores {
            n1,
            n2,
            heads,
            decision: Decision::of(n1, n2, &manifest.cutoffs),
            center: checked.roi.center,
            roi_kind: case.roi.kind(),
            suv: checked.suv,
            quality,
            lesion,
            references,
            engine,
            timings: Timings {
                prepare: times.prepare,
                preprocess: times.preprocess,
                evidence: times.evidence,
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
    fn buffers(&self) -> Result<Buffers> {
        let used = lock(&self.buffers).pop();
        used.map_or_else(|| Buffers::new(&self.bundle.manifest.preprocessing), Ok)
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

/// Writes the one line of a case into the log; nothing of its patient or its files.
fn log_outcome(outcome: &Result<Scores>) {
    match outcome {
        Ok(scores) => {
            let Engine {
                provider,
                precision,
                kernels,
                ..
            } = &*scores.engine;
            log::info!(
                target: "dlnms::scorer",
                "case scored by {} in {} with kernels of {} in {:.1} ms, {} findings",
                provider.name(),
                precision.name(),
                kernels.name(),
                scores.timings.total().as_secs_f64() * 1e3,
                scores.quality.len()
            );
        }
        Err(e) => log::info!(target: "dlnms::scorer", "case refused: {e}"),
    }
}

/// More threads than this are a mistake in the options.
const MAX_THREADS: usize = 256;

/// A lock whose holder panicked guards nothing that could be half-written: sessions and buffers are replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
