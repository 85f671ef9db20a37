//! Compressed streams -> stored values. Each decoder's frame size is compared with the header's before it allocates, and
//! a stream that ends early is refused: decoders make up what is missing.

use super::instance::Instance;
use super::jpeg_entropy::{self, BREAKS_OFF};
use super::{jpeg_lossless, jpeg12, jpeg2000};
use crate::allocation;
use crate::cancel::CancelToken;
use crate::reading::Failure;
use charls::CharLS;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a transfer syntax needs.
enum Codec {
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
}

fn codec(instance: &Instance) -> Result<Codec, Failure> {
    let syntax = &instance.file.transfer_syntax;
    match syntax
        .strip_prefix("1.2.840.10008.1.2.")
        .unwrap_or_default()
    {
        "5" => Ok(Codec::Rle),
        // Baseline, extended, lossless, lossless with first-order prediction.
        "4.50" | "4.51" | "4.57" | "4.70" => Ok(Codec::Jpeg),
        "4.80" | "4.81" => Ok(Codec::JpegLs),
        "4.90" | "4.91" => Ok(Codec::Jpeg2000),
        _ => Err(format!("transfer syntax {syntax} is not read").into()),
    }
}

impl Codec {
    fn name(&self) -> &'static str {
        match self {
            Codec::Rle => "RLE",
            Codec::Jpeg => "JPEG",
            Codec::JpegLs => "JPEG-LS",
            Codec::Jpeg2000 => "JPEG 2000",
        }
    }

    /// Bytes that decoding takes for each pixel, beside the pixel itself.
    fn bytes_per_pixel(&self) -> usize {
        match self {
            Codec::Rle => 0,
            Codec::Jpeg => 8,
            Codec::JpegLs => 4,
            // Coefficients, their tile, and the blocks' states.
            Codec::Jpeg2000 => 24,
        }
    }
}

/// Compares a stream's own frame size with the header's, before anything is allocated for either. `head` is the
/// beginning of the stream, which has `bytes` bytes.
pub fn check(head: &[u8], bytes: usize, instance: &Instance) -> Result<(), Failure> {
    let codec = codec(instance)?;
    let size = match codec {
        Codec::Rle => rle_can_hold(bytes, instance),
        Codec::Jpeg => jpeg_header(head, instance).map(|_| ()),
        Codec::JpegLs => jpeg_ls_header(head, instance),
        Codec::Jpeg2000 => jpeg_2000_header(head, instance).map(|_| ()),
    };
    size.map_err(|e| e.within(codec.name()))
}

/// Returns the bytes that decoding one frame takes beside its stream and its pixels.
pub fn working_bytes(instance: &Instance) -> usize {
    let per_pixel = codec(instance).map_or(0, |c| c.bytes_per_pixel());
    instance.rows * instance.columns * per_pixel
}

/// Decodes the stream of one frame into `out`.
pub fn decode(
    stream: Vec<u8>,
    instance: &Instance,
    out: &mut [u8],
    cancel: &CancelToken,
) -> Result<(), Failure> {
    let codec = codec(instance)?;
    allocation::headroom(working_bytes(instance), "decoding a slice")?;
    let decoded = match codec {
        Codec::Rle => rle(&stream, instance, out),
        Codec::Jpeg => jpeg(stream, instance, out, cancel),
        Codec::JpegLs => jpeg_ls(stream, instance, out, cancel),
        Codec::Jpeg2000 => jpeg_2000(stream, instance, out, cancel),
    };
    decoded.map_err(|e| e.within(codec.name()))
}

/// Puts samples of one or two bytes, native byte order, into elements of the size allocated.
fn put(samples: &[u8], out: &mut [u8], allocated: usize) -> Result<(), Failure> {
    if samples.len() == out.len() {
        out.copy_from_slice(samples);
    } else if allocated == 16 && samples.len() * 2 == out.len() {
        // Codecs give one byte per sample where 8 bits are enough.
        for (wide, sample) in out.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
            *wide = u16::from(*sample).to_ne_bytes();
        }
    } else {
        return Err(format!("{} bytes, the header says {}", samples.len(), out.len()).into());
    }
    Ok(())
}

