//! JPEG Extended (process 4, ISO 10918-1): sequential Huffman-coded DCT of 12-bit samples, one component.
//!
//! By hand, for no maintained decoder in Rust reads 12 bits. Arithmetic in double precision: the standard leaves the
//! inverse transform's rounding open, and decoders differ by one at most.

/// What the frame header says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    pub rows: usize,
    pub columns: usize,
    pub components: usize,
    pub precision: u8,
}

/// The frame header of a sequential DCT stream; `None` if there is none.
pub fn frame(stream: &[u8]) -> Option<Frame> {
    Segments(stream, 2).find_map(|(marker, body)| {
        let [precision, r1, r0, c1, c0, components, ..] = *body else {
            return None;
        };
        matches!(marker, 0xC0 | 0xC1).then_some(Frame {
            rows: usize::from(u16::from_be_bytes([r1, r0])),
            columns: usize::from(u16::from_be_bytes([c1, c0])),
            components: usize::from(components),
            precision,
        })
    })
}

/// Marker segments up to the scan, which ends the iteration after it was given.
struct Segments<'a>(&'a [u8], usize);

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let Segments(stream, at) = *self;
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

/// Index in the block of each coefficient as it is coded.
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Decode a stream whose frame was checked: one component, 12 bits. Samples row by row.
pub fn decode(stream: &[u8], frame: Frame) -> Result<Vec<u16>, String> {
    let mut quantisation: [Option<[f64; 64]>; 4] = [None; 4];
    let mut tables: [Option<Box<Huffman>>; 8] = Default::default();
    let mut restart_interval = 0usize;
    let (mut quantised_by, mut scan) = (0, None);
    for (marker, body) in Segments(stream, 2) {
        match marker {
            0xDB => read_quantisation(body, &mut quantisation)?,
            0xC4 => read_huffman(body, &mut tables)?,
            0xC0 | 0xC1 => quantised_by = usize::from(*body.get(8).ok_or(DAMAGED)?),
            0xDD => {
                let value = body.first_chunk::<2>().ok_or(DAMAGED)?;
                restart_interval = usize::from(u16::from_be_bytes(*value));
            }
            0xDA => {
                let selectors = *body.get(2).ok_or(DAMAGED)?;
                let data_at = body.as_ptr_range().end.addr() - stream.as_ptr().addr();
                scan = Some((selectors, data_at));
            }
            _ => {}
        }
    }
    let (selectors, data_at) = scan.ok_or("it has no scan")?;
    let table = |n: usize| tables.get(n).and_then(|t| t.as_deref()).ok_or(DAMAGED);
    let (dc, ac) = (
        table(usize::from(selectors >> 4))?,
        table(4 + usize::from(selectors & 15))?,
    );
    let steps = quantisation.get(quantised_by).copied().flatten();
    let steps = steps.ok_or(DAMAGED)?;
    let across = frame.columns.div_ceil(8);
    let mut samples = vec![0u16; frame.rows * frame.columns];
    let mut bits = Bits::new(stream.get(data_at..).ok_or(DAMAGED)?);
    let mut previous = 0i32;
    for n in 0..across * frame.rows.div_ceil(8) {
        if restart_interval > 0 && n > 0 && n % restart_interval == 0 {
            bits.restart()?;
            previous = 0;
        }
        let mut block = [0f64; 64];
        let size = dc.symbol(&mut bits)?;
        previous = previous.wrapping_add(bits.signed(size)?);
        block[0] = f64::from(previous) * steps[0];
        let mut k = 1;
        while k < 64 {
            let symbol = ac.symbol(&mut bits)?;
            let (run, size) = (usize::from(symbol >> 4), symbol & 15);
            match (run, size) {
                (15, 0) => k += 16,
                (_, 0) => break,
                _ => {
                    k += run;
                    let at = *ZIGZAG.get(k).ok_or(DAMAGED)?;
                    block[at] = f64::from(bits.signed(size)?) * steps[k];
                    k += 1;
                }
            }
        }
        let pixels = inverse_dct(&block);
        let (x0, y0) = (n % across * 8, n / across * 8);
        for y in y0..frame.rows.min(y0 + 8) {
            for x in x0..frame.columns.min(x0 + 8) {
                let value = pixels[(y - y0) * 8 + x - x0] + 2048.0;
                samples[y * frame.columns + x] = value.round().clamp(0.0, 4095.0) as u16;
            }
        }
    }
    Ok(samples)
}

