//! Pixel data of one slice -> stored values, native byte order.

use super::instance::{Instance, open};
use super::structure::Extent;
use crate::error::{Error, Result};
use crate::volume::DType;
use charls::CharLS;
use dicom_core::value::{PixelFragmentSequence, Value};
use dicom_dictionary_std::tags;
use dicom_encoding::Codec;
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_object::DefaultDicomObject;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

const JPEG_LS: [&str; 2] = ["1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"];
/// Transfer syntaxes that may have lost information.
const LOSSY: [&str; 4] = [
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
];

/// Whether a transfer syntax may be lossy.
pub fn is_lossy(transfer_syntax: &str) -> bool {
    LOSSY.contains(&transfer_syntax.trim_end_matches('\0'))
}

/// Element type of the stored values.
pub fn dtype(instance: &Instance) -> Result<DType> {
    let refuse = |why: String| {
        Err(Error::DicomPixels {
            file: instance.name(),
            why,
        })
    };
    if instance.samples_per_pixel != 1 || instance.frames != 1 {
        return refuse(format!(
            "{} samples per pixel and {} frames, only 1 and 1 are read",
            instance.samples_per_pixel, instance.frames
        ));
    }
    match (instance.bits_allocated, instance.signed) {
        (8, false) => Ok(DType::U8),
        (16, true) => Ok(DType::I16),
        (16, false) => Ok(DType::U16),
        (bits, _) => refuse(format!("{bits} bits allocated are not read")),
    }
}

/// Decode one slice; the result has rows x columns values of [`dtype`].
pub fn decode(instance: &Instance) -> Result<Vec<u8>> {
    let refuse = |why: String| Error::DicomPixels {
        file: instance.name(),
        why,
    };
    let size = dtype(instance)?.size();
    let n = instance.rows * instance.columns;
    let object = open(&instance.path, Extent::Pixels)?;
    let element = object
        .get(tags::PIXEL_DATA)
        .ok_or_else(|| refuse("there is none (7FE0,0010)".into()))?;
    let mut values = match element.value() {
        Value::PixelSequence(fragments) => {
            decompress(&object, fragments, instance).map_err(refuse)?
        }
        Value::Primitive(_) => element
            .to_bytes()
            .map_err(|_| refuse("it is not binary".into()))?
            .into_owned(),
        Value::Sequence(_) => return Err(refuse("it is a sequence".into())),
    };
    if size == 2 && values.len() == n {
        // Codecs give one byte per sample when 8 bits are enough.
        values = values
            .iter()
            .flat_map(|b| u16::from(*b).to_ne_bytes())
            .collect();
    }
    // Longer is common (padding to even, a trailing word on Siemens): the rest is no pixel.
    if values.len() < n * size {
        return Err(refuse(format!(
            "{} bytes, {} x {} pixels need {}",
            values.len(),
            instance.rows,
            instance.columns,
            n * size
        )));
    }
    values.truncate(n * size);
    if size == 2 && instance.bits_stored < 16 {
        clear_unused_bits(&mut values, instance);
    }
    Ok(values)
}

/// Bits above Bits Stored are not part of the value: extend the sign, or clear them.
fn clear_unused_bits(values: &mut [u8], instance: &Instance) {
    let shift = 16 - instance.bits_stored as u32;
    for pair in values.as_chunks_mut::<2>().0 {
        let raw = u16::from_ne_bytes(*pair) << shift;
        *pair = if instance.signed {
            ((raw as i16) >> shift).to_ne_bytes()
        } else {
            (raw >> shift).to_ne_bytes()
        };
    }
}

fn decompress(
    object: &DefaultDicomObject,
    fragments: &PixelFragmentSequence<Vec<u8>>,
    instance: &Instance,
) -> Result<Vec<u8>, String> {
    let syntax = instance.transfer_syntax.trim_end_matches('\0');
    if JPEG_LS.contains(&syntax) {
        let stream = fragments.fragments().concat();
        check_jpeg_ls(&stream, instance)?;
        return CharLS::default()
            .decode(&stream)
            .map_err(|e| format!("JPEG-LS: {e}"));
    }
    let entry = TransferSyntaxRegistry
        .get(syntax)
        .ok_or_else(|| format!("transfer syntax {syntax} is unknown"))?;
    let Codec::EncapsulatedPixelData(Some(reader), _) = entry.codec() else {
        return Err(format!("transfer syntax {} is not read", entry.name()));
    };
    let mut out = Vec::with_capacity(instance.rows * instance.columns * 2);
    reader
        .decode_frame(object, 0, &mut out)
        .map_err(|e| format!("{}: {e}", entry.name()))?;
    Ok(out)
}