fn same_size(found: (usize, usize, usize), instance: &Instance) -> Result<(), Failure> {
    let wanted = (instance.rows, instance.columns, 1);
    if found == wanted {
        return Ok(());
    }
    let (rows, columns, components) = found;
    Err(format!(
        "its frame is {rows} x {columns} x {components}, the header says {} x {} x 1",
        wanted.0, wanted.1
    )
    .into())
}

/// Runs a decoder that cannot be interrupted on a thread of its own, so that a cancelled call ends at once; the thread
/// ends with the slice that it is at. Without threads the calling one does it.
fn interruptible<T: Send + 'static>(
    cancel: &CancelToken,
    decode: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let job = Arc::new(Mutex::new(Some(decode)));
    let run = |job: &Mutex<Option<_>>| {
        let job = crate::lock::lock(job).take();
        let decode = job.ok_or(DECODER_FAILED)?;
        catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(DECODER_FAILED.into()))
    };
    let (sender, receiver) = sync_channel(1);
    let theirs = job.clone();
    let thread = std::thread::Builder::new().name("dlnms-codec".into());
    let spawned = thread.spawn(move || {
        // Nobody receives what was cancelled.
        let _ = sender.send(run(&theirs));
    });
    let Ok(thread) = spawned else {
        return run(&job);
    };
    loop {
        match receiver.recv_timeout(Duration::from_millis(20)) {
            Ok(decoded) => {
                // It has nothing left to do: the threads of a call end with it.
                let _ = thread.join();
                return decoded;
            }
            Err(RecvTimeoutError::Timeout) => cancel.check()?,
            Err(RecvTimeoutError::Disconnected) => return Err(DECODER_FAILED.into()),
        }
    }
}

const DECODER_FAILED: &str = "the decoder failed";

/// Two bytes of PackBits make 128 at most.
fn rle_can_hold(stream_bytes: usize, instance: &Instance) -> Result<(), Failure> {
    let bytes = instance.rows * instance.columns * (instance.bits_allocated / 8);
    if bytes / 64 <= stream_bytes {
        Ok(())
    } else {
        Err("the header asks for more pixels than it can hold".into())
    }
}

/// PS3.5 Annex G: one PackBits segment for each byte of a sample, the high byte first.
fn rle(stream: &[u8], instance: &Instance, out: &mut [u8]) -> Result<(), Failure> {
    let size = instance.bits_allocated / 8;
    let word = |i: usize| {
        let bytes = stream.get(4 * i..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    };
    if word(0) != Some(size) {
        return Err(format!("{:?} segments, {size} are needed", word(0)).into());
    }
    for segment in 0..size {
        let first = word(1 + segment).unwrap_or(usize::MAX);
        let last = if segment + 1 < size {
            word(2 + segment).unwrap_or(0)
        } else {
            stream.len()
        };
        let packed = stream
            .get(first..last)
            .ok_or("a segment lies outside the stream")?;
        // Which byte of the sample this is in memory.
        let byte = if cfg!(target_endian = "big") {
            segment
        } else {
            size - 1 - segment
        };
        unpack(packed, out.iter_mut().skip(byte).step_by(size)).ok_or("a segment breaks off")?;
    }
    Ok(())
}

/// PackBits: fills all of `out`, or returns `None`.
fn unpack<'a>(packed: &[u8], mut out: impl ExactSizeIterator<Item = &'a mut u8>) -> Option<()> {
    let mut packed = packed.iter().copied();
    while out.len() > 0 {
        let control = packed.next()?;
        let run = usize::from(control);
        match control {
            0..=127 => {
                for value in out.by_ref().take(run + 1) {
                    *value = packed.next()?;
                }
            }
            129..=255 => {
                let value = packed.next()?;
                out.by_ref().take(257 - run).for_each(|v| *v = value);
            }
            128 => {}
        }
    }
    Some(())
}

fn jpeg_header(stream: &[u8], instance: &Instance) -> Result<jpeg_entropy::Frame, Failure> {
    let frame = jpeg_entropy::frame(stream).ok_or(NO_HEADER)?;
    match (frame.marker, frame.precision) {
        (0xC0, 8) | (0xC1, 8 | 12) | (0xC3, _) => {}
        (marker, bits) => {
            let process = marker - 0xC0;
            return Err(
                format!("frames of kind SOF{process} with {bits} bits are not read").into(),
            );
        }
    }
    same_size((frame.rows, frame.columns, frame.components), instance)?;
    Ok(frame)
}

