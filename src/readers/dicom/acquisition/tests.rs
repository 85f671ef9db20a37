//! In what two images differ.

use super::super::synthetic::{Object, put};
use super::*;
use dicom_core::VR;

#[test]
fn the_first_attribute_in_which_two_images_differ_is_named() {
    let of = |number: &str, trigger: &str, time: &str| {
        let mut object = Object::new_empty();
        put(&mut object, tags::ACQUISITION_NUMBER, VR::IS, number);
        put(&mut object, tags::TRIGGER_TIME, VR::DS, trigger);
        put(&mut object, tags::ACQUISITION_DATE, VR::DA, "20200101");
        put(&mut object, tags::ACQUISITION_TIME, VR::TM, time);
        Acquisition::read(&object)
    };
    let one = of("1", "10", "110000");
    let named = |other: Acquisition| one.difference(&other);
    assert_eq!(named(of("1", "10", "110000")), None);
    for (other, name) in [
        (of("2", "20", "120000"), "AcquisitionNumber (0020,0012)"),
        (of("1", "20", "120000"), "TriggerTime (0018,1060)"),
        (of("1", "10", "120000"), "AcquisitionTime (0008,0032)"),
    ] {
        assert_eq!(named(other).as_deref(), Some(name));
    }
}
