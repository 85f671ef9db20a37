//! Texture of a region: the features of the Image Biomarker Standardisation Initiative (IBSI reference manual, version 11).
//!
//! Names are those of IBSI's tables of reference values: `stat_` statistics of intensities, `ih_` intensity histogram, `cm_`
//! co-occurrence, `rlm_` run lengths, `szm_` size zones, `ngt_` gray tone differences. A feature that a region does not define,
//! such as the skewness of equal values, is `None`.

mod cooccurrence;
mod gray_levels;
mod gray_tone_difference;
mod intensity;
mod resampled;
mod runs_and_zones;

pub use gray_levels::{DirectionalMerge, GrayLevels, MAX_LEVELS, SliceMerge};
pub use resampled::{ModalityTexture, Texture, TextureRequest, measure};

use crate::error::{Error, Result};
use serde::Serialize;

/// One feature of a region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feature {
    /// As in IBSI's tables: `cm_joint_entr_3D_comb`.
    pub name: String,
    /// `None` where the region does not define it.
    pub value: Option<f64>,
}

/// Returns the 18 statistics of the intensities of a region.
///
/// # Errors
/// [`Error::RoiEmpty`] without intensities.
pub fn intensity_features(values: &[f64]) -> Result<Vec<Feature>> {
    if values.is_empty() {
        return Err(Error::RoiEmpty);
    }
    let features = intensity::statistics(values);
    Ok(named("stat", intensity::STATISTICS, "", features))
}

/// Returns the features of the gray levels of a region: 23 of the histogram, 25 of co-occurrence, 16 of run lengths, 16 of size
/// zones and 5 of gray tone differences, the matrices merged as said.
#[must_use]
pub fn level_features(
    levels: &GrayLevels,
    directional: DirectionalMerge,
    slices: SliceMerge,
) -> Vec<Feature> {
    use {cooccurrence as cm, gray_tone_difference as ngt, runs_and_zones as runs};
    let (d, s) = (directional.tag(), slices.tag());
    let mut all = named("ih", intensity::HISTOGRAM, "", intensity::histogram(levels));
    all.extend(named(
        "cm",
        cm::FEATURES,
        d,
        cm::features(levels, directional),
    ));
    all.extend(named(
        "rlm",
        runs::RUN_FEATURES,
        d,
        runs::run_features(levels, directional),
    ));
    all.extend(named(
        "szm",
        runs::ZONE_FEATURES,
        s,
        runs::zone_features(levels, slices),
    ));
    all.extend(named(
        "ngt",
        ngt::FEATURES,
        s,
        ngt::features(levels, slices),
    ));
    all
}

fn named<const N: usize>(
    family: &str,
    names: [&str; N],
    merge: &str,
    values: [Option<f64>; N],
) -> Vec<Feature> {
    let feature = |(name, value): (&str, Option<f64>)| Feature {
        name: match merge {
            "" => format!("{family}_{name}"),
            _ => format!("{family}_{name}_{merge}"),
        },
        value,
    };
    names.into_iter().zip(values).map(feature).collect()
}
