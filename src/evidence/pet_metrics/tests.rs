//! Tests of PET metrics and the delineation of a lesion.

use super::*;
use crate::imaging::{DType, IDENTITY, ImageGrid};

#[test]
fn a_box_of_known_values_is_measured_and_a_second_one_left_alone() {
    let g = ImageGrid {
        dims: [12, 10, 9],
        origin: [0.0; 3],
        spacing: [4.0, 4.0, 5.0],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let mut values = vec![1f32; 12 * 10 * 9];
    let at = |i: usize, j: usize, k: usize| (k * 10 + j) * 12 + i;
    for k in 3..5 {
        for j in 3..5 {
            for i in 3..5 {
                values[at(i, j, k)] = 6.0;
            }
        }
    }
    values[at(4, 4, 4)] = 10.0;
    values[at(5, 5, 5)] = 6.0; // touches by a corner
    values[at(9, 8, 8)] = 8.0; // another lesion
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let view = VolumeView::packed(&bytes, DType::F32, g, "pet").unwrap();
    let all = Region {
        first: [0; 3],
        last: [11, 9, 8],
    };
    let (m, voxels) = measure(&view, &[], all, Delineation::default()).unwrap();
    assert_eq!(voxels.len(), m.voxels);
    assert_eq!((m.voxels, m.suv_max, m.threshold), (9, 10.0, 4.1));
    assert!((m.suv_mean - 58.0 / 9.0).abs() < 1e-12 && (m.mtv_ml - 9.0 * 0.08).abs() < 1e-12);
    assert!((m.tlg - m.suv_mean * m.mtv_ml).abs() < 1e-12 && m.suv_peak < 10.0);
    let (fixed, _) = measure(&view, &[0.5; 9], all, Delineation::Fixed(2.5)).unwrap();
    assert_eq!((fixed.voxels, fixed.suv_max), (9, 5.0));
    assert!(measure(&view, &[], all, Delineation::Fixed(50.0)).is_err());
    let near = Region::around(&view, [16.0, 16.0, 20.0], 8.0).unwrap();
    assert_eq!((near.first, near.last), ([2, 2, 2], [6, 6, 6]));
    assert!(Region::around(&view, [500.0, 0.0, 0.0], 8.0).is_none());
}

/// A PET of 20 x 10 x 5 voxels of 4 x 4 x 5 mm with a background of 1.
struct Pet(Vec<f32>);

impl Pet {
    fn new() -> Self {
        Self(vec![1.0; 20 * 10 * 5])
    }

    fn set(&mut self, i: [usize; 2], j: [usize; 2], k: [usize; 2], value: f32) {
        for (k, j) in (k[0]..=k[1]).flat_map(|k| (j[0]..=j[1]).map(move |j| (k, j))) {
            self.0[(k * 10 + j) * 20..][i[0]..=i[1]].fill(value);
        }
    }

    /// Cuts the lesion of a point, given as a continuous index, out of the whole volume.
    fn delineate(&self, point: Option<[f64; 3]>, delineation: Delineation) -> Delineated {
        let bytes: Vec<u8> = self.0.iter().flat_map(|v| v.to_ne_bytes()).collect();
        let view = VolumeView::packed(&bytes, DType::F32, grid(), "pet").unwrap();
        let all = Region {
            first: [0; 3],
            last: [19, 9, 4],
        };
        let point = point.map(|p| view.grid.index_to_lps(p));
        delineate(&view, &[], all, delineation, point).unwrap()
    }
}

fn grid() -> ImageGrid<'static> {
    ImageGrid {
        dims: [20, 10, 5],
        origin: [-30.0, 7.0, 100.0],
        spacing: [4.0, 4.0, 5.0],
        direction: IDENTITY,
        slice_offsets: None,
    }
}

const FRACTION: Delineation = Delineation::Fraction(0.41);

/// A node of SUV 5 to 6 at i = 2 to 4, and 40 mm away a tumour of SUV 20.
fn two_lesions() -> Pet {
    let mut pet = Pet::new();
    pet.set([2, 4], [4, 6], [2, 3], 5.0);
    pet.set([3, 3], [5, 5], [2, 2], 6.0);
    pet.set([14, 17], [4, 6], [2, 3], 20.0);
    pet.set([15, 15], [5, 5], [2, 2], 21.0);
    pet
}

