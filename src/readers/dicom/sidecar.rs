//! Reads the SUV tags of a PET volume that is not DICOM from a JSON file: DICOM keywords and values.
//!
//! ```json
//! { "Units": "BQML", "DecayCorrection": "START", "CorrectedImage": ["DECY", "ATTN"], "PatientWeight": 91,
//!   "RadionuclideTotalDose": 588802304, "RadionuclideHalfLife": 6588, "RadiopharmaceuticalStartTime": "072100",
//!   "SeriesDate": "19600116", "SeriesTime": "095947", "AcquisitionDate": "19600116", "AcquisitionTime": "095947" }
//! ```
//! A list of as many values as there are slices gives each slice its own; CorrectedImage is a list always. Values are read
//! as those of a DICOM header: a weight above 1000 is taken for grams and a dose below 10,000 Bq for megabecquerel, each
//! with a finding; what is missing, contradictory or cannot be parsed is refused by name. A key may stand there once.

use super::attributes::FunctionalGroups;
use super::pet::PetHeader;
use super::pet_series::pet_info_of;
use crate::error::{Error, Result};
use crate::imaging::suv::PetInfo;
use crate::regular_file::{self, io_reason};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::path::Path;

/// Attributes that stand in the item of the Radiopharmaceutical Information Sequence.
const OF_THE_DRUG: [&str; 5] = [
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
    "Radiopharmaceutical",
];

/// Reads what SUV needs of a PET volume of `n_slices` slices from a JSON file.
pub fn pet_info_from_file(path: &Path, n_slices: usize) -> Result<PetInfo> {
    let json =
        regular_file::read(path).map_err(|e| Error::Suv(format!("side-car: {}", io_reason(e))))?;
    pet_info_from_json(&json, n_slices)
}

/// Reads what SUV needs of a PET volume of `n_slices` slices from JSON.
pub fn pet_info_from_json(json: &[u8], n_slices: usize) -> Result<PetInfo> {
    let refuse = |why: String| Error::Suv(format!("side-car: {why}"));
    let Unique(values) =
        serde_json::from_slice(json).map_err(|e| refuse(format!("not a JSON object: {e}")))?;
    for (keyword, only) in [("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)] {
        if values
            .get(keyword)
            .is_some_and(|v| v.as_f64() != Some(only))
        {
            return Err(refuse(format!(
                "{keyword} other than {only}: the volume holds the rescaled values"
            )));
        }
    }
    let headers: Vec<PetHeader> = (0..n_slices)
        .map(|slice| {
            let object = object(&values, slice, n_slices).map_err(refuse)?;
            Ok(PetHeader::read(&FunctionalGroups(vec![&object]), ""))
        })
        .collect::<Result<_>>()?;
    let slice = |n: usize| format!("slice {} of the side-car", n + 1);
    pet_info_of(&headers.iter().collect::<Vec<_>>(), &slice)
}

/// A JSON object in which no key stands twice: of two weights none would be right.
struct Unique(Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Unique;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of DICOM keywords")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut entries: A,
            ) -> std::result::Result<Unique, A::Error> {
                let mut map = Map::new();
                while let Some((key, value)) = entries.next_entry::<String, Value>()? {
                    if map.contains_key(&key) {
                        return Err(A::Error::custom(format!("{key:?} stands there twice")));
                    }
                    map.insert(key, value);
                }
                Ok(Unique(map))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// Returns the attributes of one slice as a data set.
fn object(
    values: &Map<String, Value>,
    slice: usize,
    n_slices: usize,
) -> std::result::Result<InMemDicomObject, String> {
    let mut object = InMemDicomObject::new_empty();
    let mut drug = InMemDicomObject::new_empty();
    for (keyword, value) in values {
        let entry = StandardDataDictionary
            .by_name(keyword)
            .ok_or_else(|| format!("{keyword:?} is not a DICOM keyword"))?;
        let value = match value {
            Value::Array(list) if keyword != "CorrectedImage" => {
                if list.len() == n_slices {
                    &list[slice]
                } else {
                    return Err(format!(
                        "{keyword} has {} values for {n_slices} slices",
                        list.len()
                    ));
                }
            }
            one => one,
        };
        let text = |v: &Value| match v {
            Value::String(s) => Ok(s.clone()),
            Value::Number(n) => Ok(n.to_string()),
            _ => Err(format!("{keyword} is neither text nor a number")),
        };
        let text = match value {
            Value::Array(list) => {
                let parts: std::result::Result<Vec<_>, _> = list.iter().map(text).collect();
                parts?.join("\\")
            }
            one => text(one)?,
        };
        let to = if OF_THE_DRUG.contains(&keyword.as_str()) {
            &mut drug
        } else {
            &mut object
        };
        // Text whatever the tag says: the reader takes numbers from text as well.
        to.put(DataElement::new(
            entry.tag(),
            VR::LO,
            PrimitiveValue::from(text),
        ));
    }
    object.put(DataElement::new(
        tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE,
        VR::SQ,
        DataSetSequence::from(vec![drug]),
    ));
    Ok(object)
}
