//! How far the hidden activations of a head lie from those of the training cases.

use super::model_file::read_verified;
use crate::bundle::{Bundle, PERCENTILES, ReferenceHead};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};

/// The statistics of a bundle's training cases, by head.
pub struct ReferenceStatistics(Vec<HeadStatistics>);

struct HeadStatistics {
    listed: ReferenceHead,
    mean: Vec<f32>,
    /// Axes x units.
    axes: Vec<f32>,
    sd: Vec<f32>,
}

/// A case beside the training cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReferencePosition {
    /// Distance from their mean along their axes, in standard deviations (Mahalanobis).
    pub distance: f64,
    /// Length of what is left beside the axes.
    pub residual: f64,
    /// Highest of the bundle's percentiles that either exceeds among held-out training cases; 0 if none.
    pub beyond_percentile: u32,
}

impl ReferenceStatistics {
    /// Reads the statistics of a bundle; `None` if it has none.
    ///
    /// # Errors
    /// [`Error::BundleMissing`], [`Error::BundleAltered`], [`Error::Cancelled`]; [`Error::BundleManifest`] for standard deviations
    /// that are not positive, and for values that are no numbers.
    pub fn read(bundle: &Bundle, cancel: &CancelToken) -> Result<Option<Self>> {
        let Some(reference) = &bundle.manifest.reference else {
            return Ok(None);
        };
        let file = bundle.manifest.listed("reference.file", &reference.file)?;
        let content = read_verified(bundle, file, cancel)?;
        let values = |head: &str, part: &str| -> Vec<f32> {
            let name = format!("{head}.{part}");
            let tensor = file.tensors.iter().flatten().find(|t| t.name == name);
            let bytes = tensor.and_then(|t| content.get(t.offset as usize..t.end() as usize));
            let values = bytes.map_or(&[][..], |b| b.as_chunks::<4>().0);
            values.iter().map(|b| f32::from_le_bytes(*b)).collect()
        };
        let heads: Vec<HeadStatistics> = reference
            .heads
            .iter()
            .map(|listed| HeadStatistics {
                mean: values(&listed.head, "mean"),
                axes: values(&listed.head, "axes"),
                sd: values(&listed.head, "sd"),
                listed: listed.clone(),
            })
            .collect();
        let sound = |h: &HeadStatistics| {
            let numbers = h.mean.iter().chain(&h.axes).all(|v| v.is_finite());
            numbers && h.sd.iter().all(|v| v.is_finite() && *v > 0.0)
        };
        if heads.iter().all(sound) {
            Ok(Some(Self(heads)))
        } else {
            Err(Error::BundleManifest(format!(
                "reference.file: {:?} holds values that are no statistics",
                reference.file
            )))
        }
    }

    /// Returns where the hidden activations of a head (0 for N1, 1 for N2) lie; `None` if their number is another.
    #[must_use]
    pub fn position(&self, head: usize, activations: &[f64]) -> Option<ReferencePosition> {
        let HeadStatistics {
            listed,
            mean,
            axes,
            sd,
        } = self.0.get(head)?;
        if activations.len() != mean.len() {
            return None;
        }
        let mut left: Vec<f64> = activations
            .iter()
            .zip(mean)
            .map(|(a, m)| a - f64::from(*m))
            .collect();
        let centered = left.clone();
        let mut squares = 0.0;
        for (axis, sd) in axes.chunks_exact(mean.len()).zip(sd) {
            let along: f64 = axis
                .iter()
                .zip(&centered)
                .map(|(a, c)| f64::from(*a) * c)
                .sum();
            squares += (along / f64::from(*sd)).powi(2);
            for (left, a) in left.iter_mut().zip(axis) {
                *left -= along * f64::from(*a);
            }
        }
        let distance = squares.sqrt();
        let residual = left.iter().map(|v| v * v).sum::<f64>().sqrt();
        let beyond = |value: f64, listed: &[f64; 4]| {
            let exceeded = listed.iter().zip(PERCENTILES).filter(|(v, _)| value > **v);
            exceeded.map(|(_, p)| p).max().unwrap_or(0)
        };
        Some(ReferencePosition {
            distance,
            residual,
            beyond_percentile: beyond(distance, &listed.distance)
                .max(beyond(residual, &listed.residual)),
        })
    }
}
