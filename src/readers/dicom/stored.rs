//! What the stored values of an image are and mean: the attributes that decide them, each read exactly or refused by
//! name. None has a default but those that the standard gives (PS3.3 C.7.6.3, C.8.2.1, C.11.1).

use super::attributes::{Attributes, Stated, named, optional, required, required_count, text};
use super::real_world_value;
use dicom_core::Tag;
use dicom_core::header::HasLength;
use dicom_dictionary_std::tags;

/// Rows and columns are unsigned 16-bit words.
const MAX_SIDE: usize = u16::MAX as usize;

/// Layout of the stored pixels of one image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PixelDescription {
    pub rows: usize,
    pub columns: usize,
    pub bits_allocated: usize,
    pub bits_stored: usize,
    pub signed: bool,
}

impl PixelDescription {
    /// Reads the description of monochrome pixels.
    ///
    /// # Errors
    /// Names the attribute that is missing, is no number, or describes pixels that are not read.
    pub fn read(attributes: &impl Attributes) -> Result<Self, String> {
        let count = |tag, range| required_count(attributes, tag, range);
        let bits_allocated = count(tags::BITS_ALLOCATED, 1..=64)?;
        let bits_stored = count(tags::BITS_STORED, 1..=bits_allocated)?;
        let high_bit = count(tags::HIGH_BIT, 0..=bits_allocated - 1)?;
        if high_bit + 1 != bits_stored {
            return Err(format!(
                "{} is {high_bit}, not one less than {}, which is {bits_stored}",
                named(tags::HIGH_BIT),
                named(tags::BITS_STORED)
            ));
        }
        let samples_per_pixel = count(tags::SAMPLES_PER_PIXEL, 1..=4)?;
        if samples_per_pixel != 1 {
            return Err(format!(
                "{} is {samples_per_pixel}, only 1 is read",
                named(tags::SAMPLES_PER_PIXEL)
            ));
        }
        match text(attributes, tags::PHOTOMETRIC_INTERPRETATION).as_deref() {
            Some("MONOCHROME1" | "MONOCHROME2") => {}
            other => {
                let is = if other.is_some() {
                    "not monochrome"
                } else {
                    "missing"
                };
                return Err(format!(
                    "{} is {is}",
                    named(tags::PHOTOMETRIC_INTERPRETATION)
                ));
            }
        }
        Ok(Self {
            rows: count(tags::ROWS, 1..=MAX_SIDE)?,
            columns: count(tags::COLUMNS, 1..=MAX_SIDE)?,
            bits_allocated,
            bits_stored,
            signed: count(tags::PIXEL_REPRESENTATION, 0..=1)? == 1,
        })
    }
}

/// What a physical value is, by Rescale Type (0028,1054).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rescale {
    pub slope: f64,
    pub intercept: f64,
    /// A CT whose Rescale Type is US, "unspecified": its values are taken for HU.
    pub unit_unspecified: bool,
}

/// Rescale Types of CT (PS3.3 C.11.1.1.2) other than HU; no PET has them, nor HU.
const OTHER_CT_UNITS: [&str; 8] = ["OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT", "HU"];

/// Reads the map from stored values to HU (CT) or to the Units of a PET. In Enhanced objects a Real World Value Map to HU
/// or SUVbw has its own slope and intercept, and the Pixel Value Transformation is not read.
///
/// # Errors
/// Names the attribute that is missing, empty, no number or impossible: a slope of 0, a negative slope of a PET, a
/// lookup table, another unit.
pub fn rescale(
    attributes: &impl Attributes,
    modality: &str,
    sop_class: &str,
) -> Result<Rescale, String> {
    if let Some([slope, intercept]) = real_world_value::slope_and_intercept(attributes, sop_class)?
    {
        return Ok(Rescale {
            slope,
            intercept,
            unit_unspecified: false,
        });
    }
    let table = tags::MODALITY_LUT_SEQUENCE;
    if attributes.element(table).is_some_and(|e| !e.is_empty()) {
        return Err(format!("{} is not read", named(table)));
    }
    let [slope] = required(attributes, tags::RESCALE_SLOPE)?;
    let [intercept] = required(attributes, tags::RESCALE_INTERCEPT)?;
    if slope == 0.0 || (modality == "PT" && slope < 0.0) {
        return Err(format!("{} is {slope}", named(tags::RESCALE_SLOPE)));
    }
    let unit = text(attributes, tags::RESCALE_TYPE);
    let unit = unit.as_deref();
    let refused = match modality {
        // Absent means HU (PS3.3 C.8.2.1.1).
        "CT" => !matches!(unit, None | Some("HU" | "US")),
        // No attribute of a PET image, where scanners write all sorts; Units (0054,1001) says what its values are.
        _ => unit.is_some_and(|u| OTHER_CT_UNITS.contains(&u)),
    };
    if refused {
        let wanted = if modality == "CT" {
            "HU"
        } else {
            "the unit of a PET"
        };
        return Err(format!("{} is not {wanted}", named(tags::RESCALE_TYPE)));
    }
    Ok(Rescale {
        slope,
        intercept,
        unit_unspecified: modality == "CT" && unit == Some("US"),
    })
}

