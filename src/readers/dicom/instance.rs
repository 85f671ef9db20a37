//! The images of a DICOM file: one, or the frames of a multi-frame object, each with its own attributes.

use super::acquisition::Acquisition;
use super::attributes::{
    Attributes, FunctionalGroups, first_item, items, named, optional, required, text, texts,
};
use super::dataset::PixelLayout;
use super::identity::{Patient, PetConstants};
use super::pet::PetHeader;
use super::source::{DicomFile, Source};
use super::stored::{self, PixelDescription, Rescale};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use std::sync::Arc;

/// What all frames of a file share.
#[derive(Debug)]
pub struct FileInfo {
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

/// Attributes of one image, without its pixels.
#[derive(Clone, Debug)]
pub struct Instance {
    /// What it shares with the other frames of its file.
    pub file: Arc<FileInfo>,
    /// Which frame of the file, from 0.
    pub frame: usize,
    pub sop_class: String,
    pub sop_instance: String,
    /// By the SOP class where that is a CT or a PET, else as Modality (0008,0060) says; empty if nothing says.
    pub modality: String,
    /// Modality (0008,0060) is there; else it was taken from the SOP class.
    pub modality_stated: bool,
    /// Why the image cannot be used: the first attribute that is missing, contradictory or impossible.
    pub defect: Option<String>,
    pub study_uid: String,
    pub series_uid: String,
    pub frame_of_reference: Option<String>,
    /// Tells two patients apart without knowing either.
    pub patient: Patient,
    /// When and how it was acquired.
    pub acquisition: Acquisition,
    /// Manufacturer and model of the scanner.
    pub scanner: Option<String>,
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
    pub slope: f64,
    pub intercept: f64,
    /// A CT whose values are not said to be HU, nor anything else.
    pub unit_unspecified: bool,
    pub padding: Option<[f64; 2]>,
    /// The stored values that its Real World Value Map is defined for.
    pub mapped: Option<[f64; 2]>,
    pub position: Option<[f64; 3]>,
    pub orientation: Option<[f64; 6]>,
    /// Between rows, between columns.
    pub pixel_spacing: Option<[f64; 2]>,
    pub slice_thickness: Option<f64>,
    /// PET only.
    pub pet: Option<PetHeader>,
    /// PET only: what every image of the series must say alike.
    pub pet_constants: Option<PetConstants>,
}

/// Functional groups that say something about an image (PS3.3 C.7.6.16.2, and the groups of converted objects).
const GROUPS: [Tag; 11] = [
    tags::FRAME_CONTENT_SEQUENCE,
    tags::CARDIAC_SYNCHRONIZATION_SEQUENCE,
    tags::RESPIRATORY_SYNCHRONIZATION_SEQUENCE,
    tags::PLANE_POSITION_SEQUENCE,
    tags::PLANE_ORIENTATION_SEQUENCE,
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
    tags::CT_IMAGE_FRAME_TYPE_SEQUENCE,
    tags::PET_FRAME_TYPE_SEQUENCE,
    tags::UNASSIGNED_PER_FRAME_CONVERTED_ATTRIBUTES_SEQUENCE,
    tags::UNASSIGNED_SHARED_CONVERTED_ATTRIBUTES_SEQUENCE,
];
/// A file with more frames than this is refused.
const MAX_FRAMES: usize = 1 << 16;
/// Transfer syntaxes that may have lost information: JPEG baseline, JPEG extended, near-lossless JPEG-LS, JPEG 2000.
const LOSSY: [&str; 4] = [
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
];

impl Instance {
    /// Returns the images of a file; none if it holds no image.
    ///
    /// An image whose attributes are wrong is returned with a defect: if it were left out, its series would lack a slice
    /// without any warning.
    pub fn from_file(source: &Source, file: &DicomFile) -> Vec<Self> {
        let object = &file.object;
        let frames = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
        let counted = frame_count(object, frames.len());
        let stated = *counted.as_ref().unwrap_or(&frames.len().max(1));
        let info = Arc::new(FileInfo {
            source: source.clone(),
            transfer_syntax: file.transfer_syntax.clone(),
            pixels: file.pixels.clone(),
            frames: stated,
            multi_frame: !frames.is_empty() || stated != 1,
        });
        let shared = first_item(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        let layers = |frame| {
            let mut layers = Vec::new();
            for groups in std::iter::once(frame).chain(shared) {
                layers.extend(GROUPS.iter().filter_map(|tag| first_item(groups, *tag)));
                layers.push(groups);
            }
            layers.push(object);
            FunctionalGroups(layers)
        };
        let mut images: Vec<Self> = match frames {
            [] => Self::image(&info, 0, &FunctionalGroups(vec![object]))
                .into_iter()
                .collect(),
            frames => {
                let described = frames.iter().take(MAX_FRAMES).enumerate();
                described
                    .filter_map(|(n, frame)| Self::image(&info, n, &layers(frame)))
                    .collect()
            }
        };
        if let Err(why) = counted {
            images.iter_mut().for_each(|i| i.defect = Some(why.clone()));
        }
        for image in &mut images {
            let groups = frames.get(image.frame).into_iter().chain(shared);
            if let Some(tag) = groups.filter_map(repeated_group).next() {
                let why = format!("{} has more than one item", named(tag));
                image.defect.get_or_insert(why);
            }
        }
        images
    }

    fn image(
        info: &Arc<FileInfo>,
        frame: usize,
        attributes: &FunctionalGroups<'_>,
    ) -> Option<Self> {
        let sop_class = text(attributes, tags::SOP_CLASS_UID).unwrap_or_default();
        let stated = text(attributes, tags::MODALITY);
        let modality = modality(attributes).unwrap_or_default();
        let is_ct_or_pet = matches!(modality.as_str(), "CT" | "PT");
        if !is_ct_or_pet && info.pixels.is_none() {
            return None;
        }
        let image_type = [tags::FRAME_TYPE, tags::IMAGE_TYPE].map(|tag| texts(attributes, tag));
        let is = |value: &str| {
            let mut values = image_type.iter().flatten();
            values.any(|v| v.eq_ignore_ascii_case(value))
        };
        let lossy_flag = text(attributes, tags::LOSSY_IMAGE_COMPRESSION).as_deref() == Some("01");
        let content = Content::read(attributes, &modality);
        let pet = modality == "PT";
        Some(Self {
            frame,
            modality_stated: stated.is_some(),
            study_uid: text(attributes, tags::STUDY_INSTANCE_UID).unwrap_or_default(),
            series_uid: text(attributes, tags::SERIES_INSTANCE_UID).unwrap_or_default(),
            frame_of_reference: text(attributes, tags::FRAME_OF_REFERENCE_UID),
            patient: Patient::read(attributes),
            acquisition: Acquisition::read(attributes),
            scanner: scanner(attributes),
            age_known: text(attributes, tags::PATIENT_AGE).is_some()
                || text(attributes, tags::PATIENT_BIRTH_DATE).is_some(),
            localizer: is("LOCALIZER"),
            derived: is("DERIVED"),
            lossy: lossy_flag || LOSSY.contains(&info.transfer_syntax.as_str()),
            rows: content.pixels.rows,
            columns: content.pixels.columns,
            bits_allocated: content.pixels.bits_allocated,
            bits_stored: content.pixels.bits_stored,
            signed: content.pixels.signed,
            slope: content.rescale.slope,
            intercept: content.rescale.intercept,
            unit_unspecified: content.rescale.unit_unspecified,
            padding: content.padding,
            mapped: content.mapped,
            position: content.place.position,
            orientation: content.place.orientation,
            pixel_spacing: content.place.pixel_spacing,
            slice_thickness: content.place.slice_thickness,
            pet: pet.then(|| PetHeader::read(attributes, &sop_class)),
            pet_constants: pet.then(|| PetConstants::read(attributes)),
            modality,
            sop_class,
            sop_instance: text(attributes, tags::SOP_INSTANCE_UID).unwrap_or_default(),
            defect: content.defect,
            file: info.clone(),
        })
    }

    /// Read a file's images.
    #[cfg(test)]
    pub fn read(path: &std::path::Path) -> crate::Result<Vec<Self>> {
        let source = Source::File(path.to_owned());
        Ok(Self::from_file(&source, &DicomFile::read(&source)?))
    }

    /// Returns its name for messages: the file, and the number of its frame, from 1, in a multi-frame object.
    pub fn name(&self) -> String {
        let file = self.file.source.name();
        if self.file.multi_frame {
            format!("{file} frame {}", self.frame + 1)
        } else {
            file
        }
    }
}

/// Returns the modality of an object: by its SOP class where that is a CT or a PET, else as Modality (0008,0060) says.
pub fn modality(attributes: &impl Attributes) -> Option<String> {
    let class = text(attributes, tags::SOP_CLASS_UID).unwrap_or_default();
    let by_class = modality_of(&class).map(str::to_owned);
    by_class.or_else(|| text(attributes, tags::MODALITY))
}

/// Returns the modality of a storage class: CT, Enhanced CT and PET with their legacy converted kinds.
fn modality_of(sop_class: &str) -> Option<&'static str> {
    match sop_class.strip_prefix("1.2.840.10008.5.1.4.1.1.")? {
        "2" | "2.1" | "2.2" => Some("CT"),
        "128" | "128.1" | "130" => Some("PT"),
        _ => None,
    }
}

/// Manufacturer and model, as far as they are stated.
fn scanner(attributes: &impl Attributes) -> Option<String> {
    let parts = [tags::MANUFACTURER, tags::MANUFACTURER_MODEL_NAME];
    let stated: Vec<String> = parts
        .into_iter()
        .filter_map(|tag| text(attributes, tag))
        .collect();
    (!stated.is_empty()).then(|| stated.join(" "))
}

/// Reads Number of Frames (0028,0008) and compares it with the frames that have functional groups.
fn frame_count(object: &InMemDicomObject, described: usize) -> Result<usize, String> {
    let tag = tags::NUMBER_OF_FRAMES;
    let stated = match optional(object, tag)? {
        Some([n]) if n.fract() == 0.0 && (1.0..=MAX_FRAMES as f64).contains(&n) => n as usize,
        Some([n]) => return Err(format!("{} is {n}", named(tag))),
        None if described > 0 => return Err(format!("{} is missing", named(tag))),
        None => 1,
    };
    if stated == described.max(1) {
        Ok(stated)
    } else {
        Err(format!(
            "{} is {stated}, but {described} frames are described",
            named(tag)
        ))
    }
}

/// Returns the functional group that is there more than once (each has one item, PS3.3 C.7.6.16.2).
fn repeated_group(groups: &InMemDicomObject) -> Option<Tag> {
    GROUPS.into_iter().find(|tag| items(groups, *tag).len() > 1)
}

/// The first thing that is wrong with an image.
struct Defects(Option<String>);

impl Defects {
    fn add(&mut self, why: String) {
        self.0.get_or_insert(why);
    }

