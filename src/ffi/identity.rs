//! Section "identity": whose the volumes of a host are.
// Without the writers the bodies below are left out, and what they alone use stays.
#![cfg_attr(not(feature = "writers"), allow(unused_imports, dead_code))]

use super::structs::{self, Versioned, versioned};
#[cfg(feature = "writers")]
use crate::error::{Error, Result};
#[cfg(feature = "writers")]
use crate::readers::dicom::{RawElement, RawHeader, RawValue, SeriesSource, SourceImage};
#[cfg(feature = "writers")]
use crate::writers::Identity;
#[cfg(feature = "writers")]
use dicom_core::Tag;
#[cfg(feature = "writers")]
use dicom_dictionary_std::tags;
use std::ffi::{CStr, c_char};

/// The patient, the study and the images of a case of the host's own volumes, for dlnms_result_write(); fill with
/// dlnms_identity_init(). A case of dlnms_study_case() needs none.
///
/// Texts are NUL-terminated; their bytes are copied into the objects as they are, in the encoding that
/// `specific_character_set` states. NULL is an empty value. Everything is borrowed for the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_identity {
    /// Size of the struct in bytes, set by dlnms_identity_init().
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Specific Character Set (0008,0005): the encoding of the texts below, for example "ISO_IR 192" for UTF-8; NULL: ASCII.
    pub specific_character_set: *const c_char,
    /// Patient's Name (0010,0010). The name or the ID is required.
    pub patient_name: *const c_char,
    /// Patient ID (0010,0020).
    pub patient_id: *const c_char,
    /// Issuer of Patient ID (0010,0021).
    pub issuer_of_patient_id: *const c_char,
    /// Patient's Birth Date (0010,0030).
    pub patient_birth_date: *const c_char,
    /// Patient's Sex (0010,0040).
    pub patient_sex: *const c_char,
    /// Study Instance UID (0020,000D). Required.
    pub study_instance_uid: *const c_char,
    /// Study Date (0008,0020).
    pub study_date: *const c_char,
    /// Study Time (0008,0030).
    pub study_time: *const c_char,
    /// Study ID (0020,0010).
    pub study_id: *const c_char,
    /// Study Description (0008,1030).
    pub study_description: *const c_char,
    /// Accession Number (0008,0050).
    pub accession_number: *const c_char,
    /// Referring Physician's Name (0008,0090).
    pub referring_physician_name: *const c_char,
    /// Timezone Offset From UTC (0008,0201), "+HHMM" or "-HHMM".
    pub timezone_offset_from_utc: *const c_char,
    /// Frame of Reference UID (0020,0052) of the PET. Required for a segmentation.
    pub frame_of_reference_uid: *const c_char,
    /// Position Reference Indicator (0020,1040).
    pub position_reference_indicator: *const c_char,
    /// Study Instance UID of the CT; NULL: that of the PET.
    pub ct_study_instance_uid: *const c_char,
    /// Series Instance UID (0020,000E) of the PET. Required.
    pub pet_series_instance_uid: *const c_char,
    /// Series Instance UID of the CT. Required.
    pub ct_series_instance_uid: *const c_char,
    /// SOP Class UID (0008,0016) of the images of the PET. Required.
    pub pet_sop_class_uid: *const c_char,
    /// SOP Class UID of the images of the CT. Required.
    pub ct_sop_class_uid: *const c_char,
    /// SOP Instance UID (0008,0018) of the image of each slice of the PET, in the order of its volume. Required.
    pub pet_sop_instance_uids: *const *const c_char,
    /// The same for the CT. Required.
    pub ct_sop_instance_uids: *const *const c_char,
    /// Number of the frame of each slice of the PET, from 1, in a multi-frame object; NULL: every slice is an object of its own.
    pub pet_frame_numbers: *const u32,
    /// The same for the CT.
    pub ct_frame_numbers: *const u32,
    /// Slices of the PET: the length of its two arrays.
    pub n_pet: u64,
    /// Slices of the CT.
    pub n_ct: u64,
}

versioned!(dlnms_identity, 224, { struct_size, specific_character_set, patient_name, patient_id, issuer_of_patient_id, patient_birth_date, patient_sex, study_instance_uid, study_date, study_time, study_id, study_description, accession_number, referring_physician_name, timezone_offset_from_utc, frame_of_reference_uid, position_reference_indicator, ct_study_instance_uid, pet_series_instance_uid, ct_series_instance_uid, pet_sop_class_uid, ct_sop_class_uid, pet_sop_instance_uids, ct_sop_instance_uids, pet_frame_numbers, ct_frame_numbers, n_pet, n_ct } reserved { reserved });

/// Writes defaults into an identity: every pointer NULL.
///
/// # Safety
/// - `identity`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_identity) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_identity_init(identity: *mut dlnms_identity, struct_size: u32) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(identity, struct_size) };
}

