//! 3 x 3 convolutions of single precision by Winograd's F(2 x 2, 3 x 3): sixteen products for four pixels instead of
//! thirty-six (Lavin and Gray 2016, arXiv:1509.09308). Inputs are only added and subtracted and weights halved, so it is
//! about as exact as multiplying them all; the larger variants are not, and BF16 would not be with any.
//!
//! Four by four pixels are taken apart into sixteen components, each component is a matrix product over the channels, and
//! two by two pixels come back from sixteen outcomes.
#![allow(unsafe_code)]

use super::instructions::{BLOCK, Instructions, Line, Task};
use super::tile::ConvArgs;

/// Components of a tile.
const PARTS: usize = 16;

/// Lines that the components of a layer's input and outcome take: for the larger of the two kinds below.
pub const WORKSPACE: usize = PARTS * 49 * (8 + 4);

/// The sixteen weights of a kernel's nine: G g G'.
fn weights(kernel: [[f64; 3]; 3]) -> [f32; PARTS] {
    let wide = |v: [f64; 3]| {
        let (ends, middle) = (v[0] + v[2], v[1]);
        [v[0], (ends + middle) / 2.0, (ends - middle) / 2.0, v[2]]
    };
    let rows = kernel.map(wide);
    let mut out = [0.0; PARTS];
    for column in 0..4 {
        let tall = wide([rows[0][column], rows[1][column], rows[2][column]]);
        for (row, v) in tall.into_iter().enumerate() {
            out[row * 4 + column] = v as f32;
        }
    }
    out
}

/// Returns how many blocks of outputs lie together in the weights of a layer with so many inputs: as many as a tile has.
fn blocks<I: Instructions>(inputs: usize) -> usize {
    match (I::WIDE, inputs) {
        (true, 64) => 2,
        (true, _) => 4,
        (false, _) => 1,
    }
}

/// Lays weights out, of some outputs x inputs x 3 x 3, by groups of blocks of outputs, components, inputs, blocks.
pub fn pack<I: Instructions>(inputs: usize, values: &[[u8; 4]], to: &mut Vec<Line>) {
    let blocks = blocks::<I>(inputs);
    for outputs in values.chunks_exact(blocks * BLOCK * inputs * 9) {
        let first = to.len();
        to.resize(first + blocks * inputs * PARTS, Line([0; BLOCK]));
        for (n, taps) in outputs.as_chunks::<9>().0.iter().enumerate() {
            let (o, i) = (n / inputs, n % inputs);
            let tap = |y: usize, x: usize| f64::from(f32::from_le_bytes(taps[y * 3 + x]));
            let kernel = std::array::from_fn(|y| std::array::from_fn(|x| tap(y, x)));
            for (part, v) in weights(kernel).into_iter().enumerate() {
                let line = first + (part * inputs + i) * blocks + o / BLOCK;
                to[line].0[o % BLOCK] = v.to_bits();
            }
        }
    }
}

/// Computes a convolution of 28 x 28 pixels and 64 channels by rows of tiles: what a row of them needs stays in the nearest
/// cache.
///
/// # Safety
/// `args` describes this shape and its pointers reach that far. Its rows are pairs of rows.
pub unsafe fn convolve28<I: Instructions>(simd: I, args: &ConvArgs, workspace: &mut [Line]) {
    if I::WIDE {
        simd.run(Winograd::<I, 28, 1, 14, 2>::new(simd, args, workspace));
    } else {
        simd.run(Winograd::<I, 28, 1, 6, 1>::new(simd, args, workspace));
    }
}

/// Computes a convolution of 14 x 14 pixels and 128 channels, all tiles at once: the weights, a megabyte, are read once.
///
/// # Safety
/// As for [`convolve28`].
pub unsafe fn convolve14<I: Instructions>(simd: I, args: &ConvArgs, workspace: &mut [Line]) {
    if I::WIDE {
        simd.run(Winograd::<I, 14, 7, 7, 4>::new(simd, args, workspace));
    } else {
        simd.run(Winograd::<I, 14, 7, 6, 1>::new(simd, args, workspace));
    }
}

/// A convolution that keeps what its function promised: `R` rows of tiles at a time, `C` tiles times `O` blocks, as many as
/// `pack` puts together, of output channels in registers.
struct Winograd<'a, I, const SIDE: usize, const R: usize, const C: usize, const O: usize>(
    I,
    &'a ConvArgs,
    *mut f32,
);

