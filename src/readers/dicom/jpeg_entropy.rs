//! What all kinds of Huffman-coded JPEG share (ISO 10918-1): markers, the frame and scan headers, tables, bits.

use crate::reading::Failure;

pub const DAMAGED: &str = "the stream is damaged";
pub const BREAKS_OFF: &str = "the stream breaks off";

/// What the frame header says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Marker SOF0 to SOF15, which names the process.
    pub marker: u8,
    pub rows: usize,
    pub columns: usize,
    pub components: usize,
    pub precision: u8,
    /// Quantisation table of the first component.
    pub quantisation: usize,
}

/// Returns the first frame header; `None` if there is none.
pub fn frame(stream: &[u8]) -> Option<Frame> {
    Segments(stream, 2).find_map(|(marker, body)| frame_of(marker, body))
}

fn frame_of(marker: u8, body: &[u8]) -> Option<Frame> {
    // All of this range but DHT, JPG and DAC.
    let is_frame = matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC);
    let [precision, r1, r0, c1, c0, components, ref rest @ ..] = *body else {
        return None;
    };
    is_frame.then_some(Frame {
        marker,
        rows: usize::from(u16::from_be_bytes([r1, r0])),
        columns: usize::from(u16::from_be_bytes([c1, c0])),
        components: usize::from(components),
        precision,
        quantisation: rest.get(2).map_or(usize::MAX, |t| usize::from(*t)),
    })
}

/// Marker segments up to the scan, which ends the iteration after it was given.
struct Segments<'a>(&'a [u8], usize);

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let Segments(stream, mut at) = *self;
        // Fill bytes may come before a marker (B.1.1.2).
        while stream.get(at..at + 2)? == [0xFF, 0xFF] {
            at += 1;
        }
        let [0xFF, marker, high, low] = *stream.get(at..at + 4)? else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = stream.get(at + 4..at + 2 + length)?;
        // Past the end: nothing follows the scan's header but its data.
        self.1 = match marker {
            0xDA => stream.len(),
            _ => at + 2 + length,
        };
        Some((marker, body))
    }
}

/// The only scan of a stream with one component, ready to be decoded.
pub struct Scan<'a> {
    pub frame: Frame,
    pub quantisation: [Option<[f64; 64]>; 4],
    tables: [Option<Huffman>; 8],
    selectors: u8,
    /// Ss, Se, and Ah with Al.
    pub parameters: [u8; 3],
    /// Units between restart markers; 0 without.
    pub restart_interval: usize,
    pub bits: Bits<'a>,
}

impl<'a> Scan<'a> {
    /// Reads all headers.
    pub fn new(stream: &'a [u8]) -> Result<Self, Failure> {
        let mut quantisation = [None; 4];
        let mut tables: [Option<Huffman>; 8] = Default::default();
        let (mut restart_interval, mut frame, mut scan) = (0, None, None);
        for (marker, body) in Segments(stream, 2) {
            match marker {
                0xDB => read_quantisation(body, &mut quantisation)?,
                0xC4 => read_huffman(body, &mut tables)?,
                0xDD => {
                    let value = body.first_chunk::<2>().ok_or(DAMAGED)?;
                    restart_interval = usize::from(u16::from_be_bytes(*value));
                }
                0xDA => {
                    let [1, _, selectors, parameters @ ..] = body else {
                        return Err("its scan has several components".into());
                    };
                    let parameters = *parameters.first_chunk::<3>().ok_or(DAMAGED)?;
                    let data_at = body.as_ptr_range().end.addr() - stream.as_ptr().addr();
                    let data = stream.get(data_at..).ok_or(DAMAGED)?;
                    scan = Some((*selectors, parameters, data));
                }
                _ => frame = frame.or(frame_of(marker, body)),
            }
        }
        let (selectors, parameters, data) = scan.ok_or("it has no scan")?;
        Ok(Self {
            frame: frame.ok_or("it has no frame header")?,
            quantisation,
            tables,
            selectors,
            parameters,
            restart_interval,
            bits: Bits::new(data),
        })
    }

    /// Returns the table of DC coefficients, or of differences.
    pub fn dc(&self) -> Result<&Huffman, Failure> {
        self.table(usize::from(self.selectors >> 4))
    }

    /// Returns the table of AC coefficients.
    pub fn ac(&self) -> Result<&Huffman, Failure> {
        self.table(4 + usize::from(self.selectors & 15))
    }

    fn table(&self, n: usize) -> Result<&Huffman, Failure> {
        let table = self.tables.get(n).and_then(Option::as_ref);
        table.ok_or_else(|| DAMAGED.into())
    }
}

fn read_quantisation(mut body: &[u8], into: &mut [Option<[f64; 64]>; 4]) -> Result<(), Failure> {
    while let Some((kind, rest)) = body.split_first() {
        let wide = kind >> 4 != 0;
        let bytes = if wide { 128 } else { 64 };
        let values = rest.get(..bytes).ok_or(DAMAGED)?;
        let table = std::array::from_fn(|i| {
            if wide {
                f64::from(u16::from_be_bytes([values[2 * i], values[2 * i + 1]]))
            } else {
                f64::from(values[i])
            }
        });
        *into.get_mut(usize::from(kind & 15)).ok_or(DAMAGED)? = Some(table);
        body = &rest[bytes..];
    }
    Ok(())
}

