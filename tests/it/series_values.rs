//! Volumes of every readable series against FACTS.json, which pydicom and SimpleITK wrote; and what few files show.

use crate::support::{inspect, series, shared};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::{DefaultDicomObject, InMemDicomObject, open_file};
use dlnms::cancel::CancelToken;
use dlnms::readers::dicom::{Archive, Modality, Series, SeriesChoice, Study};
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lowest, highest and mean physical value.
fn extremes(series: &Series) -> [f64; 3] {
    let view = series.volume.view("any").unwrap();
    let [nx, ny, nz] = series.volume.dims;
    let (mut low, mut high, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    for v in 0..nx * ny * nz {
        let value = view.value([v % nx, v / nx % ny, v / nx / ny]);
        (low, high, sum) = (low.min(value), high.max(value), sum + value);
    }
    [low, high, sum / (nx * ny * nz) as f64]
}

#[test]
fn volumes_have_the_grid_and_values_that_pydicom_and_simpleitk_find() {
    let Some(data) = shared("data/petct") else {
        return;
    };
    let facts: Vec<Value> =
        serde_json::from_slice(&std::fs::read(data.join("FACTS.json")).unwrap()).unwrap();
    let numbers = |v: &Value| -> Vec<f64> {
        let list = v.as_array().into_iter().flatten();
        list.filter_map(Value::as_f64).collect()
    };
    let (mut checked, mut refused) = (0, 0);
    for row in facts.iter().filter(|r| r["file"].is_null()) {
        let folder = data.join(row["dir"].as_str().unwrap());
        let modality = match row["modality"].as_str() {
            Some("CT") => Modality::Ct,
            Some("PT") => Modality::Pt,
            _ => continue,
        };
        let Ok(found) = series(&[folder], modality) else {
            refused += 1; // refusals have tests of their own
            continue;
        };
        let name = row["dir"].as_str().unwrap();
        let dims = found.volume.dims.map(|n| n as f64);
        assert_eq!(numbers(&row["dims_cols_rows_slices"]), dims, "{name}");
        let close = |got: &[f64], want: Vec<f64>, tolerance: f64, what: &str| {
            assert_eq!(got.len(), want.len(), "{name} {what}");
            let off = got.iter().zip(&want).map(|(a, b)| (a - b).abs());
            let off = off.fold(0.0, f64::max);
            assert!(
                off <= tolerance,
                "{name} {what}: {got:?} instead of {want:?}"
            );
        };
        let v = &found.volume;
        close(
            &v.origin,
            numbers(&row["origin_first_slice"]),
            1e-6,
            "origin",
        );
        let [rows, columns] = [v.spacing[1], v.spacing[0]];
        close(
            &[rows, columns],
            numbers(&row["pixel_spacing_row_col"]),
            1e-6,
            "spacing",
        );
        let truth = numbers(&row["rescaled_min_max_mean"]);
        let scale = truth[1].abs().max(1.0);
        close(&extremes(&found), truth, scale * 1e-9, "values");
        checked += 1;
    }
    println!("{checked} series, {refused} refused");
    assert_eq!((checked, refused), (27, 7));
}

/// Copies of a slice, stacked 2 mm apart, each changed by `change`.
fn stack(of: &Path, n: usize, out: &Path, change: impl Fn(usize, &mut DefaultDicomObject)) {
    for k in 0..n {
        let mut object = open_file(of).unwrap();
        let position = format!("0\\0\\{}", 2 * k);
        put(&mut object, tags::IMAGE_POSITION_PATIENT, VR::DS, &position);
        change(k, &mut object);
        object.write_to_file(out.join(format!("{k}.dcm"))).unwrap();
    }
}

fn put(object: &mut InMemDicomObject, tag: Tag, vr: VR, text: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
}

#[test]
fn a_negative_slope_gives_the_same_hounsfield_units() {
    let Some(data) = shared("data/petct/c_ct") else {
        return;
    };
    let of = |file: &str| {
        let out = tempfile::tempdir().unwrap();
        stack(&data.join(file), 3, out.path(), |_, _| {});
        series(&[out.path().to_owned()], Modality::Ct).unwrap()
    };
    let plain = of("odd/CT_small.dcm");
    let negative = of("derived_negative_slope/CT_small_negative_slope.dcm");
    assert!(negative.volume.slopes.iter().all(|s| *s == -1.0));
    assert_eq!(extremes(&plain), extremes(&negative));
    assert_eq!(extremes(&plain)[..2], [-896.0, 1167.0]); // FACTS.json
}

#[test]
fn reading_tells_progress_and_can_be_cancelled() {
    let Some(data) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let cancel = CancelToken::default();
    let archive = Archive::open(&[data.join("ct"), data.join("pet_ac")], &cancel).unwrap();
    let load = |tell: &(dyn Fn(usize, usize) -> bool + Sync), cancel: &CancelToken| {
        Study::load(&archive, &archive, SeriesChoice::default(), tell, cancel)
    };
    let calls = AtomicUsize::new(0);
    let all = |_: usize, of: usize| {
        assert_eq!(of, 270);
        calls.fetch_add(1, Ordering::Relaxed);
        true
    };
    load(&all, &cancel).unwrap();
    assert_eq!(calls.into_inner(), 270, "one for each slice of both series");
    let stopped = load(&|done, _| done < 20, &cancel).unwrap_err();
    assert!(matches!(stopped, dlnms::Error::Cancelled), "{stopped}");
    cancel.trigger();
    assert!(matches!(
        load(&|_, _| true, &cancel),
        Err(dlnms::Error::Cancelled)
    ));
    let opened = Archive::open(&[data], &cancel);
    assert!(matches!(opened, Err(dlnms::Error::Cancelled)));
}

fn item(elements: &[(Tag, VR, &str)]) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    for (tag, vr, text) in elements {
        put(&mut item, *tag, *vr, text);
    }
    item
}