impl<'a, I: Instructions, const SIDE: usize, const R: usize, const C: usize, const O: usize>
    Winograd<'a, I, SIDE, R, C, O>
{
    fn new(simd: I, args: &'a ConvArgs, workspace: &mut [Line]) -> Self {
        let lines = PARTS * R * SIDE / 2 * (args.in_blocks + O);
        assert!(lines <= workspace.len(), "workspace of a thread");
        Self(simd, args, workspace.as_mut_ptr().cast())
    }

    /// Multiplies all tiles with the blocks of output channels, of one component.
    ///
    /// # Safety
    /// As for [`multiply`].
    #[inline(always)]
    unsafe fn multiply_all(
        simd: I,
        in_blocks: usize,
        lines: *const Line,
        tiles: usize,
        from: *const f32,
        to: *mut f32,
    ) {
        let mut tile = 0;
        while tile < tiles {
            // Four and six leave the least rest, and two times four are as good as six and two.
            let columns = match tiles - tile {
                _ if I::WIDE => C,
                left @ 1..=3 => left,
                4 | 5 | 7 | 8 => 4,
                _ => 6,
            };
            // SAFETY: handed on from the caller.
            unsafe {
                let (from, to) = (from.add(tile * BLOCK), to.add(tile * O * BLOCK));
                let next = tiles * BLOCK;
                match columns {
                    _ if I::WIDE => multiply::<I, C, O>(simd, in_blocks, lines, from, next, to),
                    1 => multiply::<I, 1, O>(simd, in_blocks, lines, from, next, to),
                    2 => multiply::<I, 2, O>(simd, in_blocks, lines, from, next, to),
                    3 => multiply::<I, 3, O>(simd, in_blocks, lines, from, next, to),
                    4 => multiply::<I, 4, O>(simd, in_blocks, lines, from, next, to),
                    _ => multiply::<I, 6, O>(simd, in_blocks, lines, from, next, to),
                }
            }
            tile += columns;
        }
    }
}

impl<I: Instructions, const SIDE: usize, const R: usize, const C: usize, const O: usize> Task
    for Winograd<'_, I, SIDE, R, C, O>
{
    #[inline(always)]
    fn run(self) {
        let Self(simd, args, workspace) = self;
        let across = SIDE / 2;
        let inputs = args.in_blocks * BLOCK;
        let (from, end) = (args.rows.start / 2, args.rows.end / 2);
        for first in (from..end).step_by(R) {
            let tiles = R.min(end - first) * across;
            let (parts, outcome) = (workspace, workspace.wrapping_add(PARTS * tiles * inputs));
            // SAFETY: tiles are within the images and their borders; `new` saw to the room.
            unsafe {
                for block in 0..args.in_blocks {
                    for tile in 0..tiles {
                        let (y, x) = (2 * (first + tile / across), 2 * (tile % across));
                        let plane = args.source.cast::<f32>().add(block * args.source_steps[0]);
                        apart(
                            simd,
                            plane.add((y * (SIDE + 2) + x) * BLOCK),
                            (SIDE + 2) * BLOCK,
                            parts.add((block * tiles + tile) * BLOCK),
                            tiles * inputs,
                        );
                    }
                }
                for block in args.blocks.clone().step_by(O) {
                    for part in 0..PARTS {
                        let lines = args.weights.add((block / O * PARTS + part) * inputs * O);
                        let from = parts.add(part * tiles * inputs);
                        let to = outcome.add(part * tiles * O * BLOCK);
                        Self::multiply_all(simd, args.in_blocks, lines, tiles, from, to);
                    }
                    for tile in 0..tiles {
                        let (y, x) = (2 * (first + tile / across), 2 * (tile % across));
                        for o in 0..O {
                            let from = outcome.add((tile * O + o) * BLOCK);
                            let pixels = together(simd, from, tiles * O * BLOCK);
                            let plane = (block + o) * (SIDE + 2) * (SIDE + 2);
                            let to = plane + (y + 1) * (SIDE + 2) + x + 1;
                            finish::<I, SIDE>(simd, args, pixels, block + o, to);
                        }
                    }
                }
            }
        }
    }
}

/// Adds the bias and what is to be added to two by two pixels, applies the threshold, and writes them from pixel `to` on.
///
/// # Safety
/// The pixels lie within the planes of the outcome.
#[inline(always)]
unsafe fn finish<I: Instructions, const SIDE: usize>(
    simd: I,
    args: &ConvArgs,
    pixels: [I::Vector; 4],
    block: usize,
    to: usize,
) {
    // SAFETY: handed on from the caller.
    unsafe {
        let bias = simd.load(args.bias.add(block * BLOCK));
        for (n, pixel) in pixels.into_iter().enumerate() {
            let at = (to + n / 2 * (SIDE + 2) + n % 2) * BLOCK;
            let mut v = simd.add(pixel, bias);
            if !args.add.is_null() {
                v = simd.add(v, simd.load(args.add.add(at)));
            }
            v = simd.larger(simd.zero(), v); // in this order NaN stays
            simd.store(v, args.target.cast::<f32>().add(at));
        }
    }
}

