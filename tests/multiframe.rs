//! Multi-frame objects against the single frames they were converted from, and against facts by independent tools.

mod support;

use dlnms::dicom::{Modality, Series};
use std::path::PathBuf;
use support::{inspect, series, shared};

fn of(data: &std::path::Path, what: &str, modality: Modality) -> Series {
    series(&[data.join(what)], modality).unwrap_or_else(|e| panic!("{what}: {e}"))
}

/// Every voxel of one slice, in physical units.
fn slice(series: &Series, name: &'static str, k: usize) -> Vec<f64> {
    let view = series.volume.view(name).unwrap();
    let [nx, ny, _] = series.volume.dims;
    (0..nx * ny)
        .map(|v| view.value([v % nx, v / nx, k]))
        .collect()
}

#[test]
fn frames_equal_the_slices_they_were_made_of() {
    let Some(data) = shared("data/petct") else {
        return;
    };
    for (multi, single, modality, first) in [
        (
            "c_ct/derived_legacy_enhanced_ct",
            "a_paired/ibsi_sts/STS_003/CT/dicom",
            Modality::Ct,
            0,
        ),
        (
            "c_ct/legacy_converted_multiframe/mf.dcm",
            "c_ct/legacy_converted_multiframe/single_frame",
            Modality::Ct,
            0,
        ),
        // 40 of 135 slices, stored from the head down.
        (
            "b_pet/derived_legacy_enhanced_pet",
            "a_paired/acrin042/pet_ac",
            Modality::Pt,
            55,
        ),
    ] {
        let (multi_frame, single_frame) = (of(&data, multi, modality), of(&data, single, modality));
        let n = multi_frame.volume.dims[2];
        for k in 0..n {
            let (a, b) = (&multi_frame.volume, &single_frame.volume);
            assert_eq!(a.dims[..2], b.dims[..2], "{multi}");
            let place = |v: &dlnms::volume::Volume, k: usize| {
                v.geometry().index_to_lps([0.0, 0.0, k as f64])
            };
            let (p, q) = (place(a, k), place(b, first + k));
            assert!(
                (0..3).all(|i| (p[i] - q[i]).abs() < 2e-3),
                "{multi} {k}: {p:?} {q:?}"
            );
            assert_eq!(
                slice(&multi_frame, "multi", k),
                slice(&single_frame, "single", first + k),
                "{multi} slice {k}"
            );
        }
        println!("{multi}: {n} frames equal {single}");
        if modality == Modality::Pt {
            let factor = |s: &Series| s.pet_info.as_ref().unwrap().suv_scale().unwrap().factors[0];
            let (a, b) = (factor(&multi_frame), factor(&single_frame));
            assert!((a / b - 1.0).abs() < 1e-12, "{a} {b}");
        }
    }
}

#[test]
fn a_true_enhanced_ct_has_the_values_that_pydicom_finds() {
    let Some(data) = shared("data/petct") else {
        return;
    };
    let ct = of(&data, "c_ct/enhanced_multiframe", Modality::Ct);
    assert_eq!(ct.volume.dims, [512, 512, 2]);
    let values: Vec<f64> = (0..2).flat_map(|k| slice(&ct, "ct", k)).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!((low, high), (-1024.0, 172.0)); // FACTS.json
    assert!((mean + 643.961_914_062_5).abs() < 1e-9, "{mean}");
    // Its rows run to the right, and it is derived, which a quality check says.
    assert_eq!(ct.volume.direction[0][0], -1.0);
    assert!(ct.facts.unwrap().derived);
}

#[test]
fn a_multi_frame_object_is_named_with_its_frame_when_it_is_refused() {
    let Some(data) = shared("data/petct/c_ct/derived_legacy_enhanced_ct/sts003_ct.dcm") else {
        return;
    };
    let twice = tempfile::tempdir().unwrap();
    let copies: Vec<PathBuf> = ["a.dcm", "b.dcm"].map(|n| twice.path().join(n)).into();
    for copy in &copies {
        std::fs::copy(&data, copy).unwrap();
    }
    let found = inspect(&copies).unwrap();
    let why = found.series[0].rejected_because.as_deref().unwrap();
    assert!(
        why.contains("frame 51") && why.contains("same position"),
        "{why}"
    );
}
