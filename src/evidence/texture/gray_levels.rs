//! Gray levels on a regular grid, and how features of several matrices become one.

use crate::error::{Error, Result};

/// More levels than this make matrices of gigabytes; a wider bin is meant.
pub const MAX_LEVELS: u16 = 1024;

/// The gray level of each voxel of a region on a regular grid; voxels outside the region have none.
#[derive(Clone, Debug, PartialEq)]
pub struct GrayLevels {
    dims: [usize; 3],
    /// 0 outside the region, i fastest.
    levels: Vec<u16>,
    highest: u16,
    voxels: usize,
}

impl GrayLevels {
    /// Takes levels from 1 to [`MAX_LEVELS`], 0 outside the region, the first axis fastest.
    ///
    /// # Errors
    /// [`Error::RoiEmpty`] if no voxel has a level; [`Error::InvalidArgument`] if there are not as many levels as voxels, or
    /// one is above [`MAX_LEVELS`].
    pub fn new(dims: [usize; 3], levels: Vec<u16>) -> Result<Self> {
        if dims.iter().try_fold(1usize, |n, d| n.checked_mul(*d)) != Some(levels.len()) {
            let n = levels.len();
            return Err(Error::invalid(
                "levels",
                format!("{n} values for {dims:?} voxels"),
            ));
        }
        let highest = levels.iter().copied().max().unwrap_or(0);
        let voxels = levels.iter().filter(|level| **level > 0).count();
        if voxels == 0 {
            return Err(Error::RoiEmpty);
        }
        if highest > MAX_LEVELS {
            let text = format!("{highest} gray levels; at most {MAX_LEVELS}: take a wider bin");
            return Err(Error::invalid("levels", text));
        }
        Ok(Self {
            dims,
            levels,
            highest,
            voxels,
        })
    }

    /// Returns the highest level of the region: the number of gray levels that IBSI calls Ng.
    #[must_use]
    pub fn highest(&self) -> u16 {
        self.highest
    }

    /// Returns the number of voxels in the region.
    #[must_use]
    pub fn voxels(&self) -> usize {
        self.voxels
    }

    /// Returns the size of the grid in voxels.
    pub(super) fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// Returns the levels of the region's voxels.
    pub(super) fn in_region(&self) -> impl Iterator<Item = u16> + '_ {
        self.levels.iter().copied().filter(|level| *level > 0)
    }

    /// Returns the level of a voxel; 0 outside the region and outside the grid.
    pub(super) fn at(&self, voxel: [isize; 3]) -> u16 {
        let inside = (0..3).all(|a| (0..self.dims[a] as isize).contains(&voxel[a]));
        if inside {
            self.levels[self.index(voxel)]
        } else {
            0
        }
    }

    /// Returns the place of a voxel of the grid in an array of all voxels.
    pub(super) fn index(&self, voxel: [isize; 3]) -> usize {
        let [i, j, k] = voxel.map(|v| v as usize);
        (k * self.dims[1] + j) * self.dims[0] + i
    }

    /// Returns the voxels of the region in some slices, with their levels.
    pub(super) fn region(&self, slices: Slices) -> impl Iterator<Item = ([isize; 3], u16)> + '_ {
        let [nx, ny, nz] = self.dims.map(|n| n as isize);
        let slices = match slices {
            Slices::One(k) => k as isize..k as isize + 1,
            Slices::All => 0..nz,
        };
        slices
            .flat_map(move |k| (0..ny).flat_map(move |j| (0..nx).map(move |i| [i, j, k])))
            .map(|voxel| (voxel, self.at(voxel)))
            .filter(|(_, level)| *level > 0)
    }

    /// Returns the slices that hold a part of the region.
    pub(super) fn slices(&self) -> Vec<Slices> {
        let slices = (0..self.dims[2]).map(Slices::One);
        slices
            .filter(|s| self.region(*s).next().is_some())
            .collect()
    }
}

/// Which slices of a region a matrix is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slices {
    One(usize),
    All,
}

/// A step to a neighbour.
pub(super) type Step = [isize; 3];

/// Returns one step of each pair of opposite ones to the neighbours in the plane: 4.
pub(super) fn directions_in_plane() -> Vec<Step> {
    directions_in_space()
        .into_iter()
        .filter(|d| d[2] == 0)
        .collect()
}

/// Returns one step of each pair of opposite ones to the neighbours in space: 13.
pub(super) fn directions_in_space() -> Vec<Step> {
    // Of 27 steps in order the last 13 are the opposites of the first 13.
    neighbours_in_space().split_off(13)
}

/// Returns the steps to all neighbours in the plane: 8.
pub(super) fn neighbours_in_plane() -> Vec<Step> {
    neighbours_in_space()
        .into_iter()
        .filter(|d| d[2] == 0)
        .collect()
}

/// Returns the steps to all neighbours in space: 26.
pub(super) fn neighbours_in_space() -> Vec<Step> {
    let step = |n: isize| [n % 3 - 1, n / 3 % 3 - 1, n / 9 - 1];
    (0..27).map(step).filter(|s| *s != [0; 3]).collect()
}

