//! A lesion measured: PET metrics (NUMERICS 4) and its diameters on CT. Evidence beside the scores, no input of them.

use crate::case::{Case, LesionRequest};
use crate::error::{Error, Result};
use crate::evidence::lesion_mask::LesionMask;
use crate::evidence::pet_metrics::{Delineated, PetMetrics, Region, delineate, index_box};
use crate::imaging::roi::{Extent, Roi};
use crate::imaging::{Probe, VolumeView};
use serde::Serialize;
use std::collections::HashSet;

/// Measures of one lesion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lesion {
    /// SUV metrics on native PET voxels.
    pub pet: PetMetrics,
    /// Size on CT; `None` if no CT voxel belongs to it.
    pub ct: Option<Diameters>,
    /// How far it lies from what it should hold, mm; `None` if it does: the voxel of a seed, a point within 10 mm, a voxel of a
    /// mask.
    pub missed_by_mm: Option<f64>,
    /// Its voxels in the PET.
    #[serde(skip)]
    pub mask: LesionMask,
}

/// Size of a lesion in the axial CT slice where it is longest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diameters {
    /// Longest diameter in a slice, from edge to edge of voxels, mm.
    pub longest_mm: f64,
    /// Extent at right angles to it in the same slice, mm.
    pub perpendicular_mm: f64,
    /// Index of the slice in the CT volume.
    pub slice: usize,
    /// What says which CT voxels belong: `mask`, or `pet` for soft tissue inside the PET lesion.
    pub outlined_by: &'static str,
}

/// CT voxels of a PET lesion that are lung are the blur of the PET, not the lesion.
const SOFT_TISSUE_HU: f64 = -300.0;

/// The lesion of a point that is not in it may lie this far away, mm.
const NEAR_POINT_MM: f64 = 10.0;

/// Diameters of a larger region, an organ or a body, are not measured: they would take too long.
const MAX_LESION_MM: f64 = 300.0;

/// Measures the lesion of a case; `factors` are the SUV factors of its PET slices, empty if values are SUVbw.
pub fn measure(
    case: &Case<'_>,
    roi: &Extent,
    factors: &[f64],
    request: &LesionRequest,
) -> Result<Lesion> {
    let found = cut_out(case, roi, factors, request)?;
    let missed_by_mm = match &case.roi {
        Roi::Point(_) => found.missed_by_mm.filter(|mm| *mm > NEAR_POINT_MM),
        Roi::Mask(mask) => missed_mask(case, mask, roi.center, &found.voxels),
        Roi::Seed(_) | Roi::Box(..) => found.missed_by_mm,
    };
    Ok(Lesion {
        pet: found.metrics,
        ct: diameters(case, roi, &found.voxels),
        missed_by_mm,
        mask: LesionMask::new(&found.voxels),
    })
}

/// Cuts the lesion of a case out of the PET: around its point, or within its bounds.
///
/// # Errors
/// [`Error::RoiInvalid`] if the region is outside the PET or holds no lesion, [`Error::VoxelNotFinite`].
pub(crate) fn cut_out(
    case: &Case<'_>,
    roi: &Extent,
    factors: &[f64],
    request: &LesionRequest,
) -> Result<Delineated> {
    let region = match roi.bounds {
        Some(bounds) => Region::within(&case.pet, bounds),
        None => Region::around(&case.pet, roi.center, request.radius_mm),
    };
    let region =
        region.ok_or_else(|| Error::RoiInvalid("the lesion's region is outside the PET".into()))?;
    let point = match &case.roi {
        Roi::Seed(seed) => Some(seed.point),
        Roi::Point(point) => Some(*point),
        Roi::Box(..) | Roi::Mask(_) => None,
    };
    delineate(&case.pet, factors, region, request.delineation, point)
}

/// Returns how far the hottest voxel of a lesion lies from the centre of a mask, mm, if none of its voxels is in the mask.
fn missed_mask(
    case: &Case<'_>,
    mask: &VolumeView<'_>,
    center: [f64; 3],
    voxels: &[[usize; 3]],
) -> Option<f64> {
    let probe = Probe::new(mask);
    let point = |v: &[usize; 3]| case.pet.grid.index_to_lps(v.map(|n| n as f64));
    let inside = |v| probe.index(point(v)).is_some_and(|m| mask.value(m) != 0.0);
    if voxels.iter().any(inside) {
        return None;
    }
    let hottest = point(voxels.first()?);
    let mm = (0..3).map(|a| (hottest[a] - center[a]).powi(2));
    Some(mm.sum::<f64>().sqrt())
}

