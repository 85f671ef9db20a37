//! Pixels of one image -> stored values, native byte order.

use super::attributes::named;
use super::codec;
use super::dataset::PixelLayout;
use super::instance::Instance;
use super::source::DataSet;
use crate::allocation;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::imaging::DType;
use crate::reading::Failure;
use dicom_dictionary_std::tags;
use std::sync::{Arc, Mutex};

const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
/// Rows and columns of a slice: scanners make 128 to 1024.
const MAX_SIDE: usize = 4096;
/// A compressed series has at least one byte for so many of its pixel data; a slice of nothing but air may have fewer.
const MAX_RATIO: u64 = 1024;
/// What the header of a slice is worth in that account.
const HEADER_BYTES: u64 = 512;
/// Bytes of a compressed frame in which its own header is looked for first.
const HEAD_BYTES: usize = 64 << 10;

/// Returns the element type of the stored values.
pub fn dtype(instance: &Instance) -> Result<DType> {
    let refuse = |why: String| {
        Err(Error::DicomPixels {
            file: instance.name(),
            why,
        })
    };
    match (instance.bits_allocated, instance.signed) {
        (0, _) => refuse(instance.defect.clone().unwrap_or_default()),
        (8, false) => Ok(DType::U8),
        (16, true) => Ok(DType::I16),
        (16, false) => Ok(DType::U16),
        (bits, _) => refuse(format!("{bits} bits allocated are not read")),
    }
}

/// Returns the bytes of the decoded slices, after their headers were found plausible: no file is opened, and nothing is
/// allocated.
///
/// # Errors
/// [`Error::DicomPixels`] that names the first slice at fault.
pub fn plausible_bytes(slices: &[&Instance]) -> Result<u64> {
    let (mut decoded, mut compressed, mut evidence) = (0u64, 0u64, 0u64);
    for slice in slices {
        let refuse = |why: String| Error::DicomPixels {
            file: slice.name(),
            why,
        };
        let size = dtype(slice)?.size();
        for (name, n) in [("Rows", slice.rows), ("Columns", slice.columns)] {
            if !(1..=MAX_SIDE).contains(&n) {
                return Err(refuse(format!("{name} is {n}, allowed 1 to {MAX_SIDE}")));
            }
        }
        let bytes = (slice.rows * slice.columns * size) as u64;
        decoded += bytes;
        match layout(slice).map_err(|why| refuse(why.into()))? {
            PixelLayout::Native { .. } => {
                native_frame_at(slice, bytes).map_err(|why| refuse(why.into()))?;
            }
            PixelLayout::Encapsulated { present, .. } => {
                compressed += bytes;
                evidence += HEADER_BYTES + present / slice.file.frames.max(1) as u64;
            }
        }
    }
    if compressed > evidence.saturating_mul(MAX_RATIO) {
        return Err(Error::DicomPixels {
            file: slices.first().map(|s| s.name()).unwrap_or_default(),
            why: format!("{compressed} bytes of pixels cannot be in {evidence} compressed ones"),
        });
    }
    Ok(decoded)
}

fn layout(instance: &Instance) -> Result<&PixelLayout, Failure> {
    let layout = instance.file.pixels.as_ref();
    layout.ok_or_else(|| "there is no pixel data (7FE0,0010)".into())
}

/// Returns where a frame begins in native pixel data, if that is long enough.
fn native_frame_at(instance: &Instance, frame_bytes: u64) -> Result<u64, Failure> {
    let PixelLayout::Native { at, bytes } = layout(instance)? else {
        return Err("it is compressed".into());
    };
    let first = frame_bytes.saturating_mul(instance.frame as u64);
    // Longer is common (padding to even, a trailing word on Siemens): the rest is no pixel.
    if first.saturating_add(frame_bytes) > *bytes {
        return Err(format!(
            "{bytes} bytes, {} frames of {} x {} pixels need more",
            instance.file.frames, instance.rows, instance.columns
        )
        .into());
    }
    Ok(at + first)
}

