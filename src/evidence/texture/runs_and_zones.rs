//! Gray level run length and size zone matrices (IBSI 3.7 and 3.8): how many runs of a length, or zones of a size, a level has.

use super::gray_levels::{DirectionalMerge, GrayLevels, SliceMerge, Slices, Step, defined, mean};
use std::collections::BTreeMap;

/// Features of runs, named as in IBSI's tables with `rlm_` before and the way of merging behind.
pub(super) const RUN_FEATURES: [&str; 16] = [
    "sre",
    "lre",
    "lgre",
    "hgre",
    "srlge",
    "srhge",
    "lrlge",
    "lrhge",
    "glnu",
    "glnu_norm",
    "rlnu",
    "rlnu_norm",
    "r_perc",
    "gl_var",
    "rl_var",
    "rl_entr",
];

/// Features of zones in the same order, with `szm_` before.
pub(super) const ZONE_FEATURES: [&str; 16] = [
    "sze",
    "lze",
    "lgze",
    "hgze",
    "szlge",
    "szhge",
    "lzlge",
    "lzhge",
    "glnu",
    "glnu_norm",
    "zsnu",
    "zsnu_norm",
    "z_perc",
    "gl_var",
    "zs_var",
    "zs_entr",
];

/// Returns the features of [`RUN_FEATURES`].
pub(super) fn run_features(levels: &GrayLevels, merge: DirectionalMerge) -> [Option<f64>; 16] {
    let of_matrix = |(slices, steps): &(Slices, Vec<Step>)| {
        let mut matrix = Matrix::default();
        for step in steps {
            matrix.add_runs(levels, *slices, *step);
        }
        matrix.features()
    };
    mean(
        &merge
            .matrices(levels)
            .iter()
            .map(of_matrix)
            .collect::<Vec<_>>(),
    )
}

/// Returns the features of [`ZONE_FEATURES`].
pub(super) fn zone_features(levels: &GrayLevels, merge: SliceMerge) -> [Option<f64>; 16] {
    let (slices, neighbours) = merge.matrices(levels);
    let of_matrix = |slices: &Slices| {
        let mut matrix = Matrix::default();
        matrix.add_zones(levels, *slices, &neighbours);
        matrix.features()
    };
    mean(&slices.iter().map(of_matrix).collect::<Vec<_>>())
}

/// How many runs or zones there are of each level and length.
#[derive(Default)]
struct Matrix {
    count: BTreeMap<(u16, usize), f64>,
    /// Voxels that the runs or zones are made of; merged directions count each voxel once a direction.
    voxels: usize,
}

impl Matrix {
    fn add(&mut self, level: u16, length: usize) {
        *self.count.entry((level, length)).or_default() += 1.0;
        self.voxels += length;
    }

    fn add_runs(&mut self, levels: &GrayLevels, slices: Slices, step: Step) {
        for (voxel, level) in levels.region(slices) {
            let along = |n: isize| levels.at(std::array::from_fn(|a| voxel[a] + n * step[a]));
            if along(-1) != level {
                let length = (0..).take_while(|n| along(*n) == level).count();
                self.add(level, length);
            }
        }
    }

    fn add_zones(&mut self, levels: &GrayLevels, slices: Slices, neighbours: &[Step]) {
        let mut seen = vec![false; levels.dims().iter().product()];
        let mut zone = Vec::new();
        for (voxel, level) in levels.region(slices) {
            if std::mem::replace(&mut seen[levels.index(voxel)], true) {
                continue;
            }
            zone.clear();
            zone.push(voxel);
            let mut next = 0;
            while let Some(&member) = zone.get(next) {
                next += 1;
                for step in neighbours {
                    let other = std::array::from_fn(|a| member[a] + step[a]);
                    if levels.at(other) == level
                        && !std::mem::replace(&mut seen[levels.index(other)], true)
                    {
                        zone.push(other);
                    }
                }
            }
            self.add(level, zone.len());
        }
    }

    fn features(&self) -> [Option<f64>; 16] {
        let total: f64 = self.count.values().sum();
        let expect = |f: &dyn Fn(f64, f64) -> f64| {
            let term = |((level, length), n): (&(u16, usize), &f64)| {
                n * f(f64::from(*level), *length as f64)
            };
            self.count.iter().map(term).sum::<f64>() / total
        };
        let (mut by_level, mut by_length) =
            (BTreeMap::<u16, f64>::new(), BTreeMap::<usize, f64>::new());
        for ((level, length), n) in &self.count {
            *by_level.entry(*level).or_default() += n;
            *by_length.entry(*length).or_default() += n;
        }
        let squares = |sums: &mut dyn Iterator<Item = &f64>| sums.map(|n| n * n).sum::<f64>();
        let level_squares = squares(&mut by_level.values());
        let length_squares = squares(&mut by_length.values());
        let (mean_level, mean_length) = (expect(&|i, _| i), expect(&|_, j| j));
        let entropy = self
            .count
            .values()
            .map(|n| n / total)
            .map(|p| -p * p.log2())
            .sum();
        [
            expect(&|_, j| 1.0 / (j * j)),
            expect(&|_, j| j * j),
            expect(&|i, _| 1.0 / (i * i)),
            expect(&|i, _| i * i),
            expect(&|i, j| 1.0 / (i * i * j * j)),
            expect(&|i, j| i * i / (j * j)),
            expect(&|i, j| j * j / (i * i)),
            expect(&|i, j| i * i * j * j),
            level_squares / total,
            level_squares / (total * total),
            length_squares / total,
            length_squares / (total * total),
            total / self.voxels as f64,
            expect(&|i, _| (i - mean_level).powi(2)),
            expect(&|_, j| (j - mean_length).powi(2)),
            entropy,
        ]
        .map(defined)
    }
}
