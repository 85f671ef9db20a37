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
mod tests {
    use super::*;
    use crate::imaging::roi::{Delineation, Seed};
    use crate::imaging::{DType, IDENTITY, ImageGrid};

    #[test]
    fn the_calipers_find_the_diagonal_and_the_width_across_it() {
        let rectangle: Vec<[f64; 2]> = (0..=30)
            .flat_map(|x| (0..=40).map(move |y| [f64::from(x), f64::from(y)]))
            .collect();
        let (length, across) = calipers(&rectangle).unwrap();
        assert!((length - 50.0).abs() < 1e-12, "{length}");
        assert!((across - 48.0).abs() < 1e-12, "{across}"); // twice 30 x 40 / 50
        assert_eq!(calipers(&[[1.0, 1.0]]), None);
        assert_eq!(calipers(&[]), None);
    }

    #[test]
    fn the_hull_keeps_the_corners_alone_and_the_calipers_lose_nothing_by_it() {
        let rectangle: Vec<[f64; 2]> = (2..=30)
            .flat_map(|x| (3..=40).map(move |y| [f64::from(x), f64::from(y)]))
            .collect();
        assert_eq!(hull(&rectangle).len(), 4);
        // Scattered points against every pair of them.
        let mut state = 1u64;
        let mut scattered = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as f64 / 1e6 - 4.0
        };
        for count in [3, 10, 40] {
            let points: Vec<[f64; 2]> = (0..count).map(|_| [scattered(), scattered()]).collect();
            let pairs = points
                .iter()
                .flat_map(|a| points.iter().map(move |b| (a, b)));
            let apart = |(a, b): &(&[f64; 2], &[f64; 2])| (a[0] - b[0]).hypot(a[1] - b[1]);
            let (a, b) = pairs.max_by(|p, q| apart(p).total_cmp(&apart(q))).unwrap();
            let length = apart(&(a, b));
            let across = |p: &[f64; 2]| (p[1] * (b[0] - a[0]) - p[0] * (b[1] - a[1])) / length;
            let widest = points.iter().map(across).fold(f64::NEG_INFINITY, f64::max)
                - points.iter().map(across).fold(f64::INFINITY, f64::min);
            let found = calipers(&points).unwrap();
            assert!((found.0 - length).abs() < 1e-12 && (found.1 - widest).abs() < 1e-9);
        }
    }

    /// Diameters of the lesion of `roi` on a CT whose voxels are 2 x 3 x 5 mm.
    fn measured(roi: Roi<'_>, hu: impl Fn([usize; 3]) -> i16) -> Option<Diameters> {
        let grid = ImageGrid {
            dims: [60, 27, 8],
            spacing: [2.0, 3.0, 5.0],
            ..grid()
        };
        let pet = pet();
        let ct: Vec<u8> = (0..60 * 27 * 8)
            .flat_map(|n| hu([n % 60, n / 60 % 27, n / 1620]).to_ne_bytes())
            .collect();
        let pet = VolumeView::packed(&pet, DType::F32, self::grid(), "pet").unwrap();
        let ct = VolumeView::packed(&ct, DType::I16, grid, "ct").unwrap();
        let case = Case::new(ct, pet, roi);
        let request = LesionRequest {
            radius_mm: 60.0,
            ..LesionRequest::default()
        };
        let lesion = measure(&case, &roi.extent().unwrap(), &[], &request).unwrap();
        lesion.ct
    }

    #[test]
    fn diameters_are_those_of_the_slice_where_the_lesion_is_longest() {
        let ct = ImageGrid {
            dims: [60, 27, 8],
            spacing: [2.0, 3.0, 5.0],
            ..grid()
        };
        // 5 x 2 voxels in one slice, 7 x 1 in the next, 4 x 1 in the last.
        let mut mask = vec![0u8; 60 * 27 * 8];
        for (k, rows, columns) in [
            (3, 12..14, 30..35),
            (4, 12..13, 30..37),
            (5, 12..13, 31..35),
        ] {
            for j in rows {
                mask[(k * 27 + j) * 60..][columns.clone()].fill(1);
            }
        }
        let view = VolumeView::packed(&mask, DType::U8, ct, "mask").unwrap();
        let found = measured(Roi::Mask(view), |_| 0).unwrap();
        assert_eq!((found.slice, found.outlined_by), (4, "mask"));
        // 14 x 3 mm.
        assert!((found.longest_mm - 205f64.sqrt()).abs() < 1e-9, "{found:?}");
        assert!((found.perpendicular_mm - 84.0 / 205f64.sqrt()).abs() < 1e-9);

        // Without a mask: what belongs to the lesion of the PET (58 to 78 mm, 34 to 42 mm, 14 to 22 mm) and is no air.
        let hottest = Roi::Point([68.0, 38.0, 18.0]);
        let soft = |air: i16| {
            move |[i, j, k]: [usize; 3]| {
                let core = (31..=36).contains(&i) && (12..=13).contains(&j);
                if core && k == 4 { 0 } else { air }
            }
        };
        let found = measured(hottest, soft(-1000)).unwrap();
        assert_eq!((found.slice, found.outlined_by), (4, "pet"));
        assert!(
            (found.longest_mm - 12f64.hypot(6.0)).abs() < 1e-9,
            "{found:?}"
        );
        let same = measured(hottest, soft(SOFT_TISSUE_HU as i16)).unwrap();
        assert_eq!(
            (same.slice, same.longest_mm),
            (found.slice, found.longest_mm)
        );
        let whole = measured(hottest, soft(SOFT_TISSUE_HU as i16 + 1)).unwrap();
        assert!(whole.longest_mm > 20.0, "{whole:?}");
        assert_eq!(measured(hottest, |_| -1000), None);
    }

    fn grid() -> ImageGrid<'static> {
        ImageGrid {
            dims: [30, 20, 10],
            origin: [0.0; 3],
            spacing: [4.0; 3],
            direction: IDENTITY,
            slice_offsets: None,
        }
    }

    /// SUV 1, with a node of SUV 6 at i = 5 to 6 and a tumour of SUV 20 at i = 15 to 19.
    fn pet() -> Vec<u8> {
        let value = |n: usize| match [n % 30, n / 30 % 20, n / 600] {
            [5..=6, 9..=10, 4..=5] => 6f32,
            [15..=19, 9..=10, 4..=5] => 20.0,
            _ => 1.0,
        };
        (0..6000).flat_map(|n| value(n).to_ne_bytes()).collect()
    }

    fn missed(roi: Roi<'_>) -> (Option<f64>, usize) {
        let (pet, ct) = (pet(), vec![0u8; 12000]);
        let pet = VolumeView::packed(&pet, DType::F32, grid(), "pet").unwrap();
        let ct = VolumeView::packed(&ct, DType::I16, grid(), "ct").unwrap();
        let case = Case::new(ct, pet, roi);
        let request = LesionRequest {
            radius_mm: 60.0,
            ..LesionRequest::default()
        };
        let lesion = measure(&case, &roi.extent().unwrap(), &[], &request).unwrap();
        (lesion.missed_by_mm, lesion.pet.voxels)
    }

    #[test]
    fn a_lesion_must_hold_the_seed_the_mask_or_lie_near_the_point() {
        let seed = |point| {
            missed(Roi::Seed(Seed {
                point,
                radius_mm: 60.0,
                delineation: Delineation::default(),
            }))
        };
        let point = |point| missed(Roi::Point(point));
        // The tumour's edge is at 58 mm along x; the node's own lesion is found, though the tumour is hotter.
        assert_eq!(seed([60.0, 36.0, 16.0]), (None, 20));
        assert_eq!(seed([22.0, 36.0, 16.0]), (None, 8));
        assert_eq!(seed([57.0, 36.0, 16.0]), (Some(1.0), 20));
        assert_eq!(point([22.0, 36.0, 16.0]), (None, 8));
        assert_eq!(point([48.0, 36.0, 16.0]), (None, 20));
        assert_eq!(point([47.5, 36.0, 16.0]), (Some(10.5), 20));
        let region = Roi::Box([18.0, 34.0, 14.0], [26.0, 42.0, 22.0]);
        assert_eq!(missed(region), (None, 8));
        // A mask: the lesion must share a voxel with it.
        let mask = |first: usize, last: usize| {
            let mut mask = vec![0u8; 6000];
            mask[(4 * 20 + 9) * 30..][first..=last].fill(1);
            let view = VolumeView::packed(&mask, DType::U8, grid(), "mask").unwrap();
            missed(Roi::Mask(view))
        };
        assert_eq!(mask(5, 6), (None, 8));
        let mut ring = vec![0u8; 6000];
        ring[(4 * 20 + 9) * 30 + 3] = 1;
        ring[(4 * 20 + 9) * 30 + 8] = 1;
        let view = VolumeView::packed(&ring, DType::U8, grid(), "mask").unwrap();
        // Its box holds the node, but none of its voxels does: from the node's first voxel to the middle is half a voxel.
        assert_eq!(missed(Roi::Mask(view)), (Some(2.0), 8));
    }
}
