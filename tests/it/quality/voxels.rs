//! What the voxels themselves say: PET and CT swapped, values that are no SUV, a centre in air or without uptake.

use super::{Body, DEEP, SIDE, check, codes, spec};
use crate::support::{series, shared};
use dlnms::evidence::quality::{self, Action, Code, Finding, QualityPolicy, Severity};
use dlnms::imaging::Volume;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::suv::{DecayCorrection, PetInfo, Units};
use dlnms::readers::dicom::{Archive, Modality, Study};
use dlnms::scorer::{CancelToken, Case, CaseMetadata};

impl Body {
    /// Changes both volumes within a ball around the centre.
    fn carved(mut self, radius: f64, hu: Option<i16>, suv: Option<f32>) -> Self {
        let at = |v: usize, n: usize| (v as f64 - (n as f64 - 1.0) / 2.0) * 4.0;
        for v in 0..SIDE * SIDE * DEEP {
            let (x, y) = (at(v % SIDE, SIDE), at(v / SIDE % SIDE, SIDE));
            let z = (v / SIDE / SIDE) as f64 * 4.0 - DEEP as f64 * 2.0;
            if x.hypot(y).hypot(z) <= radius {
                if let Some(hu) = hu {
                    self.ct[v * 2..][..2].copy_from_slice(&hu.to_ne_bytes());
                }
                if let Some(suv) = suv {
                    self.pet[v * 4..][..4].copy_from_slice(&suv.to_ne_bytes());
                }
            }
        }
        self
    }

    /// Multiplies the PET.
    fn times(mut self, factor: f32) -> Self {
        for voxel in self.pet.chunks_exact_mut(4) {
            let value = f32::from_ne_bytes(voxel.try_into().unwrap()) * factor;
            voxel.copy_from_slice(&value.to_ne_bytes());
        }
        self
    }
}

/// Activity in Bq/ml, of which 1000 are one SUV.
fn activity() -> PetInfo {
    PetInfo {
        units: Units::Bqml,
        decay_correction: Some(DecayCorrection::Admin),
        weight_kg: Some(70.0),
        dose_bq: Some(70e6),
        ..PetInfo::already_suv(DEEP)
    }
}

fn found(body: &Body, info: Option<&PetInfo>, center: [f64; 3]) -> Vec<Finding> {
    let mut case = body.case([0.0; 2], 4.0);
    (case.pet_info, case.roi) = (info, Roi::Point(center));
    check(&case, &QualityPolicy::default()).unwrap()
}

fn found_codes(body: &Body, info: Option<&PetInfo>, center: [f64; 3]) -> Vec<Code> {
    found(body, info, center).iter().map(|f| f.code).collect()
}

#[test]
fn activity_that_is_said_to_be_suv_and_scales_that_no_body_has_are_told_apart() {
    let middle = [0.0; 3];
    let gml = PetInfo::already_suv(DEEP);
    // The limits are between 15 and 50 (SUV, improbable) and beyond (no SUV); 0.1, 0.01, 15 and 100 for a computed one.
    for (factor, said, code) in [
        (1.0, None, None),
        (14.9, None, None),
        (15.1, None, Some(Code::SuvImplausible)),
        (49.9, None, Some(Code::SuvImplausible)),
        (50.1, None, Some(Code::PetNotSuv)),
        (5000.0, None, Some(Code::PetNotSuv)),
        (5000.0, Some(&gml), Some(Code::PetNotSuv)),
        (0.11, None, None),
        (0.09, None, Some(Code::SuvImplausible)),
        (0.011, Some(&gml), Some(Code::SuvImplausible)),
        (0.009, None, Some(Code::SuvScale)),
        (0.0, None, Some(Code::SuvScale)),
        (-1.0, None, Some(Code::SuvScale)),
    ] {
        let codes = found_codes(&Body::new().times(factor), said, middle);
        // No scale but 0 and below is missing uptake.
        let rest: Vec<_> = codes
            .iter()
            .copied()
            .filter(|c| *c != Code::CenterWithoutUptake)
            .collect();
        assert_eq!(rest, Vec::from_iter(code), "{factor} {said:?}");
        assert_eq!(codes.len() > rest.len(), factor < 0.0, "{factor}");
    }
    let info = activity();
    for (factor, code) in [
        (1000.0, None),
        (14_900.0, None),
        (99_000.0, Some(Code::SuvImplausible)),
        (101_000.0, Some(Code::SuvScale)),
        (1e6, Some(Code::SuvScale)),
        (9.0, Some(Code::SuvScale)),
        (1.0, Some(Code::SuvScale)),
    ] {
        let codes = found_codes(&Body::new().times(factor), Some(&info), middle);
        assert_eq!(codes, Vec::from_iter(code), "{factor}");
    }
    let message = &found(&Body::new().times(5000.0), None, middle)[0].message;
    assert_eq!(
        message,
        "a mean of 5000 and a maximum of 5000 in the tissue around the tumour: PET values that are said to be SUV look like Bq/ml"
    );
    let message = &found(&Body::new().times(1e6), Some(&info), middle)[0].message;
    assert_eq!(
        message,
        "a mean SUV of 1.000e3 in the tissue around the tumour, more than 100 times off"
    );
    // A hot spot alone: no tissue has an SUV of 2000.
    let spot = Body::new().carved(10.0, None, Some(2000.0));
    assert_eq!(found_codes(&spot, None, middle), [Code::PetNotSuv]);
    // Far from the body it is the body's mean that counts.
    let far = found(&Body::new().times(5000.0), None, [0.0, 185.0, 0.0]);
    let far = far.iter().find(|f| f.code == Code::PetNotSuv).unwrap();
    assert!(far.message.contains("of the body"), "{}", far.message);
    // A check that is ignored leaves the word to the next.
    let body = Body::new().times(5000.0);
    let mut policy = QualityPolicy::default();
    policy.set(Code::PetNotSuv, Action::Ignore);
    let next = check(&body.case([0.0; 2], 4.0), &policy).unwrap();
    assert_eq!(next[0].code, Code::SuvScale);
}

