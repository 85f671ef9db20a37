//! Limits of headers and outlines that are met exactly.

use super::super::tests::{Made, case, codes, found};
use super::*;
use crate::evidence::reference_region::{PlacedBy, Reference};
use crate::imaging::suv::PetInfo;

#[test]
fn slices_of_more_than_5_mm_are_thick() {
    let of = |stated: Option<f64>, steps: [f64; 2]| {
        let metadata = CaseMetadata {
            ct_slice_thickness_mm: stated,
            ..CaseMetadata::default()
        };
        let found = found(|out| thickness(&metadata, steps, out));
        found.into_iter().map(|f| f.message).collect::<Vec<_>>()
    };
    assert!(of(Some(5.0), [5.0; 2]).is_empty());
    assert!(of(Some(5.0 + 1e-3), [5.0 + 1e-3, 1.0]).is_empty());
    assert_eq!(of(Some(5.002), [1.0; 2]), ["CT: slices of 5.00 mm"]);
    assert_eq!(of(None, [1.0, 6.0]), ["PET: slices of 6.00 mm"]);
    assert_eq!(of(Some(3.0), [7.5, 1.0]), ["CT: slices of 7.50 mm"]);
}

fn acquired(info: PetInfo, dt_s: f64) -> Vec<String> {
    let (ct, pet) = (Made::new(3, 1.0, |_| 0.0), Made::new(3, 1.0, |_| 0.0));
    let mut case = case(&ct, &pet);
    case.pet_info = Some(&info);
    let scale = SuvScale {
        dt_s,
        ..PetInfo::already_suv(3).suv_scale().unwrap()
    };
    let found = found(|out| acquisition(&case, Some(&scale), out));
    found.into_iter().map(|f| f.message).collect()
}

#[test]
fn uptake_takes_half_an_hour_to_three_hours() {
    let of = |seconds| acquired(PetInfo::already_suv(3), seconds);
    for seconds in [1800.0, 3600.0, 10_800.0, 0.0, -60.0] {
        assert!(of(seconds).is_empty(), "{seconds}");
    }
    assert_eq!(of(1740.0), ["29 minutes from injection to scan"]);
    assert_eq!(of(10_860.0), ["181 minutes from injection to scan"]);
}

#[test]
fn a_dose_is_30_to_1200_mbq_and_below_10000_bq_it_was_one_in_mbq() {
    let of = |dose_bq| {
        let info = PetInfo {
            dose_bq: Some(dose_bq),
            ..PetInfo::already_suv(3)
        };
        acquired(info, 3600.0)
    };
    for bq in [30e6, 370e6, 1200e6, 30.0, 370.0, 1200.0] {
        assert!(of(bq).is_empty(), "{bq}");
    }
    assert_eq!(of(29.9e6), ["an injected dose of 29.9 MBq"]);
    assert_eq!(of(1201e6), ["an injected dose of 1201.0 MBq"]);
    assert_eq!(of(9999.0), ["an injected dose of 9999.0 MBq"]);
    assert_eq!(of(10_000.0), ["an injected dose of 0.0 MBq"]);
}

#[test]
fn a_weight_is_20_to_300_kg() {
    let of = |kg| {
        let info = PetInfo {
            weight_kg: Some(kg),
            ..PetInfo::already_suv(3)
        };
        acquired(info, 3600.0)
    };
    assert!(of(20.0).is_empty() && of(300.0).is_empty());
    assert_eq!(of(19.5), ["a weight of 19.5 kg"]);
    assert_eq!(of(301.0), ["a weight of 301 kg"]);
}

/// An ROI around the origin.
fn roi(bounds: [[f64; 2]; 3]) -> Extent {
    Extent {
        center: [0.0; 3],
        bounds: Some(bounds),
        lesion_missed_by_mm: None,
    }
}

fn spec(samples: usize) -> PreprocessSpec {
    let text = r#"{"frame":"LPS","center":"point_or_mask_centroid","spacing_mm":1.0,"center_index":1,
        "channels":[{"plane":"axial","rows":"+P","columns":"+L"}],"interpolation":"trilinear","output":2,
        "resize":"bilinear_align_corners","samples":2,
        "pet":{"unit":"SUVbw","outside":0.0,"mean":0.0,"std":1.0},
        "ct":{"unit":"HU","outside":-1000.0,"mean":0.0,"std":1.0}}"#;
    PreprocessSpec {
        samples,
        ..serde_json::from_str(text).unwrap()
    }
}

