//! Attribute values out of a data set, tolerant of what scanners really write; never panics, never guesses.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::header::{HasLength, Header};
use dicom_core::{PrimitiveValue, Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

/// Something that has attributes.
pub trait Attributes {
    /// Returns the element with this tag.
    fn element(&self, tag: Tag) -> Option<&InMemElement>;

    /// Returns the most specific element with this tag, even if it is empty: an empty value overrides a general one.
    fn stated(&self, tag: Tag) -> Option<&InMemElement> {
        self.element(tag)
    }
}

impl Attributes for InMemDicomObject {
    fn element(&self, tag: Tag) -> Option<&InMemElement> {
        self.get(tag)
    }
}

/// Several data sets that speak of one thing, the most specific first: the functional groups of a frame, those shared
/// by all frames, the object (PS3.3 C.7.6.16).
pub struct FunctionalGroups<'a>(pub Vec<&'a InMemDicomObject>);

impl Attributes for FunctionalGroups<'_> {
    fn element(&self, tag: Tag) -> Option<&InMemElement> {
        self.0
            .iter()
            .find_map(|layer| layer.get(tag).filter(|e| !e.is_empty()))
    }

    fn stated(&self, tag: Tag) -> Option<&InMemElement> {
        self.0.iter().find_map(|layer| layer.get(tag))
    }
}

/// Returns the keyword and number of a tag for messages: `RescaleSlope (0028,1053)`.
pub fn named(tag: Tag) -> String {
    let keyword = StandardDataDictionary.by_tag(tag).map(|e| e.alias());
    format!("{} {tag}", keyword.unwrap_or("the attribute"))
}

/// Returns the items of a sequence; none if it is absent.
pub fn items(object: &impl Attributes, tag: Tag) -> &[InMemDicomObject] {
    object
        .element(tag)
        .and_then(|e| e.items())
        .unwrap_or_default()
}

/// Returns the first item of a sequence, if there is one.
pub fn first_item(object: &impl Attributes, tag: Tag) -> Option<&InMemDicomObject> {
    items(object, tag).first()
}

/// Unit normal of an Image Orientation (Patient): row cosines x column cosines. `None` unless they are unit vectors at
/// right angles, to within what headers are rounded to.
pub fn normal(orientation: &[f64; 6]) -> Option<[f64; 3]> {
    let o = orientation;
    let normal: [f64; 3] = std::array::from_fn(|i| {
        o[(i + 1) % 3] * o[3 + (i + 2) % 3] - o[(i + 2) % 3] * o[3 + (i + 1) % 3]
    });
    let length = normal.iter().map(|v| v * v).sum::<f64>().sqrt();
    (length > 0.99 && length.is_finite()).then(|| normal.map(|v| v / length))
}

/// Returns how far a position lies along a normal, mm.
pub fn along(position: &[f64; 3], normal: &[f64; 3]) -> f64 {
    position.iter().zip(normal).map(|(p, n)| p * n).sum()
}

/// Returns a text without padding; `None` when it is absent or empty.
pub fn text(object: &impl Attributes, tag: Tag) -> Option<String> {
    element_text(object.element(tag)?)
}

fn element_text(element: &InMemElement) -> Option<String> {
    if let Some(bytes) = unknown_bytes(element) {
        return match known_value(element, bytes)? {
            PrimitiveValue::Str(text) => trimmed(&text),
            numbers => Some(numbers.to_str().into_owned()),
        };
    }
    trimmed(&element.to_str().ok()?)
}

