//! Compressed streams -> stored values. Each decoder's frame size is compared with the header's before it allocates.

use super::instance::Instance;
use charls::CharLS;
use jpeg_decoder::{Decoder as JpegDecoder, PixelFormat};

/// What a transfer syntax needs.
enum Codec {
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
}

fn codec(transfer_syntax: &str) -> Option<Codec> {
    Some(match transfer_syntax.strip_prefix("1.2.840.10008.1.2.")? {
        "5" => Codec::Rle,
        // Baseline, extended, lossless, lossless with first-order prediction.
        "4.50" | "4.51" | "4.57" | "4.70" => Codec::Jpeg,
        "4.80" | "4.81" => Codec::JpegLs,
        "4.90" | "4.91" => Codec::Jpeg2000,
        _ => return None,
    })
}

/// Decode the stream of one frame into `out`.
pub fn decode(stream: &[u8], instance: &Instance, out: &mut [u8]) -> Result<(), String> {
    let syntax = &instance.origin.transfer_syntax;
    match codec(syntax) {
        Some(Codec::Rle) => rle(stream, instance, out).map_err(|e| format!("RLE: {e}")),
        Some(Codec::Jpeg) => jpeg(stream, instance, out).map_err(|e| format!("JPEG: {e}")),
        Some(Codec::JpegLs) => jpeg_ls(stream, instance, out).map_err(|e| format!("JPEG-LS: {e}")),
        Some(Codec::Jpeg2000) => {
            jpeg_2000(stream, instance, out).map_err(|e| format!("JPEG 2000: {e}"))
        }
        None => Err(format!("transfer syntax {syntax} is not read")),
    }
}

/// Samples of one or two bytes, native byte order, into elements of the size allocated.
fn put(samples: &[u8], out: &mut [u8], allocated: usize) -> Result<(), String> {
    if samples.len() == out.len() {
        out.copy_from_slice(samples);
    } else if allocated == 16 && samples.len() * 2 == out.len() {
        // Codecs give one byte per sample where 8 bits are enough.
        for (wide, sample) in out.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
            *wide = u16::from(*sample).to_ne_bytes();
        }
    } else {
        return Err(format!(
            "{} bytes, the header says {}",
            samples.len(),
            out.len()
        ));
    }
    Ok(())
}

fn same_size(found: (usize, usize, usize), instance: &Instance) -> Result<(), String> {
    let wanted = (instance.rows, instance.columns, 1);
    if found == wanted {
        return Ok(());
    }
    let (rows, columns, components) = found;
    Err(format!(
        "its frame is {rows} x {columns} x {components}, the header says {} x {} x 1",
        wanted.0, wanted.1
    ))
}

/// PS3.5 Annex G: one PackBits segment for each byte of a sample, the high byte first.
fn rle(stream: &[u8], instance: &Instance, out: &mut [u8]) -> Result<(), String> {
    let size = instance.bits_allocated / 8;
    let word = |i: usize| {
        let bytes = stream.get(4 * i..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    };
    if word(0) != Some(size) {
        return Err(format!("{:?} segments, {size} are needed", word(0)));
    }
    for segment in 0..size {
        let first = word(1 + segment).unwrap_or(usize::MAX);
        let last = match segment + 1 < size {
            true => word(2 + segment).unwrap_or(0),
            false => stream.len(),
        };
        let packed = stream
            .get(first..last)
            .ok_or("a segment lies outside the stream")?;
        // Which byte of the sample this is in memory.
        let byte = match cfg!(target_endian = "big") {
            true => segment,
            false => size - 1 - segment,
        };
        unpack(packed, out.iter_mut().skip(byte).step_by(size)).ok_or("a segment breaks off")?;
    }
    Ok(())
}

/// PackBits: fills all of `out`, or says `None`.
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

fn jpeg(stream: &[u8], instance: &Instance, out: &mut [u8]) -> Result<(), String> {
    let mut decoder = JpegDecoder::new(stream);
    decoder.read_info().map_err(|e| e.to_string())?;
    let info = decoder.info().ok_or("it has no frame header")?;
    let components = match info.pixel_format {
        PixelFormat::L8 | PixelFormat::L16 => 1,
        _ => 3,
    };
    let size = (
        usize::from(info.height),
        usize::from(info.width),
        components,
    );
    same_size(size, instance)?;
    let samples = decoder.decode().map_err(|e| e.to_string())?;
    put(&samples, out, instance.bits_allocated)
}

fn jpeg_ls(stream: &[u8], instance: &Instance, out: &mut [u8]) -> Result<(), String> {
    // Without its end the decoder searches zeros bit by bit for every missing pixel: seconds for one slice.
    // What pads it to an even length is a zero mostly, sometimes not.
    let tail = &stream[stream.len().saturating_sub(64)..];
    if !tail.windows(2).any(|w| w == [0xFF, 0xD9]) {
        return Err("the stream breaks off".into());
    }
    let mut at = 2;
    loop {
        let &[0xFF, marker, high, low] = stream
            .get(at..)
            .and_then(|s| s.first_chunk::<4>())
            .ok_or("it has no frame header")?
        else {
            return Err("it has no frame header".into());
        };
        if marker == 0xF7 {
            break;
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    let frame = stream
        .get(at + 5..at + 10)
        .ok_or("it has no frame header")?;
    let word = |i: usize| usize::from(u16::from_be_bytes([frame[i], frame[i + 1]]));
    same_size((word(0), word(2), usize::from(frame[4])), instance)?;
    let samples = CharLS::default()
        .decode(stream)
        .map_err(|e| e.to_string())?;
    put(&samples, out, instance.bits_allocated)
}

fn jpeg_2000(stream: &[u8], instance: &Instance, out: &mut [u8]) -> Result<(), String> {
    // SIZ follows SOC at once (ISO 15444-1 A.5.1); in a JP2 file boxes come before.
    let at = stream
        .windows(4)
        .position(|w| w == [0xFF, 0x4F, 0xFF, 0x51])
        .ok_or("it has no frame header")?;
    let siz = stream
        .get(at + 4..at + 42)
        .ok_or("it has no frame header")?;
    let word = |i: usize| u32::from_be_bytes([siz[i], siz[i + 1], siz[i + 2], siz[i + 3]]) as usize;
    let components = usize::from(u16::from_be_bytes([siz[36], siz[37]]));
    let size = (
        word(8).wrapping_sub(word(16)),
        word(4).wrapping_sub(word(12)),
    );
    same_size((size.0, size.1, components), instance)?;
    let image = jpeg2k::Image::from_bytes(stream).map_err(|_| "the stream is damaged")?;
    let component = image.components().first().ok_or("it has no component")?;
    let samples = component.data();
    let element = instance.bits_allocated / 8;
    if samples.len() * element != out.len() {
        return Err(format!("{} samples", samples.len()));
    }
    for (value, sample) in out.chunks_exact_mut(element).zip(samples) {
        match element {
            1 => value[0] = *sample as u8,
            _ => value.copy_from_slice(&(*sample as u16).to_ne_bytes()),
        }
    }
    Ok(())
}
