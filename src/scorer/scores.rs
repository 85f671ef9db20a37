//! The result of a case: scores, what they rest on, and the engine that computed them.

use super::input_digests::InputDigests;
use crate::audit::Entry;
use crate::bundle::{Manifest, Precision, Signature};
use crate::case::CaseMetadata;
use crate::engine::CacheOutcome;
use crate::evidence::lesion::Lesion;
use crate::evidence::pictures::Pictures;
use crate::evidence::quality::Finding;
use crate::evidence::reference_region::References;
use crate::imaging::suv::SuvScale;
use crate::risk::RiskGroups;
use crate::runtime::Runtime;
use crate::runtime::provider::{InstructionSet, Kernels, Placement, Provider, SkippedProvider};
use std::sync::Arc;
use std::time::Duration;

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
    pub decision: Option<RiskGroups>,
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
    /// The pictures of a report, if the case asked for them: or why there are none.
    pub pictures: Option<std::result::Result<Pictures, String>>,
    /// What was known of the case beyond its voxels.
    pub metadata: CaseMetadata,
    /// The host's own name of the call.
    pub correlation_id: Option<String>,
    /// Digests of what was scored, if the case asked for them.
    pub digests: Option<InputDigests>,
    /// The line of the audit log, if one is kept.
    pub audit: Option<Entry>,
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
    /// The signature of the bundle, if it was verified.
    pub signature: Option<Signature>,
    /// Threads of a run, the calling thread among them.
    pub threads: usize,
    /// The provider asked for that took the model.
    pub provider: Provider,
    /// The arithmetic of the model.
    pub precision: Precision,
    /// Whose code computes the backbones.
    pub kernels: Kernels,
    /// Its instructions, where it is this library's.
    pub instruction_set: Option<InstructionSet>,
    /// Attempts before it in the policy.
    pub skipped_providers: Vec<SkippedProvider>,
    /// Nodes by provider, as ONNX Runtime reports.
    pub placement: Vec<Placement>,
    /// What the cache did for this start.
    pub cache: CacheOutcome,
    /// Largest deviation from the self-test vectors.
    pub self_test_max_difference: f64,
}

impl Engine {
    /// Returns the kernels as the command line names them, for example `dlnms:avx2`.
    #[must_use]
    pub fn kernels_name(&self) -> String {
        let kernels = self.kernels.name();
        match self.instruction_set {
            Some(set) => format!("{kernels}:{}", set.name()),
            None => kernels.into(),
        }
    }
}
