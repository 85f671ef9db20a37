//! Lossless Huffman-coded JPEG (ISO 10918-1 process 14), one component of 2 to 16 bits.

use super::jpeg_entropy::{Bits, DAMAGED, Huffman, Scan};
use crate::allocation;
use crate::cancel::CancelToken;
use crate::reading::Failure;

/// Decodes a stream whose frame was checked into `out`, native byte order, of one or two bytes a sample.
pub fn decode(
    stream: &[u8],
    bytes_per_sample: usize,
    out: &mut [u8],
    cancel: &CancelToken,
) -> Result<(), Failure> {
    let scan = Scan::new(stream)?;
    let mut bits = scan.bits.clone();
    let (columns, precision) = (scan.frame.columns, scan.frame.precision);
    let [predictor, _, transform] = scan.parameters;
    let shift = transform & 15;
    if !(1..=7).contains(&predictor) || !(2..=16).contains(&precision) || shift >= precision {
        return Err(DAMAGED.into());
    }
    if usize::from(precision) > 8 * bytes_per_sample {
        return Err(format!("{precision} bits a sample, the header allows fewer").into());
    }
    if !scan.restart_interval.is_multiple_of(columns) {
        return Err("its restart interval is no number of rows".into());
    }
    let line = Line {
        first: 1 << (precision - shift - 1),
        predictor,
        differences: scan.dc()?,
    };
    let rows_between = scan.restart_interval / columns;
    let mut row = allocation::zeros(columns, "a row of a JPEG")?;
    let mut above = allocation::zeros(columns, "a row of a JPEG")?;
    for (y, pixels) in out.chunks_exact_mut(columns * bytes_per_sample).enumerate() {
        cancel.check()?;
        let restarts = rows_between > 0 && y > 0 && y % rows_between == 0;
        if restarts {
            bits.restart()?;
        }
        if y == 0 || restarts {
            line.decode_first(&mut row, &mut bits)?
        } else {
            line.decode(&above, &mut row, &mut bits)?
        }
        for (pixel, sample) in pixels.chunks_exact_mut(bytes_per_sample).zip(&row) {
            let value = sample << shift;
            match pixel {
                [byte] => *byte = value as u8,
                wide => wide.copy_from_slice(&value.to_ne_bytes()),
            }
        }
        std::mem::swap(&mut row, &mut above);
    }
    bits.finish()
}

/// How the lines of a stream are coded.
struct Line<'a> {
    /// Prediction of the very first sample.
    first: u16,
    predictor: u8,
    differences: &'a Huffman,
}

impl Line<'_> {
    /// Decodes the first line, or the first after a restart: it has nothing above (H.1.2.1).
    fn decode_first(&self, row: &mut [u16], bits: &mut Bits<'_>) -> Result<(), Failure> {
        let mut left = self.first;
        for sample in row {
            left = left.wrapping_add(self.difference(bits)?);
            *sample = left;
        }
        Ok(())
    }

    fn decode(&self, above: &[u16], row: &mut [u16], bits: &mut Bits<'_>) -> Result<(), Failure> {
        let (mut left, mut corner) = (above[0], above[0]);
        for (x, (sample, above)) in row.iter_mut().zip(above).enumerate() {
            let [a, b, c] = [left, *above, corner].map(i32::from);
            let predicted = match self.predictor {
                _ if x == 0 => b,
                1 => a,
                2 => b,
                3 => c,
                4 => a + b - c,
                5 => a + ((b - c) >> 1),
                6 => b + ((a - c) >> 1),
                _ => (a + b) / 2,
            };
            left = (predicted as u16).wrapping_add(self.difference(bits)?);
            (*sample, corner) = (left, *above);
        }
        Ok(())
    }

    /// Takes a difference, modulo 65536; 16 bits stand for 32768 alone (H.1.2.2).
    fn difference(&self, bits: &mut Bits<'_>) -> Result<u16, Failure> {
        match self.differences.symbol(bits)? {
            16 => Ok(32768),
            size => Ok(bits.signed(size)? as u16),
        }
    }
}
