//! Three planes through the tumour for people to look at, sampled anew: 160 mm a side, a sample every 0.5 mm.
//!
//! The sampler is that of the network's input, with another specification and without normalisation. Planes are in radiological
//! convention: the patient's right is on the left of axial and coronal planes, anterior is on the left of sagittal planes, and
//! coronal and sagittal planes have the head up.

use super::isoline::isolines;
use super::lesion;
use crate::allocation;
use crate::case::Case;
use crate::error::Result;
use crate::imaging::roi::{Extent, Roi};
use crate::imaging::sampler::{Channel, Intensity, PreprocessSpec, SignedAxis, Workspace};
use crate::imaging::{ImageGrid, Probe, VolumeView};

/// Samples along a side of a plane.
pub const SIDE: usize = 320;
/// Distance between samples, mm.
pub const SPACING_MM: f64 = 0.5;
/// The sample that lies on the centre of the tumour, along both axes.
pub const CENTER: usize = SIDE / 2;
/// The value of samples that lie outside the CT or the PET; no HU and no SUV is as low.
pub const OUTSIDE: f32 = -1e6;

/// Lattice of the outlines: steps of 1 mm.
const LATTICE: usize = 161;

/// The pictures of one case, with what a reader must know of the volumes they show.
#[derive(Clone, Debug, PartialEq)]
pub struct Pictures {
    /// Axial, coronal, sagittal.
    pub planes: [Picture; 3],
    /// Voxels of the CT along i, j, k, and their spacing in mm.
    pub ct_grid: GridSummary,
    /// The same of the PET.
    pub pet_grid: GridSummary,
}

/// Size of a volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GridSummary {
    /// Voxels along i, j, k.
    pub dims: [usize; 3],
    /// Millimetres between their centres; the third is nominal where steps are uneven.
    pub spacing: [f64; 3],
}

/// One plane: samples row by row from its upper left corner, `SIDE` a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its name.
    pub plane: &'static str,
    /// Patient axis that grows from left to right.
    pub columns: SignedAxis,
    /// Patient axis that grows from top to bottom.
    pub rows: SignedAxis,
    /// HU; [`OUTSIDE`] where there is no CT.
    pub ct: Vec<f32>,
    /// SUVbw; [`OUTSIDE`] where there is no PET.
    pub pet: Vec<f32>,
    /// Outlines of the lesion that was cut out of the PET: millimetres from the centre, to the right and down.
    pub lesion: Vec<Vec<[f32; 2]>>,
    /// Outlines of the mask or box that the host gave.
    pub roi: Vec<Vec<[f32; 2]>>,
}

/// The planes' names and axes.
const PLANES: [(&str, SignedAxis, SignedAxis); 3] = [
    ("axial", SignedAxis::Left, SignedAxis::Posterior),
    ("coronal", SignedAxis::Left, SignedAxis::Inferior),
    ("sagittal", SignedAxis::Posterior, SignedAxis::Inferior),
];

/// Samples the pictures of a case around the centre of its ROI; `factors` are the SUV factors of its PET slices, empty if values
/// are SUVbw. The lesion is outlined if the case asks for its measures.
///
/// # Errors
/// Those of the sampler; [`Error::OutOfMemory`](crate::Error::OutOfMemory).
pub fn sample(case: &Case<'_>, roi: &Extent, factors: &[f64]) -> Result<Pictures> {
    let mut workspace = Workspace::default();
    let spec = specification();
    let mut tensor = |view: &VolumeView<'_>, factors: &[f64], values: &Intensity| {
        let mut tensor = allocation::zeros(spec.tensor_len(), "the pictures of a case")?;
        spec.sample(
            view,
            factors,
            values,
            roi.center,
            &mut workspace,
            &mut tensor,
        )?;
        Ok::<Vec<f32>, crate::Error>(tensor)
    };
    let ct = tensor(&case.ct, &[], &spec.ct)?;
    let pet = tensor(&case.pet, factors, &spec.pet)?;
    let delineated = match &case.lesion {
        Some(request) => lesion::cut_out(case, roi, factors, request).ok(),
        None => None,
    };
    let lesion = delineated.map(|found| {
        let set = found
            .voxels
            .iter()
            .copied()
            .collect::<std::collections::HashSet<_>>();
        let bounds = case
            .pet
            .grid
            .lps_box(crate::evidence::pet_metrics::index_box(&found.voxels));
        (set, bounds)
    });
    let plane = |n: usize| {
        let (plane, columns, rows) = PLANES[n];
        let axes = Axes {
            columns,
            rows,
            center: roi.center,
        };
        let samples = n * SIDE * SIDE..(n + 1) * SIDE * SIDE;
        let lesion = lesion.as_ref().map_or_else(Vec::new, |(set, bounds)| {
            axes.outline(&case.pet, *bounds, |v| set.contains(&v))
        });
        Picture {
            plane,
            columns,
            rows,
            ct: ct[samples.clone()].to_vec(),
            pet: pet[samples].to_vec(),
            lesion,
            roi: axes.roi_outline(case, roi),
        }
    };
    Ok(Pictures {
        planes: [plane(0), plane(1), plane(2)],
        ct_grid: GridSummary::from_grid(&case.ct.grid),
        pet_grid: GridSummary::from_grid(&case.pet.grid),
    })
}

