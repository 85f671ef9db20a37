//! 3 x 3 convolutions of single precision by Winograd's F(2 x 2, 3 x 3): sixteen products for four pixels instead of
//! thirty-six (Lavin and Gray 2016, arXiv:1509.09308). Inputs are only added and subtracted and weights halved, so it is
//! about as exact as multiplying them all; the larger variants are not, and BF16 would not be with any.
//!
//! Four by four pixels are taken apart into sixteen components, each component is a matrix product over the channels, and
//! two by two pixels come back from sixteen outcomes.
#![allow(unsafe_code)]

use super::tile::{BLOCK, ConvArgs, Line};
use std::arch::x86_64::*;

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

/// Weights of some outputs x inputs x 3 x 3, by groups of blocks of outputs, components, inputs, blocks.
pub fn pack(inputs: usize, values: &[[u8; 4]], to: &mut Vec<Line>) {
    let blocks = if inputs == 64 { 2 } else { 4 };
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

/// A convolution of 28 x 28 pixels and 64 channels, by rows of tiles: what a row of them needs stays in the nearest cache.
///
/// # Safety
/// The processor has AVX-512; `args` describes this shape and its pointers reach that far; `workspace` has [`WORKSPACE`] lines.
pub unsafe fn convolve28(args: &ConvArgs, workspace: *mut f32) {
    // SAFETY: handed on from the caller.
    unsafe { convolve::<28, 1, 14, 2>(args, workspace) }
}

/// A convolution of 14 x 14 pixels and 128 channels, all tiles at once: the weights, a megabyte, are read once.
///
/// # Safety
/// As above.
pub unsafe fn convolve14(args: &ConvArgs, workspace: *mut f32) {
    // SAFETY: handed on from the caller.
    unsafe { convolve::<14, 7, 7, 4>(args, workspace) }
}

/// `R` rows of tiles at a time, `C` tiles times `O` blocks, as many as `pack` puts together, of output channels in registers.
#[target_feature(enable = "avx512f")]
unsafe fn convolve<const SIDE: usize, const R: usize, const C: usize, const O: usize>(
    args: &ConvArgs,
    workspace: *mut f32,
) {
    let across = SIDE / 2;
    let tiles = R * across;
    let inputs = args.in_blocks * BLOCK;
    let (parts, outcome) = (workspace, workspace.wrapping_add(PARTS * tiles * inputs));
    for first in (0..across).step_by(R) {
        // SAFETY: tiles are within the images and their borders; the caller promised the room.
        unsafe {
            for block in 0..args.in_blocks {
                for tile in 0..tiles {
                    let (y, x) = (2 * (first + tile / across), 2 * (tile % across));
                    let plane = args.source.cast::<f32>().add(block * args.source_steps[0]);
                    let to = parts.add((block * tiles + tile) * BLOCK);
                    apart(
                        plane.add((y * (SIDE + 2) + x) * BLOCK),
                        (SIDE + 2) * BLOCK,
                        to,
                        tiles * inputs,
                    );
                }
            }
            for block in (0..args.out_blocks).step_by(O) {
                for part in 0..PARTS {
                    let lines = args.weights.add((block / O * PARTS + part) * inputs * O);
                    for tile in (0..tiles).step_by(C) {
                        let from = parts.add(part * tiles * inputs + tile * BLOCK);
                        let to = outcome.add((part * tiles + tile) * O * BLOCK);
                        multiply::<C, O>(args.in_blocks, lines, from, tiles * BLOCK, to);
                    }
                }
                for o in 0..O {
                    let bias = _mm512_loadu_ps(args.bias.add((block + o) * BLOCK));
                    for tile in 0..tiles {
                        let (y, x) = (2 * (first + tile / across), 2 * (tile % across));
                        let from = outcome.add((tile * O + o) * BLOCK);
                        let pixels = together(from, tiles * O * BLOCK);
                        for (n, pixel) in pixels.into_iter().enumerate() {
                            let (y, x) = (y + n / 2 + 1, x + n % 2 + 1);
                            let at = (((block + o) * (SIDE + 2) + y) * (SIDE + 2) + x) * BLOCK;
                            let mut v = _mm512_add_ps(pixel, bias);
                            if !args.add.is_null() {
                                v = _mm512_add_ps(v, _mm512_loadu_ps(args.add.add(at)));
                            }
                            v = _mm512_max_ps(_mm512_setzero_ps(), v); // in this order NaN stays
                            _mm512_storeu_ps(args.target.cast::<f32>().add(at), v);
                        }
                    }
                }
            }
        }
    }
}

/// B' d B of four by four pixels, into sixteen places.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn apart(from: *const f32, row: usize, to: *mut f32, next: usize) {
    let line = |a: __m512, b: __m512, c: __m512, d: __m512| {
        [
            _mm512_sub_ps(a, c),
            _mm512_add_ps(b, c),
            _mm512_sub_ps(c, b),
            _mm512_sub_ps(b, d),
        ]
    };
    let mut rows = [[_mm512_setzero_ps(); 4]; 4];
    for (y, columns) in rows.iter_mut().enumerate() {
        // SAFETY: four by four pixels from here on are within the image and its border.
        let [a, b, c, d] =
            [0, 1, 2, 3].map(|x| unsafe { _mm512_loadu_ps(from.add(y * row + x * BLOCK)) });
        *columns = line(a, b, c, d);
    }
    let columns = [0, 1, 2, 3].map(|x| line(rows[0][x], rows[1][x], rows[2][x], rows[3][x]));
    for (x, column) in columns.into_iter().enumerate() {
        for (y, v) in column.into_iter().enumerate() {
            // SAFETY: the caller's sixteen places.
            unsafe { _mm512_storeu_ps(to.add((y * 4 + x) * next), v) };
        }
    }
}

