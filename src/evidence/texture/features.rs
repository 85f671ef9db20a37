//! The features of a region by name.

use super::gray_levels::{DirectionalMerge, GrayLevels, SliceMerge};
use super::{cooccurrence as cm, gray_tone_difference as ngt, intensity, runs_and_zones as runs};
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
