//! The texture of a case's lesion, for studies of what the scores go with; no part of a score.

use super::preprocess::ValidatedCase;
use crate::case::{Case, LesionRequest};
use crate::error::Result;
use crate::evidence::texture::{self, Texture, TextureRequest};

/// Measures the texture of a case's lesion; needs neither ONNX Runtime nor weights.
///
/// # Errors
/// Refuses what a score refuses before the network: volumes that do not overlap, a centre outside, an SUV that cannot be
/// computed; else as [`texture::measure`].
pub fn texture(
    case: &Case<'_>,
    lesion: &LesionRequest,
    request: &TextureRequest,
) -> Result<Texture> {
    let validated = ValidatedCase::new(case)?;
    texture::measure(case, &validated.roi, validated.factors(), lesion, request)
}
