//! Attribute values out of a data set, tolerant of what scanners really write; never panics, never guesses.

use dicom_core::Tag;
use dicom_core::header::HasLength;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

/// First item of a sequence, if there is one.
pub fn first_item(object: &InMemDicomObject, tag: Tag) -> Option<&InMemDicomObject> {
    object.get(tag)?.items()?.first()
}

/// Text without padding; `None` when absent or empty.
pub fn text(object: &InMemDicomObject, tag: Tag) -> Option<String> {
    element_text(object.get(tag)?)
}

fn element_text(element: &InMemElement) -> Option<String> {
    let text = element.to_str().ok()?;
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// Values of a multi-valued text.
pub fn texts(object: &InMemDicomObject, tag: Tag) -> Vec<String> {
    let text = text(object, tag).unwrap_or_default();
    text.split('\\')
        .map(|s| s.trim().to_owned())
        .filter(|s| !s.is_empty())
        .collect()
}

/// First number.
pub fn number(object: &InMemDicomObject, tag: Tag) -> Option<f64> {
    element_numbers(object.get(tag)?).first().copied()
}

/// Exactly N numbers, all finite.
pub fn numbers<const N: usize>(object: &InMemDicomObject, tag: Tag) -> Option<[f64; N]> {
    let values = element_numbers(object.get(tag)?);
    (values.len() >= N && values[..N].iter().all(|v| v.is_finite()))
        .then(|| std::array::from_fn(|i| values[i]))
}

/// All numbers of an element; empty if it has none.
pub fn element_numbers(element: &InMemElement) -> Vec<f64> {
    if element.is_empty() {
        return Vec::new();
    }
    if let Ok(values) = element.to_multi_float64() {
        return values;
    }
    // Private elements read in implicit VR come as UN: text, in all cases this library reads.
    element_text(element)
        .map(|t| t.split('\\').map_while(|s| s.trim().parse().ok()).collect())
        .unwrap_or_default()
}

/// First whole number that is not negative.
pub fn count(object: &InMemDicomObject, tag: Tag) -> Option<usize> {
    number(object, tag)
        .filter(|v| v.fract() == 0.0 && (0.0..=4e9).contains(v))
        .map(|v| v as usize)
}

/// A private element of `group` by its creator; else in block 10 when `vendor_matches`.
pub fn private<'a>(
    object: &'a InMemDicomObject,
    group: u16,
    creator: &str,
    element: u8,
    vendor_matches: bool,
) -> Option<&'a InMemElement> {
    for block in 0x10..=0xFFu16 {
        let Some(reservation) = object.get(Tag(group, block)) else {
            continue;
        };
        if element_text(reservation).is_some_and(|c| c.eq_ignore_ascii_case(creator)) {
            return object.get(Tag(group, block << 8 | u16::from(element)));
        }
    }
    if vendor_matches {
        object.get(Tag(group, 0x1000 | u16::from(element)))
    } else {
        None
    }
}

/// Text of a private element, which may have been read as UN.
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

/// Number of a private element: text, or a binary float read as UN.
pub fn private_number(element: &InMemElement) -> Option<f64> {
    if let Some(v) = element_numbers(element).first() {
        return Some(*v);
    }
    let bytes = element.to_bytes().ok()?;
    if let Some(v) = private_text(element).and_then(|t| t.split('\\').next()?.trim().parse().ok()) {
        return Some(v);
    }
    match bytes.len() {
        4 => Some(f64::from(f32::from_le_bytes(bytes[..4].try_into().ok()?))),
        8 => Some(f64::from_le_bytes(bytes[..8].try_into().ok()?)),
        _ => None,
    }
}
