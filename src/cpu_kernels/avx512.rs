//! AVX-512, and AVX512-BF16 beside it: one register holds a vector.
#![allow(unsafe_code)]

use super::instructions::{Bf16Instructions, Instructions, Line, Task};
use std::arch::x86_64::*;

/// Proof of AVX-512 Foundation; of AVX512-BF16 too where `BF16` is true.
#[derive(Clone, Copy, Debug)]
pub struct Avx512<const BF16: bool>(());

impl<const BF16: bool> Instructions for Avx512<BF16> {
    type Vector = __m512;
    const WIDE: bool = true;

    fn detect() -> Option<Self> {
        let both = is_x86_feature_detected!("avx512f")
            && (!BF16 || is_x86_feature_detected!("avx512bf16"));
        both.then_some(Self(()))
    }

    #[inline(always)]
    fn run(self, task: impl Task) {
        #[target_feature(enable = "avx512f")]
        fn compiled(task: impl Task) {
            task.run();
        }
        #[target_feature(enable = "avx512f,avx512bf16")]
        fn compiled_with_bf16(task: impl Task) {
            task.run();
        }
        // SAFETY: `self` proves the instructions.
        unsafe {
            if BF16 {
                compiled_with_bf16(task);
            } else {
                compiled(task);
            }
        }
    }

    #[inline(always)]
    fn zero(self) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Self::Vector {
        // SAFETY: `self` proves the instructions, and the caller has sixteen values there.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn broadcast(self, from: *const f32) -> Self::Vector {
        // SAFETY: `self` proves the instructions, and the caller has a value there.
        unsafe { _mm512_set1_ps(from.read()) }
    }

    #[inline(always)]
    unsafe fn store(self, values: Self::Vector, to: *mut f32) {
        // SAFETY: `self` proves the instructions, and the caller has room for sixteen values there.
        unsafe { _mm512_storeu_ps(to, values) }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn subtract(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn larger(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn multiply_add(self, a: Self::Vector, b: Self::Vector, sum: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_fmadd_ps(a, b, sum) }
    }

    #[inline(always)]
    fn prefetch(self, line: *const Line) {
        // SAFETY: a prefetch of any address is allowed, and every x86-64 processor has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) }
    }
}

impl Bf16Instructions for Avx512<true> {
    #[inline(always)]
    fn multiply_add_pairs(
        self,
        a: Self::Vector,
        b: Self::Vector,
        sum: Self::Vector,
    ) -> Self::Vector {
        // SAFETY: `self` proves the instructions; the same 64 bytes are said to be pairs of BF16 numbers.
        unsafe {
            let [a, b] = [a, b].map(|v| std::mem::transmute::<__m512, __m512bh>(v));
            _mm512_dpbf16_ps(sum, a, b)
        }
    }

    #[inline(always)]
    unsafe fn store_bf16(self, values: Self::Vector, to: *mut u16) {
        // SAFETY: `self` proves the instructions; the same 32 bytes are said to be integers; the caller has room for them.
        unsafe {
            let rounded = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(values));
            _mm256_storeu_si256(to.cast(), rounded);
        }
    }
}
