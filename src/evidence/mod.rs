//! What is measured on the voxels of a case without the network: the lesion, PET metrics, CT diameters, reference regions
//! and quality checks.

mod isoline;
pub mod lesion;
pub mod lesion_mask;
pub mod pet_metrics;
pub mod pictures;
pub mod quality;
pub mod reference_region;
pub mod texture;