/// How matrices that depend on a direction become one value of a feature (IBSI 3.6 and 3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectionalMerge {
    /// Mean over the matrices of every slice and direction: `2D_avg`.
    SliceAverage,
    /// Directions merged in each slice, mean over slices: `2D_comb`.
    SliceMerged,
    /// Slices merged for each direction, mean over directions: `2_5D_avg`.
    PlaneAverage,
    /// All slices and directions of the plane merged: `2_5D_comb`.
    PlaneMerged,
    /// Mean over the 13 directions in space: `3D_avg`.
    VolumeAverage,
    /// The 13 directions in space merged: `3D_comb`.
    VolumeMerged,
}

impl DirectionalMerge {
    /// Every way.
    pub const ALL: [Self; 6] = [
        Self::SliceAverage,
        Self::SliceMerged,
        Self::PlaneAverage,
        Self::PlaneMerged,
        Self::VolumeAverage,
        Self::VolumeMerged,
    ];

    /// Returns its name in IBSI's tables.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::SliceAverage => "2D_avg",
            Self::SliceMerged => "2D_comb",
            Self::PlaneAverage => "2_5D_avg",
            Self::PlaneMerged => "2_5D_comb",
            Self::VolumeAverage => "3D_avg",
            Self::VolumeMerged => "3D_comb",
        }
    }

    /// Returns what each matrix is made of; the value of a feature is its mean over them.
    pub(super) fn matrices(self, levels: &GrayLevels) -> Vec<(Slices, Vec<Step>)> {
        let apart = |slices, directions: Vec<Step>| -> Vec<_> {
            directions.into_iter().map(|d| (slices, vec![d])).collect()
        };
        match self {
            Self::SliceAverage => {
                let slices = levels.slices().into_iter();
                slices
                    .flat_map(|s| apart(s, directions_in_plane()))
                    .collect()
            }
            Self::SliceMerged => {
                let slices = levels.slices().into_iter();
                slices.map(|s| (s, directions_in_plane())).collect()
            }
            Self::PlaneAverage => apart(Slices::All, directions_in_plane()),
            Self::PlaneMerged => vec![(Slices::All, directions_in_plane())],
            Self::VolumeAverage => apart(Slices::All, directions_in_space()),
            Self::VolumeMerged => vec![(Slices::All, directions_in_space())],
        }
    }
}

/// How matrices without a direction become one value of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceMerge {
    /// Neighbours in the plane, mean over slices: `2D`.
    SliceAverage,
    /// Neighbours in the plane, slices merged: `2_5D`.
    PlaneMerged,
    /// Neighbours in space: `3D`.
    Volume,
}

impl SliceMerge {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::SliceAverage, Self::PlaneMerged, Self::Volume];

    /// Returns its name in IBSI's tables.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::SliceAverage => "2D",
            Self::PlaneMerged => "2_5D",
            Self::Volume => "3D",
        }
    }

    /// Returns the slices of each matrix, and the neighbours of a voxel.
    pub(super) fn matrices(self, levels: &GrayLevels) -> (Vec<Slices>, Vec<Step>) {
        match self {
            Self::SliceAverage => (levels.slices(), neighbours_in_plane()),
            Self::PlaneMerged => (vec![Slices::All], neighbours_in_plane()),
            Self::Volume => (vec![Slices::All], neighbours_in_space()),
        }
    }
}

/// Returns the mean of each feature over the matrices where it is defined.
pub(super) fn mean<const N: usize>(matrices: &[[Option<f64>; N]]) -> [Option<f64>; N] {
    std::array::from_fn(|n| {
        let defined = matrices.iter().filter_map(|features| features[n]);
        let (sum, count) = defined.fold((0.0, 0u32), |(sum, n), value| (sum + value, n + 1));
        (count > 0).then(|| sum / f64::from(count))
    })
}

/// Returns a number unless the feature is undefined: 0 / 0, the skewness of a flat region.
pub(super) fn defined(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_direction_stands_for_itself_and_its_opposite() {
        for (directions, neighbours) in [
            (directions_in_plane(), neighbours_in_plane()),
            (directions_in_space(), neighbours_in_space()),
        ] {
            let opposite = directions.iter().map(|d| d.map(|v| -v));
            let mut both: Vec<Step> = directions.iter().copied().chain(opposite).collect();
            both.sort_unstable();
            let mut all = neighbours.clone();
            all.sort_unstable();
            assert_eq!(both, all);
        }
    }

    #[test]
    fn levels_that_do_not_fit_are_refused_by_name() {
        let refusal = |dims, levels| GrayLevels::new(dims, levels).unwrap_err().to_string();
        assert!(matches!(
            GrayLevels::new([2, 1, 1], vec![0, 0]),
            Err(Error::RoiEmpty)
        ));
        assert!(refusal([2, 2, 1], vec![1; 3]).contains("3 values for [2, 2, 1] voxels"));
        assert!(refusal([usize::MAX, 2, 1], vec![1; 3]).contains("3 values"));
        let text = refusal([1, 1, 1], vec![MAX_LEVELS + 1]);
        assert!(
            text.contains("1025 gray levels; at most 1024: take a wider bin"),
            "{text}"
        );
    }
}