#[cfg(feature = "writers")]
/// Reads a host's identity.
///
/// # Safety
/// `ptr` is an initialised struct whose pointers keep the header's promises.
pub(super) unsafe fn identity(ptr: *const dlnms_identity) -> Result<Identity> {
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    let texts = [
        (tags::SPECIFIC_CHARACTER_SET, raw.specific_character_set),
        (tags::STUDY_DATE, raw.study_date),
        (tags::STUDY_TIME, raw.study_time),
        (tags::ACCESSION_NUMBER, raw.accession_number),
        (tags::REFERRING_PHYSICIAN_NAME, raw.referring_physician_name),
        (tags::TIMEZONE_OFFSET_FROM_UTC, raw.timezone_offset_from_utc),
        (tags::STUDY_DESCRIPTION, raw.study_description),
        (tags::PATIENT_NAME, raw.patient_name),
        (tags::PATIENT_ID, raw.patient_id),
        (tags::ISSUER_OF_PATIENT_ID, raw.issuer_of_patient_id),
        (tags::PATIENT_BIRTH_DATE, raw.patient_birth_date),
        (tags::PATIENT_SEX, raw.patient_sex),
        (tags::STUDY_ID, raw.study_id),
        (tags::FRAME_OF_REFERENCE_UID, raw.frame_of_reference_uid),
        (
            tags::POSITION_REFERENCE_INDICATOR,
            raw.position_reference_indicator,
        ),
    ];
    let element = |(tag, text): &(Tag, *const c_char)| RawElement {
        tag: *tag,
        // SAFETY: NULL or NUL-terminated by the caller's promise.
        value: RawValue::Text(unsafe { bytes(*text) }.to_vec()),
    };
    let header = RawHeader {
        elements: texts.iter().map(element).collect(),
    };
    let pet = Slices {
        modality: "pet",
        study: raw.study_instance_uid,
        series: raw.pet_series_instance_uid,
        class: raw.pet_sop_class_uid,
        instances: raw.pet_sop_instance_uids,
        frames: raw.pet_frame_numbers,
        n: raw.n_pet,
    };
    let ct_study = if raw.ct_study_instance_uid.is_null() {
        raw.study_instance_uid
    } else {
        raw.ct_study_instance_uid
    };
    let ct = Slices {
        modality: "ct",
        study: ct_study,
        series: raw.ct_series_instance_uid,
        class: raw.ct_sop_class_uid,
        instances: raw.ct_sop_instance_uids,
        frames: raw.ct_frame_numbers,
        n: raw.n_ct,
    };
    // SAFETY: handed on from the caller.
    let (pet, ct) = unsafe { (pet.source()?, ct.source()?) };
    Identity::new(header, pet, ct)
}

/// The images of one modality as the host names them.
#[cfg(feature = "writers")]
struct Slices {
    modality: &'static str,
    study: *const c_char,
    series: *const c_char,
    class: *const c_char,
    instances: *const *const c_char,
    frames: *const u32,
    n: u64,
}

#[cfg(feature = "writers")]
impl Slices {
    /// # Safety
    /// Texts are NULL or NUL-terminated, arrays NULL or `n` long.
    unsafe fn source(&self) -> Result<SeriesSource> {
        let of = self.modality;
        let n = usize::try_from(self.n).ok();
        let n = n.filter(|n| (1..=crate::imaging::MAX_DIM).contains(n));
        let n = n.ok_or_else(|| {
            let why = format!("{} is not in 1..65536", self.n);
            Error::invalid(format!("dlnms_identity.n_{of}"), why)
        })?;
        if self.instances.is_null() {
            return Err(Error::NullArgument("dlnms_identity sop_instance_uids"));
        }
        // SAFETY: NULL or NUL-terminated by the caller's promise. A UID that is none is refused by its reader.
        let uid = |text| String::from_utf8_lossy(unsafe { bytes(text) }).into_owned();
        let class = uid(self.class);
        let image = |i| {
            // SAFETY: i < n entries by the caller's promise.
            let instance = unsafe { self.instances.add(i).read() };
            // SAFETY: as above, if there is an array.
            let frame = (!self.frames.is_null()).then(|| unsafe { self.frames.add(i).read() });
            SourceImage {
                sop_class: class.clone(),
                sop_instance: uid(instance),
                frame,
            }
        };
        let images: Vec<SourceImage> = (0..n).map(image).collect();
        let objects: std::collections::HashSet<_> =
            images.iter().map(|i| (&i.sop_instance, i.frame)).collect();
        if objects.len() != n {
            let why = "two slices name the same image";
            return Err(Error::invalid(
                format!("dlnms_identity.{of}_sop_instance_uids"),
                why,
            ));
        }
        Ok(SeriesSource {
            study_uid: Some(uid(self.study)).filter(|uid| !uid.is_empty()),
            series_uid: uid(self.series),
            images,
            header: Ok(RawHeader::default()),
        })
    }
}

#[cfg(feature = "writers")]
/// Returns the bytes of a text; none for NULL.
///
/// # Safety
/// `text` is NULL or NUL-terminated and lives for `'a`.
unsafe fn bytes<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return &[];
    }
    // SAFETY: not NULL; the caller promises the rest.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(!wide || size_of::<dlnms_identity>() == <dlnms_identity as Versioned>::V1_SIZE);
};
