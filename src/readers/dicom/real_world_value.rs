//! Real World Value Maps of Enhanced PET and CT objects (PS3.3 C.7.6.16.2.11): a unit with a slope and an intercept of
//! its own, which are not those of the Pixel Value Transformation.

use super::attributes::{Attributes, Stated, decimal, first_item, items, named, required, text};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

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

/// Returns the map to one of these units; refuses two.
fn map_to<'a>(
    attributes: &'a impl Attributes,
    units: &[&str],
) -> Result<Option<&'a InMemDicomObject>, String> {
    let of_unit = |map: &&InMemDicomObject| {
        first_item(*map, tags::MEASUREMENT_UNITS_CODE_SEQUENCE)
            .and_then(|unit| text(unit, tags::CODE_VALUE))
            .is_some_and(|code| units.contains(&code.as_str()))
    };
    let maps = items(attributes, tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE);
    let mut found = maps.iter().filter(of_unit);
    let map = found.next();
    match found.next() {
        None => Ok(map),
        Some(_) => Err(format!(
            "RealWorldValueMappingSequence (0040,9096) has two maps to {}",
            units[0]
        )),
    }
}

/// Returns what the values of an Enhanced PET are, in terms of Units (0054,1001): `GML` by a map to SUVbw, else `BQML`
/// where a map says that they are activity, else nothing.
pub fn pet_unit(attributes: &impl Attributes) -> Stated<&'static str> {
    if map_to(attributes, &SUV)?.is_some() {
        return Ok(Some("GML"));
    }
    Ok(map_to(attributes, &ACTIVITY)?.map(|_| "BQML"))
}

/// Returns the map that decides the values of an Enhanced PET (SUVbw) or Enhanced CT (HU), or nothing where the Pixel Value
/// Transformation does.
///
/// # Errors
/// Two maps have that unit.
pub fn deciding_map<'a>(
    attributes: &'a impl Attributes,
    sop_class: &str,
) -> Stated<&'a InMemDicomObject> {
    match sop_class {
        ENHANCED_PET => map_to(attributes, &SUV),
        ENHANCED_CT => map_to(attributes, &HOUNSFIELD),
        _ => Ok(None),
    }
}

/// Returns slope and intercept of the [deciding map](deciding_map).
///
/// # Errors
/// Two maps have that unit, the map has no slope and intercept (it may be a table), or a map to activity contradicts the
/// Pixel Value Transformation.
pub fn slope_and_intercept(attributes: &impl Attributes, sop_class: &str) -> Stated<[f64; 2]> {
    if let Some(map) = deciding_map(attributes, sop_class)? {
        let [slope] = required(map, tags::REAL_WORLD_VALUE_SLOPE)?;
        let [intercept] = required(map, tags::REAL_WORLD_VALUE_INTERCEPT)?;
        if slope == 0.0 || (sop_class == ENHANCED_PET && slope < 0.0) {
            return Err(format!(
                "{} is {slope}",
                named(tags::REAL_WORLD_VALUE_SLOPE)
            ));
        }
        return Ok(Some([slope, intercept]));
    }
    if sop_class == ENHANCED_PET
        && let Some(activity) = map_to(attributes, &ACTIVITY)?
    {
        agrees(activity, attributes)?;
    }
    Ok(None)
}

/// Refuses a map to activity that is a table, or that gives other values than the Pixel Value Transformation. One that
/// states the unit alone is right.
fn agrees(map: &InMemDicomObject, attributes: &impl Attributes) -> Result<(), String> {
    let differs = |a: Tag, b: Tag| {
        let pair = decimal(map, a)?.zip(decimal(attributes, b)?);
        Ok::<_, String>(pair.is_some_and(|(a, b)| (a - b).abs() > SAME * a.abs().max(b.abs())))
    };
    if map
        .element_opt(tags::REAL_WORLD_VALUE_LUT_DATA)
        .ok()
        .flatten()
        .is_some()
        || differs(tags::REAL_WORLD_VALUE_SLOPE, tags::RESCALE_SLOPE)?
        || differs(tags::REAL_WORLD_VALUE_INTERCEPT, tags::RESCALE_INTERCEPT)?
    {
        return Err("RealWorldValueMappingSequence (0040,9096) and PixelValueTransformationSequence (0028,9145) give different activities".into());
    }
    Ok(())
}
