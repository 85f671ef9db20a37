//! What a series says as a whole.

use super::super::synthetic;
use super::*;

fn slices() -> Vec<Instance> {
    let read = |object: &synthetic::Object| {
        let (source, file) = synthetic::open(object);
        Instance::from_file(&source, &file).remove(0)
    };
    synthetic::ct("1.2", "1.3", 3, 1.0)
        .iter()
        .map(read)
        .collect()
}

fn metadata(edit: impl Fn(&mut [Instance])) -> SeriesMetadata {
    let mut slices = slices();
    edit(&mut slices);
    SeriesMetadata::from_slices(&slices.iter().collect::<Vec<_>>())
}

#[test]
fn a_series_is_of_a_study_if_all_of_its_slices_are() {
    assert_eq!(metadata(|_| ()).study_uid.as_deref(), Some("1.1"));
    assert_eq!(metadata(|s| s[2].study_uid = "1.9".into()).study_uid, None);
    let nowhere = metadata(|s| s.iter_mut().for_each(|s| s.study_uid = String::new()));
    assert_eq!(nowhere.study_uid, None);
}

#[test]
fn one_slice_of_an_unspecified_unit_is_enough() {
    assert!(metadata(|_| ()).hounsfield_stated);
    assert!(!metadata(|s| s[1].unit_unspecified = true).hounsfield_stated);
}

#[test]
fn decoded_slices_have_two_bytes_for_each_pixel_of_16_bits() {
    let slices = slices();
    let loader = SeriesLoader::choose(&slices, Modality::Ct, None).unwrap();
    assert_eq!(loader.bytes().unwrap(), 3 * 8 * 8 * 2);
}
