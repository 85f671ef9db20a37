//! A data set up to its pixel data: its attributes, and where the pixels are.
//!
//! Built by hand from dicom-rs's lazy tokens, for its own builder recurses into nested sequences and allocates what an
//! element says it holds: a hostile file could overflow the stack or ask for gigabytes.

use dicom_core::header::HasLength;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_object::InMemDicomObject;
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_parser::dataset::read::ValueReadStrategy;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use std::io::{BufReader, Read, Seek};

/// Sequences in sequences; standard objects nest fewer than ten deep.
const MAX_DEPTH: usize = 64;

/// Bytes from which on a list of decimals is kept as one text.
const LONG_LIST: u64 = 1024;

/// Where the pixel data is; positions count from the first element of the data set.
#[derive(Clone, Debug, PartialEq)]
pub enum PixelLayout {
    /// One run of bytes, frame after frame.
    Native {
        /// Its first byte.
        at: u64,
        /// How many there are.
        bytes: u64,
    },
    /// Compressed: fragments of the frames' streams (PS3.5 A.4).
    Encapsulated {
        /// Basic Offset Table: where frames start, counted from the first fragment's item; may be empty.
        offsets: Vec<u32>,
        /// Position and bytes of every fragment.
        fragments: Vec<(u64, u32)>,
    },
}

/// Item (PS3.5 7.5): no attribute, so no name in the dictionary.
const ITEM: Tag = Tag(0xFFFE, 0xE000);

/// Read the attributes before the pixel data, and find the pixels. `stream` stands at byte `start` of the file, where
/// the data set begins. Elements larger than the file are refused before anything is allocated for them.
pub fn read(
    transfer_syntax: &str,
    start: u64,
    stream: impl Read + Seek,
    file_bytes: u64,
) -> Result<(InMemDicomObject, Option<PixelLayout>), String> {
    let syntax = TransferSyntaxRegistry
        .get(transfer_syntax)
        .ok_or_else(|| format!("transfer syntax {transfer_syntax} is not read"))?;
    let mut stream = BufReader::new(stream);
    let reader = LazyDataSetReader::new_with_ts(&mut stream, syntax).map_err(|e| e.to_string())?;
    let (object, end) = build(reader, file_bytes)?;
    let pixels = match end {
        End::Nothing => None,
        End::Native(at, bytes) => Some(PixelLayout::Native {
            at: at.saturating_sub(start),
            bytes,
        }),
        End::Fragments => Some(fragments(start, &mut stream)?),
    };
    Ok((object, pixels))
}

/// What ends the attributes.
enum End {
    Nothing,
    /// Position in the file, and bytes.
    Native(u64, u64),
    /// The stream stands at the first item.
    Fragments,
}

/// What is being read: an object in a sequence in an object ...
enum Open {
    Object(InMemDicomObject),
    Sequence(Tag, Vec<InMemDicomObject>),
}

fn build<S: StatefulDecode>(
    mut reader: LazyDataSetReader<S>,
    limit: u64,
) -> Result<(InMemDicomObject, End), String> {
    const DAMAGED: &str = "the data set is damaged";
    let mut root = InMemDicomObject::new_empty();
    let mut open: Vec<Open> = Vec::new();
    // Inside compressed pixels of an icon, which nobody wants.
    let mut icon = false;
    while let Some(token) = reader.advance() {
        match token.map_err(|_| DAMAGED)? {
            LazyDataToken::SequenceStart { tag, .. } => {
                if open.len() >= 2 * MAX_DEPTH {
                    return Err(format!("sequences nest more than {MAX_DEPTH} deep"));
                }
                open.push(Open::Sequence(tag, Vec::new()));
            }
            LazyDataToken::PixelSequenceStart if open.is_empty() => {
                return Ok((root, End::Fragments));
            }
            LazyDataToken::PixelSequenceStart => icon = true,
            LazyDataToken::SequenceEnd if icon => icon = false,
            LazyDataToken::SequenceEnd => {
                let Some(Open::Sequence(tag, items)) = open.pop() else {
                    return Err(DAMAGED.into());
                };
                let sequence = DataElement::new(tag, VR::SQ, DataSetSequence::from(items));
                match open.last_mut() {
                    None => root.put(sequence),
                    Some(Open::Object(object)) => object.put(sequence),
                    Some(Open::Sequence(..)) => return Err(DAMAGED.into()),
                };
            }
            LazyDataToken::ItemStart { .. } if !icon => {
                open.push(Open::Object(InMemDicomObject::new_empty()));
            }
            LazyDataToken::ItemEnd if !icon => {
                let Some(Open::Object(item)) = open.pop() else {
                    return Err(DAMAGED.into());
                };
                let Some(Open::Sequence(_, items)) = open.last_mut() else {
                    return Err(DAMAGED.into());
                };
                items.push(item);
            }
            LazyDataToken::LazyValue { header, decoder } => {
                let length = header.length().get().map_or(0, u64::from);
                let here = decoder.position();
                if length > limit {
                    return Err("an element is larger than the file".into());
                }
                if open.is_empty() && header.tag == tags::PIXEL_DATA {
                    return Ok((root, End::Native(here, length)));
                }
                let value = LazyDataToken::LazyValue { header, decoder };
                // Contours are long lists of decimals: as one text they take a sixth of the memory.
                let list = header.vr == VR::DS && length > LONG_LIST;
                let strategy = match list {
                    true => ValueReadStrategy::Raw,
                    false => ValueReadStrategy::Preserved,
                };
                let mut value = value
                    .into_value_with_strategy(strategy)
                    .map_err(|_| DAMAGED)?;
                if list {
                    value = String::from_utf8_lossy(&value.to_bytes())
                        .into_owned()
                        .into();
                }
                let element = DataElement::new(header.tag, header.vr, value);
                match open.last_mut() {
                    None => root.put(element),
                    Some(Open::Object(object)) => object.put(element),
                    Some(Open::Sequence(..)) => return Err(DAMAGED.into()),
                };
            }
            LazyDataToken::LazyItemValue { len, .. } if u64::from(len) > limit => {
                return Err("a fragment is larger than the file".into());
            }
            other => other.skip().map_err(|_| DAMAGED)?,
        }
    }
    Ok((root, End::Nothing))
}

/// Items of encapsulated pixel data, which are little-endian always: the offset table, then the fragments. Ends at the
/// delimiter or where the file does; a fragment that is cut off is left for the decoder to miss.
fn fragments<S: Read + Seek>(start: u64, stream: &mut BufReader<S>) -> Result<PixelLayout, String> {
    let mut at = stream
        .stream_position()
        .map_err(|e| e.kind().to_string())?
        .saturating_sub(start);
    let mut offsets = Vec::new();
    let mut fragments = Vec::new();
    let mut first = true;
    let mut header = [0u8; 8];
    while stream.read_exact(&mut header).is_ok() {
        let word = |i: usize| u16::from_le_bytes([header[i], header[i + 1]]);
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        at += 8;
        if Tag(word(0), word(2)) != ITEM || length == u32::MAX {
            break;
        }
        if first {
            let mut table = Vec::new();
            let read = stream.take(u64::from(length)).read_to_end(&mut table);
            if read.is_err() || table.len() as u64 != u64::from(length) {
                return Err("the offset table breaks off".into());
            }
            offsets = table
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| u32::from_le_bytes(*b))
                .collect();
            first = false;
        } else {
            fragments.push((at, length));
            if stream.seek_relative(i64::from(length)).is_err() {
                break;
            }
        }
        at += u64::from(length);
    }
    Ok(PixelLayout::Encapsulated { offsets, fragments })
}
