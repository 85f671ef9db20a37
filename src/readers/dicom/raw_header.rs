//! Text attributes of a file as the bytes that stand in it: what is copied must not be decoded and encoded again.

use crate::reading::Failure;
use dicom_core::header::HasLength;
use dicom_core::{Tag, VR};
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use std::io::{BufReader, Read, Seek};

/// One text attribute.
#[derive(Clone, PartialEq, Eq)]
pub struct RawElement {
    /// Its tag.
    pub tag: Tag,
    /// Its bytes or, of a sequence, its items.
    pub value: RawValue,
}

/// What an attribute holds.
#[derive(Clone, PartialEq, Eq)]
pub enum RawValue {
    /// The bytes of a text, padding included.
    Text(Vec<u8>),
    /// The items of a sequence, each with its text attributes.
    Items(Vec<Vec<RawElement>>),
}

/// Text attributes of a file as they stand in it. Its `Debug` shows how many there are and nothing of their values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawHeader {
    /// In the order of the file.
    pub elements: Vec<RawElement>,
}

impl std::fmt::Debug for RawHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawHeader({} attributes)", self.elements.len())
    }
}

impl RawHeader {
    /// Returns the bytes of a text attribute without its padding; empty if it is absent.
    pub fn text(&self, tag: Tag) -> &[u8] {
        let found = self.elements.iter().find(|e| e.tag == tag);
        match found.map(|e| &e.value) {
            Some(RawValue::Text(bytes)) => trimmed(bytes),
            _ => &[],
        }
    }
}

/// Returns a text without the blanks and the NUL bytes around it.
fn trimmed(text: &[u8]) -> &[u8] {
    let padding = |b: &u8| *b == 0 || b.is_ascii_whitespace();
    let Some(first) = text.iter().position(|b| !padding(b)) else {
        return &[];
    };
    let last = text.iter().rposition(|b| !padding(b)).unwrap_or(first);
    &text[first..=last]
}

/// A longer text is no attribute of a patient or a study.
const MAX_TEXT_BYTES: u32 = 64 << 10;
/// Attributes that one item may have, and items of one sequence.
const MAX_IN_SEQUENCE: usize = 1024;

/// Reads the attributes with these tags, which are texts or sequences of texts, from the first element of a data set on.
/// `wanted` is sorted; nothing behind its last tag is read.
pub fn read(
    transfer_syntax: &str,
    stream: impl Read + Seek,
    wanted: &[Tag],
) -> Result<RawHeader, Failure> {
    const DAMAGED: &str = "the data set is damaged";
    let syntax = TransferSyntaxRegistry
        .get(transfer_syntax)
        .ok_or_else(|| format!("transfer syntax {transfer_syntax} is not read"))?;
    let mut stream = BufReader::new(stream);
    let mut reader =
        LazyDataSetReader::new_with_ts(&mut stream, syntax).map_err(|e| e.to_string())?;
    let last = wanted.last().copied().unwrap_or(Tag(0, 0));
    let mut header = RawHeader::default();
    // Sequences that are open, and whether the outermost one is wanted.
    let (mut depth, mut collecting) = (0usize, false);
    while let Some(token) = reader.advance() {
        match token.map_err(|_| DAMAGED)? {
            LazyDataToken::SequenceStart { tag, .. } => {
                if depth == 0 && tag > last {
                    break;
                }
                if depth == 0 {
                    collecting = wanted.contains(&tag);
                }
                if depth == 0 && collecting {
                    let value = RawValue::Items(Vec::new());
                    header.elements.push(RawElement { tag, value });
                }
                depth += 1;
            }
            LazyDataToken::SequenceEnd => depth = depth.saturating_sub(1),
            LazyDataToken::PixelSequenceStart => break,
            LazyDataToken::ItemStart { .. } if depth == 1 && collecting => {
                if let Some(items) = open_sequence(&mut header) {
                    if items.len() == MAX_IN_SEQUENCE {
                        return Err("a sequence has too many items".into());
                    }
                    items.push(Vec::new());
                }
            }
            LazyDataToken::LazyValue {
                header: at,
                decoder,
            } => {
                if depth == 0 && at.tag > last {
                    break;
                }
                let into = match depth {
                    0 if wanted.contains(&at.tag) => Some(&mut header.elements),
                    1 if collecting => {
                        open_sequence(&mut header).and_then(|items| items.last_mut())
                    }
                    _ => None,
                };
                let Some(into) = into.filter(|_| is_text(at.vr)) else {
                    let value = LazyDataToken::LazyValue {
                        header: at,
                        decoder,
                    };
                    value.skip().map_err(|_| DAMAGED)?;
                    continue;
                };
                let length = at.length().get().unwrap_or(0);
                if length > MAX_TEXT_BYTES || into.len() == MAX_IN_SEQUENCE {
                    return Err(format!("{} is too long", super::attributes::named(at.tag)).into());
                }
                let mut bytes = Vec::with_capacity(length as usize);
                let read = decoder.read_to_vec(length, &mut bytes);
                if read.is_err() || bytes.len() != length as usize {
                    return Err(DAMAGED.into());
                }
                let value = RawValue::Text(bytes);
                into.push(RawElement { tag: at.tag, value });
            }
            other => other.skip().map_err(|_| DAMAGED)?,
        }
    }
    Ok(header)
}

