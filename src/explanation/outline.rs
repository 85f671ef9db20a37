//! The centre of a case whose lesion is outlined otherwise.

use super::perturbations::Outline;
use crate::case::{Case, LesionRequest};
use crate::error::{Error, Result};
use crate::evidence::lesion;
use crate::evidence::pet_metrics::{Region, delineate, extent_of_seed};
use crate::imaging::roi::{Delineation, Roi, Seed};
use crate::imaging::{ImageGrid, VolumeView};
use std::collections::HashSet;

/// How far an outline is moved, mm.
const STEP_MM: f64 = 3.0;
/// A larger lesion, an organ or a body, is not outlined anew: it would take too long.
const MAX_LESION_MM: f64 = 300.0;

/// Returns the centre of the lesion with another outline, LPS mm.
///
/// # Errors
/// [`Error::RoiInvalid`] with the reason in words if there is no such outline: the centre comes from a point or a box, or
/// nothing is left of the lesion; those of the delineation.
pub fn center(case: &Case<'_>, factors: &[f64], outline: Outline) -> Result<[f64; 3]> {
    let (voxels, grid) = match (&case.roi, outline) {
        (Roi::Point(_) | Roi::Box(..), _) => {
            let kind = case.roi.kind();
            return Err(invalid(format!(
                "the centre comes from a {kind}, not from an outline"
            )));
        }
        (Roi::Seed(seed), Outline::Fraction(f)) => {
            let seed = Seed {
                delineation: Delineation::Fraction(f),
                ..*seed
            };
            return Ok(extent_of_seed(&case.pet, factors, &seed)?.center);
        }
        (Roi::Mask(_), Outline::Fraction(f)) => {
            let request = LesionRequest {
                delineation: Delineation::Fraction(f),
                ..LesionRequest::default()
            };
            let found = lesion::cut_out(case, &case.roi.extent()?, factors, &request)?;
            (found.voxels, case.pet.grid)
        }
        (Roi::Seed(seed), _) => {
            let around = Region::around(&case.pet, seed.point, seed.radius_mm);
            let region = around.ok_or_else(|| invalid("the seed lies outside the PET"))?;
            let (delineation, point) = (seed.delineation, Some(seed.point));
            let found = delineate(&case.pet, factors, region, delineation, point)?;
            (moved(found.voxels, &case.pet.grid, outline), case.pet.grid)
        }
        (Roi::Mask(mask), _) => (moved(set_voxels(mask)?, &mask.grid, outline), mask.grid),
    };
    centroid(&voxels, &grid)
}

fn invalid(why: impl Into<String>) -> Error {
    Error::RoiInvalid(why.into())
}

/// Returns the voxels of a mask that are set.
fn set_voxels(mask: &VolumeView<'_>) -> Result<Vec<[usize; 3]>> {
    let bounds = Roi::Mask(*mask).extent()?.bounds;
    let bounds = bounds.ok_or(Error::RoiEmpty)?;
    if bounds.iter().any(|[low, high]| high - low > MAX_LESION_MM) {
        return Err(invalid(format!(
            "the lesion is larger than {MAX_LESION_MM} mm"
        )));
    }
    let region = Region::within(mask, bounds).ok_or(Error::RoiEmpty)?;
    let set = region.voxels().filter(|v| mask.value(*v) != 0.0);
    Ok(set.collect())
}

/// Returns voxels without those near the border, or with those near them.
fn moved(voxels: Vec<[usize; 3]>, grid: &ImageGrid<'_>, outline: Outline) -> Vec<[usize; 3]> {
    let near = neighbours(grid);
    let set: HashSet<[usize; 3]> = voxels.iter().copied().collect();
    let around = |v: [usize; 3]| {
        near.iter()
            .map(move |d| std::array::from_fn(|a| v[a].wrapping_add_signed(d[a])))
    };
    let mut found: Vec<[usize; 3]> = match outline {
        Outline::Eroded => {
            let whole = |v: &[usize; 3]| around(*v).all(|n| set.contains(&n));
            voxels.into_iter().filter(whole).collect()
        }
        _ => {
            let inside = |v: &[usize; 3]| (0..3).all(|a| v[a] < grid.dims[a]);
            let grown = set.iter().flat_map(|v| around(*v)).filter(inside);
            grown.collect::<HashSet<_>>().into_iter().collect()
        }
    };
    // A sum must not depend on the order of a hash.
    found.sort_unstable();
    found
}

/// Returns the steps to all voxels whose centres lie within 3 mm, the voxel itself among them.
fn neighbours(grid: &ImageGrid<'_>) -> Vec<[isize; 3]> {
    let reach = grid.spacing.map(|mm| (STEP_MM / mm) as isize);
    let mut found = Vec::new();
    for k in -reach[2]..=reach[2] {
        for j in -reach[1]..=reach[1] {
            for i in -reach[0]..=reach[0] {
                let step = [i, j, k];
                let mm = |a: usize| (step[a] as f64 * grid.spacing[a]).powi(2);
                if (0..3).map(mm).sum::<f64>() <= STEP_MM.powi(2) {
                    found.push(step);
                }
            }
        }
    }
    found
}

fn centroid(voxels: &[[usize; 3]], grid: &ImageGrid<'_>) -> Result<[f64; 3]> {
    if voxels.is_empty() {
        return Err(invalid("nothing is left of the lesion"));
    }
    let mut center = [0.0; 3];
    for v in voxels {
        let point = grid.index_to_lps(v.map(|i| i as f64));
        for (sum, x) in center.iter_mut().zip(point) {
            *sum += x / voxels.len() as f64;
        }
    }
    Ok(center)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::IDENTITY;

    #[test]
    fn a_block_is_eroded_to_its_middle_and_dilated_evenly() {
        let grid = ImageGrid {
            dims: [20, 20, 20],
            origin: [0.0; 3],
            spacing: [1.5, 1.5, 4.0],
            direction: IDENTITY,
            slice_offsets: None,
        };
        let block = |r: std::ops::Range<usize>| {
            let r2 = r.clone();
            r.flat_map(move |i| r2.clone().map(move |j| [i, j, 9]))
        };
        let voxels: Vec<[usize; 3]> = block(5..12).collect();
        let eroded = moved(voxels.clone(), &grid, Outline::Eroded);
        assert_eq!(eroded, block(7..10).collect::<Vec<_>>());
        let dilated = moved(voxels.clone(), &grid, Outline::Dilated);
        // Two voxels to each side, and at the corners one along each axis: sqrt(2) x 1.5 mm is within 3 mm, sqrt(5) x is not.
        assert_eq!(dilated.len(), 7 * 7 + 4 * 2 * 7 + 4);
        let [a, b] = [dilated, voxels].map(|v| centroid(&v, &grid).unwrap());
        assert!((0..3).all(|i| (a[i] - b[i]).abs() < 1e-9), "{a:?} {b:?}");
        let none = moved(block(5..7).collect(), &grid, Outline::Eroded);
        let refused = centroid(&none, &grid).unwrap_err().to_string();
        assert!(refused.contains("nothing is left"), "{refused}");
    }
}
