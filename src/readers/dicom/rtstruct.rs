//! RT Structure Set: named ROIs and their contours.

use super::attributes::{items, number, text};
pub use super::contour::Contour;
pub use super::contours::Contours;
use super::source::{DicomFile, Source};
use crate::error::{Error, Result};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use std::path::Path;

/// The contours of a file.
#[derive(Clone, Debug)]
pub struct StructureSet {
    /// File name.
    pub source: String,
    /// SOP Instance UID; two files that share it are copies of one object.
    pub uid: Option<String>,
    /// All ROIs, in the file's order.
    pub rois: Vec<Contours>,
    /// Series Instance UIDs of the images they were drawn on.
    pub drawn_on: Vec<String>,
    /// Frame of Reference UID of ROIs that do not state theirs.
    pub frame_of_reference: Option<String>,
}

/// Reads the structure set of a file.
///
/// # Errors
/// [`Error::DicomRead`] if the file cannot be read or has no ROIs.
pub fn read(path: &Path) -> Result<StructureSet> {
    let source = Source::File(path.to_owned());
    StructureSet::from_file(&source, &DicomFile::read(&source)?)
}

/// Returns the Series Instance UIDs and the Frame of Reference UID of the images a structure set was drawn on. The frame
/// is `None` if the file names several.
fn referenced(object: &InMemDicomObject) -> (Vec<String>, Option<String>) {
    let frames = items(object, tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE);
    let series = frames
        .iter()
        .flat_map(|f| items(f, tags::RT_REFERENCED_STUDY_SEQUENCE))
        .flat_map(|s| items(s, tags::RT_REFERENCED_SERIES_SEQUENCE))
        .filter_map(|s| text(s, tags::SERIES_INSTANCE_UID))
        .collect();
    let mut uids: Vec<String> = frames
        .iter()
        .filter_map(|f| text(f, tags::FRAME_OF_REFERENCE_UID))
        .collect();
    uids.sort_unstable();
    uids.dedup();
    let frame = match uids.len() {
        0 => text(object, tags::FRAME_OF_REFERENCE_UID),
        1 => uids.pop(),
        _ => None,
    };
    (series, frame)
}

/// A whole number, or `None`.
fn integer(object: &InMemDicomObject, tag: dicom_core::Tag) -> Option<i64> {
    number(object, tag)
        .filter(|v| v.fract() == 0.0 && v.abs() < 1e15)
        .map(|v| v as i64)
}

impl StructureSet {
    /// Returns the ROIs of a file that is open. What is wrong with one of them is its own refusal; the others can be used.
    pub(super) fn from_file(source: &Source, file: &DicomFile) -> Result<Self> {
        let object = &file.object;
        let roi = |item: &InMemDicomObject| {
            Some(Contours {
                number: integer(item, tags::ROI_NUMBER)?,
                name: text(item, tags::ROI_NAME).unwrap_or_default(),
                frame_of_reference: text(item, tags::REFERENCED_FRAME_OF_REFERENCE_UID),
                contours: Vec::new(),
                refusal: None,
            })
        };
        let named = items(object, tags::STRUCTURE_SET_ROI_SEQUENCE);
        let mut rois: Vec<Contours> = named.iter().filter_map(roi).collect();
        if rois.is_empty() {
            return Err(Error::DicomRead(
                "the file has no structure set ROIs".into(),
            ));
        }
        let drawn = items(object, tags::ROI_CONTOUR_SEQUENCE);
        let numbers: Vec<i64> = rois.iter().map(|r| r.number).collect();
        for roi in &mut rois {
            let is_its = |item: &&InMemDicomObject| {
                integer(item, tags::REFERENCED_ROI_NUMBER) == Some(roi.number)
            };
            let its: Vec<&InMemDicomObject> = drawn.iter().filter(is_its).collect();
            let contours = if numbers.iter().filter(|n| **n == roi.number).count() > 1 {
                Err("its ROI Number (3006,0022) occurs twice".into())
            } else if its.len() > 1 {
                Err("two items of the ROI Contour Sequence (3006,0039) refer to it".into())
            } else {
                its.first().map_or(Ok(Vec::new()), |item| contours(item))
            };
            match contours {
                Ok(contours) => roi.contours = contours,
                Err(why) => roi.refusal = Some(why),
            }
        }
        let (drawn_on, frame_of_reference) = referenced(object);
        Ok(Self {
            source: source.name(),
            uid: text(object, tags::SOP_INSTANCE_UID),
            rois,
            drawn_on,
            frame_of_reference,
        })
    }

