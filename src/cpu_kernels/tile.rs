//! Convolutions for AVX-512: a tile of pixels times a block of channels is kept in registers while the input channels and
//! the taps of the kernel go by.
//!
//! Images are blocked: 16 channels of a pixel lie together, pixels in rows with a border of zeros, one plane for each 16
//! channels. A *word* is 32 bits: one channel in single precision, two neighbouring channels in BF16, where one
//! instruction multiplies both and adds the products in single precision. Either way a word of the image is broadcast and
//! multiplied with 16 output channels at once, so one loop serves both.
//!
//! Sides and strides are constants of the type, for then every address is a register and a number.
#![allow(unsafe_code)]

use std::arch::x86_64::*;
use std::collections::TryReserveError;

/// 16 words, where a load does not cross a cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Line(pub [u32; BLOCK]);

/// So many blank lines; where there is no memory, that is the answer and not the end of the process.
pub fn blank(n: usize) -> Result<Vec<Line>, TryReserveError> {
    let mut blank = Vec::new();
    blank.try_reserve_exact(n)?;
    blank.resize(n, Line([0; BLOCK]));
    Ok(blank)
}

/// Channels of a block: what a register holds.
pub const BLOCK: usize = 16;

/// One convolution of some images. Pointers because a layer may read what it adds to where it writes.
pub struct ConvArgs {
    /// For each block of output channels: input blocks, rows and columns of the kernel, words of a pixel.
    pub weights: *const Line,
    /// For each output channel.
    pub bias: *const f32,
    pub in_blocks: usize,
    pub out_blocks: usize,
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
    /// Rows to compute.
    pub rows: std::ops::Range<usize>,
    /// Negative values become 0.
    pub relu: bool,
}

/// Lines that are fetched ahead of use, where each is used little: 4 KiB.
const AHEAD: usize = 64;

/// Arithmetic of the kernels.
pub trait Arithmetic {
    /// Words that 16 channels of a pixel take.
    const WORDS: usize;
    /// Whether values for the next layer are also good enough to add to.
    const EXACT: bool;

    /// Whether this processor has the instructions.
    fn supported() -> bool;

    /// The word of two neighbours, or of the first alone.
    fn word(first: f32, second: f32) -> u32;

    /// A convolution by tiles of `R` rows, `C` columns and `O` blocks of output channels; `P` pixels from row to row of the
    /// source, stride `S`.
    ///
    /// # Safety
    /// [`Arithmetic::supported`]; every pointer of `args` reaches as far as its sides and steps say.
    unsafe fn convolve<
        const R: usize,
        const C: usize,
        const O: usize,
        const P: usize,
        const S: usize,
    >(
        args: &ConvArgs,
    );

    /// The first convolution, stride 2, of channels that lie apart in rows of 118 values.
    ///
    /// # Safety
    /// As above.
    unsafe fn stem(args: &ConvArgs);

    /// Copy a row of pixels of one channel.
    ///
    /// # Safety
    /// [`Arithmetic::supported`]; `to` has room for `from`'s values, of two or four bytes.
    unsafe fn row(from: &[f32], to: *mut u8);

    /// The largest of 3 x 3 pixels at every second, of one plane with a border: from 56 to 28 a side.
    ///
    /// # Safety
    /// [`Arithmetic::supported`]; `from` has 58 x 58 pixels of 16 values, `to` 30 x 30 pixels, `f32_copy` the same in single
    /// precision, or is NULL.
    unsafe fn pool(from: *const f32, to: *mut u32, f32_copy: *mut f32);
}

/// Single precision.
pub struct Fp32;
/// BF16 products, single precision sums; what is added across layers stays single.
pub struct Bf16;

