//! A made patient with a liver and an aorta in known places.

use super::*;
use crate::cancel::CancelToken;
use crate::imaging::roi::Roi;
use crate::imaging::{DType, IDENTITY, ImageGrid, VolumeView};

/// Voxels of 4 mm, centres from -160 to 160, -100 to 100 and -140 to 180 mm.
const DIMS: [usize; 3] = [81, 51, 81];
const ORIGIN: [f64; 3] = [-160.0, -100.0, -140.0];

fn grid() -> ImageGrid<'static> {
    ImageGrid {
        dims: DIMS,
        origin: ORIGIN,
        spacing: [4.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    }
}

/// Bytes of a volume by the positions of its voxels.
fn volume<const N: usize>(value: impl Fn([f64; 3]) -> [u8; N]) -> Vec<u8> {
    let [nx, ny, nz] = DIMS;
    let at = |n: usize| {
        let index = [n % nx, n / nx % ny, n / nx / ny];
        std::array::from_fn(|a| ORIGIN[a] + 4.0 * index[a] as f64)
    };
    (0..nx * ny * nz).flat_map(|n| value(at(n))).collect()
}

/// Where the aorta runs along the patient, and its radius with the wall.
const AORTA: [f64; 2] = [40.0, 40.0];
const AORTA_MM: f64 = 14.0;
/// The middle of the liver, a ball.
const LIVER: [f64; 3] = [-80.0, 0.0, -64.0];
const LIVER_MM: f64 = 50.0;

fn in_aorta([x, y, _]: [f64; 3]) -> bool {
    (x - AORTA[0]).hypot(y - AORTA[1]) <= AORTA_MM
}

fn in_liver(p: [f64; 3]) -> bool {
    let d: [f64; 3] = std::array::from_fn(|a| p[a] - LIVER[a]);
    d[0].hypot(d[1]).hypot(d[2]) <= LIVER_MM
}

/// Fat with two lungs as boxes above z = 0, the aorta within the left one over these heights, and the liver below the right
/// one.
fn ct(aorta: std::ops::RangeInclusive<f64>) -> Vec<u8> {
    volume(|p| {
        let [x, y, z] = p;
        let lung = (y.abs() <= 72.0 && (0.0..=152.0).contains(&z))
            && ((-128.0..=-24.0).contains(&x) || (16.0..=128.0).contains(&x));
        let hu: i16 = if lung && in_aorta(p) && aorta.contains(&z) {
            40
        } else if lung {
            -850
        } else if in_liver(p) {
            60
        } else {
            -100
        };
        hu.to_ne_bytes()
    })
}

fn pet() -> Vec<u8> {
    volume(|p| {
        let suv = if in_liver(p) {
            2.0f32
        } else if in_aorta(p) {
            1.5
        } else {
            0.5
        };
        suv.to_ne_bytes()
    })
}

fn found(ct: &[u8], pet: &[u8], request: &ReferenceRequest) -> References {
    let case = Case::new(
        VolumeView::packed(ct, DType::I16, grid(), "ct").unwrap(),
        VolumeView::packed(pet, DType::F32, grid(), "pet").unwrap(),
        Roi::Point([0.0; 3]),
    );
    measure(&case, &[], request, 2, &CancelToken::default())
}

#[test]
fn liver_and_aorta_of_a_made_patient_are_found_in_their_middles() {
    let (ct, pet) = (ct(0.0..=152.0), pet());
    let both = found(&ct, &pet, &ReferenceRequest::default());
    let (liver, blood) = (
        both.liver.clone().unwrap(),
        both.blood_pool.clone().unwrap(),
    );
    assert_eq!(liver.center_lps_mm, LIVER);
    // The 20th of 39 slices from 0 to 152 mm.
    assert_eq!(blood.center_lps_mm, [AORTA[0], AORTA[1], 76.0]);
    assert_eq!((liver.suv_mean, liver.suv_sd), (2.0, 0.0));
    assert_eq!((blood.suv_mean, blood.suv_sd), (1.5, 0.0));
    assert_eq!(blood.placed_by, PlacedBy::Library);
    // A host that knows one place has the other one looked for all the same.
    let given = ReferenceRequest {
        liver: Some([-80.0, 4.0, -60.0]),
        blood_pool: None,
    };
    let one = found(&ct, &pet, &given);
    assert_eq!(one.blood_pool, both.blood_pool);
    assert_eq!(one.liver.unwrap().placed_by, PlacedBy::Host);
}

