//! What the paper leaves unpublished: the preprocessing as data, read from the bundle's manifest.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The whole preprocessing of NUMERICS 1. Nothing here is a constant in code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessSpec {
    /// Patient frame of the sample axes; `"LPS"`.
    pub frame: String,
    /// Definition of the centre; `"point_or_mask_centroid"`.
    pub center: String,
    /// Distance between samples, mm.
    pub spacing_mm: f64,
    /// Samples per plane and axis.
    pub samples: usize,
    /// Index of the sample that lies exactly on the centre.
    pub center_index: usize,
    /// The planes, one for each input channel.
    pub channels: Vec<Channel>,
    /// `"trilinear"`.
    pub interpolation: String,
    /// Pixels per axis after the resize.
    pub output: usize,
    /// `"bilinear_align_corners"`.
    pub resize: String,
    /// PET values.
    pub pet: Intensity,
    /// CT values.
    pub ct: Intensity,
}

/// One plane through the centre.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// `"axial"`, `"coronal"` or `"sagittal"`; a name for reports, the axes decide.
    pub plane: String,
    /// Patient axis that grows from row to row.
    pub rows: SignedAxis,
    /// Patient axis that grows from column to column.
    pub columns: SignedAxis,
}

/// A patient axis with a sense: `"+L"`, `"-S"` ...
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum SignedAxis {
    #[serde(rename = "+L")]
    Left,
    #[serde(rename = "-L")]
    Right,
    #[serde(rename = "+P")]
    Posterior,
    #[serde(rename = "-P")]
    Anterior,
    #[serde(rename = "+S")]
    Superior,
    #[serde(rename = "-S")]
    Inferior,
}

impl SignedAxis {
    /// All six, in the order of their discriminants.
    pub const ALL: [SignedAxis; 6] = [
        SignedAxis::Left,
        SignedAxis::Right,
        SignedAxis::Posterior,
        SignedAxis::Anterior,
        SignedAxis::Superior,
        SignedAxis::Inferior,
    ];

    /// 0, 1, 2 for L, P, S.
    pub fn axis(self) -> usize {
        match self {
            SignedAxis::Left | SignedAxis::Right => 0,
            SignedAxis::Posterior | SignedAxis::Anterior => 1,
            SignedAxis::Superior | SignedAxis::Inferior => 2,
        }
    }

    /// +1 or -1.
    pub fn sign(self) -> f64 {
        match self {
            SignedAxis::Left | SignedAxis::Posterior | SignedAxis::Superior => 1.0,
            _ => -1.0,
        }
    }
}

/// How one modality's values become network input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intensity {
    /// `"HU"` or `"SUVbw"`.
    pub unit: String,
    /// Value of samples outside the volume.
    pub outside: f64,
    /// Values below this are padding, whatever the header says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding_below: Option<f64>,
    /// What padding becomes before interpolation; absent: padding is not replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding_replacement: Option<f64>,
    /// Voxel values are clipped to this range before interpolation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<[f64; 2]>,
    /// Subtracted last.
    pub mean: f64,
    /// Divided by last.
    pub std: f64,
}

/// Largest plane a manifest may ask for: keeps memory bounded whatever the file says.
const MAX_SAMPLES: usize = 1024;

impl PreprocessSpec {
    /// Side of a plane, mm.
    pub fn window_mm(&self) -> f64 {
        self.samples as f64 * self.spacing_mm
    }

    /// Refuse what this library does not implement, naming the field.
    pub fn validate(&self) -> Result<()> {
        let refuse = |field: &str, why: String| {
            Err(Error::BundleManifest(format!(
                "preprocessing.{field}: {why}"
            )))
        };
        let only = |field: &str, got: &str, known: &str| {
            if got == known {
                Ok(())
            } else {
                refuse(field, format!("{got:?} is unknown, only {known:?} is"))
            }
        };
        only("frame", &self.frame, "LPS")?;
        only("center", &self.center, "point_or_mask_centroid")?;
        only("interpolation", &self.interpolation, "trilinear")?;
        only("resize", &self.resize, "bilinear_align_corners")?;
        only("pet.unit", &self.pet.unit, "SUVbw")?;
        only("ct.unit", &self.ct.unit, "HU")?;
        if !(self.spacing_mm.is_finite() && self.spacing_mm > 0.0) {
            return refuse("spacing_mm", format!("{} is not positive", self.spacing_mm));
        }
        if !(2..=MAX_SAMPLES).contains(&self.samples) {
            return refuse(
                "samples",
                format!("{} is not in 2..{MAX_SAMPLES}", self.samples),
            );
        }
        if !(1..=MAX_SAMPLES).contains(&self.output) {
            return refuse(
                "output",
                format!("{} is not in 1..{MAX_SAMPLES}", self.output),
            );
        }
        if self.center_index >= self.samples {
            return refuse(
                "center_index",
                format!("{} is not below samples", self.center_index),
            );
        }
        if !(1..=8).contains(&self.channels.len()) {
            return refuse(
                "channels",
                format!("{} planes, allowed 1 to 8", self.channels.len()),
            );
        }
        for (i, c) in self.channels.iter().enumerate() {
            if c.rows.axis() == c.columns.axis() {
                return refuse(
                    &format!("channels[{i}]"),
                    "rows and columns are the same axis".into(),
                );
            }
        }
        for (name, v) in [("pet", &self.pet), ("ct", &self.ct)] {
            let numbers = [
                Some(v.outside),
                Some(v.mean),
                v.padding_below,
                v.padding_replacement,
            ];
            if numbers.iter().flatten().any(|x| !x.is_finite())
                || !(v.std.is_finite() && v.std > 0.0)
            {
                return refuse(name, "numbers must be finite and std positive".into());
            }
            if v.padding_below.is_some() && v.padding_replacement.is_none() {
                return refuse(
                    &format!("{name}.padding_replacement"),
                    "is missing beside padding_below".into(),
                );
            }
            if let Some([low, high]) = v.clip
                && !(low.is_finite() && high.is_finite() && low < high)
            {
                return refuse(
                    &format!("{name}.clip"),
                    "must be two ascending numbers".into(),
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests;
