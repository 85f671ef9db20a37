//! Single voxels of a volume at points of the patient.

use super::VolumeView;

/// Nearest voxels of a volume, the inverse of its direction taken once.
pub(crate) struct Probe<'a> {
    view: &'a VolumeView<'a>,
    inverse: [[f64; 3]; 3],
}

impl<'a> Probe<'a> {
    pub(crate) fn new(view: &'a VolumeView<'a>) -> Self {
        let inverse = view.geometry.inverse_direction();
        Self { view, inverse }
    }

    /// The voxel that a point lies in; `None` outside.
    pub(crate) fn index(&self, point: [f64; 3]) -> Option<[usize; 3]> {
        let g = &self.view.geometry;
        let along: [f64; 3] = std::array::from_fn(|a| {
            (0..3)
                .map(|r| self.inverse[a][r] * (point[r] - g.origin[r]))
                .sum()
        });
        let index = [
            along[0] / g.spacing[0],
            along[1] / g.spacing[1],
            g.slice_index(along[2]),
        ];
        let nearest = index.map(f64::round);
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
        let factor = factors.get(index[2]).copied().unwrap_or(1.0);
        Some(self.view.value(index) * factor)
    }
}