const DAMAGED: &str = "the stream is damaged";

fn read_quantisation(mut body: &[u8], into: &mut [Option<[f64; 64]>; 4]) -> Result<(), String> {
    while let Some((kind, rest)) = body.split_first() {
        let wide = kind >> 4 != 0;
        let bytes = if wide { 128 } else { 64 };
        let values = rest.get(..bytes).ok_or(DAMAGED)?;
        let table = std::array::from_fn(|i| match wide {
            true => f64::from(u16::from_be_bytes([values[2 * i], values[2 * i + 1]])),
            false => f64::from(values[i]),
        });
        *into.get_mut(usize::from(kind & 15)).ok_or(DAMAGED)? = Some(table);
        body = &rest[bytes..];
    }
    Ok(())
}

/// DC tables are 0 to 3, AC tables 4 to 7.
fn read_huffman(mut body: &[u8], into: &mut [Option<Box<Huffman>>; 8]) -> Result<(), String> {
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
struct Huffman([(u8, u8); 1 << 16]);

impl Huffman {
    fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Box<Self>, String> {
        let mut table = Box::new(Self([(0, 0); 1 << 16]));
        let (mut code, mut symbols) = (0usize, symbols.iter());
        for (n, count) in counts.iter().enumerate() {
            let length = n + 1;
            for _ in 0..*count {
                let symbol = *symbols.next().ok_or(DAMAGED)?;
                let first = code << (16 - length);
                let slots = table.0.get_mut(first..first + (1 << (16 - length)));
                slots.ok_or(DAMAGED)?.fill((symbol, length as u8));
                code += 1;
            }
            code <<= 1;
        }
        Ok(table)
    }

    fn symbol(&self, bits: &mut Bits<'_>) -> Result<u8, String> {
        let (symbol, length) = self.0[bits.peek16()];
        if length == 0 {
            return Err(DAMAGED.into());
        }
        bits.skip(length)?;
        Ok(symbol)
    }
}

/// Entropy-coded bits; a stuffed zero follows every FF.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    held: u64,
    count: u8,
    /// Bits that were made up beyond the end.
    missing: usize,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            held: 0,
            count: 0,
            missing: 0,
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
                // A marker or the end: zeros, which a sound stream never asks for in number.
                _ => {
                    self.missing += 8;
                    0
                }
            };
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    fn peek16(&mut self) -> usize {
        self.refill();
        (self.held >> (self.count - 16) & 0xFFFF) as usize
    }

    fn skip(&mut self, n: u8) -> Result<(), String> {
        self.count -= n;
        if self.missing > usize::from(self.count) + 64 {
            return Err("the stream breaks off".into());
        }
        Ok(())
    }

    /// A difference or coefficient of `size` bits (F.2.2.1).
    fn signed(&mut self, size: u8) -> Result<i32, String> {
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

    /// Go on after the next restart marker.
    fn restart(&mut self) -> Result<(), String> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let marker = rest
            .windows(2)
            .position(|w| w[0] == 0xFF && (0xD0..=0xD7).contains(&w[1]));
        self.at += marker.ok_or("a restart marker is missing")? + 2;
        (self.held, self.count, self.missing) = (0, 0, 0);
        Ok(())
    }
}

/// A.3.3, rows then columns.
fn inverse_dct(block: &[f64; 64]) -> [f64; 64] {
    let pass = |input: &[f64; 64]| {
        let mut out = [0f64; 64];
        for row in 0..8 {
            for x in 0..8 {
                let sum: f64 = (0..8).map(|u| BASIS[x][u] * input[row * 8 + u]).sum();
                out[x * 8 + row] = sum; // transposed, so that the second pass does the columns
            }
        }
        out
    };
    pass(&pass(block))
}

/// `C(u) / 2 * cos((2 x + 1) u pi / 16)`
static BASIS: std::sync::LazyLock<[[f64; 8]; 8]> = std::sync::LazyLock::new(|| {
    std::array::from_fn(|x| {
        std::array::from_fn(|u| {
            let scale = if u == 0 { 0.125f64.sqrt() } else { 0.5 };
            let angle = (2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0;
            scale * angle.cos()
        })
    })
});