    /// Returns the Frame of Reference UID of one of the ROIs.
    pub(super) fn frame_of<'a>(&'a self, roi: &'a Contours) -> Option<&'a str> {
        let stated = roi.frame_of_reference.as_deref();
        stated.or(self.frame_of_reference.as_deref())
    }

    /// Returns the ROI with this name or number.
    ///
    /// # Errors
    /// [`Error::RoiInvalid`] if there is none, or if two have that name or number.
    pub fn find(&self, wanted: &str) -> Result<&Contours> {
        let described = |rois: &[&Contours]| {
            let each = rois.iter().map(|r| format!("{} {:?}", r.number, r.name));
            each.collect::<Vec<_>>().join(", ")
        };
        let found: Vec<&Contours> = self.rois.iter().filter(|r| r.is(wanted)).collect();
        match found[..] {
            [roi] => Ok(roi),
            [] => Err(Error::RoiInvalid(format!(
                "{wanted:?} is none of the structure set's ROIs: {}",
                described(&self.rois.iter().collect::<Vec<_>>())
            ))),
            _ => Err(Error::RoiInvalid(format!(
                "{wanted:?} is ambiguous, it is that of several ROIs of {}: {}",
                self.source,
                described(&found)
            ))),
        }
    }
}

impl Contours {
    /// Returns whether this is the ROI's name or number.
    pub(super) fn is(&self, wanted: &str) -> bool {
        self.name == wanted || self.number.to_string() == wanted
    }
}

/// Coordinates beyond this are no place in a scanner, mm.
const MAX_COORDINATE_MM: f64 = 1e5;

/// Returns the contours of an item of the ROI Contour Sequence, or the first thing that cannot be drawn.
fn contours(item: &InMemDicomObject) -> std::result::Result<Vec<Contour>, String> {
    let sequence = items(item, tags::CONTOUR_SEQUENCE).iter().enumerate();
    let contours = sequence.map(|(n, c)| contour(c).map_err(|e| format!("contour {}: {e}", n + 1)));
    contours.collect()
}

fn contour(item: &InMemDicomObject) -> std::result::Result<Contour, String> {
    let exclusive_or = match text(item, tags::CONTOUR_GEOMETRIC_TYPE).as_deref() {
        Some("CLOSED_PLANAR") => false,
        Some("CLOSEDPLANAR_XOR") => true,
        Some(known @ ("POINT" | "OPEN_PLANAR" | "OPEN_NONPLANAR")) => {
            return Err(format!("a contour of type {known} encloses nothing"));
        }
        Some(_) => {
            return Err(
                "ContourGeometricType (3006,0042) is neither CLOSED_PLANAR nor CLOSEDPLANAR_XOR"
                    .into(),
            );
        }
        None => return Err("ContourGeometricType (3006,0042) is missing".into()),
    };
    let data = item.get(tags::CONTOUR_DATA).and_then(|e| e.to_str().ok());
    let data = data.ok_or("ContourData (3006,0050) is missing")?;
    let mut values = Vec::new();
    for text in data.split('\\') {
        let value = text.trim_matches([' ', '\0']).parse::<f64>();
        let value = value.ok().filter(|v| v.abs() <= MAX_COORDINATE_MM);
        values.push(value.ok_or("ContourData (3006,0050) holds a value that is no coordinate")?);
    }
    let (points, rest) = values.as_chunks::<3>();
    if !rest.is_empty() {
        return Err(format!(
            "ContourData (3006,0050) holds {} values, which are no points of three",
            values.len()
        ));
    }
    let stated = text(item, tags::NUMBER_OF_CONTOUR_POINTS).is_some();
    if stated && integer(item, tags::NUMBER_OF_CONTOUR_POINTS) != Some(points.len() as i64) {
        return Err(format!(
            "NumberOfContourPoints (3006,0046) contradicts the {} points of ContourData (3006,0050)",
            points.len()
        ));
    }
    if points.len() < 3 {
        return Err(format!("{} points enclose nothing", points.len()));
    }
    Ok(Contour {
        points: points.to_vec(),
        exclusive_or,
    })
}

#[cfg(test)]
mod tests;
