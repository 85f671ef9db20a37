//! Checks on the voxels at the centre: air on CT, no uptake in PET.

use super::code::Code;
use super::finding::Findings;
use super::window::Tissue;
use crate::case::Case;
use crate::imaging::Probe;
use crate::imaging::suv::slice_factor;

/// Samples of a ball around the centre: its radius and their distance, mm.
const RADIUS_MM: f64 = 10.0;
const STEP_MM: f64 = 5.0;

/// Median HU of air; the lung of a healthy patient is above, and a ground-glass nodule far above.
const MAX_AIR_HU: f64 = -900.0;
/// Soft tissue, even as the edge of a vessel in a thick slice.
const MIN_TISSUE_HU: f64 = -500.0;
/// The wall of a cavity, and how far from the centre it is looked for, mm.
const WALL_HU: f64 = -300.0;
const CAVITY_REACH_MM: f64 = 30.0;
const WALL_STEP_MM: f64 = 2.5;

/// Mean SUV below which there is no uptake: lung has 0.1 at least, and the air around a patient 0.001 to 0.03. It is a share
/// of the tissue's mean where that is below 1, so that a wrong scale alone is no missing uptake.
const MAX_EMPTY_SUV: f64 = 0.05;
/// A voxel of noise may have this many times as much.
const NOISE: f64 = 3.0;

/// Finds a centre that lies in air or where there is no uptake; `tissue` is the SUV around it or of the body.
pub(super) fn check(
    case: &Case<'_>,
    center: [f64; 3],
    factors: &[f64],
    tissue: Option<Tissue>,
    out: &mut Findings<'_>,
) {
    if out.wanted(Code::CenterInAir)
        && let Some(median) = air_around(case, center)
    {
        out.add(Code::CenterInAir, || {
            format!("CT shows air within {RADIUS_MM:.0} mm of the centre: {median:.0} HU")
        });
    }
    if !out.wanted(Code::CenterWithoutUptake) {
        return;
    }
    let pet = Probe::new(&case.pet);
    let suv = ball().filter_map(|offset| {
        let (slice, value) = pet.voxel(std::array::from_fn(|i| center[i] + offset[i]))?;
        Some(value * slice_factor(factors, slice)).filter(|suv| suv.is_finite())
    });
    let (mut sum, mut max, mut n) = (0.0, f64::NEG_INFINITY, 0);
    for suv in suv {
        sum += suv;
        max = suv.max(max);
        n += 1;
    }
    let mean = sum / f64::from(n);
    let limit = MAX_EMPTY_SUV * tissue.map_or(1.0, |t| t.mean.min(1.0));
    if mean < limit && max < NOISE * limit {
        out.add(Code::CenterWithoutUptake, || {
            format!("PET shows no uptake within {RADIUS_MM:.0} mm of the centre: a mean SUV of {mean:.3}")
        });
    }
}

/// Offsets of the samples of the ball.
fn ball() -> impl Iterator<Item = [f64; 3]> {
    const N: i32 = (RADIUS_MM / STEP_MM) as i32;
    (-N..=N).flat_map(|x| {
        (-N..=N).flat_map(move |y| {
            (-N..=N).filter_map(move |z| {
                let offset = [x, y, z].map(|v| f64::from(v) * STEP_MM);
                let squared: f64 = offset.iter().map(|v| v * v).sum();
                (squared <= RADIUS_MM * RADIUS_MM).then_some(offset)
            })
        })
    })
}

/// Median HU of the ball if it is air, and not the air of a cavity with a wall on all six sides.
fn air_around(case: &Case<'_>, center: [f64; 3]) -> Option<f64> {
    let ct = Probe::new(&case.ct);
    // What was not imaged, and padding, holds no tumour.
    let hu = |offset: [f64; 3]| {
        let point = std::array::from_fn(|i| center[i] + offset[i]);
        ct.voxel(point).map_or(-1000.0, |(_, value)| value)
    };
    let mut values: Vec<f64> = ball().map(hu).collect();
    values.sort_by(f64::total_cmp);
    let median = values[values.len() / 2];
    let is_air = median < MAX_AIR_HU && values.last().is_some_and(|max| *max < MIN_TISSUE_HU);
    let has_wall = |axis: usize, sign: f64| {
        let steps = (CAVITY_REACH_MM / WALL_STEP_MM) as i32;
        (1..=steps).any(|n| {
            let mut offset = [0.0; 3];
            offset[axis] = sign * f64::from(n) * WALL_STEP_MM;
            hu(offset) > WALL_HU
        })
    };
    let in_cavity = || (0..3).all(|axis| has_wall(axis, -1.0) && has_wall(axis, 1.0));
    (is_air && !in_cavity()).then_some(median)
}

#[cfg(test)]
mod tests;