/// Compare the frame header with the attributes before the decoder allocates what the stream asks for.
fn check_jpeg_ls(stream: &[u8], instance: &Instance) -> Result<(), String> {
    // Without its end the decoder searches zeros bit by bit for every missing pixel: seconds for one slice.
    let end = stream
        .iter()
        .rposition(|b| *b != 0)
        .map_or(&[][..], |last| &stream[..=last]);
    if !end.ends_with(&[0xFF, 0xD9]) {
        return Err("JPEG-LS: the stream breaks off".into());
    }
    let mut at = 2;
    while let Some(&[0xFF, marker, high, low]) =
        stream.get(at..at + 4).and_then(|s| s.first_chunk::<4>())
    {
        if marker == 0xF7 {
            let word = |i: usize| {
                Some(usize::from(u16::from_be_bytes(
                    *stream.get(at + i..)?.first_chunk::<2>()?,
                )))
            };
            let (rows, columns, components) = (word(5), word(7), stream.get(at + 9).copied());
            if (rows, columns, components) == (Some(instance.rows), Some(instance.columns), Some(1))
            {
                return Ok(());
            }
            return Err(format!(
                "JPEG-LS: its frame is {rows:?} x {columns:?}, the header says otherwise"
            ));
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    Err("JPEG-LS: it has no frame header".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::path::{Path, PathBuf};

    /// Stored pixels as pydicom has them: int32 little-endian, slices ascending along the normal.
    fn sha256_of_stored(paths: &[PathBuf]) -> Result<String> {
        let mut slices: Vec<Instance> = paths
            .iter()
            .filter_map(|p| Instance::read(p).unwrap())
            .collect();
        let along = |s: &Instance| {
            let (o, p) = (
                s.orientation.unwrap_or([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
                s.position.unwrap_or_default(),
            );
            let normal = [
                o[1] * o[5] - o[2] * o[4],
                o[2] * o[3] - o[0] * o[5],
                o[0] * o[4] - o[1] * o[3],
            ];
            (0..3).map(|i| normal[i] * p[i]).sum::<f64>()
        };
        slices.sort_by(|a, b| along(a).total_cmp(&along(b)));
        let mut hash = Sha256::new();
        for slice in &slices {
            let values = decode(slice)?;
            let words: Vec<i32> = match dtype(slice)? {
                DType::U8 => values.iter().map(|v| i32::from(*v)).collect(),
                kind => values
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|v| match kind {
                        DType::I16 => i32::from(i16::from_ne_bytes(*v)),
                        _ => i32::from(u16::from_ne_bytes(*v)),
                    })
                    .collect(),
            };
            hash.update(
                words
                    .iter()
                    .flat_map(|w| w.to_le_bytes())
                    .collect::<Vec<u8>>(),
            );
        }
        Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
    }

    #[test]
    fn stored_pixels_equal_pydicom_bit_for_bit_in_every_lossless_transfer_syntax() {
        let shared = std::env::var_os("DLNMS_SHARED").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
            PathBuf::from,
        );
        let data = shared.join("data/petct");
        let Ok(facts) = std::fs::read(data.join("FACTS.json")) else {
            assert!(
                std::env::var_os("DLNMS_REQUIRE_ALL").is_none(),
                "{} is missing",
                data.display()
            );
            use std::io::Write;
            let _ = writeln!(
                std::io::stderr(),
                "\n*** SKIPPED: the shared test data is not here ***\n"
            );
            return;
        };
        let facts: Vec<serde_json::Value> = serde_json::from_slice(&facts).unwrap();
        let (mut equal, mut syntaxes) = (0, std::collections::BTreeSet::new());
        for row in &facts {
            let (Some(dir), Some(want)) = (
                row["dir"].as_str(),
                row["sha256_stored_as_int32_le_ascending_normal"].as_str(),
            ) else {
                continue;
            };
            let folder = data.join(dir);
            let paths: Vec<PathBuf> = match row["file"].as_str() {
                Some(file) => vec![folder.join(file)],
                None => folder
                    .read_dir()
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|e| e.path())
                    .collect(),
            };
            let Some(first) = paths.iter().find_map(|p| Instance::read(p).unwrap()) else {
                continue;
            };
            let lossy = is_lossy(&first.transfer_syntax);
            let what = format!("{dir} {} ({})", row["file"], first.transfer_syntax);
            if first.frames != 1 {
                continue; // multi-frame objects are refused, see series.rs
            }
            match sha256_of_stored(&paths) {
                Ok(got) if got == want => {
                    equal += 1;
                    syntaxes.insert(first.transfer_syntax.clone());
                }
                Ok(_) if lossy => println!("differs, lossy: {what}"),
                Ok(_) => panic!("{what}: other pixels than pydicom"),
                Err(e) if lossy => println!("refused, lossy: {e}"),
                Err(e) => panic!("{what}: {e}"),
            }
        }
        println!("{equal} series equal, transfer syntaxes {syntaxes:?}");
        assert!(equal > 40, "{equal}");
    }
}
