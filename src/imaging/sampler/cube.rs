//! A cube around a tumour, for those who train a network and turn and shift it there.

use super::{Channel, Intensity, PreprocessSpec, SignedAxis, Workspace, separable};
use crate::allocation;
use crate::error::{Error, Result};
use crate::imaging::VolumeView;
use ndarray::Array3;

impl PreprocessSpec {
    /// Samples a cube of `edge` samples a side around a centre: HU or SUVbw, not normalised.
    ///
    /// The axes run to superior, posterior and left; the centre lies at index `edge / 2` of each. Spacing, interpolation,
    /// padding, clipping and the value outside the volume are those of the planes.
    ///
    /// # Errors
    /// Those of `sample`; [`Error::InvalidArgument`] for an edge outside 2 to 1024; [`Error::OutOfMemory`].
    pub fn cube(
        &self,
        view: &VolumeView<'_>,
        factors: &[f64],
        intensity: &Intensity,
        center: [f64; 3],
        edge: usize,
    ) -> Result<Array3<f32>> {
        if !(2..=1024).contains(&edge) {
            return Err(Error::invalid("edge", format!("{edge} is not in 2..1024")));
        }
        if !view.grid.contains(center) {
            return Err(Error::RoiOutside {
                volume: view.name(),
                center,
            });
        }
        let axial = Channel {
            plane: "axial".into(),
            rows: SignedAxis::Posterior,
            columns: SignedAxis::Left,
        };
        let spec = PreprocessSpec {
            samples: edge,
            output: edge,
            center_index: edge / 2,
            channels: vec![axial],
            ..self.clone()
        };
        let values = Intensity {
            mean: 0.0,
            std: 1.0,
            ..intensity.clone()
        };
        let mut cube = allocation::zeros(edge * edge * edge, "the cube")?;
        let aligned = separable::patient_axes(&view.grid).is_some();
        let mut workspace = Workspace::default();
        for (k, slice) in cube.chunks_exact_mut(edge * edge).enumerate() {
            let offset = (k as f64 - (edge / 2) as f64) * self.spacing_mm;
            let at = [center[0], center[1], center[2] + offset];
            // Along the patient's axes a slice lies inside or outside as a whole, because the centre lies inside.
            if aligned && !view.grid.contains(at) {
                slice.fill(intensity.outside as f32);
                continue;
            }
            spec.fill(view, factors, &values, at, &mut workspace, slice)?;
        }
        Array3::from_shape_vec((edge, edge, edge), cube)
            .map_err(|e| Error::Internal(format!("cube shape: {e}")))
    }
}

#[cfg(test)]
mod tests;
