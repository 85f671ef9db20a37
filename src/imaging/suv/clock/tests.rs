//! Limits of the times of SUV.

use super::super::tests::bqml;
use super::super::{DecayCorrection, PetInfo, Units};
use super::*;

/// What an edited series gives: the uptake, or why there is none.
fn uptake(
    edit: impl Fn(&mut PetInfo),
) -> std::result::Result<(f64, Vec<String>, Vec<String>), String> {
    let mut info = bqml();
    edit(&mut info);
    let scale = info.suv_scale().map_err(|e| e.to_string())?;
    Ok((scale.dt_s, scale.steps, scale.warnings))
}

/// The uptake of an administration at a moment before the reference time of 39,600 s, and the words for where it is from.
fn injected(before: f64) -> std::result::Result<(f64, bool), String> {
    let edit = move |i: &mut PetInfo| {
        i.injection_time_of_day = None;
        i.injection = Some(39_600.0 - before);
    };
    let (dt, steps, _) = uptake(edit)?;
    let by_moment = steps
        .iter()
        .any(|s| s.contains("administration: RadiopharmaceuticalStartDateTime"));
    Ok((dt, by_moment))
}

#[test]
fn a_moment_of_administration_counts_from_an_hour_after_to_two_half_lives_before_the_reference_time()
 {
    assert_eq!(injected(3600.0), Ok((3600.0, true)));
    assert_eq!(injected(7000.0), Ok((7000.0, true)));
    // Two half-lives are 13172.4 s; from there on the time of day alone counts.
    assert_eq!(injected(13_172.0), Ok((13_172.0, true)));
    assert_eq!(injected(13_173.0), Ok((13_173.0, false)));
    // After the reference time nothing can be injected; an hour later it was another day.
    for (before, said) in [(-10.0, "-10 s"), (-3600.0, "-3600 s"), (-3601.0, "82799 s")] {
        let why = injected(before).unwrap_err();
        assert!(
            why.contains(&format!("{said} from administration")),
            "{why}"
        );
    }
}

#[test]
fn a_time_of_day_is_on_the_date_of_the_reference_time_up_to_that_time_itself() {
    let at = |seconds: f64| uptake(move |i| i.injection_time_of_day = Some(seconds));
    assert_eq!(at(39_600.0).unwrap().0, 0.0);
    assert_eq!(at(18_000.0).unwrap().0, 21_600.0);
    let why = at(17_999.0).unwrap_err();
    assert!(why.contains("21601 s from administration"), "{why}");
    let why = at(39_601.0).unwrap_err();
    assert!(why.contains("86399 s from administration"), "{why}");
}

#[test]
fn an_uptake_of_less_than_30_or_more_than_180_minutes_is_a_warning() {
    let warned = |dt: f64| {
        let (_, _, warnings) =
            uptake(move |i| i.injection_time_of_day = Some(39_600.0 - dt)).unwrap();
        warnings
            .iter()
            .any(|w| w.contains("is outside 30 to 180 min"))
    };
    assert!(!warned(1800.0) && !warned(10_800.0));
    assert!(warned(1799.0) && warned(10_801.0));
}

#[test]
fn two_times_of_the_administration_may_differ_by_a_minute() {
    let warned = |apart: f64| {
        let (_, _, warnings) = uptake(move |i| {
            i.injection = Some(36_000.0);
            i.injection_time_of_day = Some(36_000.0 + apart);
        })
        .unwrap();
        warnings.iter().any(|w| w.contains("contradicts"))
    };
    assert!(!warned(60.0) && !warned(-60.0));
    assert!(warned(61.0) && warned(-61.0));
}

#[test]
fn a_reference_time_that_is_not_taken_lies_after_the_acquisition_or_a_day_before_it() {
    let said = |series: f64| {
        let (_, steps, _) = uptake(move |i| i.series = Some(series)).unwrap();
        steps
            .iter()
            .find(|s| s.contains("reference time: not the series time"))
            .cloned()
    };
    assert_eq!(said(39_600.0), None);
    assert!(
        said(39_601.0)
            .unwrap()
            .ends_with("lies after the earliest acquisition")
    );
    let early = said(39_600.0 - DAY - 1.0).unwrap();
    assert!(early.ends_with("lies more than 24 h before the earliest acquisition"));
}

#[test]
fn the_reference_time_of_a_frame_is_its_mean_decay_time_less_what_the_header_says() {
    let of = |reference_ms: f64, duration_ms: f64| {
        uptake(move |i| {
            i.series = None;
            for s in &mut i.slices {
                (s.frame_reference_ms, s.frame_duration_ms) =
                    (Some(reference_ms), Some(duration_ms));
            }
        })
        .unwrap()
    };
    // Within three minutes of F-18 the mean is at 89.857923 s, by a calculator.
    let (dt, _, warnings) = of(120_000.0, 180_000.0);
    assert!((dt - (3600.0 + 89.857_923 - 120.0)).abs() < 1e-5, "{dt}");
    assert!(warnings.is_empty());
    // A reference of 0 says nothing, even where the frame is so short that it could be meant.
    let (dt, _, warnings) = of(0.0, 1000.0);
    assert_eq!(dt, 3600.0);
    assert!(
        warnings[0].contains("earliest acquisition time"),
        "{warnings:?}"
    );
}

#[test]
fn what_is_0_is_missing_by_its_own_name() {
    let why = |edit: &dyn Fn(&mut PetInfo)| uptake(edit).unwrap_err();
    let said = why(&|i| i.dose_bq = Some(0.0));
    assert!(
        said.contains("RadionuclideTotalDose (0018,1074) is missing or not positive"),
        "{said}"
    );
    let said = why(&|i| {
        i.decay_correction = Some(DecayCorrection::None);
        i.slices
            .iter_mut()
            .for_each(|s| s.frame_duration_ms = Some(0.0));
    });
    assert!(
        said.contains("AcquisitionTime and ActualFrameDuration are needed"),
        "{said}"
    );
    let said = why(&|i| {
        i.units = Units::Cnts;
        i.slices.clear();
    });
    assert!(
        said.contains("CNTS without Philips private factors"),
        "{said}"
    );
}
