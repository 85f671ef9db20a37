//! A look at a data set before it is built: where its pixels are, and that it asks for nothing absurd. dicom-rs builds
//! nested sequences by recursion and allocates what an element says it holds, so a hostile file could overflow the
//! stack or ask for gigabytes.

use dicom_core::Tag;
use dicom_core::header::HasLength;
use dicom_dictionary_std::tags;
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// Sequences in sequences; standard objects nest fewer than ten deep.
const MAX_DEPTH: usize = 64;

/// Item (PS3.5 7.5): no attribute, so no name in the dictionary.
const ITEM: Tag = Tag(0xFFFE, 0xE000);

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

/// Refuse data sets that nest too deep or hold elements larger than the file, and find the pixel data. `stream` stands
/// at byte `start` of the file, where the data set begins. What is malformed is left to the parser to say.
pub fn survey(
    transfer_syntax: &str,
    start: u64,
    stream: impl Read + Seek,
    file_bytes: u64,
) -> Result<Option<PixelLayout>, String> {
    let Some(syntax) = TransferSyntaxRegistry.get(transfer_syntax) else {
        return Ok(None);
    };
    let mut stream = BufReader::new(stream);
    let Ok(reader) = LazyDataSetReader::new_with_ts(&mut stream, syntax) else {
        return Ok(None);
    };
    match walk(reader, file_bytes)? {
        Found::Nothing => Ok(None),
        Found::Native(at, bytes) => Ok(Some(PixelLayout::Native {
            at: at.saturating_sub(start),
            bytes,
        })),
        Found::Fragments => fragments(start, &mut stream).map(Some),
    }
}

enum Found {
    Nothing,
    /// Position in the file, and bytes.
    Native(u64, u64),
    /// The stream stands at the first item.
    Fragments,
}

fn walk<S: StatefulDecode>(mut reader: LazyDataSetReader<S>, limit: u64) -> Result<Found, String> {
    let mut depth = 0usize;
    while let Some(Ok(token)) = reader.advance() {
        match token {
            LazyDataToken::SequenceStart { .. } => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(format!("sequences nest more than {MAX_DEPTH} deep"));
                }
            }
            LazyDataToken::SequenceEnd => depth = depth.saturating_sub(1),
            LazyDataToken::PixelSequenceStart if depth == 0 => return Ok(Found::Fragments),
            LazyDataToken::LazyItemValue { len, .. } if u64::from(len) > limit => {
                return Err("a fragment is larger than the file".into());
            }
            LazyDataToken::LazyValue { header, decoder } => {
                let length = header.length().get().map_or(0, u64::from);
                if length > limit {
                    return Err("an element is larger than the file".into());
                }
                if depth == 0 && header.tag == tags::PIXEL_DATA {
                    return Ok(Found::Native(decoder.position(), length));
                }
                if (LazyDataToken::LazyValue { header, decoder })
                    .skip()
                    .is_err()
                {
                    return Ok(Found::Nothing);
                }
            }
            other => {
                if other.skip().is_err() {
                    return Ok(Found::Nothing);
                }
            }
        }
    }
    Ok(Found::Nothing)
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
            let skipped = stream.seek(SeekFrom::Current(i64::from(length)));
            if skipped.is_err() {
                break;
            }
        }
        at += u64::from(length);
    }
    Ok(PixelLayout::Encapsulated { offsets, fragments })
}
