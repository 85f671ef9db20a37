//! A data set up to its pixel data: its attributes, and where the pixels are.
//!
//! Built by hand from dicom-rs's lazy tokens, for its own builder recurses into nested sequences and allocates what an
//! element says it holds: a hostile file could overflow the stack or ask for gigabytes.

use crate::allocation;
use crate::reading::Failure;
use dicom_core::header::HasLength;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_object::InMemDicomObject;
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_parser::dataset::read::ValueReadStrategy;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use std::io::{BufReader, Seek};

/// Sequences in sequences; standard objects nest fewer than ten deep.
const MAX_DEPTH: usize = 64;

/// Bytes from which on a list of decimals is kept as one text.
const LONG_LIST: u64 = 1024;
/// Longer values are decimals (contours), or nothing that this library looks at: lookup tables, overlays, private data.
const MAX_VALUE_BYTES: u64 = 64 << 10;
/// What the attributes of a file may hold; contours of a whole body take a few tens of megabytes.
const MAX_ATTRIBUTE_BYTES: u64 = 256 << 20;
/// What an element costs beyond its value.
const ELEMENT_BYTES: u64 = 256;
/// Frames of a scan times the fragments of one.
const MAX_FRAGMENTS: usize = 1 << 20;

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
        /// Bytes of all fragments that are in the file.
        present: u64,
    },
}

/// Item (PS3.5 7.5): no attribute, so no name in the dictionary.
const ITEM: Tag = Tag(0xFFFE, 0xE000);

/// Attributes, where the pixels are, and the bytes that the attributes hold.
pub type Read = (InMemDicomObject, Option<PixelLayout>, u64);

/// Reads the attributes before the pixel data, and finds the pixels. `stream` stands at byte `start` of the file, where
/// the data set begins, of at most `bytes` bytes. Elements larger than that are refused before anything is allocated
/// for them.
pub fn read(
    transfer_syntax: &str,
    start: u64,
    stream: impl std::io::Read + Seek,
    bytes: u64,
) -> Result<Read, Failure> {
    let syntax = TransferSyntaxRegistry
        .get(transfer_syntax)
        .ok_or_else(|| format!("transfer syntax {transfer_syntax} is not read"))?;
    let mut stream = BufReader::new(stream);
    let reader = LazyDataSetReader::new_with_ts(&mut stream, syntax).map_err(|e| e.to_string())?;
    let mut held = Held::default();
    let (object, end) = build(reader, bytes, &mut held)?;
    let pixels = match end {
        End::Nothing => None,
        End::Native(at, length) => Some(PixelLayout::Native {
            at: at.saturating_sub(start),
            bytes: length,
        }),
        End::Fragments => Some(fragments(start, &mut stream, bytes)?),
    };
    Ok((object, pixels, held.bytes))
}

/// What the attributes hold so far. dicom-rs allocates for each by itself, so that there must be memory before.
#[derive(Default)]
struct Held {
    bytes: u64,
    checked: u64,
}

impl Held {
    fn add(&mut self, bytes: u64) -> Result<(), Failure> {
        self.bytes += ELEMENT_BYTES + bytes;
        if self.bytes > MAX_ATTRIBUTE_BYTES {
            return Err("its attributes take more than 256 MiB".into());
        }
        if self.bytes - self.checked > 1 << 20 {
            self.checked = self.bytes;
            allocation::headroom(1 << 20, "the attributes of a DICOM file")?;
        }
        Ok(())
    }
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

const DAMAGED: &str = "the data set is damaged";

fn build<S: StatefulDecode>(
    mut reader: LazyDataSetReader<S>,
    limit: u64,
    held: &mut Held,
) -> Result<(InMemDicomObject, End), Failure> {
    let mut root = InMemDicomObject::new_empty();
    let mut open: Vec<Open> = Vec::new();
    // Inside compressed pixels of an icon, which nobody wants.
    let mut icon = false;
    while let Some(token) = reader.advance() {
        match token.map_err(|_| DAMAGED)? {
            LazyDataToken::SequenceStart { tag, .. } => {
                if open.len() >= 2 * MAX_DEPTH {
                    return Err(format!("sequences nest more than {MAX_DEPTH} deep").into());
                }
                held.add(0)?;
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
                held.add(0)?;
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
                let list = header.vr == VR::DS && length > LONG_LIST;
                if length > MAX_VALUE_BYTES && !list {
                    let value = LazyDataToken::LazyValue { header, decoder };
                    value.skip().map_err(|_| DAMAGED)?;
                    continue;
                }
                held.add(length)?;
                let value = if list {
                    decimals(decoder, length)?
                } else {
                    LazyDataToken::LazyValue { header, decoder }
                        .into_value_with_strategy(ValueReadStrategy::Preserved)
                        .map_err(|_| DAMAGED)?
                };
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

/// Reads a long list of decimals. Contours are such lists: as one text they take a sixth of the memory.
fn decimals(mut decoder: impl StatefulDecode, length: u64) -> Result<PrimitiveValue, Failure> {
    // Copying asks for a little more than there is, to find the end.
    let room = length as usize + (16 << 10);
    let mut text = allocation::with_capacity(room, "a list of decimals")?;
    let read = decoder.read_to_vec(length as u32, &mut text);
    if read.is_err() || text.len() as u64 != length {
        return Err(DAMAGED.into());
    }
    // No digit: it is refused where the number is needed.
    text.iter_mut()
        .filter(|b| !b.is_ascii())
        .for_each(|b| *b = b'?');
    Ok(String::from_utf8(text).unwrap_or_default().into())
}

/// Items of encapsulated pixel data, which are little-endian always: the offset table, then the fragments. Ends at the
/// delimiter or where the file does; a fragment that is cut off is left for the decoder to miss.
fn fragments<S: std::io::Read + Seek>(
    start: u64,
    stream: &mut BufReader<S>,
    bytes: u64,
) -> Result<PixelLayout, Failure> {
    let mut at = stream.stream_position()?.saturating_sub(start);
    let mut offsets = Vec::new();
    let mut fragments = Vec::new();
    let (mut first, mut present) = (true, 0);
    let mut header = [0u8; 8];
    while read_whole(stream, &mut header)? {
        let word = |i: usize| u16::from_le_bytes([header[i], header[i + 1]]);
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        at += 8;
        if Tag(word(0), word(2)) != ITEM || length == u32::MAX {
            break;
        }
        if first {
            if length as usize > 4 * MAX_FRAGMENTS {
                return Err("the offset table is too long".into());
            }
            let mut table = allocation::zeros(length as usize, "an offset table")?;
            if !read_whole(stream, &mut table)? {
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
            if fragments.len() == MAX_FRAGMENTS {
                return Err("there are too many fragments".into());
            }
            if fragments.len() == fragments.capacity() {
                let more = fragments.len().max(64);
                allocation::headroom(2 * more * size_of::<(u64, u32)>(), "a list of fragments")?;
                fragments.reserve(more);
            }
            fragments.push((at, length));
            if at + u64::from(length) <= bytes {
                present += u64::from(length);
            }
            if stream.seek_relative(i64::from(length)).is_err() {
                break;
            }
        }
        at += u64::from(length);
    }
    Ok(PixelLayout::Encapsulated {
        offsets,
        fragments,
        present,
    })
}

/// Fills `out`; `false` where the file ends before.
fn read_whole(stream: &mut impl std::io::Read, out: &mut [u8]) -> Result<bool, Failure> {
    match stream.read_exact(out) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e.into()),
    }
}
