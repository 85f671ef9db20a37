//! The engine that a scorer runs cases with.

use super::scores::Engine;
use crate::engine::{Heads, ReferenceStatistics, Session};
use crate::runtime::provider::SkippedProvider;
use std::sync::{Arc, Mutex};

/// The heads of an engine in double precision, or why it has none to be trusted.
pub(crate) type CheckedHeads = std::result::Result<Arc<Heads>, String>;

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
    /// The heads in double precision, once an explanation has read and checked them.
    pub heads: Mutex<Option<CheckedHeads>>,
    /// The statistics of the training cases, likewise; within, `None` for a bundle without them.
    pub reference: Mutex<Option<Option<Arc<ReferenceStatistics>>>>,
}
