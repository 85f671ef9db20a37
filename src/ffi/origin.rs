//! Where a case came from: what the page and the objects of its result are made with. Nothing, in a build without both.
#![cfg_attr(
    not(all(feature = "report", feature = "writers")),
    allow(dead_code, unused_variables)
)]

use crate::case::Case;
#[cfg(feature = "writers")]
use crate::imaging::StoredGrid;
#[cfg(feature = "writers")]
use crate::writers::{Grids, Identity};
#[cfg(feature = "dicom")]
use std::sync::Arc;

/// A study that a case came from.
#[cfg(feature = "dicom")]
pub(super) struct StudyOrigin {
    /// Whose it is, or why it cannot be told.
    #[cfg(feature = "writers")]
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
    #[cfg(feature = "dicom")]
    pub study: Option<Arc<StudyOrigin>>,
}

impl Origin {
    /// Returns the origin of a case of a study.
    pub fn new(case: &Case<'_>, #[cfg(feature = "dicom")] study: Option<Arc<StudyOrigin>>) -> Self {
        Self {
            #[cfg(feature = "writers")]
            grids: Grids {
                pet: StoredGrid::new(&case.pet.grid),
                ct: StoredGrid::new(&case.ct.grid),
            },
            #[cfg(feature = "dicom")]
            study,
        }
    }

    /// Returns what reading the study had to say.
    pub fn warnings(&self) -> &[String] {
        #[cfg(feature = "dicom")]
        let warnings = self.study.as_ref().map_or(&[][..], |s| &s.warnings);
        #[cfg(not(feature = "dicom"))]
        let warnings = &[];
        warnings
    }
}
