//! Neighbourhood gray tone difference matrices (IBSI 3.10): how far a level differs from the mean of its neighbours.

use super::gray_levels::{GrayLevels, SliceMerge, Slices, Step, defined, mean};

/// Features, named as in IBSI's tables with `ngt_` before and the way of merging behind.
pub(super) const FEATURES: [&str; 5] = [
    "coarseness",
    "contrast",
    "busyness",
    "complexity",
    "strength",
];

/// Returns the features of [`FEATURES`]; a voxel without a neighbour in the region does not count.
pub(super) fn features(levels: &GrayLevels, merge: SliceMerge) -> [Option<f64>; 5] {
    let (slices, neighbours) = merge.matrices(levels);
    let of_matrix = |slices: &Slices| Matrix::new(levels, *slices, &neighbours).features();
    mean(&slices.iter().map(of_matrix).collect::<Vec<_>>())
}

/// One row a level that is present.
struct Row {
    level: f64,
    /// Share of the voxels that have the level.
    share: f64,
    /// Sum of the absolute differences from the mean of the neighbours.
    difference: f64,
}

struct Matrix {
    rows: Vec<Row>,
    voxels: f64,
}

impl Matrix {
    fn new(levels: &GrayLevels, slices: Slices, neighbours: &[Step]) -> Self {
        let n = usize::from(levels.highest());
        let (mut count, mut difference) = (vec![0u64; n], vec![0.0; n]);
        for (voxel, level) in levels.region(slices) {
            let near = neighbours
                .iter()
                .map(|s| levels.at(std::array::from_fn(|a| voxel[a] + s[a])));
            let (sum, found) = near
                .filter(|other| *other > 0)
                .fold((0.0, 0u32), |(sum, n), other| {
                    (sum + f64::from(other), n + 1)
                });
            if found > 0 {
                let row = usize::from(level) - 1;
                count[row] += 1;
                difference[row] += (f64::from(level) - sum / f64::from(found)).abs();
            }
        }
        let voxels = count.iter().sum::<u64>() as f64;
        let present = (0..n).filter(|row| count[*row] > 0);
        let row = |row: usize| Row {
            level: (row + 1) as f64,
            share: count[row] as f64 / voxels,
            difference: difference[row],
        };
        Self {
            rows: present.map(row).collect(),
            voxels,
        }
    }

    /// Returns a sum over all pairs of levels.
    fn pairs(&self, f: impl Fn(&Row, &Row) -> f64) -> f64 {
        let all = self
            .rows
            .iter()
            .flat_map(|a| self.rows.iter().map(move |b| (a, b)));
        all.map(|(a, b)| f(a, b)).sum()
    }

    fn features(&self) -> [Option<f64>; 5] {
        let present = self.rows.len() as f64;
        let weighted: f64 = self.rows.iter().map(|r| r.share * r.difference).sum();
        let differences: f64 = self.rows.iter().map(|r| r.difference).sum();
        let apart = |a: &Row, b: &Row| (a.level - b.level).powi(2);
        [
            1.0 / weighted,
            self.pairs(|a, b| a.share * b.share * apart(a, b)) / (present * (present - 1.0))
                * differences
                / self.voxels,
            weighted / self.pairs(|a, b| (a.level * a.share - b.level * b.share).abs()),
            self.pairs(|a, b| {
                let mean = (a.share * a.difference + b.share * b.difference) / (a.share + b.share);
                (a.level - b.level).abs() * mean
            }) / self.voxels,
            self.pairs(|a, b| (a.share + b.share) * apart(a, b)) / differences,
        ]
        .map(defined)
    }
}
