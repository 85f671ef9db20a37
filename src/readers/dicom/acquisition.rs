//! When and in which part of a scan an image was acquired.

use super::attributes::{Attributes, named, text};
use super::identity::digest;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// Attributes that are the same, or change from block to block, along the slices of one acquisition.
pub const MARKS: [Tag; 7] = [
    tags::ACQUISITION_NUMBER,
    tags::TEMPORAL_POSITION_IDENTIFIER,
    tags::TEMPORAL_POSITION_INDEX,
    tags::FRAME_ACQUISITION_NUMBER,
    tags::NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE,
    tags::NOMINAL_PERCENTAGE_OF_RESPIRATORY_PHASE,
    tags::FRAME_REFERENCE_TIME,
];
/// When and in which part of a scan an image was acquired.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acquisition {
    /// Digests of the [`MARKS`].
    pub marks: [Option<u64>; MARKS.len()],
    /// Trigger Time, which may come and go along a gated scan.
    trigger: Option<u64>,
    /// Date and time as text, which sorts as time does.
    pub time: Option<String>,
}

impl Acquisition {
    /// Reads the acquisition of an image.
    pub fn read(attributes: &impl Attributes) -> Self {
        let date = text(attributes, tags::ACQUISITION_DATE).unwrap_or_default();
        let time = text(attributes, tags::FRAME_ACQUISITION_DATE_TIME)
            .or_else(|| text(attributes, tags::ACQUISITION_TIME).map(|time| date + &time))
            .or_else(|| text(attributes, tags::ACQUISITION_DATE_TIME));
        Self {
            marks: MARKS.map(|tag| text(attributes, tag).map(|t| digest(&t))),
            trigger: text(attributes, tags::TRIGGER_TIME).map(|t| digest(&t)),
            time,
        }
    }

    /// Returns the name of the first attribute in which two images differ.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let mark = (0..MARKS.len()).find(|n| self.marks[*n] != other.marks[*n]);
        let tag = mark.map(|n| MARKS[n]);
        let tag = tag.or((self.trigger != other.trigger).then_some(tags::TRIGGER_TIME));
        tag.or((self.time != other.time).then_some(tags::ACQUISITION_TIME))
            .map(named)
    }
}

#[cfg(test)]
mod tests;
