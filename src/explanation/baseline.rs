//! Tensors in which nothing of a case is left, or nothing but its brightness.

use super::options::Baseline;
use crate::imaging::sampler::{Intensity, PreprocessSpec};

/// Standard deviation of the blur, pixels: two to three times the size of what is to vanish.
const SIGMA: f64 = 12.0;
/// The Gaussian is cut off at this many standard deviations.
const REACH: f64 = 3.0;

/// Returns the tensor that stands for `tensor` where its planes are taken away.
#[must_use]
pub fn baseline_tensor(
    baseline: Baseline,
    spec: &PreprocessSpec,
    intensity: &Intensity,
    tensor: &[f32],
) -> Vec<f32> {
    match baseline {
        Baseline::Outside => {
            let value = (intensity.outside - intensity.mean) / intensity.std;
            vec![value as f32; tensor.len()]
        }
        Baseline::Blur => {
            let planes = tensor.chunks_exact(spec.output * spec.output);
            planes.flat_map(|p| blur(p, spec.output)).collect()
        }
    }
}

/// Blurs a plane. Beyond its border is nothing: what is left of the Gaussian is weighed up to 1.
fn blur(plane: &[f32], side: usize) -> Vec<f32> {
    let values: Vec<f64> = plane.iter().map(|v| f64::from(*v)).collect();
    let rows = blur_rows(&values, side);
    let columns = blur_rows(&transpose(&rows, side), side);
    transpose(&columns, side)
        .iter()
        .map(|v| *v as f32)
        .collect()
}

fn blur_rows(values: &[f64], side: usize) -> Vec<f64> {
    let reach = (REACH * SIGMA) as usize;
    let weights: Vec<f64> = (0..=2 * reach)
        .map(|n| (-0.5 * ((n as f64 - reach as f64) / SIGMA).powi(2)).exp())
        .collect();
    // A value is added to all pixels around it, which lie side by side.
    let add = |row: &mut [f64], at: usize, value: f64| {
        let around = at.saturating_sub(reach)..(at + reach + 1).min(side);
        let weights = &weights[around.start + reach - at..];
        for (sum, weight) in row[around].iter_mut().zip(weights) {
            *sum += value * weight;
        }
    };
    let mut whole = vec![0.0; side];
    (0..side).for_each(|at| add(&mut whole, at, 1.0));
    let mut blurred = vec![0.0; values.len()];
    for (row, values) in blurred
        .chunks_exact_mut(side)
        .zip(values.chunks_exact(side))
    {
        let values = values.iter().enumerate();
        values.for_each(|(at, value)| add(row, at, *value));
        row.iter_mut()
            .zip(&whole)
            .for_each(|(sum, whole)| *sum /= whole);
    }
    blurred
}

fn transpose(values: &[f64], side: usize) -> Vec<f64> {
    let at = |n: usize| values[n % side * side + n / side];
    (0..values.len()).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blur_keeps_what_is_even_and_spreads_a_point_alike_in_all_directions() {
        let side = 112;
        let even = blur(&vec![2.5f32; side * side], side);
        assert!(even.iter().all(|v| (v - 2.5).abs() < 1e-6));
        let mut point = vec![0f32; side * side];
        point[56 * side + 56] = 1.0;
        let spread = blur(&point, side);
        let at = |r: usize, c: usize| spread[r * side + c];
        // The density of the Gaussian that is cut off at three standard deviations.
        let peak = 1.0 / (2.0 * std::f64::consts::PI * SIGMA * SIGMA) / 0.9973f64.powi(2);
        assert!((f64::from(at(56, 56)) / peak - 1.0).abs() < 0.01);
        assert_eq!(at(56, 46), at(46, 56));
        assert_eq!(at(56, 46), at(56, 66));
        assert_eq!(at(56, 56 - 37), 0.0);
    }
}
