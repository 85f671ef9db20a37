//! What a manifest may ask for, and how it is refused.

use super::*;

/// One axial plane of 5 x 5 samples, not resized.
pub(in crate::imaging::sampler) fn one_plane() -> PreprocessSpec {
    let intensity = |unit: &str| Intensity {
        unit: unit.into(),
        outside: 0.0,
        padding_below: None,
        padding_replacement: None,
        clip: None,
        mean: 0.0,
        std: 1.0,
    };
    PreprocessSpec {
        frame: "LPS".into(),
        center: "point_or_mask_centroid".into(),
        spacing_mm: 1.5,
        samples: 5,
        center_index: 2,
        channels: vec![Channel {
            plane: "axial".into(),
            rows: SignedAxis::Posterior,
            columns: SignedAxis::Left,
        }],
        interpolation: "trilinear".into(),
        output: 5,
        resize: "bilinear_align_corners".into(),
        pet: intensity("SUVbw"),
        ct: intensity("HU"),
    }
}

#[test]
fn a_window_is_as_wide_as_its_samples() {
    let spec = PreprocessSpec {
        samples: 132,
        ..one_plane()
    };
    assert_eq!(spec.window_mm(), 198.0);
}

#[test]
fn the_signs_of_the_axes_are_those_of_lps() {
    let signs = SignedAxis::ALL.map(|a| (a.axis(), a.sign()));
    let wanted = [
        (0, 1.0),
        (0, -1.0),
        (1, 1.0),
        (1, -1.0),
        (2, 1.0),
        (2, -1.0),
    ];
    assert_eq!(signs, wanted);
}

#[test]
fn limits_belong_to_what_a_manifest_may_ask_for() {
    let accepted = |edit: fn(&mut PreprocessSpec)| {
        let mut spec = one_plane();
        edit(&mut spec);
        spec.validate().unwrap();
    };
    accepted(|_| ());
    accepted(|s| (s.samples, s.center_index) = (2, 1));
    accepted(|s| s.samples = 1024);
    accepted(|s| s.output = 1);
    accepted(|s| s.output = 1024);
    accepted(|s| s.channels = vec![s.channels[0].clone(); 8]);
    accepted(|s| s.ct.clip = Some([-1024.0, 3071.0]));
    accepted(|s| s.ct.padding_replacement = Some(-1000.0));
    accepted(|s| (s.ct.padding_below, s.ct.padding_replacement) = (Some(-1024.0), Some(-1000.0)));
}

#[test]
fn what_is_not_implemented_or_no_number_is_refused_by_its_field() {
    let refused = |field: &str, edit: &dyn Fn(&mut PreprocessSpec)| {
        let mut spec = one_plane();
        edit(&mut spec);
        let why = spec.validate().unwrap_err().to_string();
        assert!(
            why.contains(&format!("preprocessing.{field}: ")),
            "{field}: {why}"
        );
    };
    refused("frame", &|s| s.frame = "RAS".into());
    refused("center", &|s| s.center = "corner".into());
    refused("interpolation", &|s| s.interpolation = "nearest".into());
    refused("resize", &|s| s.resize = "bilinear".into());
    refused("pet.unit", &|s| s.pet.unit = "HU".into());
    refused("ct.unit", &|s| s.ct.unit = "SUVbw".into());
    refused("samples", &|s| s.samples = 1);
    refused("samples", &|s| s.samples = 1025);
    refused("output", &|s| s.output = 0);
    refused("output", &|s| s.output = 1025);
    refused("center_index", &|s| s.center_index = 5);
    refused("channels", &|s| s.channels.clear());
    refused("channels", &|s| s.channels = vec![s.channels[0].clone(); 9]);
    refused("channels[0]", &|s| s.channels[0].rows = SignedAxis::Right);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused("spacing_mm", &|s| s.spacing_mm = bad);
        refused("pet", &|s| s.pet.std = bad);
        refused("ct", &|s| s.ct.std = bad);
    }
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        refused("pet", &|s| s.pet.outside = bad);
        refused("ct", &|s| s.ct.mean = bad);
        refused("ct", &|s| s.ct.padding_below = Some(bad));
        refused("pet", &|s| s.pet.padding_replacement = Some(bad));
        refused("ct.clip", &|s| s.ct.clip = Some([bad, 100.0]));
        refused("ct.clip", &|s| s.ct.clip = Some([-100.0, bad]));
    }
    refused("ct.padding_replacement", &|s| {
        s.ct.padding_below = Some(-1024.0)
    });
    for clip in [[100.0, 100.0], [100.0, -100.0]] {
        refused("pet.clip", &|s| s.pet.clip = Some(clip));
    }
}
