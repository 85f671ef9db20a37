//! Statistics of the intensities of a region and of the histogram of its gray levels (IBSI 3.3 and 3.4).

use super::gray_levels::{GrayLevels, defined};

/// Features of intensities, named as in IBSI's tables with `stat_` before.
pub(super) const STATISTICS: [&str; 18] = [
    "mean", "var", "skew", "kurt", "median", "min", "p10", "p90", "max", "iqr", "range", "mad",
    "rmad", "medad", "cov", "qcod", "energy", "rms",
];

/// Features of the histogram, with `ih_` before.
pub(super) const HISTOGRAM: [&str; 23] = [
    "mean",
    "var",
    "skew",
    "kurt",
    "median",
    "min",
    "p10",
    "p90",
    "max",
    "iqr",
    "range",
    "mad",
    "rmad",
    "medad",
    "cov",
    "qcod",
    "mode",
    "entropy",
    "uniformity",
    "max_grad",
    "max_grad_g",
    "min_grad",
    "min_grad_g",
];

/// Returns the features of [`STATISTICS`]; a percentile between two values is interpolated.
pub(super) fn statistics(values: &[f64]) -> [Option<f64>; 18] {
    let n = values.len() as f64;
    let mean_of = |f: &dyn Fn(f64) -> f64| values.iter().map(|v| f(*v)).sum::<f64>() / n;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let percentile = |p: f64| percentile(&sorted, p);
    let mean = mean_of(&|v| v);
    let moment = |power: i32| mean_of(&|v| (v - mean).powi(power));
    let (variance, median) = (moment(2), percentile(0.5));
    let [p10, p25, p75, p90] = [0.1, 0.25, 0.75, 0.9].map(percentile);
    let (min, max) = (percentile(0.0), percentile(1.0));
    let middle = sorted.iter().filter(|v| (p10..=p90).contains(*v));
    let count = middle.clone().count() as f64;
    let middle_mean = middle.clone().sum::<f64>() / count;
    let robust = middle.map(|v| (v - middle_mean).abs()).sum::<f64>() / count;
    [
        mean,
        variance,
        moment(3) / variance.powf(1.5),
        moment(4) / (variance * variance) - 3.0,
        median,
        min,
        p10,
        p90,
        max,
        p75 - p25,
        max - min,
        mean_of(&|v| (v - mean).abs()),
        robust,
        mean_of(&|v| (v - median).abs()),
        variance.sqrt() / mean,
        (p75 - p25) / (p75 + p25),
        values.iter().map(|v| v * v).sum(),
        mean_of(&|v| v * v).sqrt(),
    ]
    .map(defined)
}

/// Returns the value below which a share of some sorted values lies.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor(), place.fract());
    let [low, high] = [below, place.ceil()].map(|n| sorted[n as usize]);
    low + part * (high - low)
}

/// Returns the features of [`HISTOGRAM`] of the gray levels from 1 to the highest.
pub(super) fn histogram(levels: &GrayLevels) -> [Option<f64>; 23] {
    let mut counts = vec![0.0f64; usize::from(levels.highest())];
    for level in levels.in_region() {
        counts[usize::from(level) - 1] += 1.0;
    }
    let values: Vec<f64> = levels.in_region().map(f64::from).collect();
    let statistics = statistics(&values);
    let mean = statistics[0].unwrap_or(0.0);
    let level = |n: usize| (n + 1) as f64;
    // Of several modes the one nearest to the mean.
    let mut mode = 0;
    for n in 1..counts.len() {
        let nearer = (level(n) - mean).abs() < (level(mode) - mean).abs();
        if counts[n] > counts[mode] || (counts[n] == counts[mode] && nearer) {
            mode = n;
        }
    }
    let share = || {
        counts
            .iter()
            .filter(|c| **c > 0.0)
            .map(|c| c / values.len() as f64)
    };
    let gradient = gradient(&counts);
    let first = |best: fn(&f64, &f64) -> bool| {
        let n = (1..gradient.len()).fold(0, |b, n| {
            if best(&gradient[n], &gradient[b]) {
                n
            } else {
                b
            }
        });
        (gradient.get(n).copied(), gradient.get(n).map(|_| level(n)))
    };
    let (steepest, at_steepest) = first(f64::gt);
    let (lowest, at_lowest) = first(f64::lt);
    let tail = [
        Some(level(mode)),
        defined(-share().map(|p| p * p.log2()).sum::<f64>() + 0.0),
        defined(share().map(|p| p * p).sum()),
        steepest,
        at_steepest,
        lowest,
        at_lowest,
    ];
    std::array::from_fn(|n| if n < 16 { statistics[n] } else { tail[n - 16] })
}

/// Returns the slope of a histogram at each level: central differences, one-sided at the ends; nothing for a single level.
fn gradient(counts: &[f64]) -> Vec<f64> {
    let last = counts.len() - 1;
    if last == 0 {
        return Vec::new();
    }
    (0..=last)
        .map(|n| {
            let (low, high) = (n.saturating_sub(1), (n + 1).min(last));
            (counts[high] - counts[low]) / (high - low) as f64
        })
        .collect()
}
