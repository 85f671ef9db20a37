//! A loaded model on one provider: what loads it, the tensors bound to it, the cache of what a provider made of it, and where
//! its nodes really run.

#[cfg_attr(not(target_arch = "x86_64"), path = "backbones/elsewhere.rs")]
mod backbones;
mod cache;
mod file_limit;
mod graph;
mod interrupt;
mod lane;
mod model_file;
mod placement;
mod pool;
mod private_folder;
mod references;
mod request;
mod session;
mod wire;

pub use cache::CacheOutcome;
pub use interrupt::Interrupt;
pub use session::{Plan, Session, are_probabilities, attempts};

/// Examines a model, takes it apart and throws it away: for the fuzzer.
#[doc(hidden)]
pub fn take_apart(mut model: &[u8]) -> Result<(), String> {
    let _ = references::refuse(model, "weights.bin");
    let bytes = model.len() as u64;
    backbones::take_apart(&mut model, bytes)
}