/// A' m A of sixteen outcomes: two by two pixels.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn together(from: *const f32, next: usize) -> [__m512; 4] {
    let line = |a: __m512, b: __m512, c: __m512, d: __m512| {
        [
            _mm512_add_ps(_mm512_add_ps(a, b), c),
            _mm512_sub_ps(_mm512_sub_ps(b, c), d),
        ]
    };
    let mut rows = [[_mm512_setzero_ps(); 2]; 4];
    for (y, columns) in rows.iter_mut().enumerate() {
        // SAFETY: the caller's sixteen places.
        let [a, b, c, d] =
            [0, 1, 2, 3].map(|x| unsafe { _mm512_loadu_ps(from.add((y * 4 + x) * next)) });
        *columns = line(a, b, c, d);
    }
    let [left, right] = [0, 1].map(|x| line(rows[0][x], rows[1][x], rows[2][x], rows[3][x]));
    [left[0], right[0], left[1], right[1]]
}

/// `C` tiles times `O` blocks of output channels of one component.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn multiply<const C: usize, const O: usize>(
    in_blocks: usize,
    mut weights: *const Line,
    mut from: *const f32,
    next_block: usize,
    to: *mut f32,
) {
    let mut sums = [[_mm512_setzero_ps(); O]; C];
    for _ in 0..in_blocks {
        // SAFETY: sixteen channels of the tiles, and their weights.
        unsafe {
            for channel in 0..BLOCK {
                let mut lines = [_mm512_setzero_ps(); O];
                for (o, line) in lines.iter_mut().enumerate() {
                    *line = _mm512_load_ps(weights.add(o).cast());
                }
                for (c, tile) in sums.iter_mut().enumerate() {
                    let value = _mm512_set1_ps(from.add(c * BLOCK + channel).read());
                    for (sum, line) in tile.iter_mut().zip(&lines) {
                        *sum = _mm512_fmadd_ps(value, *line, *sum);
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
            unsafe { _mm512_storeu_ps(to.add((c * O + o) * BLOCK), *sum) };
        }
    }
}