/// DC tables are 0 to 3, AC tables 4 to 7.
fn read_huffman(mut body: &[u8], into: &mut [Option<Huffman>; 8]) -> Result<(), Failure> {
    while let Some((kind, rest)) = body.split_first() {
        let counts = rest.first_chunk::<16>().ok_or(DAMAGED)?;
        let n: usize = counts.iter().map(|c| usize::from(*c)).sum();
        let symbols = rest.get(16..16 + n).ok_or(DAMAGED)?;
        let slot = usize::from(kind >> 4 & 1) * 4 + usize::from(kind & 3);
        into[slot] = Some(Huffman::new(counts, symbols)?);
        body = &rest[16 + n..];
    }
    Ok(())
}

/// Symbol and length of every code, looked up by the next 16 bits.
pub struct Huffman(Vec<(u8, u8)>);

impl Huffman {
    fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, Failure> {
        let mut table = crate::allocation::zeros(1 << 16, "a Huffman table")?;
        let (mut code, mut symbols) = (0usize, symbols.iter());
        for (n, count) in counts.iter().enumerate() {
            let length = n + 1;
            for _ in 0..*count {
                let symbol = *symbols.next().ok_or(DAMAGED)?;
                let first = code << (16 - length);
                let slots = table.get_mut(first..first + (1 << (16 - length)));
                slots.ok_or(DAMAGED)?.fill((symbol, length as u8));
                code += 1;
            }
            code <<= 1;
        }
        Ok(Self(table))
    }

    /// Takes the next symbol.
    #[inline]
    pub fn symbol(&self, bits: &mut Bits<'_>) -> Result<u8, Failure> {
        let (symbol, length) = self.0[bits.peek16()];
        if length == 0 {
            return Err(bits.damaged());
        }
        bits.skip(length)?;
        Ok(symbol)
    }
}

/// Entropy-coded bits; a stuffed zero follows every FF.
#[derive(Clone)]
pub struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    held: u64,
    count: u8,
    /// Bits among those held that were made up beyond the end.
    missing: u8,
    restarts: u8,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            held: 0,
            count: 0,
            missing: 0,
            restarts: 0,
        }
    }

    fn refill(&mut self) {
        while self.count <= 48 {
            let byte = match self.data.get(self.at..) {
                Some([0xFF, 0, ..]) => {
                    self.at += 2;
                    0xFF
                }
                Some([byte, ..]) if *byte != 0xFF => {
                    self.at += 1;
                    *byte
                }
                // A marker or the end: zeros, which may be looked at but not taken.
                _ => {
                    self.missing += 8;
                    0
                }
            };
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    #[inline]
    fn peek16(&mut self) -> usize {
        if self.count < 16 {
            self.refill();
        }
        (self.held >> (self.count - 16) & 0xFFFF) as usize
    }

    /// Takes bits; those that were made up are none.
    #[inline]
    fn skip(&mut self, n: u8) -> Result<(), Failure> {
        self.count -= n;
        if self.count < self.missing {
            Err(BREAKS_OFF.into())
        } else {
            Ok(())
        }
    }

    /// Returns what is wrong with bits that are no code: made-up ones hide a code that breaks off.
    fn damaged(&self) -> Failure {
        if self.count < self.missing + 16 {
            BREAKS_OFF.into()
        } else {
            DAMAGED.into()
        }
    }

    /// Takes a difference or coefficient of `size` bits, at most 16 (F.2.2.1).
    #[inline]
    pub fn signed(&mut self, size: u8) -> Result<i32, Failure> {
        if size == 0 {
            return Ok(0);
        }
        if size > 16 {
            return Err(DAMAGED.into());
        }
        let value = (self.peek16() >> (16 - size)) as i32;
        self.skip(size)?;
        let half = 1 << (size - 1);
        Ok(if value < half {
            value - 2 * half + 1
        } else {
            value
        })
    }

    /// Goes on after a restart marker, which must come next and in turn.
    pub fn restart(&mut self) -> Result<(), Failure> {
        self.marker(0xD0 + self.restarts, "a restart marker is missing")?;
        self.restarts = (self.restarts + 1) % 8;
        (self.held, self.count, self.missing) = (0, 0, 0);
        Ok(())
    }

    /// Returns an error unless the end of the image comes next: what else there is was not decoded, or was put in the
    /// place of what is missing.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.marker(0xD9, "its scan does not end with its last pixel")
    }

    /// Goes beyond a marker; at most the rest of a byte may come before it, and fill bytes.
    fn marker(&mut self, wanted: u8, missing: &str) -> Result<(), Failure> {
        self.refill();
        let rest = self.data.get(self.at..).unwrap_or_default();
        let fill = rest.iter().take_while(|b| **b == 0xFF).count();
        match rest.get(fill) {
            None => Err(BREAKS_OFF.into()),
            Some(found) if *found == wanted && fill > 0 && self.count - self.missing < 8 => {
                self.at += fill + 1;
                Ok(())
            }
            Some(_) => Err(missing.into()),
        }
    }
}
