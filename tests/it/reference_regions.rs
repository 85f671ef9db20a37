//! Reference regions on real patients: liver and descending aorta are found where they are, and nowhere else.

use crate::support::{bundle, cancelling, runtime, series, shared, tiny_bundle};
use dlnms::case::ReferenceRequest;
use dlnms::evidence::quality::Code;
use dlnms::evidence::reference_region::{self, PlacedBy, Reference, References};
use dlnms::imaging::roi::Roi;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, Volume, VolumeView};
use dlnms::readers::dicom::{Modality, Series, Study};
use dlnms::scorer::{CancelToken, Case, Scorer, ScorerOptions};

fn acrin() -> Option<Study> {
    let data = shared("data/petct/a_paired/acrin042")?;
    let load = |what: &str, modality| series(&[data.join(what)], modality).unwrap();
    Some(Study::new(
        load("ct", Modality::Ct),
        load("pet_ac", Modality::Pt),
    ))
}

fn factors(study: &Study) -> Vec<f64> {
    let info = study.pet.pet_info.as_ref().unwrap();
    info.suv_scale().unwrap().factors
}

fn measure(study: &Study, request: &ReferenceRequest) -> References {
    let case = study.case(Roi::Point([0.0; 3])).unwrap();
    reference_region::measure(&case, &factors(study), request, 0, &CancelToken::default())
}

fn within(point: [f64; 3], bounds: [[f64; 2]; 3]) -> bool {
    point
        .iter()
        .zip(bounds)
        .all(|(v, [low, high])| (low..high).contains(v))
}

/// Of ACRIN-042, read off its images: the right lobe below the dome, the aorta between arch and diaphragm.
const LIVER: [[f64; 2]; 3] = [[-130.0, -70.0], [-80.0, 0.0], [-300.0, -220.0]];
const AORTA: [[f64; 2]; 3] = [[25.0, 50.0], [5.0, 30.0], [-170.0, -50.0]];

#[test]
fn liver_and_aorta_of_a_real_patient_are_found() {
    let Some(study) = acrin() else { return };
    let found = measure(&study, &ReferenceRequest::default());
    println!("{found:?}");
    let (liver, blood) = (found.liver.unwrap(), found.blood_pool.unwrap());
    assert!(within(liver.center_lps_mm, LIVER), "{liver:?}");
    assert!(within(blood.center_lps_mm, AORTA), "{blood:?}");
    // What an FDG patient has (PERCIST: liver above blood pool), an hour after injection.
    assert!((1.4..2.4).contains(&liver.suv_mean), "{liver:?}");
    assert!((0.8..1.8).contains(&blood.suv_mean), "{blood:?}");
    assert!(liver.suv_mean > blood.suv_mean);
}

#[test]
fn a_score_with_all_that_is_measured_ends_when_it_is_cancelled() {
    let Some(study) = acrin() else { return };
    let scorer = Scorer::new(runtime(), &tiny_bundle(), ScorerOptions::default()).unwrap();
    scorer.prepare(None, &CancelToken::default()).unwrap();
    let mut case = study.case(Roi::Point([-42.3, -14.6, -122.1])).unwrap();
    case.references = Some(ReferenceRequest::default());
    case.digests = true;
    let score = |cancel: &CancelToken| scorer.score(&case, cancel);
    let all = cancelling::looks(score);
    // Each row of the CT that is hashed, and each row of the search for the liver, is a look.
    assert!(all > 10_000, "{all}");
    // What is left of a search looks once for each of its slices.
    let tried = (1..all * 9 / 10).step_by((all / 24) as usize);
    cancelling::ends_when_cancelled("scoring", tried, 1000, score);
}

