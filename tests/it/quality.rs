//! Quality checks: each code is found where it should be and nowhere else, and the policy decides what follows.

mod voxels;

use crate::support::{series, shared, tiny_bundle};
use dlnms::bundle::Manifest;
use dlnms::cancel::CancelToken;
use dlnms::error::status::*;
use dlnms::evidence::quality::{self, Action, Code, Finding, QualityPolicy};
use dlnms::evidence::reference_region;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::sampler::PreprocessSpec;
use dlnms::imaging::suv::{DecayCorrection, PetInfo, Units};
use dlnms::imaging::{DType, IDENTITY, ImageGrid, Volume, VolumeView};
use dlnms::readers::dicom::{Modality, Study};
use dlnms::scorer::{Case, CaseMetadata};

fn spec() -> PreprocessSpec {
    let manifest = std::fs::read(tiny_bundle().join("manifest.json")).unwrap();
    Manifest::parse(&manifest).unwrap().preprocessing
}

/// A cylinder of water with uptake 1, 300 x 200 mm across, in air.
struct Body {
    ct: Vec<u8>,
    pet: Vec<u8>,
}

const SIDE: usize = 100;
const DEEP: usize = 60;

impl Body {
    fn new() -> Self {
        let inside = |v: usize| {
            let at = |n: usize| (n as f64 - 49.5) * 4.0;
            (at(v % SIDE) / 150.0).powi(2) + (at(v / SIDE % SIDE) / 100.0).powi(2) < 1.0
        };
        let voxels = || (0..SIDE * SIDE * DEEP).map(inside);
        let hu = |b: bool| if b { 20i16 } else { -1000 };
        let suv = |b: bool| if b { 1.0f32 } else { 0.0 };
        Self {
            ct: voxels().flat_map(|b| hu(b).to_ne_bytes()).collect(),
            pet: voxels().flat_map(|b| suv(b).to_ne_bytes()).collect(),
        }
    }

    fn grid(origin: [f64; 3], step: f64) -> ImageGrid<'static> {
        ImageGrid {
            dims: [SIDE, SIDE, DEEP],
            origin,
            spacing: [4.0, 4.0, step],
            direction: IDENTITY,
            slice_offsets: None,
        }
    }

    fn case(&self, shift: [f64; 2], step: f64) -> Case<'_> {
        let origin = [-198.0, -198.0, -(DEEP as f64) / 2.0 * step];
        let pet = [origin[0] + shift[0], origin[1] + shift[1], origin[2]];
        Case::new(
            VolumeView::packed(&self.ct, DType::I16, Self::grid(origin, step), "ct").unwrap(),
            VolumeView::packed(&self.pet, DType::F32, Self::grid(pet, step), "pet").unwrap(),
            Roi::Point([0.0; 3]),
        )
    }
}

fn check(case: &Case<'_>, policy: &QualityPolicy) -> dlnms::Result<Vec<Finding>> {
    let suv = case.pet_info.map(|i| i.suv_scale().unwrap());
    let references = case
        .references
        .as_ref()
        .map(|r| reference_region::measure(case, &[], r, 0, &CancelToken::default()));
    let roi = case.roi.extent()?;
    quality::check(
        case,
        &roi,
        suv.as_ref(),
        references.as_ref(),
        &spec(),
        policy,
    )
}

fn codes(case: &Case<'_>) -> Vec<Code> {
    let found = check(case, &QualityPolicy::default()).unwrap();
    found.iter().map(|f| f.code).collect()
}

#[test]
fn a_sound_case_has_no_findings_and_each_fault_its_own() {
    let body = Body::new();
    let sound = body.case([0.0; 2], 4.0);
    assert_eq!(codes(&sound), []);

    let with = |metadata: CaseMetadata| Case { metadata, ..sound };
    let metadata = CaseMetadata::default();
    for (metadata, code) in [
        (
            CaseMetadata {
                same_study: Some(false),
                ..metadata
            },
            Code::StudyMismatch,
        ),
        (
            CaseMetadata {
                same_frame_of_reference: Some(false),
                ..metadata
            },
            Code::FrameOfReferenceMismatch,
        ),
        (
            CaseMetadata {
                fdg: Some(false),
                ..metadata
            },
            Code::TracerNotFdg,
        ),
        (
            CaseMetadata {
                lossy: Some(true),
                ..metadata
            },
            Code::LossySource,
        ),
        (
            CaseMetadata {
                derived: Some(true),
                ..metadata
            },
            Code::DerivedImage,
        ),
        (
            CaseMetadata {
                age_known: Some(false),
                ..metadata
            },
            Code::AgeMissing,
        ),
        (
            CaseMetadata {
                modality_stated: Some(false),
                ..metadata
            },
            Code::ModalityMissing,
        ),
        (
            CaseMetadata {
                pet_slice_thickness_mm: Some(5.5),
                ..metadata
            },
            Code::SliceThickness,
        ),
    ] {
        assert_eq!(codes(&with(metadata)), [code]);
    }

    assert_eq!(
        codes(&body.case([0.0; 2], 6.0)),
        [Code::SliceThickness; 2],
        "both volumes"
    );
    let boxed = |a, b| Case {
        roi: Roi::Box(a, b),
        ..sound
    };
    assert_eq!(
        codes(&boxed([-20.0, -80.0, -20.0], [20.0, 80.0, 20.0])),
        [Code::RoiExceedsWindow]
    );
    let at_the_top = boxed([-20.0, -20.0, 80.0], [20.0, 20.0, 117.0]);
    assert!(codes(&at_the_top).contains(&Code::RoiAtBorder));
    let outside = Case {
        roi: Roi::Point([0.0, 0.0, 115.0]),
        ..sound
    };
    let found = check(&outside, &QualityPolicy::default()).unwrap();
    let planes: Vec<_> = found.iter().map(|f| (f.code, f.message.as_str())).collect();
    assert_eq!(planes.len(), 4, "{planes:?}"); // coronal and sagittal of both: half of them is above the volume
    assert!(
        planes
            .iter()
            .all(|p| p.0 == Code::PlanePadding && p.1.contains("% of the"))
    );
}

