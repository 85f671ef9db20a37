//! Voxels the host owns, looked at in place: any dtype, any strides, never copied whole.
//!
//! As in ITK, geometry is kept apart from pixels: [`Geometry`] knows where, [`VolumeView`] knows what.

mod geometry;
mod owned;
mod probe;
mod view;

pub(crate) use geometry::inside;
pub use geometry::{Geometry, IDENTITY, MAX_DIM};
pub use owned::Volume;
pub(crate) use probe::Probe;
pub use view::{DType, Rescale, VolumeView, extent};
pub(crate) use view::{Voxel, with_voxel_type};