#[test]
fn places_and_values_are_the_same_on_any_threads_and_by_either_way_of_reading() {
    let Some(mut study) = acrin() else { return };
    let find = |study: &Study, threads| {
        let case = study.case(Roi::Point([0.0; 3])).unwrap();
        let request = ReferenceRequest::default();
        reference_region::measure(
            &case,
            &factors(study),
            &request,
            threads,
            &CancelToken::default(),
        )
    };
    let first = find(&study, 1);
    // Of the flood fill over samples that the runs replaced.
    for (found, center, mean, voxels) in [
        (
            first.liver.as_ref().unwrap(),
            [-100.488281, -36.488281, -263.814993],
            1.697_638_156_370,
            196,
        ),
        (
            first.blood_pool.as_ref().unwrap(),
            [33.511719, 17.511719, -99.814993],
            1.273_307_646_221,
            24,
        ),
    ] {
        for (v, expected) in found.center_lps_mm.iter().zip(center) {
            assert!((v - expected).abs() < 1e-5, "{found:?}");
        }
        assert!((found.suv_mean - mean).abs() < 1e-11, "{found:?}");
        assert_eq!(found.voxels, voxels);
    }
    assert_eq!(find(&study, 2), first);
    // A billionth of a turn: every index is computed, and all of them are the same.
    study.ct.volume.direction[0][1] = 1e-9;
    let turned = find(&study, 2);
    for (a, b) in [
        (first.liver, turned.liver),
        (first.blood_pool, turned.blood_pool),
    ] {
        let (a, b) = (a.unwrap(), b.unwrap());
        for (x, y) in a.center_lps_mm.iter().zip(b.center_lps_mm) {
            assert!((x - y).abs() < 1e-6, "{a:?} {b:?}");
        }
        assert_eq!(
            (a.suv_mean, a.suv_sd, a.voxels),
            (b.suv_mean, b.suv_sd, b.voxels)
        );
    }
}

#[test]
fn a_place_the_host_knows_is_measured_as_numpy_measures_it() {
    let Some(study) = acrin() else { return };
    let request = ReferenceRequest {
        liver: Some([-100.0, -40.0, -264.0]),
        blood_pool: Some([36.0, 16.0, -92.0]),
    };
    let found = measure(&study, &request);
    // numpy on the derived SUV volume with the slices' own positions.
    for (reference, mean, sd, voxels) in [
        (found.liver.unwrap(), 1.723_310_5, 0.437_802, 194),
        (found.blood_pool.unwrap(), 1.027_056_3, 0.284_815, 42),
    ] {
        assert_eq!(reference.placed_by, PlacedBy::Host);
        assert_eq!(reference.voxels, voxels);
        assert!(
            (reference.suv_mean - mean).abs() < 1e-4 * mean,
            "{reference:?}"
        );
        assert!((reference.suv_sd - sd).abs() < 1e-4, "{reference:?}");
    }
    let outside = ReferenceRequest {
        liver: Some([0.0, 0.0, 500.0]),
        blood_pool: Some([f64::NAN; 3]),
    };
    let found = measure(&study, &outside);
    assert!(found.liver.unwrap_err().contains("not covered"));
    assert!(found.blood_pool.unwrap_err().contains("not covered"));
}

fn place_is(found: &Reference, place: [f64; 3]) {
    let off = (0..3).map(|a| (found.center_lps_mm[a] - place[a]).abs());
    assert!(
        off.fold(0.0, f64::max) < 1e-5,
        "{found:?}, expected at {place:?}"
    );
}

/// What is covered decides what is found: the places in parts of ACRIN-042, as they were when an eye had seen them within
/// the organs.
#[test]
fn places_in_parts_of_a_patient_stay_where_they_were() {
    let Some(study) = acrin() else { return };
    for (z, liver, blood) in PARTS {
        let ct = cut(&study.ct, z);
        let case = Case::new(
            ct.volume.view("ct").unwrap(),
            study.pet.volume.view("pet").unwrap(),
            Roi::Point([0.0; 3]),
        );
        let found = reference_region::measure(
            &case,
            &factors(&study),
            &ReferenceRequest::default(),
            0,
            &CancelToken::default(),
        );
        for (found, place) in [(found.liver, liver), (found.blood_pool, blood)] {
            match (found, place) {
                (Ok(found), Some(place)) => place_is(&found, place),
                (found, place) => assert!(
                    found.is_err() && place.is_none(),
                    "{z:?}: {found:?}, {place:?}"
                ),
            }
        }
    }
}

