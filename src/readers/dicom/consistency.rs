//! What all slices of a series must say alike. Compared over all of them: of a series whose first slice is right, any
//! other may belong to another patient.

use super::acquisition::MARKS;
use super::attributes::named;
use super::identity::digest;
use super::instance::Instance;
use super::modality::Modality;
use crate::error::{Error, Result};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use std::collections::HashMap;

/// Beds and rotations make few turns in time; of two acquisitions whose slices alternate, every slice is one.
const MAX_TURNING_SHARE: f64 = 0.8;

/// Checks every slice on its own, and all against the first one.
///
/// # Errors
/// Names the attribute and the file, or both files. Values of identity stay out of the message.
pub fn check(slices: &[&Instance], modality: Modality) -> Result<()> {
    let refuse = |why: String| Error::DicomSeries {
        modality: modality.code(),
        why,
    };
    let differs = |what: String, a: &Instance, b: &Instance| {
        refuse(format!(
            "{what} differs between {} and {}",
            a.name(),
            b.name()
        ))
    };
    let first = slices[0];
    for slice in slices {
        if let Some(defect) = &slice.defect {
            return Err(refuse(format!("{defect} in {}", slice.name())));
        }
        if let Some(tag) = first.patient.difference_in_series(&slice.patient) {
            return Err(differs(named(tag), first, slice));
        }
        let shared: [(Tag, bool); 4] = [
            (tags::SOP_CLASS_UID, slice.sop_class == first.sop_class),
            (
                tags::FRAME_OF_REFERENCE_UID,
                slice.frame_of_reference == first.frame_of_reference,
            ),
            // A slice that states too few bits would lose the upper ones of its values.
            (tags::BITS_STORED, slice.bits_stored == first.bits_stored),
            (tags::PIXEL_PADDING_VALUE, slice.padding == first.padding),
        ];
        if let Some((tag, _)) = shared.iter().find(|(_, same)| !same) {
            return Err(differs(named(*tag), first, slice));
        }
        let constants = first
            .pet_constants
            .as_ref()
            .zip(slice.pet_constants.as_ref());
        if let Some(tag) = constants.and_then(|(a, b)| a.difference(b)) {
            return Err(differs(named(tag), first, slice));
        }
    }
    Ok(())
}

/// Checks that a series belongs to one study, which a series that is read for a study must.
///
/// # Errors
/// Names both files.
pub fn one_study(slices: &[&Instance], modality: Modality) -> Result<()> {
    let first = slices[0];
    match slices.iter().find(|s| s.study_uid != first.study_uid) {
        None => Ok(()),
        Some(other) => Err(Error::DicomSeries {
            modality: modality.code(),
            why: format!(
                "{} differs between {} and {}",
                named(tags::STUDY_INSTANCE_UID),
                first.name(),
                other.name()
            ),
        }),
    }
}

/// Checks the other images with the series' UID: none is of another modality, or of none, and none calls itself a
/// localizer in the plane of the slices. Left out, it would make the series thinner.
///
/// # Errors
/// Names the image.
pub fn complete(slices: &[&Instance], others: &[&Instance], modality: Modality) -> Result<()> {
    let first = slices[0];
    let foreign = |o: &&&Instance| o.modality != modality.code();
    let in_plane = |o: &&&Instance| {
        let [a, b] = [o.orientation, first.orientation].map(Option::unwrap_or_default);
        o.localizer && !first.localizer && a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 0.01)
    };
    let (other, why) = match (others.iter().find(foreign), others.iter().find(in_plane)) {
        (Some(other), _) => (other, format!("{} is not that of", named(tags::MODALITY))),
        (None, Some(other)) => (
            other,
            format!(
                "{} is LOCALIZER, but it lies in the plane of",
                named(tags::IMAGE_TYPE)
            ),
        ),
        (None, None) => return Ok(()),
    };
    Err(Error::DicomSeries {
        modality: modality.code(),
        why: format!(
            "{}: {why} {}, which has the same {}",
            other.name(),
            first.name(),
            named(tags::SERIES_INSTANCE_UID)
        ),
    })
}

/// Checks slices that are sorted along their normal: the reason why they are two acquisitions under one UID.
///
/// # Errors
/// Names the attribute, and two files between which a third one has another value.
pub fn one_acquisition(slices: &[&Instance]) -> Result<(), String> {
    for (n, tag) in MARKS.iter().enumerate() {
        require_contiguous(slices, *tag, |s| s.acquisition.marks[n])?;
    }
    let time = |s: &Instance| s.acquisition.time.as_deref().map(digest);
    require_contiguous(slices, tags::ACQUISITION_TIME, time)?;
    let times: Vec<&str> = slices
        .iter()
        .filter_map(|s| s.acquisition.time.as_deref())
        .collect();
    let turns = times.windows(3).filter(|w| {
        let (back, on) = (w[0].cmp(w[1]), w[1].cmp(w[2]));
        back.is_ne() && back == on.reverse()
    });
    if turns.count() as f64 > MAX_TURNING_SHARE * times.len().max(4) as f64 - 2.0 {
        Err(format!(
            "two acquisitions under one Series Instance UID: {} goes to and fro from slice to slice",
            named(tags::ACQUISITION_TIME)
        ))
    } else {
        Ok(())
    }
}

/// Checks that the slices with one value of an attribute follow each other.
fn require_contiguous(
    slices: &[&Instance],
    tag: Tag,
    value: impl Fn(&Instance) -> Option<u64>,
) -> Result<(), String> {
    let mut seen: HashMap<Option<u64>, &Instance> = HashMap::new();
    let mut last: Option<(Option<u64>, &Instance)> = None;
    for slice in slices {
        let now = value(slice);
        let before = last.replace((now, slice));
        let Some((_, between)) = before.filter(|(earlier, _)| *earlier != now) else {
            seen.entry(now).or_insert(slice);
            continue;
        };
        if let Some(first) = seen.insert(now, slice) {
            return Err(format!(
                "two acquisitions under one Series Instance UID: {} is the same in {} and {}, another in {}, which lies between them",
                named(tag),
                first.name(),
                slice.name(),
                between.name()
            ));
        }
    }
    Ok(())
}
