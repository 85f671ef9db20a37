//! Kernels of this library for the network's backbones: layers, tiles, Winograd's transform and a whole backbone, computed by
//! one thread from image to features.

pub(crate) mod layers;
pub(crate) mod resnet;
pub(crate) mod tile;
#[cfg(test)]
mod truth;
mod winograd;
