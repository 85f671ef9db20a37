//! A loaded model on one provider: what loads it, the tensors bound to it, the cache of what a provider made of it, and where
//! its nodes really run.

mod backbones;
mod batch_size;
mod bound_tensors;
mod cache;
mod failures;
mod file_limit;
mod graphics;
mod hashing_reader;
mod heads;
mod interrupt;
mod loaded_model;
mod model_file;
mod model_loader;
mod placement;
mod pool;
mod pooled;
mod private_folder;
mod protobuf;
mod reference_statistics;
mod references;
mod session;
mod session_config;

pub use cache::CacheOutcome;
pub use heads::{Heads, HiddenSums, probability};
pub use interrupt::Interrupt;
pub use pooled::{Pooled, PooledTensor};
pub use reference_statistics::{ReferencePosition, ReferenceStatistics};
pub use session::{Session, are_probabilities, attempts};
pub use session_config::SessionConfig;

/// Looks in a graph for references to other files than these: for the fuzzer.
#[doc(hidden)]
pub fn check_references(graph: &[u8], files: &[&crate::bundle::BundleFile]) -> Result<(), String> {
    references::check(graph, files)
}