/// Returns the items of the sequence that was begun last.
fn open_sequence(header: &mut RawHeader) -> Option<&mut Vec<Vec<RawElement>>> {
    match &mut header.elements.last_mut()?.value {
        RawValue::Items(items) => Some(items),
        RawValue::Text(_) => None,
    }
}

fn is_text(vr: VR) -> bool {
    use VR::*;
    matches!(
        vr,
        AE | AS | CS | DA | DS | DT | IS | LO | LT | PN | SH | ST | TM | UC | UI | UN | UR | UT
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_core::value::DataSetSequence;
    use dicom_core::{DataElement, PrimitiveValue};
    use dicom_dictionary_std::tags;
    use dicom_object::InMemDicomObject;
    use std::io::Cursor;

    const NAME: &[u8] = b"Yamada^Tarou=\x1b$B;3ED\x1b(B";

    fn object(
        texts: &[(Tag, VR, &[u8])],
        sequences: &[(Tag, Vec<InMemDicomObject>)],
    ) -> InMemDicomObject {
        let mut object = InMemDicomObject::new_empty();
        for (tag, vr, bytes) in texts {
            object.put(DataElement::new(
                *tag,
                *vr,
                PrimitiveValue::U8((*bytes).into()),
            ));
        }
        for (tag, items) in sequences {
            object.put(DataElement::new(
                *tag,
                VR::SQ,
                DataSetSequence::from(items.clone()),
            ));
        }
        object
    }

    fn read_as(syntax: &str, object: &InMemDicomObject, wanted: &[Tag]) -> RawHeader {
        let encoding = TransferSyntaxRegistry.get(syntax).unwrap();
        let mut bytes = Vec::new();
        object.write_dataset_with_ts(&mut bytes, encoding).unwrap();
        read(syntax, Cursor::new(bytes), wanted).unwrap()
    }

    #[test]
    fn bytes_are_those_of_the_file_in_every_encoding_and_sequences_have_their_own_items_alone() {
        let code = object(&[(tags::CODE_VALUE, VR::SH, b"113100")], &[]);
        let inner = object(&[(tags::CODE_VALUE, VR::SH, b"deep")], &[]);
        let nested = object(
            &[(tags::CODE_VALUE, VR::SH, b"113105")],
            &[(
                tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
                vec![inner.clone()],
            )],
        );
        let wanted_sequence = tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE;
        let whole = object(
            &[
                (tags::PATIENT_NAME, VR::PN, NAME),
                (tags::PATIENT_ID, VR::LO, b"A1 \0"),
                (tags::STUDY_ID, VR::SH, b"behind the last"),
            ],
            &[
                (wanted_sequence, vec![code, nested]),
                (tags::CONTRAST_BOLUS_AGENT_SEQUENCE, vec![inner]),
            ],
        );
        let last = tags::STUDY_INSTANCE_UID;
        let wanted = [tags::PATIENT_NAME, tags::PATIENT_ID, wanted_sequence, last];
        for syntax in [
            "1.2.840.10008.1.2",
            "1.2.840.10008.1.2.1",
            "1.2.840.10008.1.2.2",
        ] {
            let header = read_as(syntax, &whole, &wanted);
            assert_eq!(header.text(tags::PATIENT_NAME), NAME, "{syntax}");
            assert_eq!(header.text(tags::PATIENT_ID), b"A1", "{syntax}");
            assert_eq!(header.elements.len(), 3, "{syntax}");
            let RawValue::Items(items) = &header.elements[2].value else {
                panic!("{syntax}: no sequence")
            };
            let values =
                |item: &Vec<RawElement>| item.iter().map(|e| e.value.clone()).collect::<Vec<_>>();
            let values: Vec<_> = items.iter().flat_map(values).collect();
            let text = |bytes: &[u8]| RawValue::Text(bytes.to_vec());
            let wanted = [text(b"113100"), text(b"113105")];
            assert!(values == wanted, "{syntax}");
        }
        let shown = format!("{:?}", read_as("1.2.840.10008.1.2.1", &whole, &wanted));
        assert_eq!(shown, "RawHeader(3 attributes)");
    }

    #[test]
    fn a_text_that_is_too_long_or_cut_off_is_refused() {
        let long = object(&[(tags::PATIENT_NAME, VR::UT, &[b'x'; 70_000])], &[]);
        let syntax = "1.2.840.10008.1.2.1";
        let mut bytes = Vec::new();
        let encoding = TransferSyntaxRegistry.get(syntax).unwrap();
        long.write_dataset_with_ts(&mut bytes, encoding).unwrap();
        let wanted = [tags::PATIENT_NAME];
        let refused = read(syntax, Cursor::new(&bytes), &wanted).unwrap_err();
        assert!(String::from(refused).contains("PatientName"));
        let short = object(&[(tags::PATIENT_NAME, VR::PN, NAME)], &[]);
        let mut bytes = Vec::new();
        short.write_dataset_with_ts(&mut bytes, encoding).unwrap();
        bytes.truncate(bytes.len() - 3);
        assert!(read(syntax, Cursor::new(&bytes), &wanted).is_err());
    }
}
