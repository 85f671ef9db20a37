//! The images of a DICOM file: one, or the frames of a multi-frame object, each with the facts of its own.

use super::attributes::{
    Attributes, Layers, count, first_item, items, number, numbers, text, texts,
};
use super::pet::PetHeader;
use super::source::{DicomFile, Source};
use super::structure::PixelLayout;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What all frames of a file share.
#[derive(Debug)]
pub struct Origin {
    /// Where the file is.
    pub source: Source,
    /// Transfer Syntax UID.
    pub transfer_syntax: String,
    /// Where its pixels are; `None` without pixel data.
    pub pixels: Option<PixelLayout>,
    /// Number of Frames, 1 for single-frame objects.
    pub frames: usize,
    /// A multi-frame object, even if it has one frame.
    pub multi_frame: bool,
}

/// Facts of one image, without its pixels.
#[derive(Clone, Debug)]
pub struct Instance {
    pub origin: Arc<Origin>,
    /// Which frame of the file, from 0.
    pub frame: usize,
    pub sop_class: String,
    pub modality: String,
    /// Modality (0008,0060) is there; else it was taken from the SOP class.
    pub modality_stated: bool,
    pub study_uid: String,
    pub series_uid: String,
    pub frame_of_reference: Option<String>,
    /// Tells two patients apart without knowing either: a hash of ID and issuer.
    pub patient: Option<u64>,
    /// Patient's Age or Birth Date is there.
    pub age_known: bool,
    pub localizer: bool,
    /// Image Type says DERIVED.
    pub derived: bool,
    /// Compressed with loss, now or before.
    pub lossy: bool,
    pub rows: usize,
    pub columns: usize,
    pub bits_allocated: usize,
    pub bits_stored: usize,
    pub signed: bool,
    pub samples_per_pixel: usize,
    pub slope: f64,
    pub intercept: f64,
    pub padding: Option<[f64; 2]>,
    pub position: Option<[f64; 3]>,
    pub orientation: Option<[f64; 6]>,
    /// Between rows, between columns.
    pub pixel_spacing: Option<[f64; 2]>,
    pub slice_thickness: Option<f64>,
    /// PET only.
    pub pet: Option<PetHeader>,
}

/// Functional groups that say something about an image (PS3.3 C.7.6.16.2, and the groups of converted objects).
const GROUPS: [Tag; 9] = [
    tags::FRAME_CONTENT_SEQUENCE,
    tags::PLANE_POSITION_SEQUENCE,
    tags::PLANE_ORIENTATION_SEQUENCE,
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
    tags::CT_IMAGE_FRAME_TYPE_SEQUENCE,
    tags::PET_FRAME_TYPE_SEQUENCE,
    tags::UNASSIGNED_PER_FRAME_CONVERTED_ATTRIBUTES_SEQUENCE,
    tags::UNASSIGNED_SHARED_CONVERTED_ATTRIBUTES_SEQUENCE,
];
/// More frames than this are no scan.
const MAX_FRAMES: usize = 1 << 16;
/// Transfer syntaxes that may have lost information: JPEG baseline, JPEG extended, near-lossless JPEG-LS, JPEG 2000.
const LOSSY: [&str; 4] = [
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
];

