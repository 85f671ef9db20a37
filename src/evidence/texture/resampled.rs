//! The texture of a lesion on PET and CT: both sampled on one isotropic grid along the patient's axes.

use super::features::{Feature, intensity_features, level_features};
use super::gray_levels::{DirectionalMerge, GrayLevels, MAX_LEVELS, SliceMerge};
use crate::allocation;
use crate::case::{Case, LesionRequest};
use crate::error::{Error, Result};
use crate::evidence::lesion;
use crate::evidence::pet_metrics::{Region, index_box};
use crate::imaging::roi::{Extent, Roi};
use crate::imaging::suv::slice_factor;
use crate::imaging::{IDENTITY, ImageGrid, Probe, VolumeView};
use serde::Serialize;
use std::collections::HashSet;

/// How the texture of a lesion is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TextureRequest {
    /// Distance of the points that both images are sampled at, mm.
    pub spacing_mm: f64,
    /// Width of a gray level of the PET, SUVbw; the lowest level begins at 0.
    pub pet_bin_suv: f64,
    /// Width of a gray level of the CT, HU; the lowest level begins at -1000 and holds what is below.
    pub ct_bin_hu: f64,
}

impl Default for TextureRequest {
    fn default() -> Self {
        Self {
            spacing_mm: 2.0,
            pet_bin_suv: 0.5,
            ct_bin_hu: 25.0,
        }
    }
}

/// The texture of one lesion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Texture {
    /// How it was measured.
    pub request: TextureRequest,
    /// What says which points belong: `mask`, or `pet` for the lesion cut out of the PET.
    pub outlined_by: &'static str,
    /// Features of the PET, in SUVbw.
    pub pet: ModalityTexture,
    /// Features of the CT, in HU.
    pub ct: ModalityTexture,
}

/// The features of one modality.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModalityTexture {
    /// Points of the lesion.
    pub points: usize,
    /// Points of the lesion without a value, which count nowhere: beyond the image, or padding.
    pub points_without_value: usize,
    /// The highest gray level.
    pub levels: u16,
    /// Named as in IBSI's tables; matrices are merged over all directions in space (`3D_comb`, `3D`).
    pub features: Vec<Feature>,
}

/// A lesion of a larger extent is not sampled: an organ was meant.
const MAX_EXTENT_MM: f64 = 300.0;

/// Points that are allowed along one axis.
const MAX_POINTS: f64 = 512.0;

/// HU where the lowest gray level of the CT begins.
const LOWEST_HU: f64 = -1000.0;

/// Measures the texture of the lesion of a case: of its mask if it has one, else of the lesion that is cut out of the PET.
///
/// A point of the grid belongs to the lesion if the trilinear interpolation of the lesion's voxels, each worth 1, is at least
/// 0.5 there. Values are interpolated likewise. `factors` are the SUV factors of the PET's slices, empty if values are SUVbw.
///
/// # Errors
/// [`Error::InvalidArgument`] names a setting that is out of range; [`Error::RoiInvalid`] if there is no lesion or it is too
/// large; [`Error::RoiEmpty`] if no point of the grid belongs to it, or none has a value.
pub fn measure(
    case: &Case<'_>,
    roi: &Extent,
    factors: &[f64],
    lesion: &LesionRequest,
    request: &TextureRequest,
) -> Result<Texture> {
    check(request)?;
    let (points, outlined_by) = match &case.roi {
        Roi::Mask(mask) => {
            let bounds = roi.bounds.ok_or(Error::RoiEmpty)?;
            let set = |v| f64::from(mask.value(v) != 0.0);
            (Points::new(mask, bounds, set, request.spacing_mm)?, "mask")
        }
        _ => {
            let voxels = lesion::cut_out(case, roi, factors, lesion)?.voxels;
            let bounds = case.pet.grid.lps_box(index_box(&voxels));
            let lesion: HashSet<[usize; 3]> = voxels.into_iter().collect();
            let set = |v| f64::from(lesion.contains(&v));
            (
                Points::new(&case.pet, bounds, set, request.spacing_mm)?,
                "pet",
            )
        }
    };
    let suv = |v: [usize; 3]| {
        let value = case.pet.unpadded_value(v)?;
        Some(value * slice_factor(factors, v[2]))
    };
    let hu = |v: [usize; 3]| case.ct.unpadded_value(v);
    Ok(Texture {
        request: *request,
        outlined_by,
        pet: points.texture(&case.pet, suv, 0.0, request.pet_bin_suv)?,
        ct: points.texture(&case.ct, hu, LOWEST_HU, request.ct_bin_hu)?,
    })
}