macro_rules! arithmetic {
    (
        $of:ty, $module:ident, $features:literal: $supported:expr,
        words: $words:literal, bytes: $bytes:literal, exact: $exact:literal,
        word: |$first:ident, $second:ident| $pack:expr,
        mac: |$sum:ident, $weights:ident, $word:ident| $mac:expr,
        put: |$values:ident, $to:ident| $put:expr,
    ) => {
        mod $module {
            use super::*;

            #[target_feature(enable = $features)]
            #[inline]
            fn mac($sum: __m512, $weights: __m512i, $word: __m512i) -> __m512 {
                $mac
            }

            /// Store 16 values as the next layer reads them.
            #[target_feature(enable = $features)]
            #[inline]
            unsafe fn put($values: __m512, $to: *mut u8) {
                // SAFETY: the caller has room for them.
                unsafe { $put }
            }

            #[target_feature(enable = $features)]
            pub unsafe fn convolve<
                const R: usize,
                const C: usize,
                const O: usize,
                const P: usize,
                const S: usize,
                const W: usize,
            >(
                args: &ConvArgs,
            ) {
                let [height, width] = args.kernel;
                let lines = args.in_blocks * height * width * W;
                let pitch = args.side + 2;
                // The stem's words may be pairs of columns, its rows are never pairs.
                let down = if W == 1 { 2 } else { S };
                for block in (0..args.out_blocks).step_by(O) {
                    for image in 0..args.images {
                        for y in args.rows.clone().step_by(R) {
                            for x in (0..args.side).step_by(C) {
                                // SAFETY: within the planes of the source and the lines of the weights, as promised.
                                unsafe {
                                    let [_, next_image] = args.source_steps;
                                    let at = image * next_image + (y * down * P + x * S) * W;
                                    let weights = args.weights.add(block * lines);
                                    let sums = tile::<R, C, O, P, S, W>(
                                        args,
                                        args.source.add(at),
                                        weights,
                                        lines,
                                    );
                                    let planes = image * args.out_blocks + block;
                                    let to = ((planes * pitch + y + 1) * pitch) + x + 1;
                                    finish(args, &sums, block, to, pitch);
                                }
                            }
                        }
                    }
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            unsafe fn tile<
                const R: usize,
                const C: usize,
                const O: usize,
                const P: usize,
                const S: usize,
                const W: usize,
            >(
                args: &ConvArgs,
                mut plane: *const u32,
                mut weights: *const Line,
                next_block: usize,
            ) -> [[[__m512; O]; C]; R] {
                let [height, width] = args.kernel;
                let mut sums = [[[_mm512_setzero_ps(); O]; C]; R];
                for _ in 0..args.in_blocks {
                    for ky in 0..height {
                        for kx in 0..width {
                            // SAFETY: within the planes and weights that the caller of `convolve` promised; a prefetch
                            // may point anywhere.
                            unsafe {
                                let tap = plane.add((ky * P + kx) * W);
                                for word in 0..W {
                                    let mut lines = [_mm512_setzero_si512(); O];
                                    for (o, line) in lines.iter_mut().enumerate() {
                                        *line =
                                            _mm512_load_si512(weights.add(o * next_block).cast());
                                    }
                                    if O == 1 {
                                        // Every line is used once for each image: memory is the limit.
                                        _mm_prefetch::<_MM_HINT_T0>(
                                            weights.wrapping_add(AHEAD).cast(),
                                        );
                                    }
                                    for (r, row) in sums.iter_mut().enumerate() {
                                        for (c, pixel) in row.iter_mut().enumerate() {
                                            let at = tap.add((r * P + c) * S * W + word);
                                            let value = _mm512_set1_epi32(at.read() as i32);
                                            for (sum, line) in pixel.iter_mut().zip(&lines) {
                                                *sum = mac(*sum, *line, value);
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

            /// Bias, what is to be added, threshold, and away. `to` counts pixels.
            #[target_feature(enable = $features)]
            #[inline]
            unsafe fn finish<const R: usize, const C: usize, const O: usize>(
                args: &ConvArgs,
                sums: &[[[__m512; O]; C]; R],
                block: usize,
                to: usize,
                pitch: usize,
            ) {
                // SAFETY: a tile within the planes of the outcome, as the caller of `convolve` promised.
                unsafe {
                    for o in 0..O {
                        let bias = _mm512_loadu_ps(args.bias.add((block + o) * BLOCK));
                        for (r, row) in sums.iter().enumerate() {
                            for (c, pixel) in row.iter().enumerate() {
                                let at = (to + (o * pitch + r) * pitch + c) * BLOCK;
                                let mut v = _mm512_add_ps(pixel[o], bias);
                                if !args.add.is_null() {
                                    v = _mm512_add_ps(v, _mm512_loadu_ps(args.add.add(at)));
                                }
                                if args.relu {
                                    v = _mm512_max_ps(_mm512_setzero_ps(), v); // in this order NaN stays
                                }
                                if !args.f32_copy.is_null() {
                                    _mm512_storeu_ps(args.f32_copy.add(at), v);
                                }
                                if !args.target.is_null() {
                                    put(v, args.target.cast::<u8>().add(at * $bytes));
                                }
                            }
                        }
                    }
                }
            }

            #[target_feature(enable = $features)]
            pub unsafe fn row(from: &[f32], to: *mut u8) {
                let (whole, _) = from.as_chunks::<BLOCK>();
                for (n, values) in whole.iter().enumerate() {
                    // SAFETY: `to` has room for as many values as there are.
                    unsafe { put(_mm512_loadu_ps(values.as_ptr()), to.add(n * BLOCK * $bytes)) };
                }
            }

            #[target_feature(enable = $features)]
            pub unsafe fn pool(from: *const f32, to: *mut u32, f32_copy: *mut f32) {
                for y in 0..28 {
                    for x in 0..28 {
                        // SAFETY: 2 y + 2 and 2 x + 2 are at most 56 of 58, y + 1 and x + 1 at most 28 of 30.
                        unsafe {
                            let mut most = _mm512_setzero_ps();
                            for r in 0..3 {
                                for c in 0..3 {
                                    let at = ((2 * y + r) * 58 + 2 * x + c) * BLOCK;
                                    most = _mm512_max_ps(most, _mm512_loadu_ps(from.add(at)));
                                }
                            }
                            let at = ((y + 1) * 30 + x + 1) * BLOCK;
                            put(most, to.cast::<u8>().add(at * $bytes));
                            if !f32_copy.is_null() {
                                _mm512_storeu_ps(f32_copy.add(at), most);
                            }
                        }
                    }
                }
            }
        }

        impl Arithmetic for $of {
            const WORDS: usize = $words;
            const EXACT: bool = $exact;

            fn supported() -> bool {
                $supported
            }

            #[inline(always)]
            fn word($first: f32, $second: f32) -> u32 {
                $pack
            }

            unsafe fn convolve<
                const R: usize,
                const C: usize,
                const O: usize,
                const P: usize,
                const S: usize,
            >(
                args: &ConvArgs,
            ) {
                // SAFETY: handed on from the caller.
                unsafe { $module::convolve::<R, C, O, P, S, $words>(args) }
            }

            unsafe fn stem(args: &ConvArgs) {
                // SAFETY: handed on from the caller.
                unsafe {
                    $module::convolve::<1, 14, 2, { 118 * $words / 16 }, { $words / 8 }, 1>(args)
                }
            }

            unsafe fn row(from: &[f32], to: *mut u8) {
                // SAFETY: handed on from the caller.
                unsafe { $module::row(from, to) }
            }

            unsafe fn pool(from: *const f32, to: *mut u32, f32_copy: *mut f32) {
                // SAFETY: handed on from the caller.
                unsafe { $module::pool(from, to, f32_copy) }
            }
        }
    };
}

arithmetic! {
    Fp32, single, "avx512f": is_x86_feature_detected!("avx512f"),
    words: 16, bytes: 4, exact: true,
    word: |first, _second| first.to_bits(),
    mac: |sum, weights, word| _mm512_fmadd_ps(_mm512_castsi512_ps(weights), _mm512_castsi512_ps(word), sum),
    put: |values, to| _mm512_storeu_ps(to.cast(), values),
}

arithmetic! {
    Bf16, brain, "avx512f,avx512bf16":
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16"),
    words: 8, bytes: 2, exact: false,
    word: |first, second| {
        let [low, high] = [first, second].map(|v| u32::from(half::bf16::from_f32(v).to_bits()));
        low | high << 16
    },
    mac: |sum, weights, word| {
        // SAFETY: the same 64 bytes, said to be BF16.
        let (weights, word) = unsafe {
            (std::mem::transmute::<__m512i, __m512bh>(weights), std::mem::transmute::<__m512i, __m512bh>(word))
        };
        _mm512_dpbf16_ps(sum, weights, word)
    },
    put: |values, to| {
        // SAFETY: the same 32 bytes, said to be integers.
        let rounded = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(values));
        _mm256_storeu_si256(to.cast(), rounded)
    },
}