type Place = Option<[f64; 3]>;
const PARTS: [([f64; 2], Place, Place); 8] = [
    (
        [-400.0, -60.0],
        Some([-100.488281, -36.488281, -263.814993]),
        Some([41.511719, 23.511719, -107.814993]),
    ),
    (
        [-330.0, -90.0],
        Some([-104.488281, -44.488281, -267.114993]),
        Some([37.511719, 17.511719, -143.114993]),
    ),
    (
        [-300.0, -120.0],
        Some([-96.488281, -40.488281, -253.684994]),
        Some([29.511719, 11.511719, -161.684994]),
    ),
    (
        [-290.0, -20.0],
        Some([-92.488281, -32.488281, -247.874994]),
        Some([33.511719, 17.511719, -99.874994]),
    ),
    (
        [-270.0, 0.0],
        Some([-80.488281, -72.488281, -232.254994]),
        Some([35.511719, 17.511719, -100.254994]),
    ),
    (
        [-250.0, 30.0],
        None,
        Some([33.511719, 7.511719, -76.634995]),
    ),
    (
        [-240.0, -140.0],
        None,
        Some([33.511719, 13.511719, -158.824995]),
    ),
    (
        [-160.0, -60.0],
        None,
        Some([31.511719, 11.511719, -85.074996]),
    ),
];

/// A volume cut to some of its slices.
fn cut(series: &Series, z: [f64; 2]) -> Series {
    let mut out = series.clone();
    let v = &mut out.volume;
    let [nx, ny, nz] = v.dims;
    let at = |k: usize| {
        v.origin[2]
            + v.slice_offsets
                .get(k)
                .copied()
                .unwrap_or(k as f64 * v.spacing[2])
    };
    let keep: Vec<usize> = (0..nz).filter(|k| (z[0]..z[1]).contains(&at(*k))).collect();
    let (first, n) = (keep[0], keep.len());
    let size = v.data.len() / nz;
    assert_eq!(size % (nx * ny), 0);
    let origin = at(first);
    v.data = v.data[first * size..(first + n) * size].to_vec();
    v.slopes = v.slopes[first..first + n].to_vec();
    v.slice_offsets.clear();
    (v.origin[2], v.dims[2]) = (origin, n);
    out
}

#[test]
fn what_is_not_covered_is_not_found() {
    let Some(study) = acrin() else { return };
    let of = |ct: &Series, pet: &Series| {
        let case = Case::new(
            ct.volume.view("ct").unwrap(),
            pet.volume.view("pet").unwrap(),
            Roi::Point([0.0; 3]),
        );
        reference_region::measure(
            &case,
            &[],
            &ReferenceRequest::default(),
            0,
            &CancelToken::default(),
        )
    };
    // Above the dome there is an aorta, and no liver; around the neck neither.
    let chest = of(&cut(&study.ct, [-200.0, 100.0]), &study.pet);
    assert!(chest.liver.unwrap_err().contains("no liver"));
    assert!(within(chest.blood_pool.unwrap().center_lps_mm, AORTA));
    let neck = of(&cut(&study.ct, [20.0, 100.0]), &study.pet);
    assert!(neck.liver.is_err() && neck.blood_pool.is_err());
    // Sarcomas of arms and legs, cut out of their scans.
    for case in ["STS_001", "STS_002", "STS_003"] {
        let Some(data) = shared(&format!("data/petct/a_paired/ibsi_sts/{case}")) else {
            return;
        };
        let load = |what: &str, modality| series(&[data.join(what)], modality).unwrap();
        let found = of(
            &load("CT/dicom", Modality::Ct),
            &load("PET/dicom", Modality::Pt),
        );
        println!("{case}: {found:?}");
        assert!(found.liver.is_err() && found.blood_pool.is_err(), "{case}");
    }
}

