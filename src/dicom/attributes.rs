//! Attribute values out of a data set, tolerant of what scanners really write; never panics, never guesses.

use dicom_core::Tag;
use dicom_core::header::HasLength;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

/// Something that has attributes.
pub trait Attributes {
    /// The element with this tag.
    fn element(&self, tag: Tag) -> Option<&InMemElement>;
}

impl Attributes for InMemDicomObject {
    fn element(&self, tag: Tag) -> Option<&InMemElement> {
        self.get(tag)
    }
}

/// Several data sets that speak of one thing, the most specific first: the functional groups of a frame, those shared
/// by all frames, the object (PS3.3 C.7.6.16).
pub struct Layers<'a>(pub Vec<&'a InMemDicomObject>);

impl Attributes for Layers<'_> {
    fn element(&self, tag: Tag) -> Option<&InMemElement> {
        self.0
            .iter()
            .find_map(|layer| layer.get(tag).filter(|e| !e.is_empty()))
    }
}

/// Items of a sequence; none if it is absent.
pub fn items(object: &impl Attributes, tag: Tag) -> &[InMemDicomObject] {
    object
        .element(tag)
        .and_then(|e| e.items())
        .unwrap_or_default()
}

/// First item of a sequence, if there is one.
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

/// How far a position lies along a normal.
pub fn along(position: &[f64; 3], normal: &[f64; 3]) -> f64 {
    position.iter().zip(normal).map(|(p, n)| p * n).sum()
}

/// Text without padding; `None` when absent or empty.
pub fn text(object: &impl Attributes, tag: Tag) -> Option<String> {
    element_text(object.element(tag)?)
}

fn element_text(element: &InMemElement) -> Option<String> {
    let text = element.to_str().ok()?;
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// Values of a multi-valued text.
pub fn texts(object: &impl Attributes, tag: Tag) -> Vec<String> {
    let text = text(object, tag).unwrap_or_default();
    text.split('\\')
        .map(|s| s.trim().to_owned())
        .filter(|s| !s.is_empty())
        .collect()
}

/// First number.
pub fn number(object: &impl Attributes, tag: Tag) -> Option<f64> {
    element_numbers(object.element(tag)?).first().copied()
}

/// Exactly N numbers, all finite.
pub fn numbers<const N: usize>(object: &impl Attributes, tag: Tag) -> Option<[f64; N]> {
    let values = element_numbers(object.element(tag)?);
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
    // One text: a long list, or a private element that came as UN from implicit VR.
    let text = element.to_str().unwrap_or_default();
    let number = |s: &str| s.trim_matches([' ', '\0']).parse().ok();
    text.split('\\').map_while(number).collect()
}

/// First whole number that is not negative.
pub fn count(object: &impl Attributes, tag: Tag) -> Option<usize> {
    number(object, tag)
        .filter(|v| v.fract() == 0.0 && (0.0..=4e9).contains(v))
        .map(|v| v as usize)
}

/// A private element of `group` by its creator; else in block 10 when `vendor_matches`.
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
