//! What goes into a scorer and what comes out.

use crate::bundle::{Manifest, Model, Precision};
use crate::engine::CacheOutcome;
use crate::evidence::lesion::Lesion;
use crate::evidence::quality::{Finding, QualityPolicy};
use crate::evidence::reference_region::References;
use crate::imaging::suv::SuvScale;
use crate::risk::Decision;
use crate::runtime::Runtime;
use crate::runtime::provider::{Kernels, PassedOver, Placement, Policy, Provider};
use std::path::PathBuf;
use std::sync::Arc;
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
    /// SHA-256 of the bundle's `manifest.json` in hexadecimal, which covers every file of the bundle; another bundle is
    /// refused as altered. `None`: any.
    pub expected_manifest_sha256: Option<String>,
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
            expected_manifest_sha256: None,
        }
    }
}

/// Steps of [`Scorer::prepare`](super::Scorer::prepare).
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
}

/// Told of each phase and the fraction done; returns `false` to cancel.
pub type Progress<'a> = &'a mut dyn FnMut(Phase, f32) -> bool;

/// How long each part of a call took. The parts sum to the total exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Implicit prepare; zero once the scorer is prepared.
    pub prepare: Duration,
    /// Overlap, centre, SUV factors and planes: what the network's input needs.
    pub preprocess: Duration,
    /// What is measured beside the scores: quality checks, and the lesion and the reference regions if the case asks for them.
    pub evidence: Duration,
    /// The network.
    pub infer: Duration,
    /// Risk groups and the result itself.
    pub finish: Duration,
}

impl Timings {
    /// Sum of the parts.
    pub fn total(&self) -> Duration {
        self.prepare + self.preprocess + self.evidence + self.infer + self.finish
    }
}

/// Scores of one case and what they rest on.
#[derive(Clone, Debug)]
pub struct Scores {
    /// Of occult N1 metastasis, 0 to 1.
    pub n1: f32,
    /// Of occult N2 metastasis, 0 to 1.
    pub n2: f32,
    /// One value for each of the manifest's heads.
    pub heads: Vec<f32>,
    /// Risk groups.
    pub decision: Decision,
    /// Centre used, LPS mm.
    pub center: [f64; 3],
    /// `point`, `box`, `mask` or `seed`.
    pub roi_kind: &'static str,
    /// SUV provenance; `None` when the host gave SUV.
    pub suv: Option<SuvScale>,
    /// What the quality checks found.
    pub quality: Vec<Finding>,
    /// The lesion's measures, if the case asked for them: or why there are none.
    pub lesion: Option<std::result::Result<Lesion, String>>,
    /// Liver and blood pool, if the case asked for them.
    pub references: Option<References>,
    /// The engine that computed these scores, whatever the scorer has gone over to since.
    pub engine: Arc<Engine>,
    /// Phases.
    pub timings: Timings,
}

/// A model of a bundle, loaded for one provider: what the provenance of a result names.
#[derive(Clone, Debug)]
pub struct Engine {
    /// The process's ONNX Runtime.
    pub runtime: Runtime,
    /// The manifest of the bundle that the model belongs to.
    pub manifest: Arc<Manifest>,
    /// SHA-256 of the manifest's file, lower-case hexadecimal.
    pub manifest_sha256: String,
    /// Threads of a run, the calling thread among them.
    pub threads: usize,
    /// The provider asked for that took the model.
    pub provider: Provider,
    /// The arithmetic of the model.
    pub precision: Precision,
    /// Whose code computes the backbones.
    pub kernels: Kernels,
    /// Attempts before it in the policy.
    pub passed_over: Vec<PassedOver>,
    /// Nodes by provider, as ONNX Runtime reports.
    pub placement: Vec<Placement>,
    /// What the cache did for this start.
    pub cache: CacheOutcome,
    /// Largest deviation from the self-test vectors.
    pub self_test_max_difference: f64,
}

impl Engine {
    /// Returns the manifest's entry of the model that runs.
    #[must_use]
    pub fn model(&self) -> Option<&Model> {
        self.manifest.model(self.precision)
    }
}
