//! Whose a result is: what its objects copy from the images, byte for byte, and which images they refer to.

use super::elements::Build;
use crate::error::{Error, Result};
use crate::readers::dicom::{RawElement, RawHeader, RawValue, SeriesSource, Study};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;

/// The patient, the study and the images of a result. Its `Debug` shows nothing of their values.
#[derive(Clone)]
pub struct Identity {
    header: RawHeader,
    study_uid: String,
    /// The PET's.
    frame_of_reference: Option<String>,
    pub(super) pet: SeriesSource,
    pub(super) ct: SeriesSource,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity")
    }
}

/// Attributes that tell patients apart, with the characters that each may have. One that cannot be copied is refused.
const PATIENT: [(Tag, VR, usize); 5] = [
    (tags::PATIENT_NAME, VR::PN, 3 * 64 + 2),
    (tags::PATIENT_ID, VR::LO, 64),
    (tags::ISSUER_OF_PATIENT_ID, VR::LO, 64),
    (tags::PATIENT_BIRTH_DATE, VR::DA, 10),
    (tags::PATIENT_SEX, VR::CS, 16),
];
/// Other attributes that are copied. One that cannot be is left out.
const OTHERS: [(Tag, VR, usize); 9] = [
    (tags::STUDY_DATE, VR::DA, 10),
    (tags::STUDY_TIME, VR::TM, 16),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN, 3 * 64 + 2),
    (tags::STUDY_ID, VR::SH, 16),
    (tags::ACCESSION_NUMBER, VR::SH, 16),
    (tags::STUDY_DESCRIPTION, VR::LO, 64),
    (tags::PATIENT_IDENTITY_REMOVED, VR::CS, 16),
    (tags::DEIDENTIFICATION_METHOD, VR::LO, 16 * 64),
    (tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, 16),
];
/// Attributes that stand in every object, empty if need be.
const ALWAYS: [Tag; 9] = [
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::STUDY_ID,
    tags::ACCESSION_NUMBER,
];
/// A character takes four bytes at most, and an escape sequence as many again.
const BYTES_PER_CHARACTER: usize = 8;

/// Character sets (PS3.3 C.12.1.1.2); ASCII means the same in all of them.
const CHARACTER_SETS: [&str; 34] = [
    "ISO_IR 6",
    "ISO_IR 100",
    "ISO_IR 101",
    "ISO_IR 109",
    "ISO_IR 110",
    "ISO_IR 144",
    "ISO_IR 127",
    "ISO_IR 126",
    "ISO_IR 138",
    "ISO_IR 148",
    "ISO_IR 203",
    "ISO_IR 13",
    "ISO_IR 166",
    "ISO_IR 192",
    "GB18030",
    "GBK",
    "ISO 2022 IR 6",
    "ISO 2022 IR 100",
    "ISO 2022 IR 101",
    "ISO 2022 IR 109",
    "ISO 2022 IR 110",
    "ISO 2022 IR 144",
    "ISO 2022 IR 127",
    "ISO 2022 IR 126",
    "ISO 2022 IR 138",
    "ISO 2022 IR 148",
    "ISO 2022 IR 203",
    "ISO 2022 IR 13",
    "ISO 2022 IR 166",
    "ISO 2022 IR 87",
    "ISO 2022 IR 159",
    "ISO 2022 IR 149",
    "ISO 2022 IR 58",
    "",
];

fn refuse<T>(why: String) -> Result<T> {
    Err(Error::DicomWrite(why))
}

fn named(tag: Tag) -> String {
    let keyword = StandardDataDictionary.by_tag(tag).map(|e| e.alias());
    format!("{} {tag}", keyword.unwrap_or("an attribute"))
}

