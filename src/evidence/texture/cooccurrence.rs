//! Gray level co-occurrence matrices (IBSI 3.6): how often two levels are neighbours at distance 1.

use super::gray_levels::{DirectionalMerge, GrayLevels, Slices, Step, defined, mean};

/// Features, named as in IBSI's tables with `cm_` before and the way of merging behind.
pub(super) const FEATURES: [&str; 25] = [
    "joint_max",
    "joint_avg",
    "joint_var",
    "joint_entr",
    "diff_avg",
    "diff_var",
    "diff_entr",
    "sum_avg",
    "sum_var",
    "sum_entr",
    "energy",
    "contrast",
    "dissimilarity",
    "inv_diff",
    "inv_diff_norm",
    "inv_diff_mom",
    "inv_diff_mom_norm",
    "inv_var",
    "corr",
    "auto_corr",
    "clust_tend",
    "clust_shade",
    "clust_prom",
    "info_corr1",
    "info_corr2",
];

/// Returns the features of [`FEATURES`]; none is defined where no voxel of the region has a neighbour in it.
pub(super) fn features(levels: &GrayLevels, merge: DirectionalMerge) -> [Option<f64>; 25] {
    let matrices = merge.matrices(levels);
    let of_matrix = |(slices, steps): &(Slices, Vec<Step>)| {
        let matrix = Probabilities::new(levels, *slices, steps);
        matrix.map_or([None; 25], |m| m.features())
    };
    mean(&matrices.iter().map(of_matrix).collect::<Vec<_>>())
}

/// The symmetric matrix of the probabilities that two neighbours have two levels, and its sums.
struct Probabilities {
    /// Number of levels.
    n: usize,
    /// n x n; element (i, j) belongs to the levels i + 1 and j + 1.
    joint: Vec<f64>,
    /// Probability of each level; the same for rows and columns.
    marginal: Vec<f64>,
    /// Probability of each absolute difference, from 0.
    difference: Vec<f64>,
    /// Probability of each sum, from 2.
    sum: Vec<f64>,
}

impl Probabilities {
    fn new(levels: &GrayLevels, slices: Slices, steps: &[Step]) -> Option<Self> {
        let n = usize::from(levels.highest());
        let mut joint = vec![0.0; n * n];
        let mut pairs = 0u64;
        for (voxel, level) in levels.region(slices) {
            for step in steps {
                let other = levels.at(std::array::from_fn(|a| voxel[a] + step[a]));
                if other > 0 {
                    let [i, j] = [level, other].map(|l| usize::from(l) - 1);
                    joint[i * n + j] += 1.0;
                    joint[j * n + i] += 1.0;
                    pairs += 2;
                }
            }
        }
        if pairs == 0 {
            return None;
        }
        joint.iter_mut().for_each(|p| *p /= pairs as f64);
        let (mut marginal, mut difference, mut sum) =
            (vec![0.0; n], vec![0.0; n], vec![0.0; 2 * n - 1]);
        for (i, row) in joint.chunks_exact(n).enumerate() {
            for (j, p) in row.iter().enumerate() {
                marginal[i] += p;
                difference[i.abs_diff(j)] += p;
                sum[i + j] += p;
            }
        }
        Some(Self {
            n,
            joint,
            marginal,
            difference,
            sum,
        })
    }

    /// Returns the sum of a function of two levels, weighted by their probability.
    fn expect(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        let level = |i: usize| (i + 1) as f64;
        let rows = self.joint.chunks_exact(self.n).enumerate();
        let terms = rows.flat_map(|(i, row)| row.iter().enumerate().map(move |(j, p)| (i, j, *p)));
        let present = terms.filter(|(_, _, p)| *p > 0.0);
        present.map(|(i, j, p)| p * f(level(i), level(j))).sum()
    }

    fn features(&self) -> [Option<f64>; 25] {
        let n = self.n as f64;
        let mean = self.expect(|i, _| i);
        let variance = self.expect(|i, _| (i - mean).powi(2));
        let [difference_mean, difference_variance] = mean_and_variance(&self.difference, 0.0);
        let [sum_mean, sum_variance] = mean_and_variance(&self.sum, 2.0);
        let cluster = |power: i32| self.expect(|i, j| (i + j - 2.0 * mean).powi(power));
        let product = self.expect(|i, j| i * j);
        let [correlation_1, correlation_2] = self.information();
        [
            self.joint.iter().copied().fold(0.0, f64::max),
            mean,
            variance,
            entropy(&self.joint),
            difference_mean,
            difference_variance,
            entropy(&self.difference),
            sum_mean,
            sum_variance,
            entropy(&self.sum),
            self.joint.iter().map(|p| p * p).sum(),
            self.expect(|i, j| (i - j).powi(2)),
            self.expect(|i, j| (i - j).abs()),
            self.expect(|i, j| 1.0 / (1.0 + (i - j).abs())),
            self.expect(|i, j| 1.0 / (1.0 + (i - j).abs() / n)),
            self.expect(|i, j| 1.0 / (1.0 + (i - j).powi(2))),
            self.expect(|i, j| 1.0 / (1.0 + (i - j).powi(2) / (n * n))),
            self.expect(|i, j| if i == j { 0.0 } else { 1.0 / (i - j).powi(2) }),
            (product - mean * mean) / variance,
            product,
            cluster(2),
            cluster(3),
            cluster(4),
            correlation_1,
            correlation_2,
        ]
        .map(defined)
    }

    /// Returns the two information correlations.
    fn information(&self) -> [f64; 2] {
        let joint = entropy(&self.joint);
        let (mut first, mut second) = (0.0, 0.0);
        for (row, p_i) in self.joint.chunks_exact(self.n).zip(&self.marginal) {
            for (p, p_j) in row.iter().zip(&self.marginal) {
                let independent = p_i * p_j;
                if independent > 0.0 {
                    first -= p * independent.log2();
                    second -= independent * independent.log2();
                }
            }
        }
        let squared = 1.0 - (-2.0 * (second - joint)).exp();
        [
            (joint - first) / entropy(&self.marginal),
            // Independent levels give 0 but for rounding.
            squared.max(0.0).sqrt(),
        ]
    }
}

fn entropy(probabilities: &[f64]) -> f64 {
    let present = probabilities.iter().filter(|p| **p > 0.0);
    present.map(|p| -p * p.log2()).sum()
}

/// Returns mean and variance of a distribution over `first`, `first` + 1, ...
fn mean_and_variance(probabilities: &[f64], first: f64) -> [f64; 2] {
    let values = || {
        probabilities
            .iter()
            .enumerate()
            .map(|(n, p)| (first + n as f64, p))
    };
    let mean: f64 = values().map(|(k, p)| k * p).sum();
    [mean, values().map(|(k, p)| (k - mean).powi(2) * p).sum()]
}