/// Open files of multi-frame objects, used again for the next frame: opening one anew would inflate a deflated one from
/// its beginning.
#[derive(Default)]
pub struct OpenFiles(Mutex<Vec<(usize, DataSet)>>);

impl OpenFiles {
    fn with<T>(
        &self,
        instance: &Instance,
        cancel: &CancelToken,
        read: impl FnOnce(&mut DataSet) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let file = Arc::as_ptr(&instance.file).addr();
        let open = || crate::lock::lock(&self.0);
        let kept = {
            let mut open = open();
            let place = open.iter().position(|(of, _)| *of == file);
            place.map(|n| open.swap_remove(n).1)
        };
        let mut set = match kept {
            Some(set) => set,
            None => instance.file.source.open(cancel)?.0,
        };
        let found = read(&mut set)?;
        if instance.file.frames > 1 {
            let mut open = open();
            // Of objects that are done with, nothing is needed any more.
            open.retain(|(of, _)| *of == file);
            open.push((file, set));
        }
        Ok(found)
    }
}

/// Compares the frame size that a compressed stream states with the header's.
pub fn check_stream(instance: &Instance, files: &OpenFiles, cancel: &CancelToken) -> Result<()> {
    let PixelLayout::Encapsulated {
        offsets, fragments, ..
    } = (match layout(instance) {
        Ok(layout) => layout,
        Err(why) => return Err(at_fault(instance, why)),
    })
    else {
        return Ok(());
    };
    let check = |set: &mut DataSet| {
        let mine = fragments_of(instance, offsets, fragments)?;
        let bytes = total(mine, set)?;
        let head = read_stream(set, mine, bytes.min(HEAD_BYTES))?;
        match codec::check(&head, bytes, instance) {
            Err(Failure::Content(_)) if bytes > head.len() => {
                codec::check(&read_stream(set, mine, bytes)?, bytes, instance)
            }
            checked => checked,
        }
    };
    let checked = files.with(instance, cancel, check);
    checked.map_err(|why| at_fault(instance, why))
}

/// Returns the bytes that decoding one image takes beside its pixels.
pub fn working_bytes(instance: &Instance) -> usize {
    match instance.file.pixels {
        Some(PixelLayout::Encapsulated { .. }) => codec::working_bytes(instance),
        _ => 0,
    }
}

/// Decodes one image into `out`, which has rows x columns values of [`dtype`].
pub fn decode(
    instance: &Instance,
    out: &mut [u8],
    files: &OpenFiles,
    cancel: &CancelToken,
) -> Result<()> {
    let decoded = files.with(instance, cancel, |set| {
        decode_into(instance, out, set, cancel)
    });
    decoded.map_err(|why| at_fault(instance, why))
}

fn at_fault(instance: &Instance, why: Failure) -> Error {
    why.into_error(|why| Error::DicomPixels {
        file: instance.name(),
        why,
    })
}

fn decode_into(
    instance: &Instance,
    out: &mut [u8],
    set: &mut DataSet,
    cancel: &CancelToken,
) -> Result<(), Failure> {
    let size = instance.bits_allocated / 8;
    match layout(instance)? {
        PixelLayout::Native { .. } => {
            let at = native_frame_at(instance, out.len() as u64)?;
            set.read_exact_at(at, out)
                .map_err(|e| e.within("it breaks off"))?;
            let big = instance.file.transfer_syntax == BIG_ENDIAN;
            if size == 2 && big != cfg!(target_endian = "big") {
                out.as_chunks_mut::<2>()
                    .0
                    .iter_mut()
                    .for_each(|v| v.reverse());
            }
        }
        PixelLayout::Encapsulated {
            offsets, fragments, ..
        } => {
            let mine = fragments_of(instance, offsets, fragments)?;
            let bytes = total(mine, set)?;
            let stream = read_stream(set, mine, bytes)?;
            codec::decode(stream, instance, out, cancel)?;
        }
    }
    if instance.bits_stored < instance.bits_allocated {
        clear_unused_bits(out, instance);
    }
    match instance.mapped {
        Some(range) => refuse_unmapped(instance, range, out),
        None => Ok(()),
    }
}

