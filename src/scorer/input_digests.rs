//! Digests of what was scored, with which a score can be repeated: volumes, SUV factors, tumour and input tensors.

use super::preprocess::{Buffers, ValidatedCase};
use crate::cancel::CancelToken;
use crate::case::Case;
use crate::digest::hexadecimal;
use crate::error::Result;
use crate::imaging::roi::{Delineation, Roi};
use crate::imaging::{Rescale, VolumeView};
use crate::parallel;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// SHA-256 digests, lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputDigests {
    /// The CT: grid, rescaling, padding and every voxel.
    pub ct: String,
    /// The PET, likewise.
    pub pet: String,
    /// The SUV factor of each slice; `None` if the host gave SUV.
    pub suv_factors: Option<String>,
    /// The tumour as it was given: its kind with its coordinates or its mask.
    pub roi: String,
    /// The CT tensor that the network saw.
    pub ct_tensor: String,
    /// The PET tensor that the network saw.
    pub pet_tensor: String,
}

impl InputDigests {
    /// Hashes a case and the tensors that were made of it, both volumes at once where there are threads.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled) within a slice after the token was triggered.
    pub(super) fn new(
        case: &Case<'_>,
        validated: &ValidatedCase,
        buffers: &Buffers,
        threads: usize,
        cancel: &CancelToken,
    ) -> Result<Self> {
        let views = [&case.ct, &case.pet];
        let hash = |n: usize| Ok(finish(volume(Sha256::new(), views[n], cancel)?));
        let volumes: Result<Vec<String>> = parallel::map(2, threads, hash).into_iter().collect();
        let [ct, pet] = <[String; 2]>::try_from(volumes?).unwrap_or_default();
        let suv = validated.suv.as_ref();
        Ok(Self {
            ct,
            pet,
            suv_factors: suv.map(|s| finish(doubles(Sha256::new(), &s.factors))),
            roi: finish(roi(Sha256::new(), &case.roi, cancel)?),
            ct_tensor: finish(floats(Sha256::new(), &buffers.ct)),
            pet_tensor: finish(floats(Sha256::new(), &buffers.pet)),
        })
    }
}

fn finish(hash: Sha256) -> String {
    hexadecimal(&hash.finalize())
}

fn doubles(hash: Sha256, values: &[f64]) -> Sha256 {
    let count = (values.len() as u64).to_le_bytes();
    let bytes = values.iter().map(|v| v.to_le_bytes());
    bytes.fold(hash.chain_update(count), |hash, v| hash.chain_update(v))
}

fn floats(hash: Sha256, values: &[f32]) -> Sha256 {
    let bytes = values.iter().map(|v| v.to_le_bytes());
    bytes.fold(hash, |hash, v| hash.chain_update(v))
}

/// Hashes a volume: the same for equal voxels on equal grids, however they lie in memory.
fn volume(mut hash: Sha256, view: &VolumeView<'_>, cancel: &CancelToken) -> Result<Sha256> {
    let grid = &view.grid;
    let dtype = view.dtype();
    hash.update((dtype as u32).to_le_bytes());
    for n in grid.dims {
        hash.update((n as u64).to_le_bytes());
    }
    hash = doubles(hash, &grid.origin);
    hash = doubles(hash, &grid.spacing);
    hash = doubles(hash, grid.direction.as_flattened());
    hash = doubles(hash, grid.slice_offsets.unwrap_or_default());
    let (slopes, intercept): (&[f64], _) = match &view.rescale {
        Rescale::Uniform { slope, intercept } => (std::slice::from_ref(slope), intercept),
        Rescale::PerSlice { slopes, intercept } => (slopes, intercept),
    };
    hash = doubles(hash, slopes);
    hash = doubles(hash, &[*intercept]);
    hash = doubles(hash, view.padding.as_ref().map_or(&[], |range| &range[..]));
    let size = dtype.size();
    let [columns, rows, slices] = grid.dims;
    let packed = view.stride(0) == size as isize;
    for index in (0..slices).flat_map(|k| (0..rows).map(move |j| [0, j, k])) {
        cancel.check()?;
        if packed {
            let at = view.offset(index);
            hash.update(&view.bytes()[at..at + columns * size]);
        } else {
            for i in 0..columns {
                let at = view.offset([i, index[1], index[2]]);
                hash.update(&view.bytes()[at..at + size]);
            }
        }
    }
    Ok(hash)
}

