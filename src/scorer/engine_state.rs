//! The engine that a scorer runs cases with.

use super::scores::Engine;
use crate::engine::Session;
use crate::runtime::provider::SkippedProvider;
use std::sync::Arc;

/// The engine of a scorer, once there is one.
#[derive(Default)]
pub(super) struct EngineState {
    pub active: Option<Arc<ActiveEngine>>,
    /// What was ready once and failed, in the order of the policy's attempts.
    pub given_up: Vec<SkippedProvider>,
}

/// A session that passed its self-test.
pub(super) struct ActiveEngine {
    pub session: Session,
    pub engine: Arc<Engine>,
}
