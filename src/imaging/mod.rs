//! Images and everything that is computed on them alone: grids, voxels, SUV, regions of interest, and the samples that the
//! network sees.
//!
//! As in ITK, geometry is kept apart from pixels: [`ImageGrid`] holds where voxels are, [`VolumeView`] what they are worth.

mod image_grid;
mod probe;
pub mod roi;
pub mod sampler;
mod stored_grid;
pub mod suv;
mod volume;
mod volume_view;

pub(crate) use image_grid::inside;
pub use image_grid::{IDENTITY, ImageGrid, MAX_DIM};
pub(crate) use probe::Probe;
pub use stored_grid::StoredGrid;
pub use volume::Volume;
pub use volume_view::{DType, Rescale, VolumeView, extent};
pub(crate) use volume_view::{Voxel, with_voxel_type};
