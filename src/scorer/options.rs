//! What a host decides about a scorer, and the progress that it is told.

use crate::audit::AuditOptions;
use crate::bundle::Pins;
use crate::evidence::quality::QualityPolicy;
use crate::runtime::provider::Policy;
use std::path::PathBuf;
use std::time::Duration;

/// Options of a [`Scorer`](super::Scorer).
#[derive(Clone, Debug)]
pub struct ScorerOptions {
    /// Providers that may run the model.
    pub policy: Policy,
    /// Threads of ONNX Runtime's pool, the calling thread among them; 0 is min(4, cores).
    pub threads: usize,
    /// Let the pool's threads spin between the operators of a run, and some milliseconds after it, instead of sleeping: some
    /// hundredths faster on the CPU, a tenth with ONNX Runtime's kernels, at the price of the cores for whoever else wants them.
    pub spin: bool,
    /// What is done about findings of the quality checks.
    pub quality: QualityPolicy,
    /// Folder where providers keep what they made of the model, for a faster next start; `None` keeps nothing.
    pub cache: Option<PathBuf>,
    /// How long [`Scorer::prepare`](super::Scorer::prepare) may take; `None` as long as it takes.
    pub prepare_timeout: Option<Duration>,
    /// What the bundle must be: its digest, and whose signature it must have.
    pub pins: Pins,
    /// The audit log to which a line is added for each case; `None`: none is kept.
    pub audit: Option<AuditOptions>,
}

impl Default for ScorerOptions {
    fn default() -> Self {
        Self {
            policy: Policy::auto(),
            threads: 0,
            spin: false,
            quality: QualityPolicy::default(),
            cache: None,
            prepare_timeout: None,
            pins: Pins::default(),
            audit: None,
        }
    }
}

/// Steps of [`Scorer::prepare`](super::Scorer::prepare) and of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Phase {
    /// The model's file is found and verified, or another thread's prepare is waited for.
    Load = 1,
    /// First runs, which allocate.
    WarmUp = 2,
    /// The bundle's test vectors are run and compared.
    SelfTest = 3,
    /// All done.
    Ready = 4,
    /// ONNX Runtime builds a session for a provider; comes after `Load`, once for each attempt. 5 is decoding, in C.
    Build = 6,
    /// The network is run on changed copies of a case, to explain its scores.
    Explain = 7,
}

/// Called with each phase and the fraction done of it; returns `false` to cancel.
pub type Progress<'a> = &'a mut dyn FnMut(Phase, f32) -> bool;
