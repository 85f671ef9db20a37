//! The descending aorta: a disc of blood with the left lung all around its left, and the same disc in the slices above
//! and below.

use super::chest::{Chest, STEP_MM};
use super::lattice::Lattice;
use crate::cancel::CancelToken;

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

impl Disc {
    /// Returns whether one vessel may go through a disc and through this one, in a later slice.
    fn continues(&self, before: &Disc) -> bool {
        let slices = self.slice - before.slice;
        let [dx, dy] = [0, 1].map(|a| self.center[a] - before.center[a]);
        slices <= MAX_GAP + 1 && dx.hypot(dy) <= MAX_DRIFT_MM * (1.0 + slices as f64 / 4.0)
    }
}

/// Returns a point on the aorta's axis, LPS mm; on at most `threads` threads.
pub(super) fn find(
    chest: &Chest,
    ct: &Lattice<'_>,
    threads: usize,
    cancel: &CancelToken,
) -> Result<[f64; 3], String> {
    let [first, last] = chest.lungs[2];
    let rays = rays();
    let find = |n| {
        if cancel.is_triggered() {
            return None;
        }
        disc(chest, ct, &rays, first + n)
    };
    let found = crate::parallel::map(last + 1 - first, threads, find);
    let mut chains: Vec<Vec<Disc>> = Vec::new();
    for disc in found.into_iter().flatten() {
        let fits = |chain: &&mut Vec<Disc>| chain.last().is_some_and(|last| disc.continues(last));
        match chains.iter_mut().rev().find(fits) {
            Some(chain) => chain.push(disc),
            None => chains.push(vec![disc]),
        }
    }
    let longest = chains.into_iter().max_by_key(Vec::len).unwrap_or_default();
    if longest.len() >= MIN_DISCS {
        // The middle disc lies away from the arch and the diaphragm, and agrees with its neighbours.
        Ok(longest[longest.len() / 2].center)
    } else {
        Err("no descending aorta was found beside the left lung".into())
    }
}

/// Returns the roundest disc of one slice.
fn disc(chest: &Chest, ct: &Lattice<'_>, rays: &[Ray], slice: usize) -> Option<Disc> {
    let window = Window::new(chest, ct, slice);
    let mut best: Option<((f64, f64), Disc)> = None;
    for j in 2..window.dims[1].saturating_sub(2) {
        for i in 2..window.dims[0].saturating_sub(2) {
            if !window.is_blood(i, j) {
                continue;
            }
            let Some((spread, sum)) = window.lung_around(rays, i, j) else {
                continue;
            };
            let round = (spread, -sum);
            if best.as_ref().is_none_or(|(b, _)| round < *b) {
                let center = window.point(i, j);
                best = Some((round, Disc { slice, center }));
            }
        }
    }
    best.map(|(_, disc)| disc)
}

/// The points of a slice in one direction, as steps along L and P, nearest first: at every step up to the largest radius.
type Ray = [[isize; 2]; REACH];
const REACH: usize = (*RADIUS_MM.end() / FINE_MM) as usize;

fn rays() -> [Ray; RAYS.len()] {
    RAYS.map(|degrees| {
        let (sin, cos) = degrees.to_radians().sin_cos();
        // Rounded as a place far from the border is, half a step away from zero.
        let step = |v: f64| (1000.0 + v).round() as isize - 1000;
        std::array::from_fn(|n| [cos, sin].map(|v| step(v * (n + 1) as f64)))
    })
}

/// HU around the spine and left of it in one slice.
struct Window {
    dims: [usize; 2],
    origin: [f64; 3],
    hu: Vec<f64>,
    /// Sums of HU and of their squares over the rectangle from the first point up to one, which is not part of it.
    sums: Vec<[f64; 2]>,
}

impl Window {
    fn new(chest: &Chest, ct: &Lattice<'_>, slice: usize) -> Self {
        let [_, [front, back], _] = chest.lungs;
        // In front of the middle of the lungs it is heart that lies beside the left one.
        let middle = (front + back) / 2;
        let origin = chest.point([chest.midline(), middle, slice]);
        let depth = (back - middle) as f64 * STEP_MM + 40.0;
        let dims = [(80.0 / FINE_MM) as usize, (depth / FINE_MM) as usize];
        // Four points a millimetre apart: half of the noise.
        let around = |a: usize| -> Vec<f64> {
            let points = (0..dims[a]).map(|n| origin[a] + n as f64 * FINE_MM);
            points.flat_map(|v| [v - 0.5, v + 0.5]).collect()
        };
        let mut hu = vec![0.0; dims[0] * dims[1]];
        ct.plane(&around(0), &around(1), origin[2], |j, row| {
            let means = hu[j / 2 * dims[0]..][..dims[0]].iter_mut();
            for (sum, two) in means.zip(row.as_chunks::<2>().0) {
                *sum = *sum + two[0] + two[1];
            }
        });
        hu.iter_mut().for_each(|sum| *sum /= 4.0);
        let mut window = Self {
            dims,
            origin,
            hu,
            sums: Vec::new(),
        };
        window.add_up();
        window
    }

    /// Fills the sums.
    fn add_up(&mut self) {
        let [nx, ny] = self.dims;
        let width = nx + 1;
        self.sums = vec![[0.0; 2]; width * (ny + 1)];
        for j in 0..ny {
            let mut row = [0.0; 2];
            for i in 0..nx {
                // Nothing so dense is blood, and infinite sums have no differences.
                let hu = self.at(i, j).min(4000.0);
                row = [row[0] + hu, row[1] + hu * hu];
                let above = self.sums[j * width + i + 1];
                self.sums[(j + 1) * width + i + 1] = [above[0] + row[0], above[1] + row[1]];
            }
        }
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
        let corner = |i: usize, j: usize| self.sums[j * (self.dims[0] + 1) + i];
        let (low, high) = (corner(i - 2, j - 2), corner(i + 3, j + 3));
        let (left, right) = (corner(i - 2, j + 3), corner(i + 3, j - 2));
        let [sum, squares] = [0, 1].map(|n| high[n] - left[n] - right[n] + low[n]);
        let mean = sum / 25.0;
        BLOOD_HU.contains(&mean) && squares / 25.0 - mean * mean <= MAX_SD_HU * MAX_SD_HU
    }

    /// How much the distance of the lung differs among the directions, and the sum of the distances; `None` if it is not
    /// within reach in one of them, too near, or not around a disc.
    fn lung_around(&self, rays: &[Ray], i: usize, j: usize) -> Option<(f64, f64)> {
        let (mut nearest, mut farthest, mut sum) = (f64::INFINITY, 0.0f64, 0.0);
        for ray in rays {
            let mm = self.lung(ray, i, j)?;
            (nearest, farthest, sum) = (mm.min(nearest), mm.max(farthest), sum + mm);
            if nearest < *RADIUS_MM.start() || farthest - nearest > MAX_SPREAD_MM {
                return None;
            }
        }
        Some((farthest - nearest, sum))
    }

    /// How far the lung is in one direction; `None` if it is not within reach.
    fn lung(&self, ray: &Ray, i: usize, j: usize) -> Option<f64> {
        let n = ray.iter().position(|[x, y]| {
            let (x, y) = (i.wrapping_add_signed(*x), j.wrapping_add_signed(*y));
            x < self.dims[0] && y < self.dims[1] && self.at(x, y) < LUNG_HU
        })?;
        Some((n + 1) as f64 * FINE_MM)
    }
}

#[cfg(test)]
mod tests;
