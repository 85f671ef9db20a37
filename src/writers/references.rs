//! References to the images of a result.

use super::elements::Build;
use super::identity::Identity;
use crate::readers::dicom::{SeriesSource, SourceImage};
use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use std::collections::HashSet;

/// An object that this library writes and another one of its objects refers to.
pub struct OwnObject<'a> {
    /// SOP Class UID.
    pub class: &'a str,
    /// SOP Instance UID.
    pub instance: &'a str,
    /// Series Instance UID.
    pub series: &'a str,
}

/// Returns a reference to an object.
pub fn sop(class: &str, instance: &str) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    item.text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, class);
    item.text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, instance);
    item
}

/// Returns a reference to an image, and to its frame in a multi-frame object.
pub fn image(image: &SourceImage) -> InMemDicomObject {
    let mut item = sop(&image.sop_class, &image.sop_instance);
    if let Some(frame) = image.frame {
        item.text(tags::REFERENCED_FRAME_NUMBER, VR::IS, &frame.to_string());
    }
    item
}

/// Returns a reference to each object of a series, whose frames are named no further.
pub fn objects(series: &SeriesSource) -> Vec<InMemDicomObject> {
    let mut seen = HashSet::new();
    let images = series.images.iter();
    let named = images.filter(|image| seen.insert(image.sop_instance.as_str()));
    named.map(|i| sop(&i.sop_class, &i.sop_instance)).collect()
}

fn series(uid: &str, objects: Vec<InMemDicomObject>) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    item.text(tags::SERIES_INSTANCE_UID, VR::UI, uid);
    item.items(tags::REFERENCED_SOP_SEQUENCE, objects);
    item
}

fn study(uid: &str, series: Vec<InMemDicomObject>) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    item.text(tags::STUDY_INSTANCE_UID, VR::UI, uid);
    item.items(tags::REFERENCED_SERIES_SEQUENCE, series);
    item
}

/// Sets what a report rests on: every image of the PET and the CT, and an object of this library. A CT of another study is
/// pertinent evidence (PS3.3 C.17.2.3).
pub fn put_evidence(
    object: &mut InMemDicomObject,
    identity: &Identity,
    own: Option<&OwnObject<'_>>,
) {
    let (pet, ct) = (&identity.pet, &identity.ct);
    let ct_series = series(&ct.series_uid, objects(ct));
    let mut current = vec![series(&pet.series_uid, objects(pet))];
    let other_study = ct
        .study_uid
        .as_deref()
        .filter(|uid| *uid != identity.study_uid());
    match other_study {
        None => current.push(ct_series),
        Some(uid) => object.item(
            tags::PERTINENT_OTHER_EVIDENCE_SEQUENCE,
            study(uid, vec![ct_series]),
        ),
    }
    if let Some(own) = own {
        current.push(series(own.series, vec![sop(own.class, own.instance)]));
    }
    let evidence = study(identity.study_uid(), current);
    object.item(
        tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
        evidence,
    );
}
