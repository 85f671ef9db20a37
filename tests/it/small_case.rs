//! A small case in memory that any bundle scores.

use dlnms::imaging::roi::Roi;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::scorer::Case;

const SMALL: usize = 60;

/// Returns the voxels of both volumes of [`small_case`].
pub fn voxels() -> Vec<u8> {
    (0..SMALL.pow(3)).map(|n| (n % 97) as u8).collect()
}

/// Builds a case whose CT and PET are these voxels, 180 mm across, around the origin.
pub fn small_case(voxels: &[u8]) -> Case<'_> {
    let grid = ImageGrid {
        dims: [SMALL; 3],
        origin: [-90.0; 3],
        spacing: [3.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let view = |name| VolumeView::packed(voxels, DType::U8, grid, name).unwrap();
    Case::new(view("ct"), view("pet"), Roi::Point([0.0; 3]))
}
