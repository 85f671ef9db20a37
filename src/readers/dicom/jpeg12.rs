//! Sequential Huffman-coded DCT (ISO 10918-1 processes 1, 2 and 4), one component: decoded by hand for 12 bits, which no
//! maintained decoder in Rust reads, and walked through for 8 bits, whose decoder makes up what is missing at the end.
//!
//! Arithmetic in double precision: the standard leaves the inverse transform's rounding open, and decoders differ by one
//! at most.

use super::jpeg_entropy::{DAMAGED, Scan};
use crate::allocation;
use crate::cancel::CancelToken;
use crate::reading::Failure;

/// Index in the block of each coefficient as it is coded.
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Decodes a stream whose frame was checked: one component, 12 bits. Samples row by row.
pub fn decode(stream: &[u8], cancel: &CancelToken) -> Result<Vec<u16>, Failure> {
    let mut scan = Scan::new(stream)?;
    let (rows, columns) = (scan.frame.rows, scan.frame.columns);
    let steps = scan.quantisation.get(scan.frame.quantisation).copied();
    let steps = steps.flatten().ok_or(DAMAGED)?;
    let across = columns.div_ceil(8);
    let mut samples = allocation::zeros(rows * columns, "the samples of a JPEG")?;
    blocks(&mut scan, cancel, |n, coefficients| {
        let mut block = [0.0; 64];
        for (at, step) in ZIGZAG.into_iter().zip(steps) {
            block[at] = f64::from(coefficients[at]) * step;
        }
        let pixels = inverse_dct(&block);
        let (x0, y0) = (n % across * 8, n / across * 8);
        for y in y0..rows.min(y0 + 8) {
            for x in x0..columns.min(x0 + 8) {
                let value = pixels[(y - y0) * 8 + x - x0] + 2048.0;
                samples[y * columns + x] = value.round().clamp(0.0, 4095.0) as u16;
            }
        }
    })?;
    Ok(samples)
}

/// Returns an error unless every block of a sequential stream with one component is there.
pub fn check_complete(stream: &[u8], cancel: &CancelToken) -> Result<(), Failure> {
    blocks(&mut Scan::new(stream)?, cancel, |_, _| ())
}

/// Hands out the coefficients of each block, in rows of blocks.
fn blocks(
    scan: &mut Scan<'_>,
    cancel: &CancelToken,
    mut found: impl FnMut(usize, &[i32; 64]),
) -> Result<(), Failure> {
    let mut bits = scan.bits.clone();
    let (dc, ac) = (scan.dc()?, scan.ac()?);
    let across = scan.frame.columns.div_ceil(8);
    let mut previous = 0i32;
    for n in 0..across * scan.frame.rows.div_ceil(8) {
        if n % across == 0 {
            cancel.check()?;
        }
        if scan.restart_interval > 0 && n > 0 && n % scan.restart_interval == 0 {
            bits.restart()?;
            previous = 0;
        }
        let mut block = [0i32; 64];
        let size = dc.symbol(&mut bits)?;
        previous = previous.wrapping_add(bits.signed(size)?);
        block[0] = previous;
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
                    block[at] = bits.signed(size)?;
                    k += 1;
                }
            }
        }
        found(n, &block);
    }
    bits.finish()
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
