//! Kernels of this library for the network's backbones, computed by one thread from image to features.
//!
//! The layers, tiles and Winograd's transform are written once, over an [`arithmetic`], which is written over
//! [`instructions`]. An instruction set is one file: [`scalar`] for any processor, and AVX2 and AVX-512 for x86-64.

pub(crate) mod arithmetic;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod instructions;
#[cfg(test)]
mod layer_tests;
pub(crate) mod layers;
pub(crate) mod resnet;
pub(crate) mod scalar;
pub(crate) mod scratch;
pub(crate) mod team;
#[cfg(all(test, not(miri)))]
mod tests;
mod tile;
mod tiling;
mod winograd;
