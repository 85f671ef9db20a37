//! How far the body's outline in PET lies from that in CT.

use crate::case::Case;
use crate::imaging::Probe;

/// Precision of an outline.
const STEP_MM: f64 = 6.0;

/// Returns the PET outline minus the CT outline along L and P in mm, an estimate to a few millimetres; `None` where too
/// little of a body is seen by both.
pub fn outline_shift(case: &Case<'_>, center: [f64; 3], factors: &[f64]) -> Option<[f64; 2]> {
    shift(case, center, factors, 1.0)
}

/// As [`outline_shift`], for PET values of which `one_suv` is one SUV.
pub(super) fn shift(
    case: &Case<'_>,
    center: [f64; 3],
    factors: &[f64],
    one_suv: f64,
) -> Option<[f64; 2]> {
    let (pet, ct) = (Probe::new(&case.pet), Probe::new(&case.ct));
    let (p, c) = (case.pet.grid.bounds(), case.ct.grid.bounds());
    let range = |axis: usize| [p[axis][0].max(c[axis][0]), p[axis][1].min(c[axis][1])];
    let (xs, ys) = (range(0), range(1));
    // Skin, fat and muscle; the couch is thinner than the distance of the lines.
    let in_ct = |x, y| ct.value([x, y, center[2]]).is_some_and(|hu| hu > -300.0);
    let uptake = |x, y| pet.suv([x, y, center[2]], factors).unwrap_or(0.0);
    let (mut sum, mut inside) = (0.0, 0);
    for y in steps(ys, LINES_MM) {
        for x in steps(xs, LINES_MM).filter(|x| in_ct(*x, y)) {
            sum += uptake(x, y).min(5.0 * one_suv);
            inside += 1;
        }
    }
    if inside < 12 {
        return None;
    }
    let level = 0.25 * sum / f64::from(inside);
    let in_pet = |x, y| uptake(x, y) > level;
    // The couch lies below: rows give left and right by their middles, columns the anterior edge alone. Medians leave
    // out arms and holes.
    let back = [xs[1], xs[0]];
    let middle = |body: &dyn Fn(f64, f64) -> bool, y| {
        let right = steps(xs, STEP_MM).find(|x| body(*x, y))?;
        Some((right + steps(back, STEP_MM).find(|x| body(*x, y))?) / 2.0)
    };
    let front = |body: &dyn Fn(f64, f64) -> bool, x| steps(ys, STEP_MM).find(|y| body(x, *y));
    let rows = steps(ys, LINES_MM).filter_map(|y| Some(middle(&in_pet, y)? - middle(&in_ct, y)?));
    let columns = steps(xs, LINES_MM).filter_map(|x| Some(front(&in_pet, x)? - front(&in_ct, x)?));
    Some([median(rows)?, median(columns)?])
}

/// Distance of the lines along which outlines are looked for.
const LINES_MM: f64 = 24.0;

/// Points from one end of a range to the other, which may be the lower one, the first half a step in.
fn steps([from, to]: [f64; 2], step: f64) -> impl Iterator<Item = f64> {
    let n = ((to - from).abs() / step).clamp(0.0, 400.0) as usize;
    let step = step.copysign(to - from);
    (0..n).map(move |i| from + (i as f64 + 0.5) * step)
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests;