#[test]
fn another_patients_organs_are_found_whatever_the_axes_of_the_volume() {
    let Some(data) = shared("data/petct/a_ct_roi/4dlung_113/ct") else {
        return;
    };
    let mut ct = series(&[data], Modality::Ct).unwrap().volume;
    // No PET was published with it: two SUV everywhere.
    let pet = vec![2.0f32; 64 * 64 * 64];
    let pet: Vec<u8> = pet.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let grid = ImageGrid {
        dims: [64; 3],
        origin: [-250.0, -163.0, -1132.0],
        spacing: [8.0, 8.0, 4.8],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let find = |ct: &Volume| {
        let pet = VolumeView::packed(&pet, DType::F32, grid, "pet").unwrap();
        let case = Case::new(ct.view("ct").unwrap(), pet, Roi::Point([0.0; 3]));
        let found = reference_region::measure(
            &case,
            &[],
            &ReferenceRequest::default(),
            0,
            &CancelToken::default(),
        );
        (found.liver.unwrap(), found.blood_pool.unwrap())
    };
    let (liver, blood) = find(&ct);
    println!("{liver:?} {blood:?}");
    assert!(within(
        liver.center_lps_mm,
        [[-120.0, -50.0], [30.0, 130.0], [-1090.0, -1030.0]]
    ));
    // Left of the vertebra that the clinic contoured (centroid 5.0, 160.5), in front of the ribs.
    assert!(within(
        blood.center_lps_mm,
        [[25.0, 65.0], [120.5, 180.5], [-1000.0, -870.0]]
    ));
    assert_eq!((liver.suv_mean, liver.suv_sd), (2.0, 0.0));
    place_is(&liver, [-84.4883, 82.4927, -1055.5]);
    place_is(&blood, [47.5117, 154.4927, -983.5]);

    // The same patient stored from left to right and from back to front.
    let [nx, ny, _] = ct.dims;
    let width = ct.dtype.size();
    for slice in ct.data.chunks_exact_mut(nx * ny * width) {
        let mut turned: Vec<u8> = Vec::with_capacity(slice.len());
        slice
            .chunks_exact(width)
            .rev()
            .for_each(|v| turned.extend(v));
        slice.copy_from_slice(&turned);
    }
    for (axis, n) in [nx, ny].into_iter().enumerate() {
        ct.origin[axis] += (n - 1) as f64 * ct.spacing[axis];
        ct.direction[axis][axis] = -1.0;
    }
    let turned = find(&ct);
    for (a, b) in [(liver, turned.0), (blood, turned.1)] {
        let apart: f64 = (0..3)
            .map(|i| (a.center_lps_mm[i] - b.center_lps_mm[i]).powi(2))
            .sum();
        assert!(apart.sqrt() <= 8.0, "{a:?} {b:?}"); // two samples: nearest voxels differ by half of one
    }
}

#[test]
fn an_implausible_liver_is_a_finding_unless_the_tracer_is_another() {
    let Some(mut study) = acrin() else { return };
    let scorer = Scorer::new(runtime(), &bundle(), ScorerOptions::default()).unwrap();
    let findings = |study: &Study, fdg| {
        let mut case = study.case(Roi::Point([-42.3, -14.6, -122.1])).unwrap();
        case.references = Some(ReferenceRequest::default());
        case.metadata.fdg = fdg;
        let scores = scorer.score(&case, &CancelToken::default()).unwrap();
        assert!(scores.references.unwrap().liver.is_ok());
        let found = scores.quality.into_iter();
        found
            .filter(|f| f.code == Code::SuvImplausible)
            .map(|f| f.message)
            .collect::<Vec<_>>()
    };
    assert_eq!(findings(&study, None), Vec::<String>::new());
    // A weight in pounds taken for kilograms, and a syringe measured at another time.
    let info = study.pet.pet_info.as_mut().unwrap();
    info.weight_kg = info.weight_kg.map(|kg| kg * 2.2046);
    info.dose_bq = info.dose_bq.map(|bq| bq / 1.5);
    let found = findings(&study, None);
    println!("{found:?}");
    assert!(found.iter().any(|m| m.contains("the liver")), "{found:?}");
    assert_eq!(findings(&study, Some(false)), Vec::<String>::new());
}
