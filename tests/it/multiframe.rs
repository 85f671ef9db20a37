//! Multi-frame objects against the single frames they were converted from, and against facts by independent tools.

use crate::support::{inspect, series, shared};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::{InMemDicomObject, open_file};
use dlnms::readers::dicom::{Modality, Series};
use std::path::PathBuf;

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
            let place =
                |v: &dlnms::imaging::Volume, k: usize| v.grid().index_to_lps([0.0, 0.0, k as f64]);
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
    assert!(ct.metadata.unwrap().derived);
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

/// A multi-frame object that says of a frame too little, or of the frames too few, is no thinner series.
#[test]
fn frames_that_are_not_described_exactly_are_refused() {
    let Some(legacy) =
        shared("data/petct/b_pet/derived_legacy_enhanced_pet/acrin042_pet_ac_z55-94.dcm")
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mf.dcm");
    let refused = |change: &dyn Fn(&mut InMemDicomObject, &mut Vec<InMemDicomObject>)| {
        let mut object = open_file(&legacy).unwrap();
        let of_frames = tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE;
        let mut frames = object.element(of_frames).unwrap().items().unwrap().to_vec();
        change(&mut object, &mut frames);
        object.put(sequence(of_frames, frames));
        object.write_to_file(&file).unwrap();
        let found = inspect(std::slice::from_ref(&file)).unwrap();
        found.series[0].rejected_because.clone().unwrap()
    };
    let frames = tags::NUMBER_OF_FRAMES;
    let text = |tag, text: &str| DataElement::new(tag, VR::IS, PrimitiveValue::from(text));
    for (stated, words) in [
        (
            "39",
            "NumberOfFrames (0028,0008) is 39, but 40 frames are described in mf.dcm",
        ),
        (
            "41",
            "NumberOfFrames (0028,0008) is 41, but 40 frames are described in mf.dcm",
        ),
        ("0", "NumberOfFrames (0028,0008) is 0 in mf.dcm"),
        ("", "NumberOfFrames (0028,0008) is missing in mf.dcm"),
    ] {
        let why = refused(&|object, _| drop(object.put(text(frames, stated))));
        assert!(why.contains(words), "{stated:?}: {why}");
    }
    let why = refused(&|_, frames| drop(frames.pop()));
    assert!(why.contains("is 40, but 39 frames are described"), "{why}");
    // One frame's slope, missing, empty, or there twice.
    let values = tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE;
    let group =
        |frame: &InMemDicomObject| frame.element(values).unwrap().items().unwrap()[0].clone();
    let slope = tags::RESCALE_SLOPE;
    let why = refused(&|object, frames| {
        // What the object says of all frames does not stand in for a frame's empty value.
        object.put(text(slope, "1"));
        let mut item = group(&frames[7]);
        item.put(text(slope, ""));
        frames[7].put(sequence(values, vec![item]));
    });
    assert!(
        why.contains("RescaleSlope (0028,1053) is empty in mf.dcm frame 8"),
        "{why}"
    );
    let why = refused(&|_, frames| {
        let mut item = group(&frames[7]);
        item.take_element(slope).unwrap();
        frames[7].put(sequence(values, vec![item]));
    });
    assert!(
        why.contains("RescaleSlope (0028,1053) is missing in mf.dcm frame 8"),
        "{why}"
    );
    let why = refused(&|_, frames| {
        let item = group(&frames[7]);
        frames[7].put(sequence(values, vec![item.clone(), item]));
    });
    let words =
        "PixelValueTransformationSequence (0028,9145) has more than one item in mf.dcm frame 8";
    assert!(why.contains(words), "{why}");
}

fn sequence(tag: Tag, items: Vec<InMemDicomObject>) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, VR::SQ, DataSetSequence::from(items))
}
