//! The descending aorta: a disc of blood with the left lung all around its left, and the same disc in the slices above
//! and below.

use super::chest::{Chest, STEP_MM};
use crate::case::Case;
use crate::volume::Probe;

/// Distance of the points of a slice, mm.
const FINE_MM: f64 = 2.0;
/// Blood with and without contrast medium.
const BLOOD_HU: std::ops::Range<f64> = 10.0..450.0;
/// Where the lung begins.
const LUNG_HU: f64 = -300.0;
/// Noise of a CT made for attenuation correction.
const MAX_SD_HU: f64 = 25.0;
/// Directions in which the lung must follow, degrees from L towards P, and how much its distance may differ.
const RAYS: [f64; 9] = [-30.0, -15.0, 0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0];
const MAX_SPREAD_MM: f64 = 4.0;
/// Radius of the aorta with its wall and the fat around it.
const RADIUS_MM: std::ops::RangeInclusive<f64> = 8.0..=24.0;
/// It turns into the arch above and leaves the lung below: its course in between is this steep.
const MAX_DRIFT_MM: f64 = 8.0;
/// Slices without a disc - a hilum, a tumour beside it - that may lie between two with one.
const MAX_GAP: usize = 6;
const MIN_DISCS: usize = 6;

#[derive(Clone, Copy)]
struct Disc {
    slice: usize,
    center: [f64; 3],
}

/// A point on the aorta's axis, LPS mm.
pub(super) fn find(chest: &Chest, case: &Case<'_>, threads: usize) -> Result<[f64; 3], String> {
    let [first, last] = chest.lungs[2];
    let found = crate::parallel::map(last + 1 - first, threads, |n| disc(chest, case, first + n));
    let mut chains: Vec<Vec<Disc>> = Vec::new();
    for disc in found.into_iter().flatten() {
        let fits = |chain: &&mut Vec<Disc>| {
            chain.last().is_some_and(|last| {
                let gap = disc.slice - last.slice;
                let [dx, dy] = [0, 1].map(|a| disc.center[a] - last.center[a]);
                gap <= MAX_GAP + 1 && dx.hypot(dy) <= MAX_DRIFT_MM * (1.0 + gap as f64 / 4.0)
            })
        };
        match chains.iter_mut().rev().find(fits) {
            Some(chain) => chain.push(disc),
            None => chains.push(vec![disc]),
        }
    }
    let longest = chains.into_iter().max_by_key(Vec::len).unwrap_or_default();
    match longest.len() >= MIN_DISCS {
        // Away from the arch and from the diaphragm, and where its neighbours agree.
        true => Ok(longest[longest.len() / 2].center),
        false => Err("no descending aorta was found beside the left lung".into()),
    }
}

/// The roundest disc of one slice.
fn disc(chest: &Chest, case: &Case<'_>, slice: usize) -> Option<Disc> {
    let probe = Probe::new(&case.ct);
    let window = Window::of(chest, &probe, slice);
    let directions = RAYS.map(|degrees| degrees.to_radians().sin_cos());
    let mut best: Option<((f64, f64), Disc)> = None;
    for j in 2..window.dims[1].saturating_sub(2) {
        for i in 2..window.dims[0].saturating_sub(2) {
            if !window.is_blood(i, j) {
                continue;
            }
            let Some((nearest, farthest, sum)) = directions.iter().try_fold(
                (f64::INFINITY, 0.0f64, 0.0),
                |(low, high, sum), (sin, cos)| {
                    let r = window.lung(i, j, *cos, *sin)?;
                    Some((low.min(r), high.max(r), sum + r))
                },
            ) else {
                continue;
            };
            let spread = farthest - nearest;
            let round = (spread, -sum);
            if nearest >= *RADIUS_MM.start()
                && spread <= MAX_SPREAD_MM
                && best.as_ref().is_none_or(|(b, _)| round < *b)
            {
                let center = window.point(i, j);
                best = Some((round, Disc { slice, center }));
            }
        }
    }
    best.map(|(_, disc)| disc)
}

/// HU around the spine and left of it in one slice.
struct Window {
    dims: [usize; 2],
    origin: [f64; 3],
    hu: Vec<f64>,
}

impl Window {
    fn of(chest: &Chest, probe: &Probe<'_>, slice: usize) -> Self {
        let [_, [front, back], _] = chest.lungs;
        // In front of the middle of the lungs it is heart that lies beside the left one.
        let middle = (front + back) / 2;
        let origin = chest.point([chest.midline(), middle, slice]);
        let depth = (back - middle) as f64 * STEP_MM + 40.0;
        let dims = [(80.0 / FINE_MM) as usize, (depth / FINE_MM) as usize];
        let hu = (0..dims[0] * dims[1])
            .map(|n| {
                let [x, y] = [n % dims[0], n / dims[0]].map(|v| v as f64 * FINE_MM);
                // Four points a millimetre apart: half of the noise.
                let around = [[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]];
                let at = |d: [f64; 2]| [origin[0] + x + d[0], origin[1] + y + d[1], origin[2]];
                let hu = |d| probe.value(at(d)).unwrap_or(-1000.0);
                around.map(hu).iter().sum::<f64>() / 4.0
            })
            .collect();
        Self { dims, origin, hu }
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        self.hu[j * self.dims[0] + i]
    }

    fn point(&self, i: usize, j: usize) -> [f64; 3] {
        let [x, y, z] = self.origin;
        [x + i as f64 * FINE_MM, y + j as f64 * FINE_MM, z]
    }

    /// Even, and of the density of blood, over 10 x 10 mm; two points from the border at least.
    fn is_blood(&self, i: usize, j: usize) -> bool {
        if !BLOOD_HU.contains(&self.at(i, j)) {
            return false;
        }
        let (mut sum, mut squares) = (0.0, 0.0);
        for y in j - 2..=j + 2 {
            for x in i - 2..=i + 2 {
                let hu = self.at(x, y);
                sum += hu;
                squares += hu * hu;
            }
        }
        let mean = sum / 25.0;
        BLOOD_HU.contains(&mean) && squares / 25.0 - mean * mean <= MAX_SD_HU * MAX_SD_HU
    }

    /// How far the lung is in one direction; `None` if it is not within reach.
    fn lung(&self, i: usize, j: usize, cos: f64, sin: f64) -> Option<f64> {
        let steps = (*RADIUS_MM.end() / FINE_MM) as usize;
        (1..=steps).find_map(|r| {
            let x = (i as f64 + cos * r as f64).round();
            let y = (j as f64 + sin * r as f64).round();
            let inside =
                (0.0..self.dims[0] as f64).contains(&x) && (0.0..self.dims[1] as f64).contains(&y);
            (inside && self.at(x as usize, y as usize) < LUNG_HU).then_some(r as f64 * FINE_MM)
        })
    }
}
