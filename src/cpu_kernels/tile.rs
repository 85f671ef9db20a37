//! Convolutions by tiles: some pixels times some blocks of output channels are kept in registers while the input channels
//! and the taps of the kernel go by.
//!
//! Images are blocked: 16 channels of a pixel lie together, pixels in rows with a border of zeros, one plane for each 16
//! channels. Sides and strides are constants of the type, for then every address is a register and a number.
#![allow(unsafe_code)]

use super::arithmetic::{Arithmetic, Vector};
use super::instructions::{BLOCK, Instructions, Line, Task};
use std::collections::TryReserveError;
use std::ops::Range;

/// Returns so many lines of zeros.
///
/// # Errors
/// There is no memory for them.
pub fn blank(n: usize) -> Result<Vec<Line>, TryReserveError> {
    let mut blank = Vec::new();
    blank.try_reserve_exact(n)?;
    blank.resize(n, Line([0; BLOCK]));
    Ok(blank)
}

/// One convolution of some images. Pointers because a layer may read what it adds to where it writes.
#[derive(Clone)]
pub struct ConvArgs {
    /// For each block of output channels: input blocks, rows and columns of the kernel, words of a pixel.
    pub weights: *const Line,
    /// For each output channel.
    pub bias: *const f32,
    pub in_blocks: usize,
    pub out_blocks: usize,
    /// Blocks of output channels to compute.
    pub blocks: Range<usize>,
    /// Rows of the kernel, and its columns in words.
    pub kernel: [usize; 2],
    pub images: usize,
    /// First word under the kernel at the first pixel.
    pub source: *const u32,
    /// Words from one plane to the next, from one image to the next.
    pub source_steps: [usize; 2],
    /// Where the next layer reads; NULL if none does.
    pub target: *mut u32,
    /// Added before the threshold, in single precision, laid out like the target; NULL for nothing.
    pub add: *const f32,
    /// Where the outcome is kept in single precision; NULL if the target is that.
    pub f32_copy: *mut f32,
    /// Pixels of a row and rows of the outcome, without its border.
    pub side: usize,
    /// Rows and columns to compute.
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    /// Negative values become 0.
    pub relu: bool,
}

// SAFETY: what the threads of a layer write does not overlap; what they read is written by none of them.
unsafe impl Sync for ConvArgs {}

/// Lines that are fetched ahead of use, where each is used little: 12 KiB, which is longer than memory takes to answer.
const AHEAD: usize = 192;

/// Computes a convolution by tiles of `R` rows, `C` columns and `O` blocks of output channels; `P` pixels from row to row of
/// the source, stride `S`.
///
/// # Safety
/// Every pointer of `args` reaches as far as its sides and steps say.
pub unsafe fn convolve<
    A: Arithmetic,
    const R: usize,
    const C: usize,
    const O: usize,
    const P: usize,
    const S: usize,
>(
    arithmetic: A,
    args: &ConvArgs,
) {
    let tiles = Tiles::<A, false, R, C, O, P, S> { arithmetic, args };
    arithmetic.instructions().run(tiles);
}

/// Computes the first convolution, stride 2, of channels that lie apart in rows of 118 values, by tiles of `C` columns and
/// `O` blocks. A word holds one value of a row or two.
///
/// # Safety
/// As for [`convolve`].
pub unsafe fn convolve_stem<A: Arithmetic, const C: usize, const O: usize>(
    arithmetic: A,
    args: &ConvArgs,
) {
    let instructions = arithmetic.instructions();
    if A::EXACT {
        instructions.run(Tiles::<A, true, 1, C, O, 118, 2> { arithmetic, args });
    } else {
        instructions.run(Tiles::<A, true, 1, C, O, 59, 1> { arithmetic, args });
    }
}

/// A convolution that keeps what its function promised. In the stem a pixel of a channel is one word or part of one.
struct Tiles<
    'a,
    A,
    const STEM: bool,
    const R: usize,
    const C: usize,
    const O: usize,
    const P: usize,
    const S: usize,
