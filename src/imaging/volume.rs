//! Voxels read from files: the storage behind a [`VolumeView`] when the host has no volume of its own.

use super::{DType, ImageGrid, Rescale, VolumeView};
use crate::error::Result;

/// A volume decoded by this library: stored values as the file has them, i fastest, slices ascending.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Native-endian voxels.
    pub data: Vec<u8>,
    /// Element type.
    pub dtype: DType,
    /// Voxels along i, j, k.
    pub dims: [usize; 3],
    /// Centre of voxel (0,0,0), LPS mm.
    pub origin: [f64; 3],
    /// Voxel spacing in mm; the third is nominal when `slice_offsets` is not empty.
    pub spacing: [f64; 3],
    /// Columns are the index axes.
    pub direction: [[f64; 3]; 3],
    /// Distances of the slices from slice 0 where the steps are uneven, else empty.
    pub slice_offsets: Vec<f64>,
    /// One for each slice.
    pub slopes: Vec<f64>,
    /// One for the volume.
    pub intercept: f64,
    /// Closed range of stored values that are padding.
    pub padding: Option<[f64; 2]>,
}

impl Volume {
    /// Returns the grid.
    pub fn grid(&self) -> ImageGrid<'_> {
        ImageGrid {
            dims: self.dims,
            origin: self.origin,
            spacing: self.spacing,
            direction: self.direction,
            slice_offsets: (!self.slice_offsets.is_empty()).then_some(&self.slice_offsets),
        }
    }

    /// Returns a view of the voxels; `name` stands in errors.
    pub fn view(&self, name: &'static str) -> Result<VolumeView<'_>> {
        let mut view = VolumeView::packed(&self.data, self.dtype, self.grid(), name)?
            .with_rescale(Rescale::PerSlice {
                slopes: &self.slopes,
                intercept: self.intercept,
            })?;
        view.padding = self.padding;
        Ok(view)
    }
}
