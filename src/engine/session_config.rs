//! What a session is built from.

use super::interrupt::Interrupt;
use crate::bundle::Bundle;
use crate::runtime::Runtime;
use crate::runtime::provider::{Policy, SkippedProvider};
use std::path::Path;

/// What a session is built from.
pub struct SessionConfig<'a> {
    /// The process's ONNX Runtime.
    pub runtime: Runtime,
    /// Model files and what they promise.
    pub bundle: &'a Bundle,
    /// Providers in order.
    pub policy: &'a Policy,
    /// Threads of the pool.
    pub threads: usize,
    /// The pool's threads spin between operators.
    pub spin: bool,
    /// Folder of the cache.
    pub cache: Option<&'a Path>,
    /// Attempts that are not to be made again, and why.
    pub given_up: &'a [SkippedProvider],
    /// Ends the building.
    pub interrupt: &'a Interrupt,
    /// Called when ONNX Runtime begins to build.
    pub building: &'a dyn Fn(),
}