/// Computes B' d B of four by four pixels, into sixteen places.
///
/// # Safety
/// The pixels are within the image and its border; the places exist.
#[inline(always)]
unsafe fn apart<I: Instructions>(simd: I, from: *const f32, row: usize, to: *mut f32, next: usize) {
    let mut rows = [[simd.zero(); 4]; 4];
    for (y, columns) in rows.iter_mut().enumerate() {
        let mut pixels = [simd.zero(); 4];
        for (x, pixel) in pixels.iter_mut().enumerate() {
            // SAFETY: handed on from the caller.
            *pixel = unsafe { simd.load(from.add(y * row + x * BLOCK)) };
        }
        *columns = differences(simd, pixels);
    }
    for x in [0, 1, 2, 3] {
        let column = differences(simd, [rows[0][x], rows[1][x], rows[2][x], rows[3][x]]);
        for (y, v) in column.into_iter().enumerate() {
            // SAFETY: handed on from the caller.
            unsafe { simd.store(v, to.add((y * 4 + x) * next)) };
        }
    }
}

/// Multiplies four values with B'.
#[inline(always)]
fn differences<I: Instructions>(simd: I, [a, b, c, d]: [I::Vector; 4]) -> [I::Vector; 4] {
    [
        simd.subtract(a, c),
        simd.add(b, c),
        simd.subtract(c, b),
        simd.subtract(b, d),
    ]
}

/// Computes A' m A of sixteen outcomes: two by two pixels.
///
/// # Safety
/// The outcomes exist.
#[inline(always)]
unsafe fn together<I: Instructions>(simd: I, from: *const f32, next: usize) -> [I::Vector; 4] {
    let mut rows = [[simd.zero(); 2]; 4];
    for (y, columns) in rows.iter_mut().enumerate() {
        let mut outcomes = [simd.zero(); 4];
        for (x, outcome) in outcomes.iter_mut().enumerate() {
            // SAFETY: handed on from the caller.
            *outcome = unsafe { simd.load(from.add((y * 4 + x) * next)) };
        }
        *columns = sums(simd, outcomes);
    }
    let left = sums(simd, [rows[0][0], rows[1][0], rows[2][0], rows[3][0]]);
    let right = sums(simd, [rows[0][1], rows[1][1], rows[2][1], rows[3][1]]);
    [left[0], right[0], left[1], right[1]]
}

/// Multiplies four values with A'.
#[inline(always)]
fn sums<I: Instructions>(simd: I, [a, b, c, d]: [I::Vector; 4]) -> [I::Vector; 2] {
    [
        simd.add(simd.add(a, b), c),
        simd.subtract(simd.subtract(b, c), d),
    ]
}

/// Multiplies `C` tiles with `O` blocks of output channels, of one component.
///
/// # Safety
/// The tiles, weights and outcomes exist.
#[inline(always)]
unsafe fn multiply<I: Instructions, const C: usize, const O: usize>(
    simd: I,
    in_blocks: usize,
    mut weights: *const Line,
    mut from: *const f32,
    next_block: usize,
    to: *mut f32,
) {
    let mut sums = [[simd.zero(); O]; C];
    for _ in 0..in_blocks {
        // SAFETY: sixteen channels of the tiles, and their weights.
        unsafe {
            for channel in 0..BLOCK {
                let mut lines = [simd.zero(); O];
                for (o, line) in lines.iter_mut().enumerate() {
                    *line = simd.load(weights.add(o).cast());
                }
                for (c, tile) in sums.iter_mut().enumerate() {
                    let value = simd.broadcast(from.add(c * BLOCK + channel));
                    for (sum, line) in tile.iter_mut().zip(&lines) {
                        *sum = simd.multiply_add(value, *line, *sum);
                    }
                }
                weights = weights.add(O);
            }
        }
        from = from.wrapping_add(next_block);
    }
    for (c, tile) in sums.iter().enumerate() {
        for (o, sum) in tile.iter().enumerate() {
            // SAFETY: the outcome of these tiles.
            unsafe { simd.store(*sum, to.add((c * O + o) * BLOCK)) };
        }
    }
}
