//! Where a case came from: what its result is written with. Nothing, in a build without writers.

#[cfg(feature = "writers")]
use crate::case::Case;
#[cfg(feature = "writers")]
use crate::imaging::StoredGrid;
#[cfg(feature = "writers")]
use crate::writers::{Grids, Identity};
#[cfg(feature = "writers")]
use std::sync::Arc;

/// A study that a case came from.
#[cfg(feature = "writers")]
pub(super) struct StudyOrigin {
    /// Whose it is, or why it cannot be told.
    pub identity: Result<Identity, String>,
    /// What reading it had to say.
    pub warnings: Vec<String>,
}

/// Where a case came from.
#[derive(Clone)]
pub(super) struct Origin {
    /// Where its volumes lie.
    #[cfg(feature = "writers")]
    pub grids: Grids,
    /// The study that it was filled from; `None` for volumes of the host's own.
    #[cfg(feature = "writers")]
    pub study: Option<Arc<StudyOrigin>>,
}

#[cfg(feature = "writers")]
impl Origin {
    /// Returns the origin of a case of a study.
    pub fn new(case: &Case<'_>, study: Option<Arc<StudyOrigin>>) -> Self {
        Self {
            grids: Grids {
                pet: StoredGrid::new(&case.pet.grid),
                ct: StoredGrid::new(&case.ct.grid),
            },
            study,
        }
    }
}
