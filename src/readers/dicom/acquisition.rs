//! Whether the slices of a series are one acquisition.

use super::attributes::{Attributes, named, text};
use super::identity::digest;
use super::instance::Instance;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use std::collections::HashMap;

/// Attributes that are the same, or change from block to block, along the slices of one acquisition.
const MARKS: [Tag; 7] = [
    tags::ACQUISITION_NUMBER,
    tags::TEMPORAL_POSITION_IDENTIFIER,
    tags::TEMPORAL_POSITION_INDEX,
    tags::FRAME_ACQUISITION_NUMBER,
    tags::NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE,
    tags::NOMINAL_PERCENTAGE_OF_RESPIRATORY_PHASE,
    tags::FRAME_REFERENCE_TIME,
];
/// Beds and rotations make few turns in time; of two acquisitions whose slices alternate, every slice is one.
const MAX_TURNING_SHARE: f64 = 0.8;

/// When and in which part of a scan an image was acquired.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acquisition {
    /// Digests of the [`MARKS`].
    marks: [Option<u64>; MARKS.len()],
    /// Trigger Time, which may come and go along a gated scan.
    trigger: Option<u64>,
    /// Date and time as text, which sorts as time does.
    time: Option<String>,
}

impl Acquisition {
    /// Reads the acquisition of an image.
    pub fn read(facts: &impl Attributes) -> Self {
        let date = text(facts, tags::ACQUISITION_DATE).unwrap_or_default();
        let time = text(facts, tags::FRAME_ACQUISITION_DATE_TIME)
            .or_else(|| text(facts, tags::ACQUISITION_TIME).map(|time| date + &time))
            .or_else(|| text(facts, tags::ACQUISITION_DATE_TIME));
        Self {
            marks: MARKS.map(|tag| text(facts, tag).map(|t| digest(&t))),
            trigger: text(facts, tags::TRIGGER_TIME).map(|t| digest(&t)),
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

/// Checks slices that are sorted along their normal: the reason why they are two acquisitions under one UID.
///
/// # Errors
/// Names the attribute, and two files between which a third one has another value.
pub fn check(slices: &[&Instance]) -> Result<(), String> {
    for (n, tag) in MARKS.iter().enumerate() {
        unbroken(slices, *tag, |s| s.acquisition.marks[n])?;
    }
    let time = |s: &Instance| s.acquisition.time.as_deref().map(digest);
    unbroken(slices, tags::ACQUISITION_TIME, time)?;
    let times: Vec<&str> = slices
        .iter()
        .filter_map(|s| s.acquisition.time.as_deref())
        .collect();
    let turns = times.windows(3).filter(|w| {
        let (back, on) = (w[0].cmp(w[1]), w[1].cmp(w[2]));
        back.is_ne() && back == on.reverse()
    });
    match turns.count() as f64 > MAX_TURNING_SHARE * times.len().max(4) as f64 - 2.0 {
        true => Err(format!(
            "two acquisitions under one Series Instance UID: {} goes to and fro from slice to slice",
            named(tags::ACQUISITION_TIME)
        )),
        false => Ok(()),
    }
}

/// Checks that a value that was left does not come back.
fn unbroken(
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
