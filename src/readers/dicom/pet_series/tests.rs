//! What a PET series says of SUV, by headers that are made.

use super::super::synthetic;
use super::*;
use dicom_object::InMemDicomObject;

/// A slice in Bq/ml, corrected to its start at 11 h, of 70 kg and 370 MBq of F-18 at 10 h.
fn header() -> PetHeader {
    let nothing = InMemDicomObject::new_empty();
    let mut header = PetHeader::read(&nothing, PET_IMAGE_STORAGE[0]);
    let eleven = Moment {
        local: 39_600.0,
        zone: None,
    };
    header.units = Ok(Some("BQML".into()));
    header.decay_correction = Some("START".into());
    header.attenuation_corrected = true;
    header.weight_kg = Ok(Some(70.0));
    header.tracer.items = 1;
    header.tracer.dose_bq = Ok(Some(370e6));
    header.tracer.half_life_s = Ok(Some(6586.2));
    header.tracer.injection_time_of_day = Ok(Some(36_000.0));
    header.series = Ok(Some(eleven));
    header.acquisition = Ok(Some(eleven));
    header
}

/// What two slices with this header say.
fn info(edit: impl Fn(&mut PetHeader)) -> std::result::Result<PetInfo, String> {
    let mut header = header();
    edit(&mut header);
    let info = pet_info_of(&[&header, &header], &|n| format!("slice {n}"));
    info.map_err(|e| e.to_string())
}

fn refused(edit: impl Fn(&mut PetHeader), words: &str) {
    let why = info(edit).expect_err(words);
    assert!(why.contains(words), "{why}");
}

#[test]
fn a_series_of_bq_per_ml_has_what_its_suv_needs() {
    let found = info(|_| ()).unwrap();
    assert_eq!((found.units, found.weight_kg), (Units::Bqml, Some(70.0)));
    assert_eq!(found.decay_correction, Some(DecayCorrection::Start));
    assert_eq!((found.series, found.slices.len()), (Some(39_600.0), 2));
    assert_eq!(found.suv_scale().unwrap().dt_s, 3600.0);
}

#[test]
fn slices_without_a_pet_header_are_no_pet_series() {
    let (source, file) = synthetic::open(&synthetic::ct("1.2", "1.3", 1, 1.0)[0]);
    let ct = Instance::from_file(&source, &file).remove(0);
    for slices in [&[&ct][..], &[]] {
        let why = pet_info(slices).unwrap_err().to_string();
        assert!(why.contains("not a PET series"), "{why}");
    }
}

#[test]
fn units_that_are_not_converted_are_refused_and_what_is_no_unit_is_unknown() {
    for (units, known) in [("GML", Units::Gml), ("CNTS", Units::Cnts)] {
        let found = info(|h| {
            h.units = Ok(Some(units.into()));
            h.philips_suv_factor = Ok(Some(0.5));
        });
        assert_eq!(found.unwrap().units, known);
    }
    refused(
        |h| h.units = Ok(Some("PROPCPS".into())),
        "Units (0054,1001) PROPCPS are not convertible",
    );
    // What may hold anything is not repeated in a message.
    for odd in ["Name^Given", "1 CM"] {
        assert_eq!(
            info(|h| h.units = Ok(Some(odd.into()))).unwrap().units,
            Units::Other
        );
    }
    assert_eq!(info(|h| h.units = Ok(None)).unwrap().units, Units::Other);
}

#[test]
fn suv_by_body_surface_is_in_cm2_per_ml() {
    let of = |units: &'static str| {
        info(move |h| {
            h.units = Ok(Some(units.into()));
            h.suv_type = Some("BSA".into());
            h.height_m = Ok(Some(1.75));
        })
    };
    assert_eq!(of("CM2ML").unwrap().suv_type, SuvType::Bw);
    assert!(
        of("GML")
            .unwrap_err()
            .contains("SUVType (0054,1006) is unknown")
    );
}

#[test]
fn a_sex_is_male_female_or_other() {
    for (code, sex) in [
        ("M", Some(Sex::Male)),
        ("F", Some(Sex::Female)),
        ("O", Some(Sex::Other)),
        ("X", None),
    ] {
        assert_eq!(info(|h| h.sex = Some(code.into())).unwrap().sex, sex);
    }
}

#[test]
fn counts_need_the_activity_factor_where_not_every_slice_has_an_suv_factor() {
    let of = |suv: Stated<f64>, activity: Stated<f64>| {
        info(move |h| {
            h.units = Ok(Some("CNTS".into()));
            (h.philips_suv_factor, h.philips_activity_factor) = (suv.clone(), activity.clone());
        })
    };
    let unreadable = || Err("the activity factor is not a number".to_owned());
    let found = of(Ok(Some(0.5)), Ok(Some(2.0))).unwrap();
    assert_eq!(
        (found.philips_suv_factor, found.philips_activity_factor),
        (vec![0.5; 2], vec![2.0; 2])
    );
    assert!(of(Ok(Some(0.5)), unreadable()).is_ok());
    for none in [Ok(None), Ok(Some(0.0))] {
        let why = of(none, unreadable()).unwrap_err();
        assert!(
            why.contains("the activity factor is not a number in slice 0"),
            "{why}"
        );
    }
    // With an SUV factor neither weight nor dose matter; with an activity factor both do.
    let without_dose = |suv: f64| {
        info(move |h| {
            h.units = Ok(Some("CNTS".into()));
            (h.philips_suv_factor, h.philips_activity_factor) = (Ok(Some(suv)), Ok(Some(2.0)));
            h.tracer.dose_bq = Ok(None);
        })
    };
    assert!(without_dose(0.5).is_ok());
    assert!(
        without_dose(0.0)
            .unwrap_err()
            .contains("RadionuclideTotalDose (0018,1074)")
    );
    // In Bq/ml neither of them is needed.
    assert!(info(|h| h.philips_activity_factor = unreadable()).is_ok());
}

#[test]
fn a_weight_above_1000_was_in_grams_and_a_dose_below_10000_in_mbq() {
    let of = |weight: f64, dose: f64| {
        let mut info = PetInfo::already_suv(1);
        (info.weight_kg, info.dose_bq) = (Some(weight), Some(dose));
        assume_units(&mut info);
        let assumed = [info.assumptions.weight_unit, info.assumptions.dose_unit];
        (info.weight_kg.unwrap(), info.dose_bq.unwrap(), assumed)
    };
    assert_eq!(of(1000.0, 10_000.0), (1000.0, 10_000.0, [false; 2]));
    assert_eq!(of(70_500.0, 370.0), (70.5, 370e6, [true; 2]));
    assert_eq!(of(1000.5, 9999.0), (1.0005, 9999e6, [true; 2]));
    assert_eq!(of(-1.0, 0.0), (-1.0, 0.0, [false; 2]));
    assert_eq!(of(0.0, -5.0), (0.0, -5.0, [false; 2]));
}

#[test]
fn two_injections_are_refused_and_one_or_none_stated_are_not() {
    refused(|h| h.tracer.items = 2, "has 2 items in slice 0");
    assert!(info(|h| h.tracer.items = 1).is_ok());
}