fn check(request: &TextureRequest) -> Result<()> {
    let settings = [
        ("texture.spacing_mm", request.spacing_mm, 0.5..=10.0),
        ("texture.pet_bin_suv", request.pet_bin_suv, 0.01..=10.0),
        ("texture.ct_bin_hu", request.ct_bin_hu, 1.0..=1000.0),
    ];
    for (name, value, range) in settings {
        if !range.contains(&value) {
            let text = format!("{value} is not from {} to {}", range.start(), range.end());
            return Err(Error::invalid(name, text));
        }
    }
    Ok(())
}

/// The points of an isotropic grid along the patient's axes, and which of them belong to a lesion.
struct Points {
    grid: ImageGrid<'static>,
    belongs: Vec<bool>,
}

impl Points {
    /// Lays the grid over a box, centred in it.
    fn new(
        outline: &VolumeView<'_>,
        bounds: [[f64; 2]; 3],
        set: impl Fn([usize; 3]) -> f64,
        spacing: f64,
    ) -> Result<Self> {
        let extent = bounds.map(|[low, high]| high - low);
        let points = extent.map(|mm| (mm / spacing).floor() + 1.0);
        if extent.iter().any(|mm| *mm > MAX_EXTENT_MM) || points.iter().any(|n| *n > MAX_POINTS) {
            let [x, y, z] = extent;
            return Err(Error::RoiInvalid(format!(
                "a lesion of {x:.0} x {y:.0} x {z:.0} mm is too large for its texture at {spacing} mm"
            )));
        }
        let dims = points.map(|n| n as usize);
        let origin = std::array::from_fn(|a| {
            (bounds[a][0] + bounds[a][1] - (points[a] - 1.0) * spacing) / 2.0
        });
        let grid = ImageGrid {
            dims,
            origin,
            spacing: [spacing; 3],
            direction: IDENTITY,
            slice_offsets: None,
        };
        let probe = Probe::new(outline);
        let mut belongs =
            allocation::with_capacity(dims.iter().product(), "the points of a lesion")?;
        belongs.extend(lattice(&grid).map(|point| {
            // Half of a voxel's weight and rounding.
            probe
                .interpolate(point, |v| Some(set(v)))
                .is_some_and(|share| share >= 0.5 - 1e-9)
        }));
        Ok(Self { grid, belongs })
    }

    fn texture(
        &self,
        image: &VolumeView<'_>,
        quantity: impl Fn([usize; 3]) -> Option<f64>,
        lowest: f64,
        width: f64,
    ) -> Result<ModalityTexture> {
        let probe = Probe::new(image);
        let mut values = Vec::new();
        let mut levels = allocation::zeros(self.belongs.len(), "the gray levels of a lesion")?;
        let mut points_without_value = 0;
        for ((point, belongs), level) in lattice(&self.grid).zip(&self.belongs).zip(&mut levels) {
            if !belongs {
                continue;
            }
            let Some(value) = probe.interpolate(point, &quantity) else {
                points_without_value += 1;
                continue;
            };
            if !value.is_finite() {
                return Err(Error::VoxelNotFinite {
                    volume: image.name(),
                });
            }
            let bin = ((value - lowest) / width).floor() + 1.0;
            // More levels than are allowed are refused by name below.
            *level = bin.clamp(1.0, f64::from(MAX_LEVELS + 1)) as u16;
            values.push(value);
        }
        let levels = GrayLevels::new(self.grid.dims, levels)?;
        let mut features = intensity_features(&values)?;
        let (directional, slices) = (DirectionalMerge::VolumeMerged, SliceMerge::Volume);
        features.extend(level_features(&levels, directional, slices));
        Ok(ModalityTexture {
            points: values.len(),
            points_without_value,
            levels: levels.highest(),
            features,
        })
    }
}

/// Returns the points of a grid, LPS mm, the first axis fastest.
fn lattice<'a>(grid: &'a ImageGrid<'_>) -> impl Iterator<Item = [f64; 3]> + 'a {
    let all = Region {
        first: [0; 3],
        last: grid.dims.map(|n| n - 1),
    };
    all.voxels()
        .map(|index| grid.index_to_lps(index.map(|n| n as f64)))
}
