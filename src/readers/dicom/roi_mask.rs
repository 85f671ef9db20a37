//! The mask that an ROI makes on a grid.

use crate::imaging::Volume;

/// The mask of an ROI.
#[derive(Clone, Debug)]
pub struct RoiMask {
    /// Bytes, 1 where a voxel belongs.
    pub volume: Volume,
    /// Contours of one plane overlap in part and were joined: [`CaseMetadata::contours_overlap`](crate::case::CaseMetadata).
    pub contours_overlap: bool,
    /// Frame of Reference UID, if it is known.
    pub frame_of_reference: Option<String>,
}
