//! Slices sorted by position, and the grid they make - or the slice that does not fit.

use super::attributes;
use super::instance::Instance;
use super::modality::Modality;
use crate::error::{Error, Result};
use crate::imaging::ImageGrid;

/// Grid of sorted slices, without their matrix.
pub struct SliceGrid {
    pub origin: [f64; 3],
    pub spacing: [f64; 3],
    pub direction: [[f64; 3]; 3],
    /// Empty where the steps are even.
    pub slice_offsets: Vec<f64>,
}

/// Steps that differ by less are even: positions are written with few digits.
const EVEN_STEP_MM: f64 = 1e-3;
/// Cosines that differ by less are the same orientation.
const SAME_ORIENTATION: f64 = 1e-4;

impl SliceGrid {
    /// Returns the grid of a volume with these dimensions.
    pub fn image_grid(&self, dims: [usize; 3]) -> ImageGrid<'_> {
        ImageGrid {
            dims,
            origin: self.origin,
            spacing: self.spacing,
            direction: self.direction,
            slice_offsets: (!self.slice_offsets.is_empty()).then_some(&self.slice_offsets),
        }
    }

    /// Sorts the slices along the normal and returns their grid, or an error that names the slice that does not fit.
    pub fn from_slices(slices: &mut [&Instance], modality: Modality) -> Result<Self> {
        let refuse = |why: String| {
            Err(Error::DicomSeries {
                modality: modality.code(),
                why,
            })
        };
        let first = slices[0];
        for s in slices.iter() {
            if s.position.is_none() || s.orientation.is_none() || s.pixel_spacing.is_none() {
                let why = s.defect.as_deref().unwrap_or("its place is unknown");
                return refuse(format!("{why} in {}", s.name()));
            }
            if (s.rows, s.columns, s.signed, s.bits_allocated)
                != (
                    first.rows,
                    first.columns,
                    first.signed,
                    first.bits_allocated,
                )
            {
                return refuse(format!(
                    "{} has another matrix or pixel type than {}",
                    s.name(),
                    first.name()
                ));
            }
            if s.intercept != first.intercept {
                return refuse(format!(
                    "{} has another RescaleIntercept than {}",
                    s.name(),
                    first.name()
                ));
            }
            if distance(
                &s.pixel_spacing.unwrap_or_default(),
                &first.pixel_spacing.unwrap_or_default(),
            ) > SAME_ORIENTATION
            {
                return refuse(format!(
                    "{} has another PixelSpacing than {}",
                    s.name(),
                    first.name()
                ));
            }
            if distance(
                &s.orientation.unwrap_or_default(),
                &first.orientation.unwrap_or_default(),
            ) > SAME_ORIENTATION
            {
                return refuse(format!(
                    "{} has another orientation than {}",
                    s.name(),
                    first.name()
                ));
            }
        }
        let o = first.orientation.unwrap_or_default();
        let (row, column) = ([o[0], o[1], o[2]], [o[3], o[4], o[5]]);
        let Some(normal) = attributes::normal(&o) else {
            return refuse(format!(
                "ImageOrientationPatient of {} is not a pair of unit vectors at right angles",
                first.name()
            ));
        };
        let along = |s: &Instance| attributes::along(&s.position.unwrap_or_default(), &normal);
        slices.sort_by(|a, b| along(a).total_cmp(&along(b)));
        let origin = slices[0].position.unwrap_or_default();
        let offsets: Vec<f64> = slices.iter().map(|s| along(s) - along(slices[0])).collect();
        let step = Self::check_steps(slices, &offsets, modality)?;
        for (s, offset) in slices.iter().zip(&offsets) {
            let position = s.position.unwrap_or_default();
            let on_axis: [f64; 3] = std::array::from_fn(|i| origin[i] + normal[i] * offset);
            // 1 % of the way is far below any gantry tilt and far above rounding.
            if distance(&position, &on_axis) > 0.05 + 0.01 * offset {
                return refuse(format!(
                    "gantry tilt or shifted slices: {} does not lie on the normal through the first slice",
                    s.name()
                ));
            }
        }
        let uneven = offsets
            .iter()
            .enumerate()
            .any(|(k, z)| (z - k as f64 * step).abs() > EVEN_STEP_MM);
        let [between_rows, between_columns] = first.pixel_spacing.unwrap_or([1.0; 2]);
        Ok(Self {
            origin,
            spacing: [between_columns, between_rows, step],
            direction: std::array::from_fn(|r| [row[r], column[r], normal[r]]),
            slice_offsets: if uneven { offsets } else { Vec::new() },
        })
    }

    /// Returns the mean step, mm; refuses duplicates and gaps.
    fn check_steps(slices: &[&Instance], offsets: &[f64], modality: Modality) -> Result<f64> {
        let refuse = |why: String| {
            Err(Error::DicomSeries {
                modality: modality.code(),
                why,
            })
        };
        if offsets.len() < 2 {
            return refuse("one slice is not a volume".into());
        }
        let steps: Vec<f64> = offsets.windows(2).map(|w| w[1] - w[0]).collect();
        let mut sorted = steps.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[sorted.len() / 2];
        for (i, step) in steps.iter().enumerate() {
            let (a, b) = (slices[i].name(), slices[i + 1].name());
            if *step < 0.01 {
                let [one, other] = [slices[i], slices[i + 1]].map(|s| &s.acquisition);
                let twice = one.difference(other).map_or_else(String::new, |what| {
                    format!(", {what} differs: two acquisitions under one Series Instance UID")
                });
                return refuse(format!("{a} and {b} lie at the same position{twice}"));
            }
            if *step > 1.5 * median || *step < 0.5 * median {
                return refuse(format!(
                    "{step:.3} mm between {a} and {b}, {median:.3} mm elsewhere: missing slices or a variable gap"
                ));
            }
        }
        Ok(offsets[offsets.len() - 1] / steps.len() as f64)
    }
}

fn distance<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(x, y)| (x - y).abs())
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests;