#[test]
fn the_lesion_of_a_seed_is_its_own_though_a_hotter_one_is_near() {
    let pet = two_lesions();
    for seed in [
        [3.0, 5.0, 2.0],
        [2.0, 4.0, 3.0],
        [4.4, 6.4, 2.0],
        [1.6, 3.6, 2.0],
    ] {
        for (delineation, threshold) in [(FRACTION, 0.41 * 6.0), (Delineation::Fixed(4.0), 4.0)] {
            let found = pet.delineate(Some(seed), delineation);
            assert_eq!(found.missed_by_mm, None);
            let m = &found.metrics;
            assert_eq!(
                (m.voxels, m.suv_max, m.threshold),
                (18, 6.0, threshold),
                "{seed:?}"
            );
            assert_eq!(found.voxels[0], [3, 5, 2]);
        }
    }
    // In the hottest lesion, and without a point: that one.
    for seed in [Some([16.0, 4.0, 3.0]), None] {
        let found = pet.delineate(seed, FRACTION);
        assert_eq!((found.metrics.voxels, found.metrics.suv_max), (24, 21.0));
        assert_eq!((found.voxels[0], found.missed_by_mm), ([15, 5, 2], None));
    }
}

#[test]
fn a_seed_that_no_lesion_holds_says_how_far_the_lesion_is() {
    let pet = two_lesions();
    for (seed, mm) in [
        // In the background between both, 13.5 voxels' edge to 9: four and a half voxels of 4 mm.
        ([9.0, 5.0, 2.0], 18.0),
        ([13.25, 5.0, 2.0], 1.0),
        ([13.0, 2.5, 2.0], 20f64.sqrt()),
        ([15.0, 5.0, 0.5], 5.0),
        (
            [-0.4, 9.0, 4.0],
            (55.6f64.powi(2) + 100.0 + 2.5f64.powi(2)).sqrt(),
        ),
    ] {
        for delineation in [FRACTION, Delineation::Fixed(4.0)] {
            let found = pet.delineate(Some(seed), delineation);
            assert_eq!(found.metrics.suv_max, 21.0, "{seed:?}");
            assert!(
                (found.missed_by_mm.unwrap() - mm).abs() < 1e-6,
                "{seed:?} {found:?}"
            );
        }
    }
    // Outside of the volume.
    let found = pet.delineate(Some([25.0, 5.0, 2.0]), FRACTION);
    assert!((found.missed_by_mm.unwrap() - 30.0).abs() < 1e-9);
}

#[test]
fn a_seed_on_the_slope_of_a_hotter_lesion_has_no_lesion_of_its_own() {
    let mut pet = Pet::new();
    for (i, value) in [(8, 2.0), (9, 3.0), (10, 6.0), (11, 10.0), (12, 6.0)] {
        pet.set([i, i], [5, 5], [2, 2], value);
    }
    let found = pet.delineate(Some([9.0, 5.0, 2.0]), FRACTION);
    assert_eq!((found.metrics.voxels, found.missed_by_mm), (3, Some(2.0)));
    // A bump of its own whose lesion runs into the hotter one, where its threshold no longer holds the seed.
    pet.set([6, 6], [5, 5], [2, 2], 3.5);
    pet.set([7, 8], [5, 5], [2, 2], 2.5);
    let found = pet.delineate(Some([6.0, 5.0, 2.0]), FRACTION);
    assert_eq!((found.metrics.voxels, found.metrics.suv_max), (3, 10.0));
    assert_eq!(found.missed_by_mm, Some(14.0));
    // Beside a third lesion that is the hottest of the region, the slope is part of the second.
    pet.set([17, 18], [5, 5], [2, 2], 30.0);
    pet.set([9, 9], [5, 5], [2, 2], 4.5);
    let found = pet.delineate(Some([9.0, 5.0, 2.0]), FRACTION);
    assert_eq!(
        (
            found.metrics.voxels,
            found.metrics.suv_max,
            found.missed_by_mm
        ),
        (4, 10.0, None)
    );
    assert_eq!(found.voxels[0], [11, 5, 2]);
    // Its own lesion with two peaks is cut out at the higher one's threshold.
    pet.set([10, 10], [5, 5], [2, 2], 4.2);
    let found = pet.delineate(Some([9.0, 5.0, 2.0]), FRACTION);
    assert_eq!(
        (
            found.metrics.voxels,
            found.metrics.suv_max,
            found.metrics.threshold
        ),
        (4, 10.0, 4.1)
    );
    assert_eq!(found.voxels[0], [11, 5, 2]);
    // Where nothing takes up anything there is no lesion of its own either.
    pet.set([0, 2], [0, 2], [0, 2], -1.0);
    let found = pet.delineate(Some([1.0, 1.0, 1.0]), FRACTION);
    assert_eq!(found.metrics.suv_max, 30.0);
    assert!(found.missed_by_mm.is_some());
}