    /// Returns a value that was read, or notes why there is none.
    fn keep<T: Default>(&mut self, read: Result<T, String>) -> T {
        read.unwrap_or_else(|why| {
            self.add(why);
            T::default()
        })
    }
}

/// What the values of an image are and where they lie, with the first thing that is wrong.
struct Content {
    pixels: PixelDescription,
    rescale: Rescale,
    padding: Option<[f64; 2]>,
    mapped: Option<[f64; 2]>,
    place: Place,
    defect: Option<String>,
}

impl Content {
    fn read(attributes: &impl Attributes, modality: &str) -> Self {
        let is_ct_or_pet = matches!(modality, "CT" | "PT");
        let sop_class = text(attributes, tags::SOP_CLASS_UID).unwrap_or_default();
        let mut defects = Defects(None);
        if text(attributes, tags::MODALITY).is_some_and(|stated| stated != modality) {
            let tag = named(tags::MODALITY);
            defects.add(format!("{tag} is not that of the SOP class"));
        }
        if is_ct_or_pet && text(attributes, tags::SERIES_INSTANCE_UID).is_none() {
            defects.add(format!("{} is missing", named(tags::SERIES_INSTANCE_UID)));
        }
        let pixels = defects.keep(PixelDescription::read(attributes));
        let rescale = if is_ct_or_pet {
            defects.keep(stored::rescale(attributes, modality, &sop_class))
        } else {
            Rescale::default()
        };
        let padding = defects.keep(stored::padding(attributes, &pixels));
        let mapped = defects.keep(stored::mapped(attributes, &sop_class, &pixels));
        let place = if is_ct_or_pet {
            defects.keep(Place::read(attributes))
        } else {
            Place::default()
        };
        Self {
            pixels,
            rescale,
            padding,
            mapped,
            place,
            defect: defects.0,
        }
    }
}

/// Where an image lies in the patient.
#[derive(Default)]
struct Place {
    position: Option<[f64; 3]>,
    orientation: Option<[f64; 6]>,
    pixel_spacing: Option<[f64; 2]>,
    slice_thickness: Option<f64>,
}

impl Place {
    /// Reads the place of an image.
    ///
    /// # Errors
    /// Names the attribute that is missing or impossible; Slice Thickness may be absent or 0, it decides no position.
    fn read(attributes: &impl Attributes) -> Result<Self, String> {
        let spacing: [f64; 2] = required(attributes, tags::PIXEL_SPACING)?;
        if let Some(odd) = spacing.iter().find(|v| **v <= 0.0) {
            return Err(format!("{} is {odd}", named(tags::PIXEL_SPACING)));
        }
        let thickness = optional(attributes, tags::SLICE_THICKNESS)?.map(|[v]: [f64; 1]| v);
        Ok(Self {
            position: Some(required(attributes, tags::IMAGE_POSITION_PATIENT)?),
            orientation: Some(required(attributes, tags::IMAGE_ORIENTATION_PATIENT)?),
            pixel_spacing: Some(spacing),
            slice_thickness: thickness.filter(|v| *v > 0.0),
        })
    }
}