/// Reads a stored value. It is written as US or SS after the pixel representation, and some writers pick the wrong one: the
/// 16 bits are read again with the pixels' own sign.
fn stored_value(attributes: &impl Attributes, tag: Tag, pixels: &PixelDescription) -> Stated<f64> {
    let value = optional(attributes, tag)?.map(|[v]: [f64; 1]| v);
    Ok(value.map(|v| match (pixels.signed, pixels.bits_allocated) {
        (true, 16) if v > 32_767.0 => v - 65_536.0,
        (false, 16) if v < 0.0 => v + 65_536.0,
        _ => v,
    }))
}

/// Reads the closed range of stored values that the deciding Real World Value Map is defined for (PS3.3 C.7.6.16.2.11);
/// nothing where the map states none, or none decides.
///
/// # Errors
/// Names the attribute that is no number, or one end without the other.
pub fn mapped(
    attributes: &impl Attributes,
    sop_class: &str,
    pixels: &PixelDescription,
) -> Stated<[f64; 2]> {
    let Some(map) = real_world_value::deciding_map(attributes, sop_class)? else {
        return Ok(None);
    };
    let [first, last] = [
        tags::REAL_WORLD_VALUE_FIRST_VALUE_MAPPED,
        tags::REAL_WORLD_VALUE_LAST_VALUE_MAPPED,
    ];
    match (
        stored_value(map, first, pixels)?,
        stored_value(map, last, pixels)?,
    ) {
        (None, None) => Ok(None),
        (Some(low), Some(high)) if low <= high => Ok(Some([low, high])),
        (Some(_), Some(_)) => Err(format!("{} is above {}", named(first), named(last))),
        (Some(_), None) => Err(format!("{} is missing", named(last))),
        (None, Some(_)) => Err(format!("{} is missing", named(first))),
    }
}

/// Reads Pixel Padding Value and its range limit as a closed range of stored values.
///
/// # Errors
/// Names the attribute that is no number, or a limit without a value.
pub fn padding(
    attributes: &impl Attributes,
    pixels: &PixelDescription,
) -> Result<Option<[f64; 2]>, String> {
    let value = stored_value(attributes, tags::PIXEL_PADDING_VALUE, pixels)?;
    let limit = stored_value(attributes, tags::PIXEL_PADDING_RANGE_LIMIT, pixels)?;
    match (value, limit) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(format!(
            "{} has a limit, but is missing",
            named(tags::PIXEL_PADDING_VALUE)
        )),
        (Some(value), limit) => {
            let limit = limit.unwrap_or(value);
            Ok(Some([value.min(limit), value.max(limit)]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_core::{DataElement, PrimitiveValue, VR};
    use dicom_object::InMemDicomObject;

    fn padding_of(
        signed: bool,
        value: Option<PrimitiveValue>,
        limit: Option<PrimitiveValue>,
    ) -> Result<Option<[f64; 2]>, String> {
        let mut attributes = InMemDicomObject::new_empty();
        for (tag, stated) in [
            (tags::PIXEL_PADDING_VALUE, value),
            (tags::PIXEL_PADDING_RANGE_LIMIT, limit),
        ] {
            if let Some(stated) = stated {
                attributes.put(DataElement::new(tag, VR::US, stated));
            }
        }
        let pixels = PixelDescription {
            bits_allocated: 16,
            signed,
            ..PixelDescription::default()
        };
        padding(&attributes, &pixels)
    }

    #[test]
    fn padding_has_the_sign_of_the_pixels_whatever_the_writer_chose() {
        let of = |signed, value: PrimitiveValue| padding_of(signed, Some(value), None).unwrap();
        assert_eq!(of(true, 63_536_u16.into()), Some([-2000.0; 2]));
        assert_eq!(of(true, 32_767_u16.into()), Some([32_767.0; 2]));
        assert_eq!(of(true, (-2000_i16).into()), Some([-2000.0; 2]));
        assert_eq!(of(false, (-2000_i16).into()), Some([63_536.0; 2]));
        assert_eq!(of(false, 0_u16.into()), Some([0.0; 2]));
        assert_eq!(padding_of(true, None, None), Ok(None));
    }

    #[test]
    fn a_padding_range_is_closed_and_may_be_written_from_either_end() {
        let range = |a: u16, b: u16| padding_of(false, Some(a.into()), Some(b.into()));
        assert_eq!(range(5, 9), Ok(Some([5.0, 9.0])));
        assert_eq!(range(9, 5), Ok(Some([5.0, 9.0])));
        let error = padding_of(false, None, Some(9_u16.into())).unwrap_err();
        assert!(error.contains("has a limit, but is missing"), "{error}");
    }
}