> {
    arithmetic: A,
    args: &'a ConvArgs,
}

impl<
    A: Arithmetic,
    const STEM: bool,
    const R: usize,
    const C: usize,
    const O: usize,
    const P: usize,
    const S: usize,
> Tiles<'_, A, STEM, R, C, O, P, S>
{
    /// Words of a pixel.
    const WORDS: usize = if STEM { 1 } else { A::WORDS };
    /// Rows of the source from one row of the outcome to the next. The stem's words may be pairs of columns, its rows are
    /// never pairs.
    const DOWN: usize = if STEM { 2 } else { S };

    /// Returns the sums of a tile, from its first plane and the weights of its first block.
    ///
    /// # Safety
    /// The tile lies within the planes of the source; its weights are those of a layer of this shape.
    #[inline(always)]
    unsafe fn sums(
        &self,
        mut plane: *const u32,
        mut weights: *const Line,
        next_block: usize,
    ) -> [[[Vector<A>; O]; C]; R] {
        let Self { arithmetic, args } = *self;
        let simd = arithmetic.instructions();
        let [height, width] = args.kernel;
        let mut sums = [[[simd.zero(); O]; C]; R];
        for _ in 0..args.in_blocks {
            for ky in 0..height {
                for kx in 0..width {
                    // SAFETY: within the planes and weights that the caller promised.
                    unsafe {
                        let tap = plane.add((ky * P + kx) * Self::WORDS);
                        for word in 0..Self::WORDS {
                            let mut lines = [simd.zero(); O];
                            for (o, line) in lines.iter_mut().enumerate() {
                                *line = simd.load(weights.add(o * next_block).cast());
                            }
                            if O == 1 {
                                // Every line is used once for each image: memory is the limit.
                                simd.prefetch(weights.wrapping_add(AHEAD));
                            }
                            for (r, row) in sums.iter_mut().enumerate() {
                                for (c, pixel) in row.iter_mut().enumerate() {
                                    let at = tap.add((r * P + c) * S * Self::WORDS + word);
                                    let value = simd.broadcast(at.cast());
                                    for (sum, line) in pixel.iter_mut().zip(&lines) {
                                        *sum = arithmetic.multiply_add(*line, value, *sum);
                                    }
                                }
                            }
                            weights = weights.add(1);
                        }
                    }
                }
            }
            plane = plane.wrapping_add(args.source_steps[0]);
        }
        sums
    }

    /// Adds the bias and what is to be added, applies the threshold, and writes the tile from pixel `to` of the outcome on.
    ///
    /// # Safety
    /// The tile lies within the planes of the outcome.
    #[inline(always)]
    unsafe fn finish(&self, sums: &[[[Vector<A>; O]; C]; R], block: usize, to: usize) {
        let Self { arithmetic, args } = *self;
        let simd = arithmetic.instructions();
        let pitch = args.side + 2;
        // SAFETY: handed on from the caller.
        unsafe {
            for o in 0..O {
                let bias = simd.load(args.bias.add((block + o) * BLOCK));
                for (r, row) in sums.iter().enumerate() {
                    for (c, pixel) in row.iter().enumerate() {
                        let at = (to + (o * pitch + r) * pitch + c) * BLOCK;
                        let mut v = simd.add(pixel[o], bias);
                        if !args.add.is_null() {
                            v = simd.add(v, simd.load(args.add.add(at)));
                        }
                        if args.relu {
                            v = simd.larger(simd.zero(), v); // in this order NaN stays
                        }
                        if !args.f32_copy.is_null() {
                            simd.store(v, args.f32_copy.add(at));
                        }
                        if !args.target.is_null() {
                            let bytes = at * A::WORDS * size_of::<u32>() / BLOCK;
                            arithmetic.store(v, args.target.cast::<u8>().add(bytes));
                        }
                    }
                }
            }
        }
    }
}

