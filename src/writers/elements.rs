//! Elements of a data set, in one line each, and the bytes of a file.

use super::product::IMPLEMENTATION_CLASS;
use crate::allocation;
use crate::error::{Error, Result};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
const _: () = assert!(
    env!("CARGO_PKG_VERSION").len() <= 10,
    "an SH of 16 characters"
);

/// A data set that is being built.
pub trait Build {
    /// Sets a text; characters beyond ASCII become `?`.
    fn text(&mut self, tag: Tag, vr: VR, value: &str);
    /// Sets a text to these very bytes.
    fn bytes(&mut self, tag: Tag, vr: VR, value: &[u8]);
    /// Sets a 16-bit number.
    fn number(&mut self, tag: Tag, value: u16);
    /// Sets a sequence.
    fn items(&mut self, tag: Tag, items: Vec<InMemDicomObject>);
    /// Sets a sequence of one item.
    fn item(&mut self, tag: Tag, item: InMemDicomObject) {
        self.items(tag, vec![item]);
    }
}

impl Build for InMemDicomObject {
    fn text(&mut self, tag: Tag, vr: VR, value: &str) {
        let text = ascii(value);
        self.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
    }

    fn bytes(&mut self, tag: Tag, vr: VR, value: &[u8]) {
        let mut bytes = value.to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(if vr == VR::UI { 0 } else { b' ' });
        }
        self.put(DataElement::new(tag, vr, PrimitiveValue::U8(bytes.into())));
    }

    fn number(&mut self, tag: Tag, value: u16) {
        self.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }

    fn items(&mut self, tag: Tag, items: Vec<InMemDicomObject>) {
        self.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
    }
}

/// Returns a text in ASCII, which every character set of DICOM shares.
pub fn ascii(text: &str) -> String {
    let plain = |c: char| match c {
        ' '..='~' | '\n' => c,
        _ => '?',
    };
    text.chars().map(plain).collect()
}

/// Returns a text of at most `max` characters that can stand in a multi-valued element.
pub fn short(text: &str, max: usize) -> String {
    let one_value = ascii(text).replace(['\\', '\n'], "/");
    one_value.chars().take(max).collect()
}

/// Returns decimals as a DS of several values.
pub fn decimals(values: &[f64]) -> String {
    let texts: Vec<String> = values.iter().map(|v| decimal(*v)).collect();
    texts.join("\\")
}

/// Returns a number as a DS: the shortest text that reads back as the same number, or the closest one of 16 characters.
pub fn decimal(value: f64) -> String {
    // No negative zero.
    fitting(
        value + 0.0,
        format!("{}", value + 0.0),
        format!("{:e}", value),
    )
}

/// As [`decimal`] for a single-precision number.
pub fn decimal_f32(value: f32) -> String {
    fitting(f64::from(value), format!("{value}"), format!("{value:e}"))
}

fn fitting(value: f64, plain: String, scientific: String) -> String {
    const MAX: usize = 16;
    let exact = [plain, scientific];
    if let Some(text) = exact.into_iter().find(|t| t.len() <= MAX) {
        return text;
    }
    let rounded = (0..MAX)
        .rev()
        .flat_map(|digits| [format!("{value:.digits$}"), format!("{value:.digits$e}")]);
    let mut texts: Vec<String> = rounded.filter(|t| t.len() <= MAX).collect();
    let error = |t: &String| {
        t.parse::<f64>()
            .map_or(f64::INFINITY, |v| (v - value).abs())
    };
    texts.sort_by(|a, b| error(a).total_cmp(&error(b)));
    texts.into_iter().next().unwrap_or_default()
}

/// Returns the bytes of a data set without preamble and file meta information.
pub fn encode(object: &InMemDicomObject) -> Result<Vec<u8>> {
    let syntax = dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN.erased();
    let mut out = Vec::new();
    object
        .write_dataset_with_ts(&mut out, &syntax)
        .map_err(|e| Error::Internal(format!("a data set cannot be encoded: {e}")))?;
    Ok(out)
}

/// Returns the bytes of a file of this data set, whose pixel data has about `pixel_bytes`.
pub fn file(object: InMemDicomObject, pixel_bytes: usize) -> Result<Vec<u8>> {
    allocation::headroom(2 * pixel_bytes, "a DICOM object")?;
    let failed =
        |e: &dyn std::error::Error| Error::Internal(format!("a DICOM file cannot be encoded: {e}"));
    let meta = FileMetaTableBuilder::new()
        .information_version([0, 1])
        .transfer_syntax(EXPLICIT_LITTLE)
        .implementation_class_uid(IMPLEMENTATION_CLASS)
        .implementation_version_name(concat!("DLNMS_", env!("CARGO_PKG_VERSION")));
    let file = object.with_meta(meta).map_err(|e| failed(&e))?;
    let mut out = Vec::new();
    file.write_all(&mut out).map_err(|e| failed(&e))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_fit_into_sixteen_characters_and_read_back() {
        for exact in [0.0, 1.0, -42.22, 0.362, 1e-20, 128.5, -1e15] {
            assert_eq!(decimal(exact).parse::<f64>().unwrap(), exact);
        }
        assert_eq!(decimal(-0.0), "0");
        for long in [
            1.0 / 3.0,
            -2.0e-7 / 3.0,
            1e20 / 3.0,
            -std::f64::consts::PI * 1e3,
            4.2111007013957e-4,
        ] {
            let text = decimal(long);
            assert!(text.len() <= 16, "{text}");
            let back: f64 = text.parse().unwrap();
            assert!(((back - long) / long).abs() < 1e-9, "{long} {text}");
        }
        for score in [0.859_017_97_f32, 0.000_161_081, 1.0, f32::MIN_POSITIVE] {
            let text = decimal_f32(score);
            assert!(text.len() <= 16, "{text}");
            assert_eq!(text.parse::<f32>().unwrap(), score);
        }
    }

    #[test]
    fn texts_are_ascii_and_bytes_stay_what_they_are() {
        assert_eq!(ascii("SUV \u{2265} 4\u{7}"), "SUV ? 4?");
        assert_eq!(short("a\\b\nc", 4), "a/b/");
        let mut object = InMemDicomObject::new_empty();
        object.bytes(Tag(0x10, 0x10), VR::PN, b"\x1b$B;3");
        assert_eq!(encode(&object).unwrap(), b"\x10\0\x10\0PN\x06\0\x1b$B;3 ");
    }
}
