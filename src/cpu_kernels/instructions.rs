//! What the kernels need of a processor: arithmetic on sixteen single-precision values at a time.
//!
//! The network is written once over [`Instructions`]. Every implementation rounds each operation as IEEE 754 says and adds
//! products with one rounding, so that all of them compute the same bits.
#![allow(unsafe_code)]

/// Values of a vector, and channels of a block.
pub const BLOCK: usize = 16;

/// Sixteen words of 32 bits, aligned so that a load does not cross a cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Line(pub [u32; BLOCK]);

/// Work that is compiled for an instruction set. Implementations of `run`, and all that they call, are `#[inline(always)]`:
/// only then do they become part of the function that has the instructions.
pub trait Task {
    /// Does the work.
    fn run(self);
}

/// An instruction set. A value of a type that implements it proves that the processor has the instructions.
pub trait Instructions: Copy + Send + Sync + 'static {
    /// Sixteen values, in one register or several.
    type Vector: Copy;
    /// Whether the registers hold 28 vectors of sums beside what is multiplied; they hold seven otherwise.
    const WIDE: bool;

    /// Returns a value if this processor has the instructions and the operating system keeps their registers.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    fn detect() -> Option<Self>;

    /// Runs a task as a function that is compiled for these instructions.
    fn run(self, task: impl Task);

    /// Returns sixteen zeros.
    fn zero(self) -> Self::Vector;

    /// Returns sixteen values.
    ///
    /// # Safety
    /// `from` has sixteen values. It need not be aligned to more than a value.
    unsafe fn load(self, from: *const f32) -> Self::Vector;

    /// Returns one value sixteen times. Its bits are kept, whatever they mean.
    ///
    /// # Safety
    /// `from` has a value.
    unsafe fn broadcast(self, from: *const f32) -> Self::Vector;

    /// Writes sixteen values.
    ///
    /// # Safety
    /// `to` has room for sixteen values. It need not be aligned to more than a value.
    unsafe fn store(self, values: Self::Vector, to: *mut f32);

    /// Returns a + b.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Returns a - b.
    fn subtract(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Returns a where it is larger than b, and b elsewhere: b where either is not a number.
    fn larger(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Returns a * b + sum with one rounding.
    fn multiply_add(self, a: Self::Vector, b: Self::Vector, sum: Self::Vector) -> Self::Vector;

    /// Fetches a cache line that will be read soon. The address may be any.
    fn prefetch(self, line: *const Line);
}

/// An instruction set that multiplies BF16 numbers.
pub trait Bf16Instructions: Instructions {
    /// Returns, for each of sixteen pairs of BF16 numbers, sum + (second of a) * (second of b) + (first of a) * (first of b),
    /// each product added with one rounding. The first of a pair is the lower half of a value's bits. Subnormal numbers
    /// count as zero.
    fn multiply_add_pairs(
        self,
        a: Self::Vector,
        b: Self::Vector,
        sum: Self::Vector,
    ) -> Self::Vector;

    /// Writes sixteen values rounded to BF16, to the nearest and ties to even. Subnormal values become zero.
    ///
    /// # Safety
    /// `to` has room for sixteen BF16 numbers.
    unsafe fn store_bf16(self, values: Self::Vector, to: *mut u16);
}