impl<
    A: Arithmetic,
    const STEM: bool,
    const R: usize,
    const C: usize,
    const O: usize,
    const P: usize,
    const S: usize,
> Task for Tiles<'_, A, STEM, R, C, O, P, S>
{
    #[inline(always)]
    fn run(self) {
        let args = self.args;
        let [height, width] = args.kernel;
        let lines = args.in_blocks * height * width * Self::WORDS;
        let pitch = args.side + 2;
        let [_, next_image] = args.source_steps;
        for block in args.blocks.clone().step_by(O) {
            for image in 0..args.images {
                for y in args.rows.clone().step_by(R) {
                    for x in args.columns.clone().step_by(C) {
                        let at = (y * Self::DOWN * P + x * S) * Self::WORDS;
                        let planes = image * args.out_blocks + block;
                        let to = ((planes * pitch + y + 1) * pitch) + x + 1;
                        // SAFETY: within the planes of the source and the outcome and the lines of the weights, as the
                        // caller of `convolve` promised.
                        unsafe {
                            let source = args.source.add(image * next_image + at);
                            let sums = self.sums(source, args.weights.add(block * lines), lines);
                            self.finish(&sums, block, to);
                        }
                    }
                }
            }
        }
    }
}

/// Writes a row of pixels of one channel as the stem reads them.
///
/// # Safety
/// `to` has room for `from`'s values, of four or two bytes.
pub unsafe fn store_row<A: Arithmetic>(arithmetic: A, from: &[f32], to: *mut u8) {
    arithmetic.instructions().run(StoreRow {
        arithmetic,
        from,
        to,
    });
}

struct StoreRow<'a, A> {
    arithmetic: A,
    from: &'a [f32],
    to: *mut u8,
}

impl<A: Arithmetic> Task for StoreRow<'_, A> {
    #[inline(always)]
    fn run(self) {
        let simd = self.arithmetic.instructions();
        for (n, values) in self.from.as_chunks::<BLOCK>().0.iter().enumerate() {
            let at = n * A::WORDS * size_of::<u32>();
            // SAFETY: `to` has room for as many values as there are.
            unsafe {
                let values = simd.load(values.as_ptr());
                self.arithmetic.store(values, self.to.add(at));
            }
        }
    }
}

/// Computes the largest of 3 x 3 pixels at every second, of one plane with a border: from 56 to 28 a side.
///
/// # Safety
/// `from` has 58 x 58 pixels of 16 values, `to` 30 x 30 pixels, `f32_copy` the same in single precision, or is NULL.
pub unsafe fn pool<A: Arithmetic>(
    arithmetic: A,
    from: *const f32,
    to: *mut u32,
    f32_copy: *mut f32,
) {
    arithmetic.instructions().run(Pool {
        arithmetic,
        from,
        to,
        f32_copy,
    });
}

struct Pool<A> {
    arithmetic: A,
    from: *const f32,
    to: *mut u32,
    f32_copy: *mut f32,
}

impl<A: Arithmetic> Task for Pool<A> {
    #[inline(always)]
    fn run(self) {
        let simd = self.arithmetic.instructions();
        for y in 0..28 {
            for x in 0..28 {
                // SAFETY: 2 y + 2 and 2 x + 2 are at most 56 of 58, y + 1 and x + 1 at most 28 of 30.
                unsafe {
                    let mut most = simd.zero();
                    for r in 0..3 {
                        for c in 0..3 {
                            let at = ((2 * y + r) * 58 + 2 * x + c) * BLOCK;
                            most = simd.larger(most, simd.load(self.from.add(at)));
                        }
                    }
                    let at = ((y + 1) * 30 + x + 1) * BLOCK;
                    let bytes = at * A::WORDS * size_of::<u32>() / BLOCK;
                    self.arithmetic.store(most, self.to.cast::<u8>().add(bytes));
                    if !self.f32_copy.is_null() {
                        simd.store(most, self.f32_copy.add(at));
                    }
                }
            }
        }
    }
}