fn roi(hash: Sha256, roi: &Roi<'_>, cancel: &CancelToken) -> Result<Sha256> {
    let hash = hash.chain_update(roi.kind());
    Ok(match roi {
        Roi::Point(point) => doubles(hash, point),
        Roi::Box(first, last) => doubles(doubles(hash, first), last),
        Roi::Mask(mask) => volume(hash, mask, cancel)?,
        Roi::Seed(seed) => {
            let (kind, threshold) = match seed.delineation {
                Delineation::Fraction(fraction) => (1.0, fraction),
                Delineation::Fixed(suv) => (2.0, suv),
            };
            let rest = [seed.radius_mm, kind, threshold];
            doubles(doubles(hash, &seed.point), &rest)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{DType, IDENTITY, ImageGrid};

    fn grid(dims: [usize; 3]) -> ImageGrid<'static> {
        ImageGrid {
            dims,
            origin: [1.0, 2.0, 3.0],
            spacing: [1.0; 3],
            direction: IDENTITY,
            slice_offsets: None,
        }
    }

    fn digest(view: &VolumeView<'_>) -> String {
        finish(volume(Sha256::new(), view, &CancelToken::default()).unwrap())
    }

    #[test]
    fn the_way_voxels_lie_in_memory_does_not_count_and_all_else_does() {
        let voxels: Vec<u8> = (0..48).collect();
        let packed = VolumeView::packed(&voxels, DType::I16, grid([2, 3, 4]), "ct").unwrap();
        let base = digest(&packed);
        // Every second element of a buffer twice as long.
        let spread: Vec<u8> = voxels
            .chunks(2)
            .flat_map(|v| [v[0], v[1], 99, 99])
            .collect();
        let strided = VolumeView::new(&spread, 0, DType::I16, [4, 8, 24], grid([2, 3, 4]), "ct");
        assert_eq!(digest(&strided.unwrap()), base);
        // Slices from the last to the first in memory.
        let turned: Vec<u8> = voxels.chunks(12).rev().flatten().copied().collect();
        let reversed = VolumeView::new(&turned, 36, DType::I16, [2, 4, -12], grid([2, 3, 4]), "ct");
        assert_eq!(digest(&reversed.unwrap()), base);

        let mut others = Vec::new();
        for at in [0, 47] {
            let mut changed = voxels.clone();
            changed[at] ^= 1;
            let view = VolumeView::packed(&changed, DType::I16, grid([2, 3, 4]), "ct").unwrap();
            others.push(digest(&view));
        }
        let moved = ImageGrid {
            origin: [1.0, 2.0, 3.0 + f64::EPSILON * 2.0],
            ..grid([2, 3, 4])
        };
        for (dtype, grid) in [
            (DType::U16, grid([2, 3, 4])),
            (DType::I16, grid([3, 2, 4])),
            (DType::I16, moved),
        ] {
            others.push(digest(
                &VolumeView::packed(&voxels, dtype, grid, "ct").unwrap(),
            ));
        }
        let slope = packed.with_rescale(Rescale::Uniform {
            slope: 2.0,
            intercept: 0.0,
        });
        others.push(digest(&slope.unwrap()));
        let mut padded = packed;
        padded.padding = Some([0.0, 0.0]);
        others.push(digest(&padded));
        for (n, other) in others.iter().enumerate() {
            assert!(*other != base && !others[..n].contains(other), "{n}");
        }
    }

    #[test]
    fn each_way_to_say_where_a_tumour_is_has_a_digest_of_its_own() {
        let seed = |delineation| {
            Roi::Seed(crate::imaging::roi::Seed {
                point: [1.0, 2.0, 3.0],
                radius_mm: 40.0,
                delineation,
            })
        };
        let point = [1.0, 2.0, 3.0];
        let digests: Vec<String> = [
            Roi::Point(point),
            Roi::Box(point, point),
            seed(Delineation::Fraction(0.41)),
            seed(Delineation::Fixed(0.41)),
        ]
        .iter()
        .map(|r| finish(roi(Sha256::new(), r, &CancelToken::default()).unwrap()))
        .collect();
        for (n, one) in digests.iter().enumerate() {
            assert!(!digests[..n].contains(one), "{n}");
        }
    }
}