impl GridSummary {
    fn from_grid(grid: &ImageGrid<'_>) -> Self {
        Self {
            dims: grid.dims,
            spacing: grid.spacing,
        }
    }
}

fn specification() -> PreprocessSpec {
    let intensity = |unit: &str| Intensity {
        unit: unit.into(),
        outside: f64::from(OUTSIDE),
        padding_below: None,
        padding_replacement: None,
        clip: None,
        mean: 0.0,
        std: 1.0,
    };
    let channel = |(plane, columns, rows): (&str, SignedAxis, SignedAxis)| Channel {
        plane: plane.into(),
        rows,
        columns,
    };
    PreprocessSpec {
        frame: "LPS".into(),
        center: "point_or_mask_centroid".into(),
        spacing_mm: SPACING_MM,
        samples: SIDE,
        center_index: CENTER,
        channels: PLANES.map(channel).into(),
        interpolation: "trilinear".into(),
        output: SIDE,
        resize: "bilinear_align_corners".into(),
        pet: intensity("SUVbw"),
        ct: intensity("HU"),
    }
}

/// A plane through the centre.
struct Axes {
    columns: SignedAxis,
    rows: SignedAxis,
    center: [f64; 3],
}

impl Axes {
    /// The point of the patient at millimetres from the centre, to the right and down.
    fn point(&self, right: f64, down: f64) -> [f64; 3] {
        let mut point = self.center;
        point[self.columns.axis()] += self.columns.sign() * right;
        point[self.rows.axis()] += self.rows.sign() * down;
        point
    }

    /// Outlines of voxels of a volume that are `inside`, interpolated between their centres; `bounds` is an LPS box around them.
    fn outline(
        &self,
        view: &VolumeView<'_>,
        bounds: [[f64; 2]; 3],
        inside: impl Fn([usize; 3]) -> bool,
    ) -> Vec<Vec<[f32; 2]>> {
        let probe = Probe::new(view);
        let reach = view.grid.spacing.iter().copied().fold(1.0, f64::max);
        let near = |p: [f64; 3]| {
            (0..3).all(|a| p[a] >= bounds[a][0] - reach && p[a] <= bounds[a][1] + reach)
        };
        let half = (LATTICE / 2) as f64;
        let value = |n: usize| {
            let point = self.point((n % LATTICE) as f64 - half, (n / LATTICE) as f64 - half);
            if !near(point) {
                return 0.0;
            }
            let share = probe.interpolate(point, |v| Some(f64::from(inside(v))));
            share.unwrap_or(0.0) as f32
        };
        let values: Vec<f32> = (0..LATTICE * LATTICE).map(value).collect();
        let to_mm = |[column, row]: [f32; 2]| [column - half as f32, row - half as f32];
        let lines = isolines(&values, LATTICE).into_iter();
        lines
            .map(|line| line.into_iter().map(to_mm).collect())
            .collect()
    }

    /// Outlines of the mask or box that the host gave; a point and a seed have none.
    fn roi_outline(&self, case: &Case<'_>, roi: &Extent) -> Vec<Vec<[f32; 2]>> {
        let Some(bounds) = roi.bounds else {
            return Vec::new();
        };
        match &case.roi {
            Roi::Mask(mask) => self.outline(mask, bounds, |v| mask.value(v) != 0.0),
            Roi::Box(..) => {
                let side = |axis: SignedAxis, n: usize| {
                    let a = axis.axis();
                    ((bounds[a][n] - self.center[a]) * axis.sign()) as f32
                };
                let corner = |c, r| [side(self.columns, c), side(self.rows, r)];
                vec![vec![
                    corner(0, 0),
                    corner(1, 0),
                    corner(1, 1),
                    corner(0, 1),
                    corner(0, 0),
                ]]
            }
            Roi::Point(_) | Roi::Seed(_) => Vec::new(),
        }
    }
}