fn sequence(object: &mut InMemDicomObject, tag: Tag, item: InMemDicomObject) {
    let items = DataSetSequence::from(vec![item]);
    object.put(DataElement::new(tag, VR::SQ, items));
}

/// Gives every frame a real-world value map to Bq/ml with the slope and intercept of its Pixel Value Transformation.
fn map_to_activity(object: &mut InMemDicomObject) {
    let of_frames = tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE;
    let mut frames = object.element(of_frames).unwrap().items().unwrap().to_vec();
    for frame in &mut frames {
        let values = frame.element(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
        let values = &values.unwrap().items().unwrap()[0];
        let number = |tag| values.element(tag).unwrap().to_float64().unwrap();
        let mut map = InMemDicomObject::new_empty();
        for (tag, of) in [
            (tags::REAL_WORLD_VALUE_SLOPE, tags::RESCALE_SLOPE),
            (tags::REAL_WORLD_VALUE_INTERCEPT, tags::RESCALE_INTERCEPT),
        ] {
            let number = PrimitiveValue::from(number(of));
            map.put(DataElement::new(tag, VR::FD, number));
        }
        let unit = item(&[(tags::CODE_VALUE, VR::SH, "Bq/ml")]);
        sequence(&mut map, tags::MEASUREMENT_UNITS_CODE_SEQUENCE, unit);
        sequence(frame, tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE, map);
    }
    let frames = DataSetSequence::from(frames);
    object.put(DataElement::new(of_frames, VR::SQ, frames));
}

/// The legacy converted object said again in the words of Enhanced PET (PS3.3 A.56): units by a real-world value map,
/// corrections by flags, the moment of the decay correction by name.
#[test]
fn enhanced_pet_has_the_suv_of_what_it_was_made_from() {
    let Some(legacy) =
        shared("data/petct/b_pet/derived_legacy_enhanced_pet/acrin042_pet_ac_z55-94.dcm")
    else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let write = |name: &str, change: &dyn Fn(&mut InMemDicomObject)| {
        let mut object = open_file(&legacy).unwrap();
        put(
            &mut object,
            tags::SOP_CLASS_UID,
            VR::UI,
            "1.2.840.10008.5.1.4.1.1.130",
        );
        put(&mut object, tags::ATTENUATION_CORRECTED, VR::CS, "YES");
        put(&mut object, tags::DECAY_CORRECTED, VR::CS, "YES");
        put(
            &mut object,
            tags::DECAY_CORRECTION_DATE_TIME,
            VR::DT,
            "19600116095947",
        );
        let groups = tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE;
        let shared = object.element(groups).unwrap().items().unwrap();
        let mut shared = shared[0].clone();
        let unassigned = tags::UNASSIGNED_SHARED_CONVERTED_ATTRIBUTES_SEQUENCE;
        let old = shared.element(unassigned).unwrap().items().unwrap()[0].clone();
        shared.remove_element(unassigned);
        sequence(&mut object, groups, shared);
        map_to_activity(&mut object);
        let drug = tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE;
        let mut drug_item = old.element(drug).unwrap().items().unwrap()[0].clone();
        let start = tags::RADIOPHARMACEUTICAL_START_DATE_TIME;
        put(&mut drug_item, start, VR::DT, "19600116072100");
        sequence(&mut object, drug, drug_item);
        change(&mut object);
        let file = out.path().join(name);
        object.write_to_file(&file).unwrap();
        let found = inspect(&[file]).unwrap();
        found.series[0].suv.clone().unwrap()
    };
    let enhanced = write("enhanced.dcm", &|_| {});
    let factor = enhanced.factor.unwrap_or_else(|| panic!("{enhanced:?}"));
    assert!(
        (factor / 0.000_421_110_070_135_53 - 1.0).abs() < 1e-9,
        "{factor}"
    );
    // Corrected to the injection: no decay is left to undo.
    let at_injection = write("admin.dcm", &|object| {
        put(
            object,
            tags::DECAY_CORRECTION_DATE_TIME,
            VR::DT,
            "19600116072100",
        );
    });
    let wanted = 91.0 * 1000.0 / 588_802_304.0;
    assert!((at_injection.factor.unwrap() / wanted - 1.0).abs() < 1e-9);
    let refused = write("nac.dcm", &|object| {
        put(object, tags::ATTENUATION_CORRECTED, VR::CS, "NO");
    });
    assert!(refused.refusal.unwrap().contains("ATTN"));
}
