//! Single voxels of a volume at points of the patient.

use super::suv::slice_factor;
use super::{VolumeView, inside};

/// Voxels of a volume at points of the patient, the inverse of its direction taken once.
pub(crate) struct Probe<'a> {
    view: &'a VolumeView<'a>,
    inverse: [[f64; 3]; 3],
}

impl<'a> Probe<'a> {
    pub(crate) fn new(view: &'a VolumeView<'a>) -> Self {
        let inverse = view.grid.inverse_direction();
        Self { view, inverse }
    }

    /// Returns the continuous index of a point.
    fn continuous_index(&self, point: [f64; 3]) -> [f64; 3] {
        let g = &self.view.grid;
        let along: [f64; 3] = std::array::from_fn(|a| {
            (0..3)
                .map(|r| self.inverse[a][r] * (point[r] - g.origin[r]))
                .sum()
        });
        [
            along[0] / g.spacing[0],
            along[1] / g.spacing[1],
            g.slice_index(along[2]),
        ]
    }

    /// Returns the trilinear interpolation of a quantity of the voxels at a point, the outermost voxels reaching half a voxel
    /// further; `None` outside, and where one of the voxels that weigh in has none.
    pub(crate) fn interpolate(
        &self,
        point: [f64; 3],
        quantity: impl Fn([usize; 3]) -> Option<f64>,
    ) -> Option<f64> {
        let dims = self.view.grid.dims;
        let index = self.continuous_index(point);
        if !(0..3).all(|a| inside(index[a], dims[a])) {
            return None;
        }
        let index: [f64; 3] = std::array::from_fn(|a| index[a].clamp(0.0, (dims[a] - 1) as f64));
        let mut sum = 0.0;
        for corner in 0..8 {
            let upper: [bool; 3] = std::array::from_fn(|a| corner >> a & 1 == 1);
            let weight: f64 = (0..3)
                .map(|a| {
                    if upper[a] {
                        index[a].fract()
                    } else {
                        1.0 - index[a].fract()
                    }
                })
                .product();
            if weight > 0.0 {
                let voxel = std::array::from_fn(|a| index[a] as usize + usize::from(upper[a]));
                sum += weight * quantity(voxel)?;
            }
        }
        Some(sum)
    }

    /// The voxel that a point lies in; `None` outside.
    pub(crate) fn index(&self, point: [f64; 3]) -> Option<[usize; 3]> {
        let g = &self.view.grid;
        let nearest = self.continuous_index(point).map(f64::round);
        (0..3)
            .all(|a| nearest[a] >= 0.0 && nearest[a] < g.dims[a] as f64)
            .then(|| nearest.map(|v| v as usize))
    }

    /// Physical value; `None` outside or on padding.
    pub(crate) fn value(&self, point: [f64; 3]) -> Option<f64> {
        self.voxel(point).map(|(_, value)| value)
    }

    /// Returns the slice of the voxel that a point lies in and its physical value; `None` outside or on padding.
    pub(crate) fn voxel(&self, point: [f64; 3]) -> Option<(usize, f64)> {
        let index = self.index(point)?;
        Some((index[2], self.view.unpadded_value(index)?))
    }

    /// SUVbw.
    pub(crate) fn suv(&self, point: [f64; 3], factors: &[f64]) -> Option<f64> {
        let index = self.index(point)?;
        Some(self.view.value(index) * slice_factor(factors, index[2]))
    }
}

#[cfg(test)]
mod tests;