#[test]
fn swapped_volumes_are_one_finding_and_nothing_that_follows_from_it() {
    for scale in [1.0, 3000.0] {
        let body = Body::new().times(scale);
        let straight = body.case([0.0; 2], 4.0);
        let swapped = Case {
            ct: straight.pet,
            pet: straight.ct,
            ..straight
        };
        assert_eq!(codes(&swapped), [Code::ModalitiesSwapped]);
        assert!(!codes(&straight).contains(&Code::ModalitiesSwapped));
        let mut policy = QualityPolicy::default();
        policy.set(Code::ModalitiesSwapped, Action::Ignore);
        let others = check(&swapped, &policy).unwrap();
        assert!(!others.is_empty() && others.iter().all(|f| f.code != Code::ModalitiesSwapped));
    }
    // A CT without any air is none for that alone.
    let water = Body::new().carved(1e3, Some(0), None);
    assert_eq!(
        codes(&water.case([0.0; 2], 4.0)),
        [Code::Misregistration],
        "no outline"
    );
}

#[test]
fn a_centre_in_air_and_one_without_uptake_are_found() {
    let body = Body::new();
    for [x, y] in [[175.0, 0.0], [0.0, 125.0], [-120.0, -100.0]] {
        let codes = found_codes(&body, None, [x, y, 0.0]);
        for code in [Code::CenterInAir, Code::CenterWithoutUptake] {
            assert!(codes.contains(&code), "{x} {y}: {codes:?}");
        }
    }
    // Within the reach of the skin it is not: a pleural tumour has its centre near air as well.
    assert!(!found_codes(&body, None, [155.0, 0.0, 0.0]).contains(&Code::CenterInAir));
    // A cavity of the tumour has a wall, whatever its contents.
    let cavity = || Body::new().carved(24.0, Some(-980), Some(0.2));
    assert_eq!(found_codes(&cavity(), None, [0.0; 3]), []);
    let trachea = Body::new().carved(40.0, Some(-980), None);
    assert_eq!(found_codes(&trachea, None, [0.0; 3]), [Code::CenterInAir]);
    let message = &found(&trachea, None, [0.0; 3])[0].message;
    assert_eq!(message, "CT shows air within 10 mm of the centre: -980 HU");
    // Lung is not air, and a nodule of ground glass is not.
    for hu in [-880, -600] {
        let lung = Body::new().carved(40.0, Some(hu), None);
        assert_eq!(found_codes(&lung, None, [0.0; 3]), []);
    }
    for (suv, empty) in [(0.0, true), (0.045, true), (0.051, false), (0.3, false)] {
        let cold = Body::new().carved(20.0, None, Some(suv));
        let codes = found_codes(&cold, None, [0.0; 3]);
        let expected: &[Code] = if empty {
            &[Code::CenterWithoutUptake]
        } else {
            &[]
        };
        assert_eq!(codes, expected, "{suv}");
    }
    let cold = found(&Body::new().carved(20.0, None, Some(0.02)), None, [0.0; 3]);
    assert_eq!(
        cold[0].message,
        "PET shows no uptake within 10 mm of the centre: a mean SUV of 0.020"
    );
}