impl Identity {
    /// Returns the identity of a study: its PET's.
    ///
    /// # Errors
    /// [`Error::DicomWrite`] if either series is not DICOM, PET and CT belong to different patients, and as [`Identity::new`].
    pub fn from_study(study: &Study) -> Result<Self> {
        let source = |series: &Option<SeriesSource>, name: &str| match series {
            Some(source) => Ok(source.clone()),
            None => refuse(format!(
                "the {name} is not DICOM: nothing says whose the result is"
            )),
        };
        let (pet, ct) = (
            source(&study.pet.source, "PET")?,
            source(&study.ct.source, "CT")?,
        );
        if study.metadata().same_patient == Some(false) {
            return refuse("the PET and the CT belong to different patients".into());
        }
        let header = match &pet.header {
            Ok(header) => header.clone(),
            Err(why) => return refuse(format!("the identity of the PET cannot be read: {why}")),
        };
        Self::new(header, pet, ct)
    }

    /// Builds an identity of attributes and of the images of the PET and the CT, one for each slice in the order of the volumes.
    ///
    /// # Errors
    /// [`Error::DicomWrite`] with the attribute that is missing, too long or in an encoding that nobody can copy.
    pub fn new(header: RawHeader, pet: SeriesSource, ct: SeriesSource) -> Result<Self> {
        check_character_set(&header)?;
        for (tag, _, characters) in PATIENT {
            if let Err(why) = check_text(header.text(tag), characters) {
                return refuse(format!("{} {why}", named(tag)));
            }
        }
        for (tag, _, characters) in OTHERS {
            if let Err(why) = check_text(header.text(tag), characters) {
                log::warn!(target: "dlnms::writers", "{} is not copied: it {why}", named(tag));
            }
        }
        if header.text(tags::PATIENT_ID).is_empty() && header.text(tags::PATIENT_NAME).is_empty() {
            let names = [tags::PATIENT_ID, tags::PATIENT_NAME]
                .map(named)
                .join(" and ");
            return refuse(format!(
                "{names} are empty: nothing says whose the result is"
            ));
        }
        let Some(study_uid) = pet.study_uid.clone() else {
            return refuse(
                "the images of the PET do not state one StudyInstanceUID (0020,000D)".into(),
            );
        };
        let frame = String::from_utf8(header.text(tags::FRAME_OF_REFERENCE_UID).to_vec());
        let frame = frame.ok().filter(|uid| !uid.is_empty());
        let uids = [("PET", &pet), ("CT", &ct)]
            .into_iter()
            .flat_map(|(name, series)| {
                let of_images = series
                    .images
                    .iter()
                    .flat_map(|i| [&i.sop_class, &i.sop_instance]);
                let of_series = [Some(&series.series_uid), series.study_uid.as_ref()];
                of_series
                    .into_iter()
                    .flatten()
                    .chain(of_images)
                    .map(move |uid| (name, uid))
            });
        for (name, uid) in uids.chain(
            frame
                .iter()
                .map(|uid| ("frame of reference of the PET", uid)),
        ) {
            if !is_uid(uid) {
                return refuse(format!("a UID of the {name} is missing or is none"));
            }
        }
        Ok(Self {
            header,
            study_uid,
            frame_of_reference: frame,
            pet,
            ct,
        })
    }

    /// Returns the Study Instance UID that the objects belong to, the PET's.
    pub(super) fn study_uid(&self) -> &str {
        &self.study_uid
    }

    /// Returns the Frame of Reference UID of the PET.
    pub(super) fn frame_of_reference(&self) -> Result<&str> {
        match &self.frame_of_reference {
            Some(uid) => Ok(uid),
            None => refuse("the PET states no FrameOfReferenceUID (0020,0052)".into()),
        }
    }

    /// Returns the Frame of Reference UID of the CT, if it is known.
    pub(super) fn ct_frame_of_reference(&self) -> Option<&str> {
        let text = self
            .ct
            .header
            .as_ref()
            .ok()?
            .text(tags::FRAME_OF_REFERENCE_UID);
        std::str::from_utf8(text).ok().filter(|uid| is_uid(uid))
    }