fn diameters(case: &Case<'_>, roi: &Extent, pet_voxels: &[[usize; 3]]) -> Option<Diameters> {
    let ct = &case.ct.grid;
    let point = |v: [usize; 3]| ct.index_to_lps(v.map(|n| n as f64));
    if let (Roi::Mask(mask), Some(bounds)) = (&case.roi, roi.bounds) {
        let probe = Probe::new(mask);
        let inside = |v| probe.index(point(v)).is_some_and(|m| mask.value(m) != 0.0);
        return longest(case, bounds, "mask", inside);
    }
    let lesion: HashSet<[usize; 3]> = pet_voxels.iter().copied().collect();
    let probe = Probe::new(&case.pet);
    let inside = |v| {
        let soft = case.ct.value(v) > SOFT_TISSUE_HU;
        soft && probe.index(point(v)).is_some_and(|p| lesion.contains(&p))
    };
    let bounds = case.pet.grid.lps_box(index_box(pet_voxels));
    longest(case, bounds, "pet", inside)
}

/// The slice with the longest diameter among CT voxels of a box that are `inside`.
fn longest(
    case: &Case<'_>,
    bounds: [[f64; 2]; 3],
    outlined_by: &'static str,
    inside: impl Fn([usize; 3]) -> bool,
) -> Option<Diameters> {
    if bounds.iter().any(|[low, high]| high - low > MAX_LESION_MM) {
        return None;
    }
    let region = Region::within(&case.ct, bounds)?;
    let [dx, dy, _] = case.ct.grid.spacing;
    let mut best: Option<Diameters> = None;
    for k in region.first[2]..=region.last[2] {
        // Of each row only its ends can lie on the outline; their corners are the edges of the voxels.
        let mut corners: Vec<[f64; 2]> = Vec::new();
        for j in region.first[1]..=region.last[1] {
            let mut row = (region.first[0]..=region.last[0]).filter(|i| inside([*i, j, k]));
            let Some(first) = row.next() else { continue };
            let last = row.last().unwrap_or(first);
            for x in [first as f64 - 0.5, last as f64 + 0.5] {
                for y in [j as f64 - 0.5, j as f64 + 0.5] {
                    corners.push([x * dx, y * dy]);
                }
            }
        }
        if let Some((length, across)) = calipers(&corners)
            && best.as_ref().is_none_or(|b| length > b.longest_mm)
        {
            best = Some(Diameters {
                longest_mm: length,
                perpendicular_mm: across,
                slice: k,
                outlined_by,
            });
        }
    }
    best
}

/// Returns the longest distance between two points, and the extent of all at right angles to it.
fn calipers(points: &[[f64; 2]]) -> Option<(f64, f64)> {
    let points = hull(points);
    let mut best = (0.0, [0.0, 0.0]);
    for (n, a) in points.iter().enumerate() {
        for b in &points[n + 1..] {
            let d = [b[0] - a[0], b[1] - a[1]];
            let length = d[0].hypot(d[1]);
            if length > best.0 {
                best = (length, d.map(|v| v / length));
            }
        }
    }
    let (length, along) = best;
    let across = |p: &[f64; 2]| p[1] * along[0] - p[0] * along[1];
    let low = points.iter().map(across).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(across).fold(f64::NEG_INFINITY, f64::max);
    (length > 0.0).then_some((length, high - low))
}

/// Convex hull (Andrew's monotone chain); the points farthest apart are among its corners.
fn hull(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    let turn = |o: [f64; 2], a: [f64; 2], b: [f64; 2]| {
        (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])
    };
    let chain = |points: &mut dyn Iterator<Item = [f64; 2]>| {
        let mut chain: Vec<[f64; 2]> = Vec::new();
        for p in points {
            while let [.., a, b] = chain[..]
                && turn(a, b, p) <= 0.0
            {
                chain.pop();
            }
            chain.push(p);
        }
        chain.pop();
        chain
    };
    let mut hull = chain(&mut sorted.iter().copied());
    hull.extend(chain(&mut sorted.iter().rev().copied()));
    hull
}

#[cfg(test)]
mod tests;
