//! A look at a data set before it is built: dicom-rs builds nested sequences by recursion and allocates what an element
//! says it holds, so a hostile file could overflow the stack or ask for gigabytes.

use super::meta::Meta;
use dicom_core::header::HasLength;
use dicom_dictionary_std::tags;
use dicom_encoding::Codec;
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use std::io::{Cursor, Read, Seek};

/// Sequences in sequences; standard objects nest fewer than ten deep.
const MAX_DEPTH: usize = 64;
/// What a deflated data set may grow to.
const MAX_INFLATED_BYTES: u64 = 256 << 20;

/// How much of a data set is wanted. What follows the pixel data is never read: after damaged pixels it is noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything before the pixel data.
    Header,
    /// With the pixel data.
    Pixels,
}

/// Refuse data sets that nest too deep or hold elements larger than the file. `source` starts at the data set. Reads
/// headers up to the pixel data and skips values. What is malformed is left to the parser to say.
pub fn check(
    meta: &Meta,
    source: impl Read + Seek,
    file_bytes: u64,
    extent: Extent,
) -> Result<(), String> {
    let Some(syntax) = TransferSyntaxRegistry.get(&meta.transfer_syntax) else {
        return Ok(());
    };
    match syntax.codec() {
        Codec::Dataset(Some(_)) => {
            let mut inflated = Vec::new();
            let mut limited = flate2::read::DeflateDecoder::new(source).take(MAX_INFLATED_BYTES);
            // A stream that breaks off is the parser's to refuse.
            let _ = limited.read_to_end(&mut inflated);
            let bytes = inflated.len() as u64;
            walk(
                LazyDataSetReader::new_with_ts(Cursor::new(inflated), syntax),
                bytes,
                extent,
            )
        }
        _ => walk(
            LazyDataSetReader::new_with_ts(source, syntax),
            file_bytes,
            extent,
        ),
    }
}

fn walk<S, E>(
    reader: Result<LazyDataSetReader<S>, E>,
    limit: u64,
    extent: Extent,
) -> Result<(), String>
where
    S: dicom_parser::StatefulDecode,
{
    let Ok(mut reader) = reader else {
        return Ok(());
    };
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
            LazyDataToken::PixelSequenceStart if depth == 0 && extent == Extent::Header => {
                return Ok(());
            }
            LazyDataToken::LazyItemValue { len, .. } if u64::from(len) > limit => {
                return Err("a fragment is larger than the file".into());
            }
            LazyDataToken::LazyValue { header, decoder } => {
                let length = header.length().get().map_or(0, u64::from);
                if length > limit {
                    return Err("an element is larger than the file".into());
                }
                if depth == 0 && header.tag == tags::PIXEL_DATA {
                    return Ok(());
                }
                if (LazyDataToken::LazyValue { header, decoder })
                    .skip()
                    .is_err()
                {
                    return Ok(());
                }
            }
            other => {
                if other.skip().is_err() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