    /// Returns Timezone Offset From UTC, if the PET states it.
    pub(super) fn time_zone(&self) -> Option<&str> {
        std::str::from_utf8(self.header.text(tags::TIMEZONE_OFFSET_FROM_UTC))
            .ok()
            .filter(|text| !text.is_empty())
    }

    /// Copies the patient's and the study's attributes into an object.
    pub(super) fn copy_into(&self, object: &mut InMemDicomObject) {
        let set = self.header.text(tags::SPECIFIC_CHARACTER_SET);
        if !set.is_empty() {
            object.bytes(tags::SPECIFIC_CHARACTER_SET, VR::CS, set);
        }
        for (tag, vr, characters) in PATIENT.into_iter().chain(OTHERS) {
            let text = self.header.text(tag);
            let text = check_text(text, characters).map_or(&[][..], |()| text);
            if !text.is_empty() || ALWAYS.contains(&tag) {
                object.bytes(tag, vr, text);
            }
        }
        let tag = tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE;
        let sequence = self.header.elements.iter().find(|e| e.tag == tag);
        if let Some(RawElement {
            value: RawValue::Items(items),
            ..
        }) = sequence
        {
            object.items(tag, items.iter().map(|item| raw_item(item)).collect());
        }
        object.text(tags::STUDY_INSTANCE_UID, VR::UI, &self.study_uid);
    }

    /// Copies the frame of reference into an object.
    pub(super) fn copy_frame_into(&self, object: &mut InMemDicomObject) -> Result<()> {
        object.text(
            tags::FRAME_OF_REFERENCE_UID,
            VR::UI,
            self.frame_of_reference()?,
        );
        let tag = tags::POSITION_REFERENCE_INDICATOR;
        let text = self.header.text(tag);
        let text = check_text(text, 64).map_or(&[][..], |()| text);
        object.bytes(tag, VR::LO, text);
        Ok(())
    }
}

fn raw_item(elements: &[RawElement]) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    for element in elements {
        let known = StandardDataDictionary
            .by_tag(element.tag)
            .map(|e| e.vr().relaxed());
        if let (Some(vr), RawValue::Text(bytes)) = (known, &element.value) {
            item.bytes(element.tag, vr, bytes);
        }
    }
    item
}

fn is_uid(uid: &str) -> bool {
    let digits = uid.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    digits && (1..=64).contains(&uid.len())
}

/// Returns why a text cannot be copied.
fn check_text(text: &[u8], characters: usize) -> Result<(), String> {
    const ESCAPE: u8 = 0x1B;
    if text.len() > characters * BYTES_PER_CHARACTER
        || (text.is_ascii() && text.len() > characters && !text.contains(&ESCAPE))
    {
        return Err(format!(
            "has {} bytes, more than a value may have",
            text.len()
        ));
    }
    match text.iter().find(|b| b.is_ascii_control() && **b != ESCAPE) {
        Some(byte) => Err(format!("holds the control character {byte}")),
        None => Ok(()),
    }
}

/// Returns an error if nobody can know what the texts say: a character set that the standard does not define, or bytes beyond
/// ASCII without one.
fn check_character_set(header: &RawHeader) -> Result<()> {
    let tag = tags::SPECIFIC_CHARACTER_SET;
    let stated = header.text(tag);
    let known = |set: &[u8]| {
        CHARACTER_SETS
            .iter()
            .any(|c| c.as_bytes() == set.trim_ascii())
    };
    if !stated.split(|b| *b == b'\\').all(known) {
        return refuse(format!("{} is none that the standard defines", named(tag)));
    }
    let texts = PATIENT.iter().chain(&OTHERS).map(|(tag, ..)| *tag);
    for text in texts.filter(|_| stated.is_empty()) {
        if header
            .text(text)
            .iter()
            .any(|b| !b.is_ascii() || *b == 0x1B)
        {
            let (text, set) = (named(text), named(tag));
            return refuse(format!(
                "{text} has bytes beyond ASCII, but there is no {set}"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