#[test]
fn six_discs_one_above_the_other_are_an_aorta_and_five_are_none() {
    let pet = pet();
    let request = ReferenceRequest {
        liver: Some(LIVER),
        blood_pool: None,
    };
    let of = |low: f64, high: f64| found(&ct(low..=high), &pet, &request).blood_pool;
    // Slices of samples lie at -140 + 4 n mm, and the lungs end with the voxels at 152 mm.
    let six = of(132.0, 152.0).unwrap();
    assert_eq!(six.center_lps_mm, [AORTA[0], AORTA[1], 144.0]);
    let why = of(136.0, 152.0).unwrap_err();
    assert!(why.contains("no descending aorta"), "{why}");
}

#[test]
fn a_region_is_covered_where_15_mm_around_its_centre_are() {
    let (ct, pet) = (ct(0.0..=152.0), pet());
    // The PET ends half a voxel beyond its outermost centres: at -162, 162, -102 ... mm.
    for axis in 0..3 {
        let low = ORIGIN[axis] - 2.0;
        let high = ORIGIN[axis] + 4.0 * DIMS[axis] as f64 - 2.0;
        for (at, covered) in [
            (low + 15.0, true),
            (low + 14.9, false),
            (high - 15.0, true),
            (high - 14.9, false),
        ] {
            let mut point = [0.0; 3];
            point[axis] = at;
            let request = ReferenceRequest {
                liver: Some(point),
                blood_pool: Some(point),
            };
            let found = found(&ct, &pet, &request);
            assert_eq!(found.liver.is_ok(), covered, "{axis} {at}");
            assert_eq!(found.blood_pool.is_ok(), covered, "{axis} {at}");
        }
    }
}

#[test]
fn the_liver_is_a_ball_of_15_mm_and_the_blood_pool_a_cylinder_of_6_by_10_mm() {
    let (ct, pet) = (ct(0.0..=152.0), pet());
    let request = ReferenceRequest {
        liver: Some(LIVER),
        blood_pool: Some([AORTA[0], AORTA[1], 76.0]),
    };
    let found = found(&ct, &pet, &request);
    // In steps of 4 mm: points of the lattice within 3.75 steps; 9 within 1.5 steps of a plane, in 5 planes within 2.5.
    let within = (-3..=3_i32).flat_map(|x| {
        (-3..=3_i32).flat_map(move |y| (-3..=3_i32).map(move |z| x * x + y * y + z * z))
    });
    let ball = within.filter(|squared| f64::from(*squared) <= 3.75 * 3.75);
    assert_eq!(found.liver.unwrap().voxels, ball.count());
    assert_eq!(found.blood_pool.unwrap().voxels, 9 * 5);
}

#[test]
fn a_voxel_that_is_no_number_makes_no_reference() {
    let (ct, mut pet) = (ct(0.0..=152.0), pet());
    let request = ReferenceRequest {
        liver: Some(LIVER),
        blood_pool: Some([AORTA[0], AORTA[1], 76.0]),
    };
    let index = |p: [f64; 3]| {
        let [i, j, k] = std::array::from_fn(|a| ((p[a] - ORIGIN[a]) / 4.0) as usize);
        4 * ((k * DIMS[1] + j) * DIMS[0] + i)
    };
    for bad in [f32::NAN, f32::INFINITY, 3.0] {
        pet[index(LIVER)..][..4].copy_from_slice(&bad.to_ne_bytes());
        let found = found(&ct, &pet, &request);
        assert_eq!(found.liver.is_ok(), bad.is_finite(), "{bad}");
        assert!(found.blood_pool.is_ok());
    }
    // Of values this large there is a mean and no deviation.
    let case = Case::new(
        VolumeView::packed(&ct, DType::I16, grid(), "ct").unwrap(),
        VolumeView::packed(&pet, DType::F32, grid(), "pet").unwrap(),
        Roi::Point([0.0; 3]),
    );
    let found = measure(&case, &[1e170; 81], &request, 1, &CancelToken::default());
    assert!(found.liver.is_err());
}
