//! A case in, scores and evidence out.

mod batch;
mod engine_state;
mod infer;
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
pub use crate::case::{Case, CaseMetadata, LesionRequest};
pub(crate) use network_runs::NetworkRuns;
pub use options::{Phase, Progress, ScorerOptions};
pub use preprocess::InputTensors;
pub use queue::{Queue, QueueId, Task};
pub use scores::{Engine, Scores, Timings};
pub use shared::Scorer;
pub use texture::texture;
