//! The algorithm against numbers by hand, and the refusals.

use super::clock::DAY;
use super::*;

pub(super) fn bqml() -> PetInfo {
    PetInfo {
        units: Units::Bqml,
        decay_correction: Some(DecayCorrection::Start),
        weight_kg: Some(70.0),
        dose_bq: Some(370e6),
        half_life_s: Some(6586.2),
        injection_time_of_day: Some(36_000.0),
        series: Some(39_600.0),
        slices: vec![
            SliceTiming {
                acquisition: Some(39_600.0),
                ..Default::default()
            };
            2
        ],
        ..PetInfo::already_suv(2)
    }
}

fn factor(info: &PetInfo) -> f64 {
    info.suv_scale().unwrap().factors[0]
}

#[test]
fn one_hour_of_uptake_by_hand() {
    // 70 kg, 370 MBq, 1 h of F-18: 70000 / (370e6 * 2^(-3600/6586.2))
    let by_hand = 70_000.0 / (370e6 * 2f64.powf(-3600.0 / 6586.2));
    assert!((factor(&bqml()) / by_hand - 1.0).abs() < 1e-12);
}

#[test]
fn midnight_moves_the_administration_to_the_day_before() {
    let mut late = bqml();
    late.injection_time_of_day = Some(85_800.0);
    late.series = Some(DAY + 3000.0);
    late.slices
        .iter_mut()
        .for_each(|s| s.acquisition = Some(DAY + 3000.0));
    let scale = late.suv_scale().unwrap();
    assert!(
        (scale.dt_s - 3600.0).abs() < 1e-9
            && scale.warnings.iter().any(|w| w.contains("day before"))
    );
}

#[test]
fn a_shifted_injection_date_falls_back_to_its_time_of_day() {
    let mut shifted = bqml();
    shifted.injection_time_of_day = None;
    shifted.injection = Some(36_000.0 - 23.0 * DAY);
    assert!((shifted.suv_scale().unwrap().dt_s - 3600.0).abs() < 1e-6);
}

#[test]
fn admin_ignores_every_clock() {
    let admin = PetInfo {
        decay_correction: Some(DecayCorrection::Admin),
        series: None,
        half_life_s: None,
        ..bqml()
    };
    let scale = admin.suv_scale().unwrap();
    assert!((scale.factors[0] / (70_000.0 / 370e6) - 1.0).abs() < 1e-12);
    assert!(scale.warnings.is_empty() && !scale.reference_time_assumed);
}

#[test]
fn numbers_in_another_unit_are_refused_and_never_repaired() {
    let refused = |edit: fn(&mut PetInfo)| {
        let mut info = bqml();
        edit(&mut info);
        info.suv_scale().unwrap_err().to_string()
    };
    let why = refused(|i| i.weight_kg = Some(70_000.0));
    assert!(
        why.contains("PatientWeight (0010,1030) is 70000 kg"),
        "{why}"
    );
    let why = refused(|i| i.dose_bq = Some(370.0));
    assert!(
        why.contains("RadionuclideTotalDose (0018,1074) is 370 Bq"),
        "{why}"
    );
    // Also where this series' SUV does not depend on them: they belong to the patient and the injection.
    let why = refused(|i| (i.units, i.weight_kg) = (Units::Gml, Some(1000.5)));
    assert!(why.contains("more than 1000"), "{why}");
    // An assumption is the reader's: it does not make a host's number right.
    let why = refused(|i| (i.assumptions.dose_unit, i.dose_bq) = (true, Some(9999.0)));
    assert!(why.contains("less than 10000"), "{why}");
    let mut edge = bqml();
    (edge.weight_kg, edge.dose_bq) = (Some(1000.0), Some(1e4));
    assert!(edge.suv_scale().is_ok());
}

