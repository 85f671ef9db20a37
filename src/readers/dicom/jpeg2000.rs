//! What a JPEG 2000 codestream (ISO 15444-1 Annex A) says about itself, looked at before the decoder is: its frame, what
//! decoding it would cost, and whether all of it is there.

use super::jpeg_entropy::BREAKS_OFF;
use crate::reading::Failure;

/// A slice is one tile, or a few; the decoder keeps some kilobytes for each that the header claims.
const MAX_TILES: usize = 64;
/// Precincts of all resolutions: encoders use one for each, or squares of 128 or 256.
const MAX_PRECINCTS: usize = 1 << 14;
/// Packets: one for each precinct and layer.
const MAX_PACKETS: usize = 1 << 18;
/// Code blocks: encoders use squares of 32 or 64.
const MAX_BLOCKS: usize = 1 << 18;

const NO_HEADER: &str = "it has no frame header";

/// What the header says.
pub struct Frame {
    /// First byte of the codestream; in a JP2 file boxes come before.
    start: usize,
    pub rows: usize,
    pub columns: usize,
    pub components: usize,
    pub precision: u8,
    tiles: usize,
}

/// Reads the header. SIZ follows SOC at once (A.5.1).
pub fn frame(stream: &[u8]) -> Result<Frame, Failure> {
    let start = stream
        .windows(4)
        .position(|w| w == [0xFF, 0x4F, 0xFF, 0x51])
        .ok_or(NO_HEADER)?;
    let siz = stream.get(start + 4..start + 43).ok_or(NO_HEADER)?;
    let word = |i: usize| u32::from_be_bytes([siz[i], siz[i + 1], siz[i + 2], siz[i + 3]]) as usize;
    let count =
        |size: usize, first: usize, tile: usize| size.saturating_sub(first).div_ceil(tile.max(1));
    let frame = Frame {
        start,
        columns: word(4).wrapping_sub(word(12)),
        rows: word(8).wrapping_sub(word(16)),
        tiles: count(word(4), word(28), word(20)).saturating_mul(count(
            word(8),
            word(32),
            word(24),
        )),
        components: usize::from(u16::from_be_bytes([siz[36], siz[37]])),
        precision: (siz[38] & 0x7F) + 1,
    };
    match frame.tiles {
        0..=MAX_TILES => Ok(frame),
        tiles => Err(format!("{tiles} tiles").into()),
    }
}

/// Returns an error unless the whole codestream is there and costs no more to decode than a slice does.
pub fn check_complete(stream: &[u8], frame: &Frame) -> Result<(), Failure> {
    let stream = &stream[frame.start..];
    let mut seen = [false; MAX_TILES];
    let mut at = check_header(stream, 2, stream.len(), frame)?;
    loop {
        let marker = stream.get(at..at + 2).ok_or(BREAKS_OFF)?;
        if marker == [0xFF, 0xD9] {
            break;
        }
        let [0xFF, 0x90, 0, 10, t1, t0, p3, p2, p1, p0, ..] = stream[at..] else {
            return Err(BREAKS_OFF.into());
        };
        let tile = usize::from(u16::from_be_bytes([t1, t0]));
        let length = u32::from_be_bytes([p3, p2, p1, p0]) as usize;
        let end = match length {
            // The last tile-part goes on to the end of the codestream.
            0 => ends_at(&stream[at..]).ok_or(BREAKS_OFF)? + at,
            1..14 => return Err("the stream is damaged".into()),
            _ => at + length,
        };
        if end > stream.len() {
            return Err(BREAKS_OFF.into());
        }
        check_header(stream, at + 12, end, frame)?;
        *seen.get_mut(tile).ok_or("the stream is damaged")? = true;
        at = end;
    }
    if seen.iter().filter(|s| **s).count() == frame.tiles {
        Ok(())
    } else {
        Err("tiles are missing".into())
    }
}

/// Returns where the end marker is, which only zeros may follow.
fn ends_at(stream: &[u8]) -> Option<usize> {
    let used = stream.iter().rposition(|b| *b != 0)? + 1;
    stream[..used].ends_with(&[0xFF, 0xD9]).then(|| used - 2)
}

/// Walks through the marker segments of a main header or tile-part header, which ends before SOT or after SOD, and
/// checks what they make the decoder allocate. Returns where it ends.
fn check_header(stream: &[u8], mut at: usize, end: usize, frame: &Frame) -> Result<usize, Failure> {
    loop {
        let [0xFF, marker, high, low] = *stream.get(at..at + 4).ok_or(BREAKS_OFF)? else {
            return Err("the stream is damaged".into());
        };
        match marker {
            0x90 | 0x93 => return Ok(at),
            _ => {}
        }
        let next = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        if next > end || next < at + 4 {
            return Err(BREAKS_OFF.into());
        }
        let body = &stream[at + 4..next];
        match marker {
            0x52 => {
                let style = body.get(5..).ok_or("the stream is damaged")?;
                let layers = usize::from(u16::from_be_bytes([body[2], body[3]]));
                check_cost(style, body[0] & 1 != 0, layers, frame)?;
            }
            0x53 => {
                // Two bytes name the component where there are more than 256, which was refused.
                let style = body.get(2..).ok_or("the stream is damaged")?;
                check_cost(style, body[1] & 1 != 0, 1, frame)?;
            }
            _ => {}
        }
        at = next;
    }
}

/// Checks the coding style of a component (Table A.15): levels, block sizes, and precinct sizes if it has its own.
fn check_cost(style: &[u8], precincts: bool, layers: usize, frame: &Frame) -> Result<(), Failure> {
    let [levels, width, height, _, _, sizes @ ..] = style else {
        return Err("the stream is damaged".into());
    };
    let levels = u32::from(*levels);
    if levels > 32 || *width > 8 || *height > 8 {
        return Err("the stream is damaged".into());
    }
    let count = |size: usize, log: u32| size.div_ceil(1usize.checked_shl(log).unwrap_or(1)).max(1);
    let (mut all, mut blocks) = (0usize, 0usize);
    for resolution in 0..=levels {
        let (x, y) = if precincts {
            let size = *sizes
                .get(resolution as usize)
                .ok_or("the stream is damaged")?;
            (u32::from(size & 15), u32::from(size >> 4))
        } else {
            (15, 15)
        };
        let reduced = |size: usize| count(size, levels - resolution);
        let (columns, rows) = (reduced(frame.columns), reduced(frame.rows));
        all += (count(columns, x) + frame.tiles) * (count(rows, y) + frame.tiles);
        // A block is no larger than its precinct, which has half the size in the bands of higher resolutions.
        let inner = |log: u32| log.saturating_sub(u32::from(resolution > 0));
        let (w, h) = (
            (u32::from(*width) + 2).min(inner(x)),
            (u32::from(*height) + 2).min(inner(y)),
        );
        blocks += count(columns, w) * count(rows, h);
    }
    // The bound is loose by the edges of tiles.
    let allowed = MAX_PRECINCTS + (frame.tiles + 1) * (frame.tiles + 1) * (levels as usize + 1);
    if all > allowed || all.saturating_mul(layers) > MAX_PACKETS.max(allowed) {
        return Err(format!("{all} precincts in {layers} layers").into());
    }
    match blocks {
        0..=MAX_BLOCKS => Ok(()),
        _ => Err(format!("{blocks} code blocks").into()),
    }
}
