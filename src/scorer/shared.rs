//! The scorer itself: a bundle, a runtime, and what its calls share.

use super::engine_state::{ActiveEngine, EngineState};
use super::options::ScorerOptions;
use super::preprocess::{Buffers, InputTensors, ValidatedCase};
use super::scores::Engine;
use crate::audit::AuditLog;
use crate::bundle::{Bundle, Manifest};
use crate::case::Case;
use crate::error::{Error, Result};
use crate::lock;
use crate::runtime::Runtime;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::thread::ThreadId;

/// More threads than this are a mistake in the options.
const MAX_THREADS: usize = 256;

/// A bundle with a runtime. Share it: every method takes `&self` and may be called from any thread.
pub struct Scorer {
    pub(super) bundle: Bundle,
    /// The bundle's, for every engine to name.
    pub(super) manifest: Arc<Manifest>,
    pub(super) runtime: Runtime,
    pub(super) options: ScorerOptions,
    pub(super) audit: Option<AuditLog>,
    pub(super) engine_state: RwLock<EngineState>,
    /// The thread whose call is building the session, so that it is built once.
    pub(super) preparing: Mutex<Option<ThreadId>>,
    /// Notified when that thread has ended its work.
    pub(super) prepared_or_not: Condvar,
    /// Kept so that warm calls allocate no tensors.
    pub(super) buffers: Mutex<Vec<Buffers>>,
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
        let bundle = Bundle::open_without_models(bundle, &options.pins)?;
        let audit = options.audit.as_ref().map(AuditLog::open).transpose()?;
        Ok(Self {
            audit,
            manifest: Arc::new(bundle.manifest.clone()),
            bundle,
            runtime,
            options,
            engine_state: RwLock::default(),
            preparing: Mutex::new(None),
            prepared_or_not: Condvar::new(),
            buffers: Mutex::new(Vec::new()),
        })
    }

    /// The engine that is in use; `None` before prepare and after the one in use failed.
    pub(super) fn active_engine(&self) -> Option<Arc<ActiveEngine>> {
        lock::read(&self.engine_state).active.clone()
    }

    /// Memory for one call, used before if there is any.
    pub(super) fn buffers(&self) -> Result<Buffers> {
        let used = lock::lock(&self.buffers).pop();
        used.map_or_else(|| Buffers::new(&self.bundle.manifest.preprocessing), Ok)
    }

    /// The two tensors the network would see. Needs no session, so no prepare.
    pub fn planes(&self, case: &Case<'_>) -> Result<InputTensors> {
        InputTensors::new(&self.bundle.manifest.preprocessing, case)
    }

    /// The centre of the planes, LPS mm. Needs no session, so no prepare.
    ///
    /// # Errors
    /// Those of [`Scorer::planes`] that do not depend on what is sampled.
    pub fn center(&self, case: &Case<'_>) -> Result<[f64; 3]> {
        Ok(ValidatedCase::new(case)?.roi.center)
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
        self.active_engine().map(|p| p.engine.clone())
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