#[test]
fn what_a_reader_assumed_is_a_warning() {
    let mut info = bqml();
    info.assumptions = Assumptions {
        weight_unit: true,
        dose_unit: true,
        time_zone: true,
    };
    let scale = info.suv_scale().unwrap();
    assert_eq!(scale.factors, bqml().suv_scale().unwrap().factors);
    for word in ["grams", "MBq", "zone"] {
        assert!(scale.warnings.iter().any(|w| w.contains(word)), "{word}");
    }
}

/// Acquired at 39,600 s; each candidate for the reference time alone.
#[test]
fn a_reference_time_lies_within_a_day_before_the_first_acquisition() {
    let rule = |edit: &dyn Fn(&mut PetInfo)| {
        let mut info = bqml();
        (info.series, info.injection_time_of_day) = (None, Some(39_000.0));
        edit(&mut info);
        let scale = info.suv_scale().unwrap();
        assert_eq!(
            scale.reference_time_assumed,
            scale.rule == "START/AcquisitionTime"
        );
        (scale.rule, scale.dt_s)
    };
    let assumed = ("START/AcquisitionTime".to_owned(), 600.0);
    assert_eq!(rule(&|_| ()), assumed);
    for (time, serves) in [
        (39_600.0, true),
        (39_500.0, true),
        (39_600.0 - DAY, true),
        (39_601.0, false),
        (39_600.0 - DAY - 1.0, false),
        (46_800.0, false),
        (-23.0 * DAY, false),
        (f64::NAN, false),
        (f64::INFINITY, false),
        (f64::NEG_INFINITY, false),
    ] {
        let by_series = rule(&|i| i.series = Some(time));
        assert_eq!(by_series.0 == "START/SeriesTime", serves, "{time}");
        let by_ge = rule(&|i| i.ge_scan_start = Some(time));
        assert_eq!(by_ge.0 == "START/GE(0009,xx0D)", serves, "{time}");
        if !serves {
            assert_eq!((by_series, by_ge), (assumed.clone(), assumed.clone()));
        }
    }
    let frame = |reference: f64| {
        rule(&move |i: &mut PetInfo| {
            for s in &mut i.slices {
                (s.frame_reference_ms, s.frame_duration_ms) = (Some(reference), Some(180_000.0));
            }
        })
    };
    assert_eq!(frame(120_000.0).0, "START/FrameReferenceTime");
    // The start of the decay correction cannot lie in the middle of the frame, nor days before it.
    assert_eq!(frame(60_000.0), assumed);
    assert_eq!(frame(0.0), assumed);
    assert_eq!(frame(87_000_000.0), assumed);
}