#[test]
fn suv_facts_out_of_range_are_found() {
    let body = Body::new();
    let info = PetInfo {
        units: Units::Bqml,
        decay_correction: Some(DecayCorrection::Admin),
        weight_kg: Some(70.0),
        dose_bq: Some(70_000.0 * 1e3),
        ..PetInfo::already_suv(DEEP)
    };
    let of = |info: &PetInfo| {
        let mut case = body.case([0.0; 2], 4.0);
        case.pet_info = Some(info);
        codes(&case)
    };
    // 70 MBq in 70 kg: 1 Bq/ml is 0.001 SUV, far below what a body has.
    assert_eq!(of(&info), [Code::SuvScale]);
    let dose = PetInfo {
        dose_bq: Some(70_000.0),
        ..info.clone()
    };
    assert_eq!(of(&dose), [Code::Dose], "0.07 MBq, and SUV 1");
    let weight = PetInfo {
        weight_kg: Some(350.0),
        dose_bq: Some(350_000.0),
        ..info.clone()
    };
    assert_eq!(of(&weight), [Code::Dose, Code::Weight]);
    let late = PetInfo {
        decay_correction: Some(DecayCorrection::Start),
        half_life_s: Some(6586.2),
        series: Some(12_000.0),
        injection: Some(0.0),
        slices: vec![
            dlnms::imaging::suv::SliceTiming {
                acquisition: Some(12_000.0),
                ..Default::default()
            };
            DEEP
        ],
        ..info
    };
    assert!(of(&late).contains(&Code::UptakeTime));
}

#[test]
fn the_policy_refuses_warns_or_looks_away() {
    let body = Body::new();
    let mut case = body.case([0.0; 2], 4.0);
    case.metadata.same_patient = Some(false);
    let mut policy = QualityPolicy::default();
    let refused = check(&case, &policy).unwrap_err();
    assert_eq!(refused.status(), DLNMS_E_QUALITY);
    assert!(
        refused.to_string().contains("patient_mismatch"),
        "{refused}"
    );
    policy.set(Code::PatientMismatch, Action::Warn);
    assert_eq!(check(&case, &policy).unwrap().len(), 1);
    policy.set(Code::PatientMismatch, Action::Ignore);
    assert_eq!(check(&case, &policy).unwrap().len(), 0);
    for code in Code::ALL {
        assert_eq!(Code::from_number(code as u32), Some(code));
        let name = serde_json::to_value(code).unwrap();
        assert_eq!(name, code.name(), "one name everywhere");
    }
    assert_eq!(Code::from_number(0), None);
}

#[test]
fn a_shifted_pet_is_measured_to_within_two_voxels() {
    let body = Body::new();
    for shift in [[0.0, 0.0], [24.0, 0.0], [0.0, -30.0], [-18.0, 18.0]] {
        let case = body.case(shift, 4.0);
        let [dx, dy] = quality::outline_shift(&case, [0.0; 3], &[]).unwrap();
        assert!(
            (dx - shift[0]).abs() <= 6.0 && (dy - shift[1]).abs() <= 6.0,
            "{shift:?} was measured as {dx}, {dy}"
        );
        let found = codes(&case).contains(&Code::Misregistration);
        assert_eq!(found, shift != [0.0, 0.0], "{shift:?}");
    }
}

#[test]
fn a_real_patient_is_registered_until_the_pet_is_moved() {
    let Some(data) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let load = |what: &str, modality| series(&[data.join(what)], modality).unwrap();
    let mut study = Study::new(load("ct", Modality::Ct), load("pet_ac", Modality::Pt));
    let levels = [-300.0, -200.0, -121.9, -50.0, 0.0];
    let shift = |study: &Study, z| {
        let case = study.case(Roi::Point([0.0, 0.0, z])).unwrap();
        let factors = study
            .pet
            .pet_info
            .as_ref()
            .unwrap()
            .suv_scale()
            .unwrap()
            .factors;
        quality::outline_shift(&case, [0.0, 0.0, z], &factors).unwrap()
    };
    for z in levels {
        let [dx, dy] = shift(&study, z);
        println!("z {z}: L {dx:+.0}, P {dy:+.0} mm");
        assert!(dx.hypot(dy) <= 10.0, "z {z}: {dx} {dy}");
    }
    let move_pet = |volume: &mut Volume| volume.origin[0] += 25.0;
    move_pet(&mut study.pet.volume);
    for z in levels {
        let [dx, _] = shift(&study, z);
        assert!((dx - 25.0).abs() <= 10.0, "z {z}: {dx}");
    }
}
