//! Real World Value Maps of Enhanced PET and CT objects (PS3.3 C.7.6.16.2.11): a unit with a slope and an intercept of
//! its own, which are not those of the Pixel Value Transformation.

use super::attributes::{Attributes, first_item, items, text};
use super::pet::{Stated, decimal};
use dicom_dictionary_std::tags;

/// Enhanced PET Image Storage.
pub const ENHANCED_PET: &str = "1.2.840.10008.5.1.4.1.1.130";
/// Enhanced CT Image Storage.
pub const ENHANCED_CT: &str = "1.2.840.10008.5.1.4.1.1.2.1";

/// UCUM codes of SUV by body weight (PS3.16 CID 85), with a spelling that writers use.
const SUV: [&str; 4] = ["{SUVbw}g/ml", "{SUVbw}g/mL", "g/ml{SUVbw}", "g/mL{SUVbw}"];
const ACTIVITY: [&str; 2] = ["Bq/ml", "Bq/mL"];
const HOUNSFIELD: [&str; 1] = ["[hnsf'U]"];

/// Slopes and intercepts of a map and of the Pixel Value Transformation that differ by less are the same: DS has at
/// most 16 characters.
const SAME: f64 = 1e-6;

/// Stored value -> real value of a map.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Map {
    slope: f64,
    intercept: f64,
}

/// Returns the map to one of these units.
///
/// # Errors
/// Two maps have that unit, or the map has no slope and intercept (it may be a table).
fn map(facts: &impl Attributes, units: &[&str]) -> Stated<Map> {
    let of_unit = |map: &&dicom_object::InMemDicomObject| {
        first_item(*map, tags::MEASUREMENT_UNITS_CODE_SEQUENCE)
            .and_then(|unit| text(unit, tags::CODE_VALUE))
            .is_some_and(|code| units.contains(&code.as_str()))
    };
    let maps = items(facts, tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE);
    let mut found = maps.iter().filter(of_unit);
    let Some(map) = found.next() else {
        return Ok(None);
    };
    let unit = units[0];
    if found.next().is_some() {
        return Err(format!(
            "RealWorldValueMappingSequence (0040,9096) has two maps to {unit}"
        ));
    }
    let slope = decimal(map, tags::REAL_WORLD_VALUE_SLOPE)?;
    let intercept = decimal(map, tags::REAL_WORLD_VALUE_INTERCEPT)?;
    match slope.filter(|s| *s != 0.0).zip(intercept) {
        Some((slope, intercept)) => Ok(Some(Map { slope, intercept })),
        None => Err(format!(
            "the map to {unit} has no RealWorldValueSlope (0040,9225) other than 0 or no RealWorldValueIntercept (0040,9224)"
        )),
    }
}

/// Returns what the values of an Enhanced PET are, in terms of Units (0054,1001): `GML` by a map to SUVbw, else `BQML`
/// where a map says that they are activity, else nothing.
pub fn pet_unit(facts: &impl Attributes) -> Stated<&'static str> {
    if map(facts, &SUV)?.is_some() {
        return Ok(Some("GML"));
    }
    Ok(map(facts, &ACTIVITY)?.map(|_| "BQML"))
}

/// Returns slope and intercept of the map that decides the values of an Enhanced PET (SUVbw) or Enhanced CT (HU), or
/// nothing where the Pixel Value Transformation does.
///
/// # Errors
/// The maps are ambiguous or incomplete, or a map to activity contradicts the Pixel Value Transformation.
pub fn deciding_map(facts: &impl Attributes, sop_class: &str) -> Stated<[f64; 2]> {
    let units: &[&str] = match sop_class {
        ENHANCED_PET => &SUV,
        ENHANCED_CT => &HOUNSFIELD,
        _ => return Ok(None),
    };
    if let Some(Map { slope, intercept }) = map(facts, units)? {
        if sop_class == ENHANCED_PET && slope < 0.0 {
            return Err(format!("RealWorldValueSlope (0040,9225) is {slope}"));
        }
        return Ok(Some([slope, intercept]));
    }
    if sop_class == ENHANCED_PET
        && let Some(activity) = map(facts, &ACTIVITY)?
    {
        let slope = decimal(facts, tags::RESCALE_SLOPE)?;
        let intercept = decimal(facts, tags::RESCALE_INTERCEPT)?;
        let differs = |map: f64, pixel: Option<f64>| {
            pixel.is_some_and(|pixel| (map - pixel).abs() > SAME * map.abs().max(pixel.abs()))
        };
        if differs(activity.slope, slope) || differs(activity.intercept, intercept) {
            return Err("RealWorldValueMappingSequence (0040,9096) and PixelValueTransformationSequence (0028,9145) give different activities".into());
        }
    }
    Ok(None)
}