fn jpeg(
    stream: Vec<u8>,
    instance: &Instance,
    out: &mut [u8],
    cancel: &CancelToken,
) -> Result<(), Failure> {
    let frame = jpeg_header(&stream, instance)?;
    if frame.marker == 0xC3 {
        return jpeg_lossless::decode(&stream, instance.bits_allocated / 8, out, cancel);
    }
    if frame.precision == 12 {
        let samples = jpeg12::decode(&stream, cancel)?;
        if samples.len() * 2 != out.len() {
            return Err("12 bits a sample, the header allows 8".into());
        }
        for (value, sample) in out.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
            *value = sample.to_ne_bytes();
        }
        return Ok(());
    }
    jpeg12::check_complete(&stream, cancel)?;
    let samples = interruptible(cancel, move || {
        let mut decoder = jpeg_decoder::Decoder::new(stream.as_slice());
        decoder.decode().map_err(|e| e.to_string().into())
    })?;
    put(&samples, out, instance.bits_allocated)
}

fn jpeg_ls_header(stream: &[u8], instance: &Instance) -> Result<(), Failure> {
    let mut at = 2;
    while let Some([0xFF, marker, high, low]) = stream.get(at..at + 4) {
        if *marker == 0xF7 {
            let frame = stream.get(at + 5..at + 10).ok_or(NO_HEADER)?;
            let word = |i: usize| usize::from(u16::from_be_bytes([frame[i], frame[i + 1]]));
            return same_size((word(0), word(2), usize::from(frame[4])), instance);
        }
        at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    Err(NO_HEADER.into())
}

/// Pixels that are decoded well within the time that a cancelled call may go on.
const QUICK_PIXELS: usize = 1 << 20;

fn jpeg_ls(
    stream: Vec<u8>,
    instance: &Instance,
    out: &mut [u8],
    cancel: &CancelToken,
) -> Result<(), Failure> {
    jpeg_ls_header(&stream, instance)?;
    // Without its end the decoder searches zeros bit by bit for every missing pixel: seconds for one slice. What pads
    // it to an even length is a zero mostly, sometimes not.
    let tail = &stream[stream.len().saturating_sub(64)..];
    if !tail.windows(2).any(|w| w == [0xFF, 0xD9]) {
        return Err(BREAKS_OFF.into());
    }
    let decode = move || {
        let decoded = CharLS::default().decode(&stream);
        decoded.map_err(|e| Failure::from(e.to_string()))
    };
    let samples = match instance.rows * instance.columns {
        0..=QUICK_PIXELS => decode()?,
        _ => interruptible(cancel, decode)?,
    };
    put(&samples, out, instance.bits_allocated)
}

const NO_HEADER: &str = "it has no frame header";

fn jpeg_2000_header(stream: &[u8], instance: &Instance) -> Result<jpeg2000::Frame, Failure> {
    let frame = jpeg2000::frame(stream)?;
    same_size((frame.rows, frame.columns, frame.components), instance)?;
    if usize::from(frame.precision) > instance.bits_allocated {
        let bits = frame.precision;
        return Err(format!("{bits} bits a sample, the header allows fewer").into());
    }
    Ok(frame)
}

fn jpeg_2000(
    stream: Vec<u8>,
    instance: &Instance,
    out: &mut [u8],
    cancel: &CancelToken,
) -> Result<(), Failure> {
    let frame = jpeg_2000_header(&stream, instance)?;
    jpeg2000::check_complete(&stream, &frame)?;
    let image = interruptible(cancel, move || {
        let image = jpeg2k::Image::from_bytes(&stream).map_err(|_| "the stream is damaged")?;
        let component = image.components().first().ok_or("it has no component")?;
        let samples = component.data();
        let mut values = allocation::with_capacity(samples.len(), "the samples of a slice")?;
        values.extend(samples.iter().map(|v| *v as u16));
        Ok(values)
    })?;
    let element = instance.bits_allocated / 8;
    if image.len() * element != out.len() {
        return Err(format!("{} samples", image.len()).into());
    }
    for (value, sample) in out.chunks_exact_mut(element).zip(image) {
        match value {
            [byte] => *byte = sample as u8,
            wide => wide.copy_from_slice(&sample.to_ne_bytes()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
