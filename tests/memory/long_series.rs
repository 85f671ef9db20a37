//! Reading a long series takes little memory beyond the voxels that come out.

use crate::counting::{self, Mark};
use crate::support;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dlnms::readers::dicom::Modality;

/// A quarter of the pixels of a slice, so that headers weigh four times as much as they would.
const SIDE: usize = 256;
const SLICES: usize = 1500;

#[test]
fn fifteen_hundred_slices_take_little_more_than_their_voxels() {
    let _turn = counting::turn();
    let Some(slice) = support::shared("data/petct/a_ct_roi/4dlung_113/ct") else {
        return;
    };
    let slice = slice.read_dir().unwrap().flatten().next().unwrap().path();
    let mut object = dicom_object::open_file(slice).unwrap();
    let out = tempfile::tempdir().unwrap();
    let (mut position, uid): (Vec<f64>, _) = (
        object
            .element(tags::IMAGE_POSITION_PATIENT)
            .unwrap()
            .to_multi_float64()
            .unwrap(),
        object
            .element(tags::SERIES_INSTANCE_UID)
            .unwrap()
            .to_str()
            .unwrap()
            .into_owned(),
    );
    let mut put = |tag, vr, value: PrimitiveValue| object.put(DataElement::new(tag, vr, value));
    for tag in [tags::ROWS, tags::COLUMNS] {
        put(tag, VR::US, (SIDE as u16).into());
    }
    let pixels: Vec<u16> = (0..SIDE * SIDE).map(|n| (n % 4096) as u16).collect();
    put(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels.into()));
    for n in 0..SLICES {
        position[2] += 1.0;
        let position = position.iter().map(f64::to_string).collect::<Vec<_>>();
        for (tag, vr, value) in [
            (tags::SOP_INSTANCE_UID, VR::UI, format!("{uid}.{n}")),
            (tags::IMAGE_POSITION_PATIENT, VR::DS, position.join("\\")),
            (tags::SLICE_THICKNESS, VR::DS, "1".into()),
        ] {
            object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        }
        object
            .write_to_file(out.path().join(format!("{n}.dcm")))
            .unwrap();
    }
    drop(object);
    let mark = Mark::new();
    let ct = support::series(&[out.path().to_path_buf()], Modality::Ct).unwrap();
    let peak = mark.peak();
    let decoded = SLICES * SIDE * SIDE * 2;
    assert_eq!(ct.volume.data.len(), decoded);
    println!(
        "peak {peak} for {decoded} bytes of voxels: {:.3}",
        peak as f64 / decoded as f64
    );
    assert!(
        (peak as f64) < 1.05 * decoded as f64,
        "{peak} for {decoded}"
    );
}