fn trimmed(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns the values of a multi-valued text.
pub fn texts(object: &impl Attributes, tag: Tag) -> Vec<String> {
    let text = text(object, tag).unwrap_or_default();
    text.split('\\')
        .map(|s| s.trim().to_owned())
        .filter(|s| !s.is_empty())
        .collect()
}

/// Returns the first number of an attribute.
pub fn number(object: &impl Attributes, tag: Tag) -> Option<f64> {
    element_numbers(object.element(tag)?).first().copied()
}

/// Returns exactly N numbers, all finite; `None` otherwise.
pub fn numbers<const N: usize>(object: &impl Attributes, tag: Tag) -> Option<[f64; N]> {
    let values = element_numbers(object.element(tag)?);
    (values.len() >= N && values[..N].iter().all(|v| v.is_finite()))
        .then(|| std::array::from_fn(|i| values[i]))
}

/// Returns all numbers of an element; empty if it has none.
pub fn element_numbers(element: &InMemElement) -> Vec<f64> {
    if element.is_empty() {
        return Vec::new();
    }
    if unknown_bytes(element).is_some() {
        return strict_numbers(element).unwrap_or_default();
    }
    if let Ok(values) = element.to_multi_float64() {
        return values;
    }
    // One text: a long list, or a private element that came as UN from implicit VR.
    let text = element.to_str().unwrap_or_default();
    let number = |s: &str| s.trim_matches([' ', '\0']).parse().ok();
    text.split('\\').map_while(number).collect()
}

/// Returns the bytes of an element whose value representation is unknown (UN), where dicom-rs would take each byte for
/// a number.
fn unknown_bytes(element: &InMemElement) -> Option<&[u8]> {
    match element.value().primitive()? {
        PrimitiveValue::U8(bytes) if element.vr() == VR::UN => Some(bytes),
        _ => None,
    }
}

/// Decodes bytes that came as UN, which are little-endian always (PS3.5 6.2.2), by the dictionary's representation of
/// the tag. Private and textual elements are text; `None` if they are not.
fn known_value(element: &InMemElement, bytes: &[u8]) -> Option<PrimitiveValue> {
    let entry = StandardDataDictionary.by_tag(element.tag());
    let words = |size: usize| {
        bytes
            .len()
            .is_multiple_of(size)
            .then(|| bytes.chunks_exact(size))
    };
    let first = |b: &[u8]| -> [u8; 8] { std::array::from_fn(|i| b.get(i).copied().unwrap_or(0)) };
    let low = |b: &[u8]| u64::from_le_bytes(first(b));
    Some(match entry.map(|e| e.vr().relaxed()) {
        Some(VR::US) => PrimitiveValue::U16(words(2)?.map(|b| low(b) as u16).collect()),
        Some(VR::SS) => PrimitiveValue::I16(words(2)?.map(|b| low(b) as i16).collect()),
        Some(VR::UL) => PrimitiveValue::U32(words(4)?.map(|b| low(b) as u32).collect()),
        Some(VR::SL) => PrimitiveValue::I32(words(4)?.map(|b| low(b) as i32).collect()),
        Some(VR::FL) => {
            PrimitiveValue::F32(words(4)?.map(|b| f32::from_bits(low(b) as u32)).collect())
        }
        Some(VR::FD) => PrimitiveValue::F64(words(8)?.map(|b| f64::from_bits(low(b))).collect()),
        Some(VR::SQ | VR::OB | VR::OW) => return None,
        Some(_) => PrimitiveValue::from(String::from_utf8_lossy(bytes).into_owned()),
        // Of a private element nobody knows whether it is text or a binary number.
        None => {
            let text = std::str::from_utf8(bytes)
                .ok()?
                .trim_end_matches(['\0', ' ']);
            let readable = text.chars().all(|c| !c.is_control());
            readable.then(|| PrimitiveValue::from(text))?
        }
    })
}

/// Returns all numbers of an element, or `None` if a part of it is no number.
fn strict_numbers(element: &InMemElement) -> Option<Vec<f64>> {
    let known = match unknown_bytes(element) {
        Some(bytes) => Some(known_value(element, bytes)?),
        None => None,
    };
    let value = match &known {
        Some(value) => value,
        None => element.value().primitive()?,
    };
    match value {
        PrimitiveValue::Str(_) | PrimitiveValue::Strs(_) => {
            let number = |s: &str| s.trim_matches([' ', '\0']).parse().ok();
            value.to_str().split('\\').map(number).collect()
        }
        _ => value.to_multi_float64().ok(),
    }
}

/// Returns exactly `N` finite numbers.
///
/// # Errors
/// Names the tag and says whether it is missing, empty, not a number, not finite or of another count.
pub fn required<const N: usize>(object: &impl Attributes, tag: Tag) -> Result<[f64; N], String> {
    match optional(object, tag)? {
        Some(values) => Ok(values),
        None => Err(match object.stated(tag) {
            None => format!("{} is missing", named(tag)),
            Some(_) => format!("{} is empty", named(tag)),
        }),
    }
}

/// Returns exactly `N` finite numbers, or `None` where the attribute is absent or empty.
///
/// # Errors
/// Names the tag of a value that is not a number, not finite or of another count.
pub fn optional<const N: usize>(
    object: &impl Attributes,
    tag: Tag,
) -> Result<Option<[f64; N]>, String> {
    let Some(element) = object.stated(tag).filter(|e| !e.is_empty()) else {
        return Ok(None);
    };
    let blank = element.value().primitive().is_some_and(|v| {
        matches!(v, PrimitiveValue::Str(_) | PrimitiveValue::Strs(_))
            && v.to_str().trim_matches([' ', '\0']).is_empty()
    });
    if blank {
        return Ok(None);
    }
    let values = strict_numbers(element).ok_or_else(|| {
        let what = if N == 1 {
            "a number"
        } else {
            "a list of numbers"
        };
        format!("{} is not {what}", named(tag))
    })?;
    if let Some(odd) = values.iter().find(|v| !v.is_finite()) {
        return Err(format!("{} is {odd}", named(tag)));
    }
    match values.as_slice().try_into() {
        Ok(values) => Ok(Some(values)),
        Err(_) => Err(format!(
            "{} has {} values, {N} needed",
            named(tag),
            values.len()
        )),
    }
}

/// What an attribute says: nothing, a value, or something that is no value of its kind (with the tag, for a refusal).
pub type Stated<T> = Result<Option<T>, String>;

/// Returns one finite number of an attribute.
pub fn decimal(attributes: &impl Attributes, tag: Tag) -> Stated<f64> {
    Ok(optional(attributes, tag)?.map(|[value]| value))
}

/// Returns the value that `parse` makes of an attribute's text.
pub fn parsed<T>(
    attributes: &impl Attributes,
    tag: Tag,
    parse: impl Fn(&str) -> Option<T>,
) -> Stated<T> {
    match text(attributes, tag) {
        None => Ok(None),
        Some(text) => match parse(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(format!("{} cannot be read", named(tag))),
        },
    }
}

/// Returns one whole number within `range`.
///
/// # Errors
/// As [`required`], or says that the number is out of range.
pub fn required_count(
    object: &impl Attributes,
    tag: Tag,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, String> {
    let [value] = required(object, tag)?;
    let (low, high) = (*range.start(), *range.end());
    if value.fract() != 0.0 || !(low as f64..=high as f64).contains(&value) {
        return Err(format!(
            "{} is {value}, not a whole number from {low} to {high}",
            named(tag)
        ));
    }
    Ok(value as usize)
}

/// Returns the first number of an attribute if it is whole and not negative.
pub fn count(object: &impl Attributes, tag: Tag) -> Option<usize> {
    number(object, tag)
        .filter(|v| v.fract() == 0.0 && (0.0..=4e9).contains(v))
        .map(|v| v as usize)
}

/// Returns a private element of `group` by its creator; without one, from block 10 when `vendor_matches`.
pub fn private<'a>(
    object: &'a impl Attributes,
    group: u16,
    creator: &str,
    element: u8,
    vendor_matches: bool,
) -> Option<&'a InMemElement> {
    for block in 0x10..=0xFFu16 {
        let Some(reservation) = object.element(Tag(group, block)) else {
            continue;
        };
        if element_text(reservation).is_some_and(|c| c.eq_ignore_ascii_case(creator)) {
            return object.element(Tag(group, block << 8 | u16::from(element)));
        }
    }
    if vendor_matches {
        object.element(Tag(group, 0x1000 | u16::from(element)))
    } else {
        None
    }
}

/// Returns the text of a private element, which may have been read as UN.
pub fn private_text(element: &InMemElement) -> Option<String> {
    if let Some(text) = element_text(element) {
        return Some(text);
    }
    let bytes = element.to_bytes().ok()?;
    let text = std::str::from_utf8(&bytes)
        .ok()?
        .trim_matches(|c: char| c.is_whitespace() || c == '\0')
        .to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