/// Refuses a stored value that is no padding and that the Real World Value Map of the image says nothing about.
fn refuse_unmapped(instance: &Instance, range: [f64; 2], values: &[u8]) -> Result<(), Failure> {
    let within = |[low, high]: [f64; 2], v: f64| low <= v && v <= high;
    let is_padding = |v: f64| instance.padding.is_some_and(|range| within(range, v));
    let outside = |v: &f64| !within(range, *v) && !is_padding(*v);
    let words = values.as_chunks::<2>().0.iter();
    let found = match (instance.bits_allocated, instance.signed) {
        (8, _) => values.iter().map(|v| f64::from(*v)).find(outside),
        (_, true) => words
            .map(|v| f64::from(i16::from_ne_bytes(*v)))
            .find(outside),
        (_, false) => words
            .map(|v| f64::from(u16::from_ne_bytes(*v)))
            .find(outside),
    };
    match found {
        None => Ok(()),
        Some(value) => Err(format!(
            "the stored value {value} is not between {} and {}, which are {} and {}",
            named(tags::REAL_WORLD_VALUE_FIRST_VALUE_MAPPED),
            named(tags::REAL_WORLD_VALUE_LAST_VALUE_MAPPED),
            range[0],
            range[1]
        )
        .into()),
    }
}

/// Position and bytes of each fragment of a stream.
type Fragments<'a> = &'a [(u64, u32)];

/// Returns the fragments of one frame (PS3.5 A.4).
fn fragments_of<'a>(
    instance: &Instance,
    offsets: &[u32],
    fragments: Fragments<'a>,
) -> Result<Fragments<'a>, Failure> {
    let (frame, frames) = (instance.frame, instance.file.frames);
    let mine = if frames == 1 {
        0..fragments.len()
    } else if fragments.len() == frames {
        frame..frame + 1
    } else if offsets.len() == frames {
        let first_item = fragments.first().map_or(0, |f| f.0);
        let starts_at = |n: usize| {
            let wanted = first_item + u64::from(offsets[n]);
            fragments.binary_search_by_key(&wanted, |f| f.0)
        };
        let missing = |_| "the offset table does not lead to fragments";
        let first = starts_at(frame).map_err(missing)?;
        let end = if frame + 1 < frames {
            starts_at(frame + 1).map_err(missing)?
        } else {
            fragments.len()
        };
        first..end
    } else {
        return Err(format!(
            "{} fragments for {frames} frames, and no offset table",
            fragments.len()
        )
        .into());
    };
    Ok(fragments.get(mine).unwrap_or_default())
}

/// Returns the bytes of a stream, all of which are in the file.
fn total(fragments: Fragments<'_>, set: &DataSet) -> Result<usize, Failure> {
    let mut total = 0u64;
    for (at, bytes) in fragments {
        set.check_part(*at, u64::from(*bytes))?;
        total += u64::from(*bytes);
    }
    Ok(total as usize)
}

/// Returns the first bytes of a stream, its fragments put together.
fn read_stream(
    set: &mut DataSet,
    fragments: Fragments<'_>,
    bytes: usize,
) -> Result<Vec<u8>, Failure> {
    let mut stream = allocation::with_capacity(bytes, "a compressed slice")?;
    for (at, length) in fragments {
        let wanted = (bytes - stream.len()).min(*length as usize);
        set.append_part(*at, wanted as u64, &mut stream)?;
    }
    Ok(stream)
}

/// Bits above Bits Stored are not part of the value: extend the sign, or clear them.
fn clear_unused_bits(values: &mut [u8], instance: &Instance) {
    if instance.bits_allocated == 8 {
        let mask = u8::MAX >> (8 - instance.bits_stored);
        values.iter_mut().for_each(|v| *v &= mask);
        return;
    }
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

#[cfg(test)]
mod tests;
