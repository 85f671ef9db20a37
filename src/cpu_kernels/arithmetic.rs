//! The two arithmetics of the kernels: single precision, and BF16 products with single-precision sums.
#![allow(unsafe_code)]

use super::instructions::{BLOCK, Bf16Instructions, Instructions};

/// Arithmetic of a network, with the instructions that do it.
///
/// A *word* is 32 bits of an image or of weights: one channel in single precision, two neighbouring channels in BF16. A
/// word of the image is broadcast and multiplied with a vector of words of sixteen output channels, so one loop serves both.
pub trait Arithmetic: Copy + Send + Sync + 'static {
    /// Instructions that do it.
    type Instructions: Instructions;
    /// Words that sixteen channels of a pixel take.
    const WORDS: usize;
    /// Whether values for the next layer are also good enough to add to.
    const EXACT: bool;

    /// Returns the instructions.
    fn instructions(self) -> Self::Instructions;

    /// Returns the word of two neighbours, or of the first alone.
    fn word(first: f32, second: f32) -> u32;

    /// Returns sums with the products of two vectors of words added.
    fn multiply_add(
        self,
        weights: Vector<Self>,
        words: Vector<Self>,
        sums: Vector<Self>,
    ) -> Vector<Self>;

    /// Writes sixteen values as the next layer reads them.
    ///
    /// # Safety
    /// `to` has room for [`Arithmetic::WORDS`] words. It need not be aligned to a word in BF16.
    unsafe fn store(self, values: Vector<Self>, to: *mut u8);
}

/// A vector of an arithmetic's instructions.
pub type Vector<A> = <<A as Arithmetic>::Instructions as Instructions>::Vector;

/// Single precision.
#[derive(Clone, Copy, Debug)]
pub struct Fp32<I>(pub I);

impl<I: Instructions> Arithmetic for Fp32<I> {
    type Instructions = I;
    const WORDS: usize = BLOCK;
    const EXACT: bool = true;

    #[inline(always)]
    fn instructions(self) -> I {
        self.0
    }

    fn word(first: f32, _: f32) -> u32 {
        first.to_bits()
    }

    #[inline(always)]
    fn multiply_add(self, weights: I::Vector, words: I::Vector, sums: I::Vector) -> I::Vector {
        self.0.multiply_add(weights, words, sums)
    }

    #[inline(always)]
    unsafe fn store(self, values: I::Vector, to: *mut u8) {
        // SAFETY: the caller has room for sixteen words there.
        unsafe { self.0.store(values, to.cast()) }
    }
}

/// BF16 products and single-precision sums; what is added across layers stays in single precision.
#[derive(Clone, Copy, Debug)]
pub struct Bf16<I>(pub I);

impl<I: Bf16Instructions> Arithmetic for Bf16<I> {
    type Instructions = I;
    const WORDS: usize = BLOCK / 2;
    const EXACT: bool = false;

    #[inline(always)]
    fn instructions(self) -> I {
        self.0
    }

    fn word(first: f32, second: f32) -> u32 {
        let [low, high] = [first, second].map(|v| u32::from(half::bf16::from_f32(v).to_bits()));
        low | high << 16
    }

    #[inline(always)]
    fn multiply_add(self, weights: I::Vector, words: I::Vector, sums: I::Vector) -> I::Vector {
        self.0.multiply_add_pairs(weights, words, sums)
    }

    #[inline(always)]
    unsafe fn store(self, values: I::Vector, to: *mut u8) {
        // SAFETY: the caller has room for eight words there.
        unsafe { self.0.store_bf16(values, to.cast()) }
    }
}