impl Instance {
    /// The images of a file; none if it holds no image.
    pub fn of(source: &Source, file: &DicomFile) -> Vec<Self> {
        let object = &file.object;
        let frames = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
        let stated = count(object, tags::NUMBER_OF_FRAMES).unwrap_or(1);
        let origin = Arc::new(Origin {
            source: source.clone(),
            transfer_syntax: file.transfer_syntax.clone(),
            pixels: file.pixels.clone(),
            frames: stated,
            multi_frame: !frames.is_empty() || stated != 1,
        });
        if frames.is_empty() {
            return Self::image(&origin, 0, &Layers(vec![object]))
                .into_iter()
                .collect();
        }
        let shared = first_item(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        let layers = |frame| {
            let mut layers = Vec::new();
            for groups in std::iter::once(frame).chain(shared) {
                layers.extend(GROUPS.iter().filter_map(|tag| first_item(groups, *tag)));
                layers.push(groups);
            }
            layers.push(object);
            Layers(layers)
        };
        let described = frames.iter().take(stated.min(MAX_FRAMES)).enumerate();
        described
            .filter_map(|(n, frame)| Self::image(&origin, n, &layers(frame)))
            .collect()
    }

    fn image(origin: &Arc<Origin>, frame: usize, facts: &Layers<'_>) -> Option<Self> {
        let sop_class = text(facts, tags::SOP_CLASS_UID).unwrap_or_default();
        let stated = text(facts, tags::MODALITY);
        let modality = stated
            .clone()
            .or(modality_of(&sop_class).map(str::to_owned))?;
        let bits_allocated = count(facts, tags::BITS_ALLOCATED)?;
        let signed = count(facts, tags::PIXEL_REPRESENTATION) == Some(1);
        let image_type = [tags::FRAME_TYPE, tags::IMAGE_TYPE].map(|tag| texts(facts, tag));
        let is = |value: &str| {
            let mut values = image_type.iter().flatten();
            values.any(|v| v.eq_ignore_ascii_case(value))
        };
        let lossy_flag = text(facts, tags::LOSSY_IMAGE_COMPRESSION).as_deref() == Some("01");
        Some(Self {
            frame,
            modality_stated: stated.is_some(),
            study_uid: text(facts, tags::STUDY_INSTANCE_UID).unwrap_or_default(),
            series_uid: text(facts, tags::SERIES_INSTANCE_UID).unwrap_or_default(),
            frame_of_reference: text(facts, tags::FRAME_OF_REFERENCE_UID),
            patient: patient(facts),
            age_known: text(facts, tags::PATIENT_AGE).is_some()
                || text(facts, tags::PATIENT_BIRTH_DATE).is_some(),
            localizer: is("LOCALIZER"),
            derived: is("DERIVED"),
            lossy: lossy_flag || LOSSY.contains(&origin.transfer_syntax.as_str()),
            rows: count(facts, tags::ROWS)?,
            columns: count(facts, tags::COLUMNS)?,
            bits_allocated,
            bits_stored: count(facts, tags::BITS_STORED)
                .filter(|b| (1..=bits_allocated).contains(b))
                .unwrap_or(bits_allocated),
            signed,
            samples_per_pixel: count(facts, tags::SAMPLES_PER_PIXEL).unwrap_or(1),
            slope: number(facts, tags::RESCALE_SLOPE)
                .filter(|s| s.is_finite() && *s != 0.0)
                .unwrap_or(1.0),
            intercept: number(facts, tags::RESCALE_INTERCEPT)
                .filter(|v| v.is_finite())
                .unwrap_or(0.0),
            padding: padding(facts, signed, bits_allocated),
            position: numbers(facts, tags::IMAGE_POSITION_PATIENT),
            orientation: numbers(facts, tags::IMAGE_ORIENTATION_PATIENT),
            pixel_spacing: numbers(facts, tags::PIXEL_SPACING)
                .filter(|s: &[f64; 2]| s.iter().all(|v| *v > 0.0)),
            slice_thickness: number(facts, tags::SLICE_THICKNESS).filter(|v| *v > 0.0),
            pet: (modality == "PT").then(|| PetHeader::read(facts, &sop_class)),
            modality,
            sop_class,
            origin: origin.clone(),
        })
    }

    /// Read a file's images.
    #[cfg(test)]
    pub fn read(path: &std::path::Path) -> crate::Result<Vec<Self>> {
        let source = Source::File(path.to_owned());
        Ok(Self::of(&source, &DicomFile::read(&source)?))
    }

    /// For messages: the file, and the frame of a multi-frame object as DICOM counts.
    pub fn name(&self) -> String {
        let file = self.origin.source.name();
        if self.origin.multi_frame {
            format!("{file} frame {}", self.frame + 1)
        } else {
            file
        }
    }
}

/// Modality of a storage class: CT, Enhanced CT and PET with their legacy converted kinds.
fn modality_of(sop_class: &str) -> Option<&'static str> {
    match sop_class.strip_prefix("1.2.840.10008.5.1.4.1.1.")? {
        "2" | "2.1" | "2.2" => Some("CT"),
        "128" | "128.1" | "130" => Some("PT"),
        _ => None,
    }
}

fn patient(facts: &impl Attributes) -> Option<u64> {
    let id = text(facts, tags::PATIENT_ID)?;
    let mut hash = DefaultHasher::new();
    (id, text(facts, tags::ISSUER_OF_PATIENT_ID)).hash(&mut hash);
    Some(hash.finish())
}

/// Pixel Padding Value and its range limit as a closed range of stored values.
///
/// Both are written as US or SS after the pixel representation, and some writers pick the wrong one: the 16 bits are
/// read again with the pixels' own sign.
fn padding(facts: &impl Attributes, signed: bool, bits_allocated: usize) -> Option<[f64; 2]> {
    let stored = |tag: Tag| {
        number(facts, tag).map(|v| match (signed, bits_allocated) {
            (true, 16) if v > 32_767.0 => v - 65_536.0,
            (false, 16) if v < 0.0 => v + 65_536.0,
            _ => v,
        })
    };
    let value = stored(tags::PIXEL_PADDING_VALUE)?;
    let limit = stored(tags::PIXEL_PADDING_RANGE_LIMIT).unwrap_or(value);
    Some([value.min(limit), value.max(limit)])
}

/// Item of the radiopharmaceutical sequence.
pub fn radiopharmaceutical(facts: &impl Attributes) -> Option<&InMemDicomObject> {
    first_item(facts, tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE)
}
