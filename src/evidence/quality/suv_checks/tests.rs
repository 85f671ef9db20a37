//! Limits of half-lives and of factors between kinds of SUV.

use super::super::tests::codes;
use super::*;

#[test]
fn a_half_life_of_a_tracer_of_f18_is_that_of_f18_within_2_percent() {
    let of = |half_life_s, f18_coded| {
        let info = PetInfo {
            half_life_s,
            f18_coded,
            ..PetInfo::already_suv(1)
        };
        codes(|out| half_life(&info, out))
    };
    // 2 % of 6586.2 s are 131.724 s.
    for seconds in [6586.2, 6586.2 - 131.72, 6586.2 + 131.72] {
        assert_eq!(of(Some(seconds), true), []);
    }
    for seconds in [6586.2 - 131.73, 6586.2 + 131.73, 109.77, f64::NAN] {
        assert_eq!(of(Some(seconds), true), [Code::HalfLifeMismatch]);
        assert_eq!(of(Some(seconds), false), []);
    }
    assert_eq!(of(None, true), []);
}

#[test]
fn suv_by_lean_mass_is_within_a_factor_of_2_of_suvbw_and_by_surface_within_1_9_to_7_6() {
    let of = |units, suv_type, factor| {
        let info = PetInfo {
            units,
            suv_type,
            ..PetInfo::already_suv(1)
        };
        codes(|out| normalization(&info, factor, out))
    };
    let unusual = [Code::SuvNormalization];
    for (factor, lean, surface) in [
        (0.49, &unusual[..], &unusual[..]),
        (0.5, &[], &unusual),
        (1.89, &[], &unusual),
        (1.9, &[], &[]),
        (2.0, &[], &[]),
        (2.01, &unusual, &[]),
        (7.6, &unusual, &[]),
        (7.61, &unusual, &unusual),
    ] {
        assert_eq!(of(Units::Gml, SuvType::Lbm, factor), lean, "{factor}");
        assert_eq!(of(Units::Cm2ml, SuvType::Bw, factor), surface, "{factor}");
        assert_eq!(of(Units::Gml, SuvType::Bw, factor), []);
        assert_eq!(of(Units::Bqml, SuvType::Lbm, factor), []);
    }
}
