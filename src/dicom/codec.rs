//! Compressed streams -> stored values. Each decoder's frame size is compared with the header's before it allocates.

use super::instance::Instance;
use super::jpeg12;
use charls::CharLS;
use jpeg_decoder::{Decoder as JpegDecoder, PixelFormat};

/// What a transfer syntax needs.
enum Codec {
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
}

fn codec(instance: &Instance) -> Result<Codec, String> {
    let syntax = &instance.origin.transfer_syntax;
    match syntax
        .strip_prefix("1.2.840.10008.1.2.")
        .unwrap_or_default()
    {
        "5" => Ok(Codec::Rle),
        // Baseline, extended, lossless, lossless with first-order prediction.
        "4.50" | "4.51" | "4.57" | "4.70" => Ok(Codec::Jpeg),
        "4.80" | "4.81" => Ok(Codec::JpegLs),
        "4.90" | "4.91" => Ok(Codec::Jpeg2000),
        _ => Err(format!("transfer syntax {syntax} is not read")),
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
}

/// Compare a stream's own frame size with the header's, before anything is allocated for either.
pub fn check(stream: &[u8], instance: &Instance) -> Result<(), String> {
    let codec = codec(instance)?;
    let size = match codec {
        Codec::Rle => rle_can_hold(stream, instance),
        Codec::Jpeg => jpeg_header(stream, instance).map(|_| ()),
        Codec::JpegLs => jpeg_ls_header(stream, instance),
        Codec::Jpeg2000 => jpeg_2000_header(stream, instance),
    };
    size.map_err(|e| format!("{}: {e}", codec.name()))
}

/// Decode the stream of one frame into `out`.
pub fn decode(stream: &[u8], instance: &Instance, out: &mut [u8]) -> Result<(), String> {
    let codec = codec(instance)?;
    let decoded = match codec {
        Codec::Rle => rle(stream, instance, out),
        Codec::Jpeg => jpeg(stream, instance, out),
        Codec::JpegLs => jpeg_ls(stream, instance, out),
        Codec::Jpeg2000 => jpeg_2000(stream, instance, out),
    };
    decoded.map_err(|e| format!("{}: {e}", codec.name()))
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

/// Two bytes of PackBits make 128 at most.
fn rle_can_hold(stream: &[u8], instance: &Instance) -> Result<(), String> {
    let bytes = instance.rows * instance.columns * (instance.bits_allocated / 8);
    match bytes / 64 <= stream.len() {
        true => Ok(()),
        false => Err("the header asks for more pixels than it can hold".into()),
    }
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

/// The two kinds of JPEG: 12-bit DCT, and what the library reads (8-bit DCT, lossless of any depth).
enum Jpeg<'a> {
    TwelveBit(jpeg12::Frame),
    Other(Box<JpegDecoder<&'a [u8]>>),
}

fn jpeg_header<'a>(stream: &'a [u8], instance: &Instance) -> Result<Jpeg<'a>, String> {
    if let Some(frame) = jpeg12::frame(stream).filter(|f| f.precision == 12) {
        same_size((frame.rows, frame.columns, frame.components), instance)?;
        return Ok(Jpeg::TwelveBit(frame));
    }
    let mut decoder = JpegDecoder::new(stream);
    decoder.read_info().map_err(|e| e.to_string())?;
    let info = decoder.info().ok_or(NO_HEADER)?;
    let components = match info.pixel_format {
        PixelFormat::L8 | PixelFormat::L16 => 1,
        _ => 3,
    };
    let (rows, columns) = (usize::from(info.height), usize::from(info.width));
    same_size((rows, columns, components), instance)?;
    Ok(Jpeg::Other(Box::new(decoder)))
}

fn jpeg(stream: &[u8], instance: &Instance, out: &mut [u8]) -> Result<(), String> {
    let samples = match jpeg_header(stream, instance)? {
        Jpeg::TwelveBit(frame) => {
            let samples = jpeg12::decode(stream, frame)?;
            samples.iter().flat_map(|v| v.to_ne_bytes()).collect()
        }
        Jpeg::Other(mut decoder) => decoder.decode().map_err(|e| e.to_string())?,
    };
    put(&samples, out, instance.bits_allocated)
}

fn jpeg_ls_header(stream: &[u8], instance: &Instance) -> Result<(), String> {
    // Without its end the decoder searches zeros bit by bit for every missing pixel: seconds for one slice. What pads
    // it to an even length is a zero mostly, sometimes not.
    let tail = &stream[stream.len().saturating_sub(64)..];
    if !tail.windows(2).any(|w| w == [0xFF, 0xD9]) {
        return Err("the stream breaks off".into());
    }
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

fn jpeg_ls(stream: &[u8], instance: &Instance, out: &mut [u8]) -> Result<(), String> {
    jpeg_ls_header(stream, instance)?;
    let samples = CharLS::default()
        .decode(stream)
        .map_err(|e| e.to_string())?;
    put(&samples, out, instance.bits_allocated)
}

const NO_HEADER: &str = "it has no frame header";
/// A slice is one tile, or a few; the decoder keeps some kilobytes for each that the header claims.
const MAX_TILES: usize = 64;

fn jpeg_2000_header(stream: &[u8], instance: &Instance) -> Result<(), String> {
    // SIZ follows SOC at once (ISO 15444-1 A.5.1); in a JP2 file boxes come before.
    let at = stream
        .windows(4)
        .position(|w| w == [0xFF, 0x4F, 0xFF, 0x51])
        .ok_or(NO_HEADER)?;
    let siz = stream.get(at + 4..at + 42).ok_or(NO_HEADER)?;
    let word = |i: usize| u32::from_be_bytes([siz[i], siz[i + 1], siz[i + 2], siz[i + 3]]) as usize;
    let components = usize::from(u16::from_be_bytes([siz[36], siz[37]]));
    let rows = word(8).wrapping_sub(word(16));
    let columns = word(4).wrapping_sub(word(12));
    same_size((rows, columns, components), instance)?;
    let count = |size: usize, tile: usize| size.div_ceil(tile.max(1));
    let tiles = count(word(4), word(20)).saturating_mul(count(word(8), word(24)));
    match tiles {
        0..=MAX_TILES => Ok(()),
        _ => Err(format!("{tiles} tiles")),
    }
}

fn jpeg_2000(stream: &[u8], instance: &Instance, out: &mut [u8]) -> Result<(), String> {
    jpeg_2000_header(stream, instance)?;
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
