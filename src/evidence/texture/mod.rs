//! Texture of a region: the features of the Image Biomarker Standardisation Initiative (IBSI reference manual, version 11).
//!
//! Names are those of IBSI's tables of reference values: `stat_` statistics of intensities, `ih_` intensity histogram, `cm_`
//! co-occurrence, `rlm_` run lengths, `szm_` size zones, `ngt_` gray tone differences. A feature that a region does not define,
//! such as the skewness of equal values, is `None`.

mod cooccurrence;
mod features;
mod gray_levels;
mod gray_tone_difference;
mod intensity;
mod resampled;
mod runs_and_zones;

pub use features::{Feature, intensity_features, level_features};
pub use gray_levels::{DirectionalMerge, GrayLevels, MAX_LEVELS, SliceMerge};
pub use resampled::{ModalityTexture, Texture, TextureRequest, measure};
