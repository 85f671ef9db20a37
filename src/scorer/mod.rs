//! A case in, scores and evidence out.

mod batch;
mod exchange;
mod preprocess;

pub use exchange::*;
pub use preprocess::Planes;

use crate::bundle::{Bundle, Precision};
pub use crate::case::{Case, Facts, LesionRequest};
use crate::decision::Decision;
use crate::error::{Error, Result};
use crate::quality::Finding;
use crate::reference::References;
use crate::runtime::{Runtime, Session};
use crate::{lesion, quality, reference};
use preprocess::{Buffers, Checked};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

/// A bundle with a runtime. Share it: every method takes `&self` and may be called from any thread.
pub struct Scorer {
    bundle: Bundle,
    runtime: Runtime,
    options: ScorerOptions,
    prepared: OnceLock<Prepared>,
    /// Held while the session is built, so that it is built once.
    preparing: Mutex<()>,
    /// Kept so that warm calls allocate no tensors.
    buffers: Mutex<Vec<Buffers>>,
}

/// A case that was looked at.
struct Looked {
    checked: Checked,
    references: Option<References>,
    quality: Vec<Finding>,
}

/// How long the parts of a call took that came before the last.
struct Times {
    prepare: Duration,
    preprocess: Duration,
    queue: Duration,
    infer: Duration,
}

/// A session that passed its self-test.
struct Prepared {
    session: Session,
    engine: Arc<Engine>,
}

impl Scorer {
    /// Open and verify a bundle. The session is built by [`Scorer::prepare`], or by the first score.
    pub fn new(runtime: Runtime, bundle: &Path, options: ScorerOptions) -> Result<Self> {
        if options.threads > MAX_THREADS {
            return Err(Error::invalid(
                "threads",
                format!("{} is above {MAX_THREADS}", options.threads),
            ));
        }
        let bundle = match options.cache {
            None => Bundle::open(bundle),
            Some(_) => Bundle::open_without_models(bundle),
        }?;
        Ok(Self {
            bundle,
            runtime,
            options,
            prepared: OnceLock::new(),
            preparing: Mutex::new(()),
            buffers: Mutex::new(Vec::new()),
        })
    }

    /// Build the session, warm it up and compare it with the bundle's test vectors. Does nothing the second time.
    pub fn prepare(&self, mut progress: Option<Progress>, cancel: &CancelToken) -> Result<()> {
        let mut step = |phase, fraction| {
            cancel.check()?;
            let go_on = progress.as_mut().is_none_or(|tell| tell(phase, fraction));
            if go_on { Ok(()) } else { Err(Error::Cancelled) }
        };
        let _turn = lock(&self.preparing);
        if self.prepared.get().is_none() {
            let prepared = self.build(&mut step)?;
            let _ = self.prepared.set(prepared); // it was empty, and this is the one turn
        }
        step(Phase::Ready, 1.0)
    }

    fn build(&self, step: &mut dyn FnMut(Phase, f32) -> Result<()>) -> Result<Prepared> {
        step(Phase::Load, 0.0)?;
        let model = self
            .bundle
            .manifest
            .models
            .iter()
            .find(|m| m.precision == Precision::Fp32)
            .ok_or_else(|| Error::BundleManifest("models: none has precision fp32".into()))?;
        let session = Session::build(
            self.runtime,
            &self.bundle,
            model,
            &self.options.policy,
            self.threads(),
            self.options.cache.as_deref(),
        )?;
        let n_heads = self.bundle.manifest.heads.len();
        let mut heads = vec![0f32; n_heads];
        let cases: Vec<_> = self.bundle.self_test_cases().collect();
        const WARM_UP_RUNS: usize = 2;
        for run in 0..WARM_UP_RUNS {
            step(Phase::WarmUp, run as f32 / WARM_UP_RUNS as f32)?;
            session.run(cases[0].0, cases[0].1, &mut heads)?;
        }
        let mut worst = 0f64;
        for (i, (pet, ct, expected)) in cases.iter().enumerate() {
            step(Phase::SelfTest, i as f32 / cases.len() as f32)?;
            session.run(pet, ct, &mut heads)?;
            for (head, (got, want)) in heads.iter().zip(*expected).enumerate() {
                let difference = (f64::from(*got) - want).abs();
                worst = worst.max(difference);
                if difference > model.tolerance {
                    return Err(Error::SelfTest {
                        provider: session.provider.name().into(),
                        head: self.bundle.manifest.heads[head].clone(),
                        case: i,
                        difference,
                        tolerance: model.tolerance,
                    });
                }
            }
        }
        let engine = Arc::new(Engine {
            provider: session.provider,
            passed_over: session.passed_over.clone(),
            placement: session.placement.clone(),
            cache: session.cache.clone(),
            self_test_max_difference: worst,
        });
        Ok(Prepared { session, engine })
    }

    /// Score one case. Prepares first if nobody has; the timings say so.
    pub fn score(&self, case: &Case<'_>, cancel: &CancelToken) -> Result<Scores> {
        let start = Instant::now();
        cancel.check()?;
        let mut prepared = start;
        if self.prepared.get().is_none() {
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
            let session = &self.prepared()?.session;
            session.run(&buffers.pet, &buffers.ct, &mut heads)?;
            Ok(entered)
        });
        let inferred = Instant::now();
        lock(&self.buffers).push(buffers);
        let entered = outcome?;
        let times = Times {
            prepare: prepared - start,
            preprocess: preprocessed - prepared,
            queue: entered - preprocessed,
            infer: inferred - entered,
        };
        Ok(self.finish(case, looked, &heads, times))
    }

    /// Everything that can be refused, found or computed without sampling.
    fn look(&self, case: &Case<'_>) -> Result<Looked> {
        let checked = Checked::of(case)?;
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
            references,
            quality,
        })
    }

    fn finish(&self, case: &Case<'_>, looked: Looked, heads: &[f32], times: Times) -> Scores {
        let begun = Instant::now();
        let Looked {
            checked,
            references,
            quality,
        } = looked;
        let lesion = case.lesion.as_ref().map(|request| {
            lesion::of(case, &checked.roi, checked.factors(), request).map_err(|e| e.to_string())
        });
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
                queue: times.queue,
                infer: times.infer,
                finish: begun.elapsed(),
            },
        }
    }

    fn prepared(&self) -> Result<&Prepared> {
        let prepared = self.prepared.get();
        prepared.ok_or_else(|| Error::Internal("the session is gone".into()))
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
        self.prepared.get().map(|p| p.engine.clone())
    }

    /// Threads of the session's pool.
    pub fn threads(&self) -> usize {
        match self.options.threads {
            0 => std::thread::available_parallelism()
                .map_or(1, usize::from)
                .min(4),
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
