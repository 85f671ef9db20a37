//! All slow work before the first score, on a thread of its own, so that the caller's hears of it, and can end it,
//! however long ONNX Runtime keeps to itself.

use super::engine_state::ActiveEngine;
use super::options::{Phase, Progress};
use super::scores::Engine;
use super::shared::Scorer;
use crate::cancel::CancelToken;
use crate::engine::{Interrupt, Session, SessionConfig};
use crate::error::{Error, Result};
use crate::lock::{self, lock};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The host hears from a call this often at least.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// As much as a program's first thread has: compilers of graphs were written for that.
const STACK: usize = 8 << 20;

/// Reports a call's progress to the host and decides when the call is to end.
struct ProgressReporter<'p, 'c> {
    progress: Option<Progress<'p>>,
    cancel: &'c CancelToken,
    deadline: Option<Instant>,
}

impl ProgressReporter<'_, '_> {
    fn report(&mut self, (phase, fraction): ProgressStep) -> Result<()> {
        self.cancel.check()?;
        if self.deadline.is_some_and(|at| Instant::now() >= at) {
            return Err(Error::Deadline);
        }
        let go_on = self.progress.as_mut().is_none_or(|p| p(phase, fraction));
        if go_on { Ok(()) } else { Err(Error::Cancelled) }
    }
}

/// A phase and the fraction of it that is done.
type ProgressStep = (Phase, f32);

/// Held by the one thread that prepares; dropping it lets another.
struct PrepareGuard<'a>(&'a Scorer);

impl Drop for PrepareGuard<'_> {
    fn drop(&mut self) {
        *lock(&self.0.preparing) = None;
        self.0.prepared_or_not.notify_all();
    }
}

impl Scorer {
    /// Build the session, warm it up and compare it with the bundle's test vectors. Does nothing the second time.
    ///
    /// `progress` is called from this thread, at each step and every 100 ms; the work is done by another thread that ends
    /// with the call. Cancelling and [`ScorerOptions::prepare_timeout`](super::ScorerOptions) stop ONNX Runtime where it
    /// looks: between the parts of loading a model and the nodes of a run, not within the compiler of a GPU.
    ///
    /// # Errors
    /// [`Error::Busy`] from within `progress` of the same scorer's prepare; [`Error::Resources`] if the system refuses a thread,
    /// [`Error::Deadline`] and [`Error::Cancelled`]: after these it can be prepared again. [`Error::ProviderUnavailable`] with
    /// the reason of each provider of the policy, [`Error::SelfTest`] if the last one answers wrongly; the bundle's errors.
    pub fn prepare(&self, progress: Option<Progress>, cancel: &CancelToken) -> Result<()> {
        let timeout = self.options.prepare_timeout;
        let mut reporter = ProgressReporter {
            progress,
            cancel,
            deadline: timeout.and_then(|t| Instant::now().checked_add(t)),
        };
        if let Some(_guard) = self.begin_prepare(&mut reporter)? {
            let built = self.build_watched(&mut reporter);
            let mut state = lock::write(&self.engine_state);
            // What was given up is the engine's to tell; and if nothing is left, everything may be tried again.
            state.given_up.clear();
            state.active = Some(Arc::new(built?));
        }
        reporter.report((Phase::Ready, 1.0))
    }

    /// Waits until nobody prepares; `None` if there is nothing left to do.
    fn begin_prepare(
        &self,
        reporter: &mut ProgressReporter<'_, '_>,
    ) -> Result<Option<PrepareGuard<'_>>> {
        let mut busy = lock(&self.preparing);
        while let Some(thread) = *busy {
            // The host's progress callback: whoever builds waits for it to return.
            if thread == std::thread::current().id() {
                return Err(Error::Busy("this scorer"));
            }
            let waited = self.prepared_or_not.wait_timeout(busy, HEARTBEAT);
            busy = waited.map_or_else(|e| e.into_inner().0, |(busy, _)| busy);
            if busy.is_some() {
                drop(busy); // the host's code runs without our lock
                reporter.report((Phase::Load, 0.0))?;
                busy = lock(&self.preparing);
            }
        }
        if self.active_engine().is_some() {
            return Ok(None);
        }
        *busy = Some(std::thread::current().id());
        Ok(Some(PrepareGuard(self)))
    }

    /// Returns whether this thread is within a progress callback of this scorer's prepare, which waits for it to return.
    pub(crate) fn is_preparing_on_this_thread(&self) -> bool {
        *lock(&self.preparing) == Some(std::thread::current().id())
    }

    fn build_watched(&self, reporter: &mut ProgressReporter<'_, '_>) -> Result<ActiveEngine> {
        let (steps, heard) = channel();
        let interrupt = Arc::new(Interrupt::default());
        // The token ends the work at once, not at the next heartbeat.
        let _listening = reporter.cancel.listen(interrupt.clone())?;
        std::thread::scope(|scope| {
            let worker = std::thread::Builder::new()
                .name("dlnms-prepare".into())
                .stack_size(STACK)
                .spawn_scoped(scope, || self.build(steps, &interrupt))
                // Not on the calling thread instead: its stack may be too small, and nobody could end it at a deadline.
                .map_err(|e| Error::Resources(format!("a thread to prepare with: {e}")))?;
            let mut step = (Phase::Load, 0.0);
            let mut ended = Ok(());
            loop {
                match heard.recv_timeout(HEARTBEAT) {
                    Ok(next) => step = next,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if ended.is_ok() {
                    ended = reporter.report(step);
                    if ended.is_err() {
                        interrupt.stop();
                    }
                }
            }
            let built = match worker.join() {
                Ok(built) => built,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            // The worker may have failed of being stopped, in words of its own.
            ended.and_then(|()| reporter.cancel.check()).and(built)
        })
    }

    fn build(&self, steps: Sender<ProgressStep>, interrupt: &Interrupt) -> Result<ActiveEngine> {
        let step = |phase, fraction| {
            // Nobody listens any more only if the caller's thread panicked.
            let _ = steps.send((phase, fraction));
            interrupt.check()
        };
        step(Phase::Load, 0.0)?;
        let given_up = lock::read(&self.engine_state).given_up.clone();
        let config = SessionConfig {
            runtime: self.runtime,
            bundle: &self.bundle,
            policy: &self.options.policy,
            threads: self.threads(),
            spin: self.options.spin,
            cache: self.options.cache.as_deref(),
            given_up: &given_up,
            interrupt,
            building: &|| {
                let _ = steps.send((Phase::Build, 0.0));
            },
        };
        let session = Session::build(&config, &|session| {
            let cancel = interrupt.token();
            self.warm_up(session, cancel, &|done| step(Phase::WarmUp, done))?;
            self.self_test(session, cancel, &|done| step(Phase::SelfTest, done))
        })?;
        let engine = Arc::new(Engine {
            runtime: self.runtime,
            manifest: self.manifest.clone(),
            manifest_sha256: self.bundle.manifest_sha256.clone(),
            signature: self.bundle.signature.clone(),
            threads: session.threads,
            provider: session.provider,
            precision: session.precision,
            kernels: session.kernels,
            instruction_set: session.instruction_set,
            skipped_providers: session.skipped_providers.clone(),
            placement: session.placement.clone(),
            cache: session.cache.clone(),
            self_test_max_difference: session.self_test_max_difference,
        });
        Ok(ActiveEngine {
            session,
            engine,
            heads: Mutex::default(),
            reference: Mutex::default(),
        })
    }
}
