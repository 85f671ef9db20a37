//! Kernels of this library for the network's backbones: layers, tiles, Winograd's transform and a whole backbone, computed by
//! one thread from image to features.

pub(crate) mod layers;
pub(crate) mod resnet;
#[cfg(test)]
mod tests;
pub(crate) mod tile;
mod winograd;
