//! Tests of lesions and their diameters.

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

#[test]
fn what_is_longer_than_300_mm_is_no_lesion() {
    let grid = ImageGrid {
        dims: [80, 5, 5],
        spacing: [5.0; 3],
        ..grid()
    };
    let ct = vec![0u8; 80 * 25 * 2];
    let view = VolumeView::packed(&ct, DType::I16, grid, "ct").unwrap();
    let case = Case::new(view, view, Roi::Point([0.0; 3]));
    let of = |x: [f64; 2]| longest(&case, [x, [0.0, 10.0], [0.0, 10.0]], "mask", |_| true);
    assert!(of([10.0, 310.0]).is_some());
    assert!(of([10.0, 310.5]).is_none());
    assert!(of([200.0, 390.0]).is_some());
}

#[test]
fn of_two_slices_of_one_length_the_lower_one_is_taken() {
    let ct = vec![0u8; 12000];
    let view = VolumeView::packed(&ct, DType::I16, grid(), "ct").unwrap();
    let case = Case::new(view, view, Roi::Point([0.0; 3]));
    let bounds = [[0.0, 100.0], [0.0, 60.0], [0.0, 36.0]];
    let inside =
        |[i, j, k]: [usize; 3]| (3..7).contains(&i) && (5..8).contains(&j) && (2..5).contains(&k);
    let found = longest(&case, bounds, "mask", inside).unwrap();
    // 16 x 12 mm.
    assert_eq!((found.slice, found.longest_mm), (2, 20.0));
}