#[test]
fn a_seed_grows_into_centre_and_bounds() {
    let pet = two_lesions();
    let bytes: Vec<u8> = pet.0.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let view = VolumeView::packed(&bytes, DType::F32, grid(), "pet").unwrap();
    let at = |index| Seed {
        point: grid().index_to_lps(index),
        radius_mm: 60.0,
        delineation: FRACTION,
    };
    let extent = extent_of_seed(&view, &[2.0; 5], &at([2.0, 4.0, 3.0])).unwrap();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
    for (a, center) in [-18.0, 27.0, 112.5].into_iter().enumerate() {
        close(extent.center[a], center);
    }
    let bounds = [[-24.0, -12.0], [21.0, 33.0], [107.5, 117.5]];
    assert_eq!(extent.bounds, Some(bounds));
    assert_eq!(extent.lesion_missed_by_mm, None);
    let elsewhere = extent_of_seed(&view, &[], &at([9.0, 5.0, 2.0])).unwrap();
    close(elsewhere.lesion_missed_by_mm.unwrap(), 18.0);
    let far = Seed {
        point: [1e3; 3],
        ..at([0.0; 3])
    };
    assert!(matches!(
        extent_of_seed(&view, &[], &far),
        Err(Error::RoiOutside { volume: "pet", .. })
    ));
}

#[test]
fn regions_are_cut_to_the_volume() {
    let pet = Pet::new();
    let bytes: Vec<u8> = pet.0.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let view = VolumeView::packed(&bytes, DType::F32, grid(), "pet").unwrap();
    let around = |index, radius| {
        let region = Region::around(&view, grid().index_to_lps(index), radius);
        region.map(|r| (r.first, r.last))
    };
    assert_eq!(around([5.0, 5.0, 2.0], 5.9), Some(([4, 4, 1], [6, 6, 3])));
    assert_eq!(around([5.0, 5.0, 2.0], 0.0), Some(([5, 5, 2], [5, 5, 2])));
    assert_eq!(around([1.0, 8.0, 4.0], 12.0), Some(([0, 5, 2], [4, 9, 4])));
    assert_eq!(around([5.0, 5.0, 2.0], -1.0), None);
    assert_eq!(around([5.0, 5.0, 2.0], f64::INFINITY), None);
    assert_eq!(around([-0.6, 5.0, 2.0], 9.0), None);
    let within = |x: [f64; 2], y: [f64; 2], z: [f64; 2]| {
        Region::within(&view, [x, y, z]).map(|r| (r.first, r.last))
    };
    // Corners in mm: i = (x + 30) / 4, j = (y - 7) / 4, k = (z - 100) / 5.
    assert_eq!(
        within([-24.0, -12.0], [11.0, 19.4], [107.0, 117.0]),
        Some(([2, 1, 1], [5, 3, 3]))
    );
    assert_eq!(
        within([-90.0, 90.0], [-90.0, 90.0], [0.0, 200.0]),
        Some(([0; 3], [19, 9, 4]))
    );
    assert_eq!(
        within([46.0, 60.0], [7.0, 7.0], [100.0, 100.0]),
        Some(([19, 0, 0], [19, 0, 0]))
    );
    assert_eq!(within([46.5, 60.0], [7.0, 7.0], [100.0, 100.0]), None);
    assert_eq!(
        within([-60.0, -30.0], [7.0, 7.0], [100.0, 100.0]),
        Some(([0; 3], [0; 3]))
    );
    assert_eq!(within([-60.0, -30.5], [7.0, 7.0], [100.0, 100.0]), None);
    assert_eq!(within([-30.0, -30.0], [44.0, 50.0], [100.0, 100.0]), None);
    assert_eq!(within([-30.0, -30.0], [7.0, 7.0], [80.0, 99.0]), None);
    let region = Region {
        first: [1, 2, 3],
        last: [2, 2, 4],
    };
    let voxels: Vec<_> = region.voxels().collect();
    assert_eq!(voxels, [[1, 2, 3], [2, 2, 3], [1, 2, 4], [2, 2, 4]]);
    assert!(
        region.contains([2, 2, 4]) && !region.contains([0, 2, 3]) && !region.contains([1, 2, 5])
    );
    let near = region.around_voxel([1, 2, 3]);
    assert_eq!((near.first, near.last), ([1, 2, 3], [2, 2, 4]));
    let near = Region {
        first: [0; 3],
        last: [9; 3],
    }
    .around_voxel([4, 0, 9]);
    assert_eq!((near.first, near.last), ([3, 0, 8], [5, 1, 9]));
    assert_eq!(
        index_box(&[[1, 2, 3], [4, 2, 1]]),
        [[0.5, 4.5], [1.5, 2.5], [0.5, 3.5]]
    );
}

