//! AVX2 and FMA: Intel Core since 2013 (Haswell), AMD since 2015 (Excavator). Two registers hold a vector.
#![allow(unsafe_code)]

use super::instructions::{BLOCK, Instructions, Line, Task};
use std::arch::x86_64::*;

/// Values of a register.
const HALF: usize = BLOCK / 2;

/// Proof of AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Instructions for Avx2 {
    type Vector = [__m256; 2];
    const WIDE: bool = false;

    fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    #[inline(always)]
    fn run(self, task: impl Task) {
        #[target_feature(enable = "avx2,fma")]
        fn compiled(task: impl Task) {
            task.run();
        }
        // SAFETY: `self` proves the instructions.
        unsafe { compiled(task) }
    }

    #[inline(always)]
    fn zero(self) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        [unsafe { _mm256_setzero_ps() }; 2]
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Self::Vector {
        // SAFETY: `self` proves the instructions, and the caller has sixteen values there.
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(HALF))] }
    }

    #[inline(always)]
    unsafe fn broadcast(self, from: *const f32) -> Self::Vector {
        // SAFETY: `self` proves the instructions, and the caller has a value there.
        [unsafe { _mm256_broadcast_ss(&*from) }; 2]
    }

    #[inline(always)]
    unsafe fn store(self, [low, high]: Self::Vector, to: *mut f32) {
        // SAFETY: `self` proves the instructions, and the caller has room for sixteen values there.
        unsafe {
            _mm256_storeu_ps(to, low);
            _mm256_storeu_ps(to.add(HALF), high);
        }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn subtract(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn larger(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn multiply_add(self, a: Self::Vector, b: Self::Vector, sum: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves the instructions.
        unsafe {
            [
                _mm256_fmadd_ps(a[0], b[0], sum[0]),
                _mm256_fmadd_ps(a[1], b[1], sum[1]),
            ]
        }
    }

    #[inline(always)]
    fn prefetch(self, line: *const Line) {
        // SAFETY: a prefetch of any address is allowed, and every x86-64 processor has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) }
    }
}
