//! Reference regions: the mean SUV of the liver and of the blood pool, as PERCIST measures them. Where they are not what
//! livers and blood have, the SUV scale is wrong: a dose in another unit, a weight in pounds, decay corrected twice.
//!
//! A host that knows the places says so. Otherwise both are looked for on CT by their anatomy: the liver as the largest
//! soft ball below the right lung, the descending aorta as a disc with the left lung around it. Whatever does not look
//! so is not taken, so an absent reference says nothing and a present one is worth reading.

mod aorta;
mod chest;
mod lattice;
mod liver;

use crate::cancel::CancelToken;
use crate::case::{Case, ReferenceRequest};
use crate::evidence::pet_metrics::Region;
use crate::imaging::suv::slice_factor;
use chest::Chest;
use lattice::Lattice;
use serde::Serialize;

/// Who placed a reference region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum PlacedBy {
    /// The host stated the position.
    Host = 1,
    /// This library found the region on the CT.
    Library = 2,
}

/// SUVbw over one reference region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reference {
    /// Its centre, LPS mm.
    pub center_lps_mm: [f64; 3],
    /// Who said so.
    pub placed_by: PlacedBy,
    /// Mean.
    pub suv_mean: f64,
    /// Standard deviation over its voxels.
    pub suv_sd: f64,
    /// PET voxels whose centres lie in it.
    pub voxels: usize,
}

/// Both references of a case; the error says why one is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct References {
    /// A sphere of 30 mm in the right lobe.
    pub liver: Result<Reference, String>,
    /// A cylinder of 12 mm across and 20 mm along the patient in the descending aorta.
    pub blood_pool: Result<Reference, String>,
}

/// PERCIST 1.0 (Wahl 2009): 3 cm in the right lobe.
const LIVER_RADIUS_MM: f64 = 15.0;
/// PERCIST 1.0: 1 cm across, 2 cm long; a little wider, for PET voxels of 5 mm.
const AORTA_RADIUS_MM: f64 = 6.0;
const AORTA_HALF_LENGTH_MM: f64 = 10.0;

/// Measures the references of a case on at most `threads` threads, 0 for the default number; `factors` are the SUV factors
/// of its PET slices, empty if values are SUVbw. A search that was cancelled finds nothing: the caller looks at its token.
pub fn measure(
    case: &Case<'_>,
    factors: &[f64],
    request: &ReferenceRequest,
    threads: usize,
    cancel: &CancelToken,
) -> References {
    let searched = request.liver.is_none() || request.blood_pool.is_none();
    let ct = Lattice::new(&case.ct);
    let chest = if searched {
        Chest::new(case, &ct, threads, cancel)
    } else {
        Err("not looked for".into())
    };
    let place =
        |given: Option<[f64; 3]>, find: &dyn Fn(&Chest) -> Result<[f64; 3], String>| match given {
            Some(point) => Ok((point, PlacedBy::Host)),
            None => Ok((
                find(chest.as_ref().map_err(String::clone)?)?,
                PlacedBy::Library,
            )),
        };
    let find_liver = |chest: &Chest| liver::find(chest, threads, cancel);
    let find_aorta = |chest: &Chest| aorta::find(chest, &ct, threads, cancel);
    References {
        liver: place(request.liver, &find_liver).and_then(|(center, placed_by)| {
            measure_region(case, factors, center, placed_by, |d| {
                d[0].hypot(d[1]).hypot(d[2]) <= LIVER_RADIUS_MM
            })
        }),
        blood_pool: place(request.blood_pool, &find_aorta).and_then(|(center, placed_by)| {
            measure_region(case, factors, center, placed_by, |d| {
                d[0].hypot(d[1]) <= AORTA_RADIUS_MM && d[2].abs() <= AORTA_HALF_LENGTH_MM
            })
        }),
    }
}

/// Returns the SUV over the voxels whose offsets from the centre, LPS mm, are `inside`.
fn measure_region(
    case: &Case<'_>,
    factors: &[f64],
    center: [f64; 3],
    placed_by: PlacedBy,
    inside: impl Fn([f64; 3]) -> bool,
) -> Result<Reference, String> {
    let pet = &case.pet;
    let bounds = pet.grid.bounds();
    let covered = (0..3).all(|a| {
        bounds[a][0] + LIVER_RADIUS_MM <= center[a] && center[a] <= bounds[a][1] - LIVER_RADIUS_MM
    });
    let region = Region::around(pet, center, LIVER_RADIUS_MM).filter(|_| covered);
    let region = region.ok_or("not covered by the PET")?;
    let values: Vec<f64> = region
        .voxels()
        .filter(|v| {
            let point = pet.grid.index_to_lps(v.map(|n| n as f64));
            inside(std::array::from_fn(|a| point[a] - center[a]))
        })
        .map(|v| pet.value(v) * slice_factor(factors, v[2]))
        .collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    if mean.is_finite() && variance.is_finite() {
        Ok(Reference {
            center_lps_mm: center,
            placed_by,
            suv_mean: mean,
            suv_sd: variance.sqrt(),
            voxels: values.len(),
        })
    } else {
        Err("no finite voxel of the PET lies in it".into())
    }
}

#[cfg(test)]
mod tests;