#[test]
fn an_roi_touches_the_border_when_less_than_a_voxel_is_between_them() {
    // The CT reaches from -42 to 42 mm in voxels of 4 mm; the PET to 84 mm in voxels of 8 mm.
    let (ct, pet) = (Made::new(21, 4.0, |_| 0.0), Made::new(21, 8.0, |_| 0.0));
    let case = case(&ct, &pet);
    let of = |bounds| codes(|out| region(&case, &roi(bounds), &spec(400), out));
    assert_eq!(of([[-38.0, 38.0]; 3]), []);
    for axis in 0..3 {
        for (low, high) in [(-38.25, 10.0), (-10.0, 38.25)] {
            let mut bounds = [[-10.0, 10.0]; 3];
            bounds[axis] = [low, high];
            assert_eq!(of(bounds), [Code::RoiAtBorder], "{axis} {low}");
        }
    }
    // Of the PET a voxel is 8 mm: from 76 mm on.
    let found = found(|out| region(&case, &roi([[-76.0, 76.25]; 3]), &spec(400), out));
    let said: Vec<&str> = found.iter().map(|f| f.message.as_str()).collect();
    assert_eq!(said, ["the ROI touches the border of the CT"; 2]);
}

#[test]
fn an_roi_may_reach_as_far_as_half_of_the_window() {
    let (ct, pet) = (Made::new(41, 8.0, |_| 0.0), Made::new(41, 8.0, |_| 0.0));
    let case = case(&ct, &pet);
    let of = |bounds: [f64; 2], center: f64| {
        let roi = Extent {
            center: [0.0, center, 0.0],
            ..roi([[-5.0, 5.0], bounds, [-5.0, 5.0]])
        };
        let found = found(|out| region(&case, &roi, &spec(132), out));
        found.into_iter().map(|f| f.message).collect::<Vec<_>>()
    };
    assert!(of([-66.0, 66.0], 0.0).is_empty());
    assert!(of([-10.0, 100.0], 40.0).is_empty());
    let said = "the ROI reaches 67 mm from its centre, the network sees 66 mm";
    assert_eq!(of([-67.0, 20.0], 0.0), [said]);
    assert_eq!(of([-20.0, 67.0], 0.0), [said]);
    assert_eq!(of([-37.0, 60.0], 30.0), [said]);
}

#[test]
fn a_lesion_that_misses_its_seed_is_found_and_one_that_holds_it_is_not() {
    let made = Made::new(3, 1.0, |_| 0.0);
    let of = |missed| {
        let roi = Extent {
            lesion_missed_by_mm: missed,
            ..roi([[0.0, 1.0]; 3])
        };
        codes(|out| lesion(&case(&made, &made), &roi, out))
    };
    assert_eq!(of(None), []);
    assert_eq!(of(Some(12.5)), [Code::LesionElsewhere]);
}

#[test]
fn liver_and_blood_have_the_suv_of_fdg_or_a_finding_each() {
    let of = |liver: f64, blood: f64, fdg: Option<bool>| {
        let reference = |suv_mean: f64| {
            Ok(Reference {
                center_lps_mm: [0.0; 3],
                placed_by: PlacedBy::Host,
                suv_mean,
                suv_sd: 0.0,
                voxels: 10,
            })
        };
        let references = References {
            liver: reference(liver),
            blood_pool: reference(blood),
        };
        let metadata = CaseMetadata {
            fdg,
            ..CaseMetadata::default()
        };
        let found = found(|out| plausible_references(&references, &metadata, out));
        assert!(found.iter().all(|f| f.code == Code::SuvImplausible));
        found.into_iter().map(|f| f.message).collect::<Vec<_>>()
    };
    for fdg in [None, Some(true)] {
        assert!(of(0.9, 0.5, fdg).is_empty() && of(4.0, 3.5, fdg).is_empty());
        assert_eq!(
            of(0.89, 3.51, fdg),
            [
                "a mean SUV of 0.890 in the liver; 0.9 to 4 is usual",
                "a mean SUV of 3.510 in the blood pool; 0.5 to 3.5 is usual"
            ]
        );
    }
    assert!(of(40.0, 40.0, Some(false)).is_empty(), "another tracer");
}
