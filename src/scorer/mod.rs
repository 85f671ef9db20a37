//! A case in, scores and evidence out.

mod audit_record;
mod batch;
mod engine_state;
mod infer;
mod input_digests;
mod network_runs;
mod options;
mod prepare;
mod preprocess;
mod queue;
mod scores;
mod self_test;
mod shared;
mod single;
mod texture;

pub use crate::cancel::CancelToken;
pub use crate::case::{Case, CaseContext, CaseMetadata, LesionRequest};
pub use input_digests::InputDigests;
pub(crate) use network_runs::NetworkRuns;
pub use options::{Phase, Progress, ScorerOptions};
pub use preprocess::InputTensors;
pub use queue::{Queue, QueueId, Task};
pub use scores::{Engine, Scores, Timings};
pub use shared::Scorer;
pub use texture::texture;
