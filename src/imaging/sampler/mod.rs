//! The sampler: two volumes and a centre in, the network's two input tensors out (NUMERICS 1).
//!
//! Only the samples of the three planes are ever computed. Where a volume's axes run along the patient's, which is
//! nearly always, interpolation and resize are one linear map per axis and are applied as such (`separable`);
//! otherwise each sample is interpolated by itself (`oblique`). Both work in double precision: single precision
//! could not hold 1e-4 HU at 3071 HU.

mod cube;
mod oblique;
mod plane_grid;
mod separable;
mod spec;
mod taps;
mod value_map;

pub use plane_grid::PlaneGrid;
pub use spec::{Channel, Intensity, PreprocessSpec, SignedAxis};

use crate::error::{Error, Result};
use crate::imaging::VolumeView;
use crate::imaging::suv::slice_factor;
use value_map::ValueMap;

/// Buffers of the sampler, kept between calls so that a warm call allocates nothing.
#[derive(Default)]
pub struct Workspace {
    separable: separable::Buffers,
    oblique: oblique::Buffers,
    slices: Vec<(f64, f64)>,
}

impl PreprocessSpec {
    /// Returns how many values one input tensor has: channels x output x output.
    pub fn tensor_len(&self) -> usize {
        self.channels.len() * self.output * self.output
    }

    /// Computes one modality's tensor, channels x output x output, into `tensor`.
    ///
    /// `factors` multiplies each slice after rescaling (SUVbw for PET; empty for CT). `center` is LPS mm and must be
    /// inside the volume. Allocates nothing when `workspace` is warm. A NaN or infinite voxel in reach of a sample is
    /// refused; integer voxels cannot hold one.
    pub fn sample(
        &self,
        view: &VolumeView<'_>,
        factors: &[f64],
        intensity: &Intensity,
        center: [f64; 3],
        workspace: &mut Workspace,
        tensor: &mut [f32],
    ) -> Result<()> {
        if !center.iter().all(|v| v.is_finite()) {
            return Err(Error::RoiInvalid(format!(
                "the centre {center:?} is not finite"
            )));
        }
        if !view.grid.contains(center) {
            return Err(Error::RoiOutside {
                volume: view.name(),
                center,
            });
        }
        self.fill(view, factors, intensity, center, workspace, tensor)
    }

    /// Computes a tensor as `sample` does, without the check of the centre. Where the volume's axes are the patient's, the
    /// caller makes sure that the centre lies inside.
    fn fill(
        &self,
        view: &VolumeView<'_>,
        factors: &[f64],
        intensity: &Intensity,
        center: [f64; 3],
        workspace: &mut Workspace,
        tensor: &mut [f32],
    ) -> Result<()> {
        if tensor.len() != self.tensor_len() {
            return Err(Error::BufferTooSmall {
                capacity: tensor.len(),
                needed: self.tensor_len(),
            });
        }
        let n_slices = view.grid.dims[2];
        if !factors.is_empty() && factors.len() != n_slices {
            return Err(Error::Internal(format!(
                "{} factors for {n_slices} slices",
                factors.len()
            )));
        }
        workspace.slices.clear();
        workspace.slices.extend((0..n_slices).map(|k| {
            let (slope, intercept) = view.rescale.at(k);
            let factor = slice_factor(factors, k);
            (slope * factor, intercept * factor)
        }));
        let map = ValueMap::new(intensity, view.padding);
        let plane_len = self.output * self.output;
        // (sum + pad - mean) / std
        let (scale, shift) = (
            1.0 / intensity.std,
            (map.pad - intensity.mean) / intensity.std,
        );
        let finish = |sum: f64| (sum * scale + shift) as f32;
        let planes = self.channels.iter().zip(tensor.chunks_exact_mut(plane_len));
        let slices = &workspace.slices;
        match separable::patient_axes(&view.grid) {
            Some(axes) => {
                let frame = separable::Frame {
                    view,
                    axes,
                    map,
                    slices,
                };
                separable::prepare(self, &frame, center, &mut workspace.separable);
                for (channel, plane) in planes {
                    separable::sample(
                        self,
                        &frame,
                        channel,
                        &mut workspace.separable,
                        finish,
                        plane,
                    );
                }
            }
            None => {
                let frame = oblique::Frame {
                    view,
                    map,
                    slices,
                    center,
                };
                for (channel, plane) in planes {
                    oblique::sample(self, &frame, channel, &mut workspace.oblique, finish, plane);
                }
            }
        }
        // No early exit: this way the loop runs on vectors.
        if tensor.iter().fold(false, |bad, v| bad | !v.is_finite()) {
            return Err(Error::VoxelNotFinite {
                volume: view.name(),
            });
        }
        Ok(())
    }
}