#[test]
fn frame_times_that_cannot_be_are_refused() {
    for (reference, duration, word) in [
        (-1.0, 180_000.0, "FrameReferenceTime (0054,1300)"),
        (f64::INFINITY, 180_000.0, "FrameReferenceTime (0054,1300)"),
        (90_000.0, -180_000.0, "ActualFrameDuration (0018,1242)"),
    ] {
        let mut info = bqml();
        info.series = None;
        for s in &mut info.slices {
            (s.frame_reference_ms, s.frame_duration_ms) = (Some(reference), Some(duration));
        }
        let why = info.suv_scale().unwrap_err().to_string();
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn a_slice_without_an_acquisition_time_is_refused() {
    let mut info = bqml();
    info.slices[1].acquisition = None;
    let why = info.suv_scale().unwrap_err().to_string();
    assert!(
        why.contains("AcquisitionTime (0008,0032)") && why.contains("slice 2"),
        "{why}"
    );
}

#[test]
fn two_times_of_the_administration_that_differ_are_a_warning() {
    let mut info = bqml();
    info.injection = Some(36_000.0);
    assert!(info.suv_scale().unwrap().warnings.is_empty());
    info.injection_time_of_day = Some(36_014.0);
    assert!(
        info.suv_scale().unwrap().warnings.is_empty(),
        "seconds were dropped"
    );
    info.injection_time_of_day = Some(32_400.0);
    let scale = info.suv_scale().unwrap();
    assert_eq!(scale.dt_s, 3600.0);
    assert!(
        scale.warnings[0].contains("contradicts"),
        "{:?}",
        scale.warnings
    );
}

#[test]
fn philips_factors_that_cannot_be_are_refused() {
    let counts = |suv: [f64; 2], activity: [f64; 2]| PetInfo {
        units: Units::Cnts,
        philips_suv_factor: suv.to_vec(),
        philips_activity_factor: activity.to_vec(),
        ..bqml()
    };
    assert_eq!(factor(&counts([5e-4; 2], [0.0; 2])), 5e-4);
    // 0 is how Philips writes "none".
    let by_activity = factor(&counts([0.0; 2], [2.0; 2]));
    assert!((by_activity / factor(&bqml()) - 2.0).abs() < 1e-12);
    for (suv, activity, word) in [
        ([5e-4, -5e-4], [2.0; 2], "(7053,xx00)"),
        ([f64::INFINITY; 2], [2.0; 2], "(7053,xx00)"),
        ([0.0; 2], [2.0, -2.0], "(7053,xx09)"),
        ([0.0; 2], [2.0, 0.0], "CNTS"),
    ] {
        let why = counts(suv, activity).suv_scale().unwrap_err().to_string();
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn a_lean_mass_that_is_none_is_refused() {
    let heavy = PetInfo {
        units: Units::Gml,
        suv_type: SuvType::LbmJames128,
        sex: Some(Sex::Male),
        height_m: Some(0.6),
        ..bqml()
    };
    let why = heavy.suv_scale().unwrap_err().to_string();
    assert!(why.contains("PatientSize (0010,1020)"), "{why}");
}

#[test]
fn frame_times_replace_a_late_series_time() {
    let mut info = bqml();
    info.series = Some(50_000.0);
    for (i, s) in info.slices.iter_mut().enumerate() {
        *s = SliceTiming {
            acquisition: Some(39_600.0 + 180.0 * i as f64),
            frame_reference_ms: Some(180_000.0 * i as f64 + 89_700.0),
            frame_duration_ms: Some(180_000.0),
        };
    }
    let scale = info.suv_scale().unwrap();
    assert_eq!(scale.rule, "START/FrameReferenceTime");
    assert!(
        (scale.factors[0] / scale.factors[1] - 1.0).abs() < 1e-12,
        "one reference for all beds"
    );
    info.ge_scan_start = Some(39_600.0);
    assert_eq!(info.suv_scale().unwrap().rule, "START/GE(0009,xx0D)");
}

#[test]
fn every_missing_fact_is_refused_by_name() {
    let refused = |edit: fn(&mut PetInfo), what: &str| {
        let mut info = bqml();
        edit(&mut info);
        let text = info.suv_scale().unwrap_err().to_string();
        assert!(text.contains(what), "{text}");
    };
    refused(|i| i.attenuation_corrected = false, "ATTN");
    refused(|i| i.units = Units::Other, "Units");
    refused(|i| i.units = Units::Cnts, "CNTS");
    refused(|i| i.weight_kg = Some(0.0), "PatientWeight");
    refused(|i| i.half_life_s = Some(0.0), "RadionuclideHalfLife");
    refused(|i| i.dose_bq = Some(-1.0), "RadionuclideTotalDose");
    refused(|i| i.dose_bq = Some(f64::NAN), "RadionuclideTotalDose");
    refused(|i| i.half_life_s = None, "RadionuclideHalfLife");
    refused(|i| i.decay_correction = None, "DecayCorrection");
    refused(
        |i| i.injection_time_of_day = None,
        "RadiopharmaceuticalStartDateTime",
    );
    refused(
        |i| i.injection_time_of_day = Some(10_000.0),
        "from administration",
    );
    refused(
        |i| (i.series, i.slices) = (None, vec![SliceTiming::default(); 2]),
        "no reference time",
    );
}

#[test]
fn another_kind_of_suv_is_scaled_by_its_published_normalising_mass() {
    // 70.5 kg and 1.75 m; the masses by a calculator from the formulas of NUMERICS 3.
    let masses = [
        (SuvType::Lbm, Sex::Male, 58.074_734_694),
        (SuvType::Lbm, Sex::Female, 51.415_506_122),
        (SuvType::LbmJames128, Sex::Male, 56.776_383_673),
        (SuvType::LbmJames128, Sex::Female, 51.415_506_122),
        (SuvType::LbmJanma, Sex::Male, 56.085_831_430),
        (SuvType::LbmJanma, Sex::Female, 45.393_896_396),
        (SuvType::Ibw, Sex::Male, 72.38),
        (SuvType::Ibw, Sex::Female, 66.43),
        (SuvType::Ibw, Sex::Other, (72.38 + 66.43) / 2.0),
    ];
    for (suv_type, sex, mass) in masses {
        let info = PetInfo {
            units: Units::Gml,
            suv_type,
            sex: Some(sex),
            weight_kg: Some(70.5),
            height_m: Some(1.75),
            ..bqml()
        };
        let scale = info.suv_scale().unwrap();
        assert!(
            (scale.factors[0] * mass / 70.5 - 1.0).abs() < 1e-9,
            "{suv_type:?} {sex:?}: {scale:?}"
        );
        let step = format!("normalised by {mass:.3} kg instead of 70.5 kg");
        assert!(scale.steps.contains(&step), "{:?}", scale.steps);
    }
}

#[test]
fn values_without_decay_correction_are_corrected_to_the_administration_and_within_the_frame() {
    let mut info = PetInfo {
        decay_correction: Some(DecayCorrection::None),
        series: None,
        ..bqml()
    };
    for slice in &mut info.slices {
        slice.frame_duration_ms = Some(180_000.0);
    }
    let scale = info.suv_scale().unwrap();
    // 70 kg, 370 MBq, one hour of F-18, and the mean of its decay within three minutes, by a calculator.
    let by_hand = 2.789_623_545_530_38e-4;
    assert_eq!(scale.factors.len(), 2);
    assert!(
        scale
            .factors
            .iter()
            .all(|f| (f / by_hand - 1.0).abs() < 1e-12)
    );
    assert!((scale.dt_s - 3600.0).abs() < 1e-9);
}

#[test]
fn a_factor_that_is_no_positive_number_is_refused() {
    // Each of them is positive; their quotient is not.
    for (weight, dose) in [(1e-300, 1e300), (1000.0, f64::MAX)] {
        let info = PetInfo {
            decay_correction: Some(DecayCorrection::Admin),
            weight_kg: Some(weight),
            dose_bq: Some(dose),
            ..bqml()
        };
        let outcome = info.suv_scale();
        if weight * 1000.0 / dose > 0.0 {
            assert!(outcome.is_ok());
        } else {
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains("not a positive number"), "{error}");
        }
    }
}

#[test]
fn limits_belong_to_what_is_allowed() {
    let warnings = |info: PetInfo| info.suv_scale().unwrap().warnings;
    let of_weight = |kg| {
        let heavy = PetInfo {
            weight_kg: Some(kg),
            ..bqml()
        };
        warnings(heavy)
            .iter()
            .any(|w| w.contains("outside 20 to 300"))
    };
    assert!(!of_weight(20.0) && !of_weight(300.0) && of_weight(1000.0) && of_weight(19.99));
    let lowest = PetInfo {
        dose_bq: Some(10_000.0),
        ..bqml()
    };
    assert!(lowest.suv_scale().is_ok());
    // A reference time may be the earliest acquisition itself, and a whole day before it.
    let series = |time| {
        let info = PetInfo {
            series: Some(time),
            injection: Some(time - 3600.0),
            injection_time_of_day: None,
            ..bqml()
        };
        info.suv_scale().unwrap().rule
    };
    assert_eq!(series(39_600.0), "START/SeriesTime");
    assert_eq!(series(39_600.0 - DAY), "START/SeriesTime");
    assert_ne!(series(39_600.1), "START/SeriesTime");
    assert_ne!(series(39_599.9 - DAY), "START/SeriesTime");
}