#[test]
fn the_peak_is_the_mean_over_one_cubic_centimetre() {
    let mut pet = Pet::new();
    pet.set([10, 10], [5, 5], [2, 2], 15.0);
    let found = pet.delineate(None, Delineation::Fixed(10.0));
    // Of 4 x 4 x 5 mm: in the plane 9 voxels (4 hypot 4 = 5.66 mm), above and below one each (5 mm; 5 hypot 4 = 6.40).
    assert!((found.metrics.suv_peak - (15.0 + 10.0) / 11.0).abs() < 1e-12);
    assert_eq!((found.metrics.voxels, found.metrics.suv_mean), (1, 15.0));
    assert_eq!(
        (found.metrics.mtv_ml, found.metrics.tlg),
        (0.08, 15.0 * 0.08)
    );
    assert_eq!(found.metrics.method, "SUV >= 10");
    // In a corner of the volume the sphere is what lies in it.
    let mut pet = Pet::new();
    pet.set([0, 0], [0, 0], [0, 0], 15.0);
    let found = pet.delineate(None, Delineation::Fixed(15.0));
    assert!((found.metrics.suv_peak - (15.0 + 4.0) / 5.0).abs() < 1e-12);
}

#[test]
fn lesions_hang_together_over_corners() {
    let set = [[5, 5, 5], [6, 6, 6], [7, 5, 7], [9, 5, 7], [0, 0, 0]];
    let mut found = connected([5, 5, 5], |v| set.contains(&v));
    found.sort_unstable();
    assert_eq!(found, [[5, 5, 5], [6, 6, 6], [7, 5, 7]]);
    assert_eq!(connected([0, 0, 0], |v| set.contains(&v)), [[0, 0, 0]]);
}

#[test]
fn voxels_that_are_not_finite_and_lesions_that_are_not_there_are_refused() {
    let mut pet = Pet::new();
    let measure = |pet: &Pet, factors: &[f64], delineation| {
        let bytes: Vec<u8> = pet.0.iter().flat_map(|v| v.to_ne_bytes()).collect();
        let view = VolumeView::packed(&bytes, DType::F32, grid(), "pet").unwrap();
        let region = Region {
            first: [1; 3],
            last: [4; 3],
        };
        measure(&view, factors, region, delineation).map(|(m, _)| m.voxels)
    };
    let text = measure(&pet, &[], Delineation::Fixed(1.5))
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("no voxel of the region reaches SUV >= 1.5 (SUVmax 1.00)"),
        "{text}"
    );
    assert_eq!(measure(&pet, &[], Delineation::Fixed(1.0)).unwrap(), 64);
    assert!(measure(&pet, &[0.0; 5], FRACTION).is_err());
    assert!(measure(&pet, &[-1.0; 5], FRACTION).is_err());
    pet.set([0, 0], [0, 0], [0, 0], f32::NAN);
    assert!(measure(&pet, &[], FRACTION).is_ok());
    pet.set([4, 4], [4, 4], [4, 4], f32::INFINITY);
    assert!(matches!(
        measure(&pet, &[], FRACTION),
        Err(Error::VoxelNotFinite { volume: "pet" })
    ));
}

#[test]
fn the_peak_is_a_mean_over_1_ml_of_voxels() {
    let mean = |spacing: f64, at: [usize; 3], one: [usize; 3]| {
        let g = ImageGrid {
            dims: [15; 3],
            origin: [0.0; 3],
            spacing: [spacing; 3],
            direction: IDENTITY,
            slice_offsets: None,
        };
        let mut values = vec![0f32; 15 * 15 * 15];
        values[(one[2] * 15 + one[1]) * 15 + one[0]] = 1.0;
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        let view = VolumeView::packed(&bytes, DType::F32, g, "pet").unwrap();
        sphere_mean(&view, &|v| view.value(v), at)
    };
    // Voxels of 2 mm within 6.2035 mm: those whose squares of steps sum to 9 at most, 123 of them.
    assert_eq!(mean(2.0, [7; 3], [10, 7, 7]), 1.0 / 123.0);
    assert_eq!(mean(2.0, [7; 3], [9, 9, 8]), 1.0 / 123.0);
    assert_eq!(mean(2.0, [7; 3], [9, 9, 9]), 0.0);
    // Of 4 mm: up to 2 squares, 19 voxels; in a corner of the volume 7 of them.
    assert_eq!(mean(4.0, [7; 3], [8, 8, 7]), 1.0 / 19.0);
    assert_eq!(mean(4.0, [0; 3], [1, 1, 0]), 1.0 / 7.0);
}

#[test]
fn a_point_half_a_voxel_beyond_the_last_centre_lies_in_the_last_voxel() {
    let bytes = vec![0u8; 20 * 10 * 5 * 4];
    let view = VolumeView::packed(&bytes, DType::F32, grid(), "pet").unwrap();
    let at = |index: [f64; 3]| voxel_at(&view, view.grid.index_to_lps(index));
    assert_eq!(at([19.5, 9.5, 4.5]), Some([19, 9, 4]));
    assert_eq!(at([-0.5, -0.5, -0.5]), Some([0, 0, 0]));
    assert_eq!(at([19.6, 5.0, 2.0]), None);
    assert_eq!(at([3.4, 5.6, 2.5]), Some([3, 6, 3]));
}