#[test]
fn the_strict_policy_refuses_what_makes_a_score_wrong_and_names_all_of_it() {
    let strict = QualityPolicy::strict();
    let refused: Vec<_> = Code::ALL
        .into_iter()
        .filter(|c| strict.action(*c) == Action::Refuse)
        .map(Code::name)
        .collect();
    assert_eq!(
        refused,
        [
            "patient_mismatch",
            "study_mismatch",
            "frame_of_reference_mismatch",
            "misregistration",
            "dose",
            "weight",
            "suv_implausible",
            "tracer_not_fdg",
            "lesion_elsewhere",
            "weight_unit_assumed",
            "dose_unit_assumed",
            "time_zone_assumed",
            "half_life_mismatch",
            "pet_not_suv",
            "modalities_swapped",
            "center_in_air",
            "center_without_uptake",
            "suv_scale",
            "suv_normalization",
        ]
    );
    for code in Code::ALL {
        let critical = code.severity() == Severity::Critical;
        assert!(
            !critical || strict.action(code) == Action::Refuse,
            "{code:?}"
        );
        assert_ne!(strict.action(code), Action::Ignore);
    }
    let body = Body::new().times(5000.0);
    let mut case = body.case([0.0; 2], 4.0);
    case.metadata.same_patient = Some(false);
    case.metadata.derived = Some(true);
    let error = check(&case, &strict).unwrap_err();
    assert_eq!(error.status(), dlnms::error::status::DLNMS_E_QUALITY);
    assert_eq!(
        error.to_string(),
        "quality check patient_mismatch: PET and CT have different patient IDs; quality check pet_not_suv: a mean of 5000 \
         and a maximum of 5000 in the tissue around the tumour: PET values that are said to be SUV look like Bq/ml"
    );
    assert!(
        check(&Body::new().case([0.0; 2], 4.0), &strict)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_thickness_that_no_slice_has_is_refused_and_not_taken_for_thin() {
    let body = Body::new();
    for mm in [f64::NAN, f64::INFINITY, -6.0, 0.0] {
        let metadata = [
            CaseMetadata {
                ct_slice_thickness_mm: Some(mm),
                ..CaseMetadata::default()
            },
            CaseMetadata {
                pet_slice_thickness_mm: Some(mm),
                ..CaseMetadata::default()
            },
        ];
        for (metadata, name) in metadata.into_iter().zip(["ct", "pet"]) {
            let case = Case {
                metadata,
                ..body.case([0.0; 2], 4.0)
            };
            let text = check(&case, &QualityPolicy::default())
                .unwrap_err()
                .to_string();
            assert_eq!(
                text,
                format!("metadata.{name}_slice_thickness_mm: {mm} is no thickness")
            );
        }
    }
}

/// A real patient with PET and CT, and the centre of the tumour.
struct Patient {
    name: &'static str,
    study: Study,
    center: [f64; 3],
}

/// Every paired case of the shared data.
fn patients() -> Option<Vec<Patient>> {
    let load = |path: std::path::PathBuf, modality| series(&[path], modality).unwrap();
    let acrin = shared("data/petct/a_paired/acrin042")?;
    let mut all = vec![Patient {
        name: "acrin042",
        study: Study::new(
            load(acrin.join("ct"), Modality::Ct),
            load(acrin.join("pet_ac"), Modality::Pt),
        ),
        center: [-42.269, -14.623, -122.129],
    }];
    for name in ["STS_001", "STS_002", "STS_003"] {
        let data = shared(&format!("data/petct/a_paired/ibsi_sts/{name}"))?;
        let cancel = CancelToken::default();
        let open = |what: &str| Archive::open(&[data.join(what)], &cancel).unwrap();
        let mask = open("CT/rtstruct")
            .roi_mask(0, &[&open("CT/dicom")], &CancelToken::default())
            .unwrap();
        all.push(Patient {
            name,
            study: Study::new(
                load(data.join("CT/dicom"), Modality::Ct),
                load(data.join("PET/dicom"), Modality::Pt),
            ),
            center: Roi::Mask(mask.volume.view("mask").unwrap())
                .center()
                .unwrap(),
        });
    }
    Some(all)
}

/// The codes of these checks that are found.
fn judged(case: &Case<'_>) -> Vec<Code> {
    let suv = case.pet_info.map(|info| info.suv_scale().unwrap());
    let roi = case.roi.extent().unwrap();
    let policy = QualityPolicy::default();
    let found = quality::check(case, &roi, suv.as_ref(), None, &spec(), &policy).unwrap();
    for finding in &found {
        println!("    {}: {}", finding.code.name(), finding.message);
    }
    let judged = [
        Code::SuvImplausible,
        Code::PetNotSuv,
        Code::ModalitiesSwapped,
        Code::CenterInAir,
        Code::CenterWithoutUptake,
        Code::SuvScale,
        Code::Misregistration,
    ];
    let codes = found.iter().map(|f| f.code);
    codes.filter(|c| judged.contains(c)).collect()
}

fn scaled(volume: &Volume, factor: f64) -> Volume {
    let mut volume = volume.clone();
    volume.slopes.iter_mut().for_each(|s| *s *= factor);
    volume.intercept *= factor;
    volume
}

#[test]
fn real_patients_have_none_of_these_findings_until_they_are_edited() {
    let Some(patients) = patients() else { return };
    for Patient {
        name,
        study,
        center,
    } in patients
    {
        println!("{name} {center:?}");
        let case = study.case(Roi::Point(center)).unwrap();
        assert_eq!(judged(&case), [], "{name}");
        let roi = case.roi.extent().unwrap();
        let suv = case.pet_info.unwrap().suv_scale().unwrap();
        quality::check(
            &case,
            &roi,
            Some(&suv),
            None,
            &spec(),
            &QualityPolicy::strict(),
        )
        .unwrap();

        // SUV is in the file already, or computed from activity.
        let is_activity = case.pet_info.unwrap().units == Units::Bqml;
        let activity = scaled(&study.pet.volume, if is_activity { 1.0 } else { 5000.0 });
        println!("  said to be SUV");
        let said = Case {
            pet: activity.view("pet").unwrap(),
            pet_info: None,
            ..case
        };
        assert_eq!(judged(&said), [Code::PetNotSuv], "{name}");

        println!("  swapped");
        for info in [None, case.pet_info] {
            let swapped = Case {
                ct: case.pet,
                pet: case.ct,
                pet_info: info,
                ..case
            };
            assert_eq!(judged(&swapped), [Code::ModalitiesSwapped], "{name}");
        }

        println!("  x 1000, x 0.001");
        let high = scaled(&study.pet.volume, 1e3);
        let off = Case {
            pet: high.view("pet").unwrap(),
            ..case
        };
        let code = if is_activity {
            Code::SuvScale
        } else {
            Code::PetNotSuv
        };
        assert_eq!(judged(&off), [code], "{name}");
        let low = scaled(&study.pet.volume, 1e-3);
        let off = Case {
            pet: low.view("pet").unwrap(),
            ..case
        };
        assert_eq!(judged(&off), [Code::SuvScale], "{name}");
    }
}

/// Mean and highest HU in the cube of 24 mm around a point, as far as it was imaged.
fn cube(case: &Case<'_>, point: [f64; 3]) -> (f64, f64) {
    let g = &case.ct.grid;
    let middle = g.lps_to_index(point).map(|v| v.round() as usize);
    let reach = g.spacing.map(|mm| (12.0 / mm) as usize);
    let range =
        |a: usize| middle[a].saturating_sub(reach[a])..(middle[a] + reach[a] + 1).min(g.dims[a]);
    let (mut sum, mut max, mut n) = (0.0, f64::NEG_INFINITY, 0.0);
    for k in range(2) {
        for j in range(1) {
            for i in range(0) {
                let hu = case.ct.value([i, j, k]).max(-1000.0);
                (sum, max, n) = (sum + hu, hu.max(max), n + 1.0);
            }
        }
    }
    (sum / n, max)
}

#[test]
fn a_centre_moved_out_of_a_real_patient_is_found_and_one_moved_within_is_not() {
    let Some(patients) = patients() else { return };
    for Patient { name, study, .. } in patients {
        let step = if name == "acrin042" { 40.0 } else { 20.0 };
        let bounds = study.case(Roi::Point([0.0; 3])).unwrap().ct.grid.bounds();
        let along = |a: usize| {
            let [low, high] = bounds[a];
            let n = ((high - low) / step) as usize;
            (0..n).map(move |i| low + (i as f64 + 0.5) * step)
        };
        let (mut air, mut tissue) = (0, 0);
        for z in along(2) {
            for y in along(1) {
                for x in along(0) {
                    let center = [x, y, z];
                    let case = study.case(Roi::Point(center)).unwrap();
                    if !case.pet.grid.contains(center) {
                        continue;
                    }
                    let (hu, max) = cube(&case, center);
                    // At the level of the arms and the neck outlines differ.
                    let codes = || {
                        let mut codes = judged(&case);
                        codes.retain(|code| *code != Code::Misregistration);
                        codes
                    };
                    if hu < -950.0 && max < -300.0 {
                        air += 1;
                        assert!(codes().contains(&Code::CenterInAir), "{name} {center:?}");
                    } else if hu > -200.0 {
                        tissue += 1;
                        assert_eq!(codes(), [], "{name} {center:?} {hu}");
                    }
                }
            }
        }
        println!("{name}: {air} in air, {tissue} in tissue");
        assert!(tissue > 50, "{name}");
        assert!(air > 0 || name == "STS_002" || name == "STS_003", "{name}"); // cropped to the limb
    }
}
