//! The instruction set of any processor: sixteen values are an array, and the compiler does with it what it can.
#![allow(unsafe_code)]

use super::instructions::{BLOCK, Bf16Instructions, Instructions, Line, Task};
use std::array::from_fn;

/// Plain Rust on one value after the other. The reference for all other instruction sets, and what Miri can run.
#[derive(Clone, Copy, Debug)]
pub struct Scalar;

impl Instructions for Scalar {
    type Vector = [f32; BLOCK];
    const WIDE: bool = false;

    fn detect() -> Option<Self> {
        Some(Self)
    }

    #[inline(always)]
    fn run(self, task: impl Task) {
        task.run();
    }

    #[inline(always)]
    fn zero(self) -> Self::Vector {
        [0.0; BLOCK]
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Self::Vector {
        // SAFETY: the caller has sixteen values there.
        unsafe { from.cast::<Self::Vector>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn broadcast(self, from: *const f32) -> Self::Vector {
        // SAFETY: the caller has a value there.
        [unsafe { from.read() }; BLOCK]
    }

    #[inline(always)]
    unsafe fn store(self, values: Self::Vector, to: *mut f32) {
        // SAFETY: the caller has room for sixteen values there.
        unsafe { to.cast::<Self::Vector>().write_unaligned(values) }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    fn subtract(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        from_fn(|lane| a[lane] - b[lane])
    }

    #[inline(always)]
    fn larger(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        from_fn(|lane| if a[lane] > b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    fn multiply_add(self, a: Self::Vector, b: Self::Vector, sum: Self::Vector) -> Self::Vector {
        from_fn(|lane| a[lane].mul_add(b[lane], sum[lane]))
    }

    #[inline(always)]
    fn prefetch(self, _: *const Line) {}
}

impl Bf16Instructions for Scalar {
    #[inline(always)]
    fn multiply_add_pairs(
        self,
        a: Self::Vector,
        b: Self::Vector,
        sum: Self::Vector,
    ) -> Self::Vector {
        from_fn(|lane| {
            let [a, b] = [a[lane], b[lane]].map(f32::to_bits);
            // A BF16 number is the upper half of a single-precision one.
            let second = [a, b].map(|pair| normal(f32::from_bits(pair & 0xffff_0000)));
            let first = [a, b].map(|pair| normal(f32::from_bits(pair << 16)));
            let sum = normal(second[0].mul_add(second[1], normal(sum[lane])));
            normal(first[0].mul_add(first[1], sum))
        })
    }

    #[inline(always)]
    unsafe fn store_bf16(self, values: Self::Vector, to: *mut u16) {
        let rounded = values.map(|v| half::bf16::from_f32(normal(v)).to_bits());
        // SAFETY: the caller has room for sixteen BF16 numbers there.
        unsafe { to.cast::<[u16; BLOCK]>().write_unaligned(rounded) }
    }
}

/// Returns a value, and zero of its sign for a subnormal one.
#[inline(always)]
fn normal(v: f32) -> f32 {
    if v.is_subnormal() {
        0f32.copysign(v)
    } else {
        v
    }
}
