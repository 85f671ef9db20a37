//! Where voxels are: continuous index <-> LPS millimetres, ITK's conventions.

use crate::error::{Error, Result};

/// Grid of a volume in the patient frame (LPS, millimetres).
///
/// `origin` is the centre of voxel (0,0,0); the columns of `direction` are the unit vectors of the index axes
/// (ITK convention). Slices may lie at uneven steps: `slice_offsets` then holds the distance of each slice from
/// slice 0 along the third axis and `spacing[2]` is only nominal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageGrid<'a> {
    /// Voxels along i, j, k.
    pub dims: [usize; 3],
    /// Centre of voxel (0,0,0), LPS mm.
    pub origin: [f64; 3],
    /// Millimetres between voxel centres along i, j, k; positive.
    pub spacing: [f64; 3],
    /// `direction[row][column]`: column a is the LPS unit vector of index axis a.
    pub direction: [[f64; 3]; 3],
    /// Strictly increasing distances of the slices from slice 0, mm; `None` for even steps.
    pub slice_offsets: Option<&'a [f64]>,
}

/// How far from orthonormal a direction may be before it is refused: DICOM stores cosines with about 6 digits.
const ORTHONORMAL_TOLERANCE: f64 = 1e-4;

/// Identity direction: the index axes run to +L, +P and +S.
pub const IDENTITY: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

impl ImageGrid<'_> {
    /// Checks every field. `volume` names the volume in the error.
    pub fn validate(&self, volume: &'static str) -> Result<()> {
        let refuse = |why: String| Err(Error::VolumeGeometry { volume, why });
        for (axis, &n) in self.dims.iter().enumerate() {
            if n == 0 || n > MAX_DIM {
                return Err(Error::VolumeShape {
                    volume,
                    why: format!("dims[{axis}] is {n}, allowed 1 to {MAX_DIM}"),
                });
            }
        }
        if let Some(bad) = self.origin.iter().find(|v| !v.is_finite()) {
            return refuse(format!("origin has {bad}"));
        }
        if let Some((axis, bad)) = self
            .spacing
            .iter()
            .enumerate()
            .find(|(_, v)| !(v.is_finite() && **v > 0.0))
        {
            return refuse(format!("spacing[{axis}] is {bad}, must be positive"));
        }
        let d = &self.direction;
        for a in 0..3 {
            for b in a..3 {
                let dot: f64 = (0..3).map(|r| d[r][a] * d[r][b]).sum();
                let want = if a == b { 1.0 } else { 0.0 };
                if dot.is_nan() || (dot - want).abs() > ORTHONORMAL_TOLERANCE {
                    return refuse(format!(
                        "direction is not orthonormal: columns {a} and {b} have dot product {dot}"
                    ));
                }
            }
        }
        if let Some(offsets) = self.slice_offsets {
            if offsets.len() != self.dims[2] {
                return refuse(format!(
                    "slice_offsets has {} entries for {} slices",
                    offsets.len(),
                    self.dims[2]
                ));
            }
            if offsets[0] != 0.0
                || !offsets.iter().all(|v| v.is_finite())
                || !offsets.windows(2).all(|w| w[1] > w[0])
            {
                return refuse("slice_offsets must start at 0 and increase strictly".into());
            }
        }
        Ok(())
    }

    /// Returns the LPS position of a continuous index, mm.
    pub fn index_to_lps(&self, index: [f64; 3]) -> [f64; 3] {
        let along = [
            index[0] * self.spacing[0],
            index[1] * self.spacing[1],
            self.slice_position(index[2]),
        ];
        std::array::from_fn(|r| {
            self.origin[r] + (0..3).map(|a| self.direction[r][a] * along[a]).sum::<f64>()
        })
    }

    /// Continuous index of an LPS position.
    ///
    /// The direction is inverted, not transposed: cosines of six digits are not quite orthonormal, and 300 mm from
    /// the origin the difference would show.
    pub fn lps_to_index(&self, lps: [f64; 3]) -> [f64; 3] {
        let inverse = self.inverse_direction();
        let along: [f64; 3] = std::array::from_fn(|a| {
            (0..3)
                .map(|r| inverse[a][r] * (lps[r] - self.origin[r]))
                .sum()
        });
        [
            along[0] / self.spacing[0],
            along[1] / self.spacing[1],
            self.slice_index(along[2]),
        ]
    }

    /// Returns the inverse of `direction`; row a gives the distance along index axis a.
    pub(crate) fn inverse_direction(&self) -> [[f64; 3]; 3] {
        let d = &self.direction;
        let cofactor = |r: usize, c: usize| {
            let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
            d[r1][c1] * d[r2][c2] - d[r1][c2] * d[r2][c1]
        };
        let determinant: f64 = (0..3).map(|c| d[0][c] * cofactor(0, c)).sum();
        std::array::from_fn(|a| std::array::from_fn(|r| cofactor(r, a) / determinant))
    }

    /// Returns whether a point is inside: at most half a voxel beyond the outermost voxel centres.
    pub fn contains(&self, lps: [f64; 3]) -> bool {
        let index = self.lps_to_index(lps);
        (0..3).all(|a| inside(index[a], self.dims[a]))
    }

    /// Returns the smallest LPS box around the voxel centres, grown by half a voxel.
    pub fn bounds(&self) -> [[f64; 2]; 3] {
        self.lps_box(self.dims.map(|n| [-0.5, n as f64 - 0.5]))
    }

    /// Returns the smallest LPS box around a box of continuous indices, `[low, high]` along each axis.
    pub fn lps_box(&self, index: [[f64; 2]; 3]) -> [[f64; 2]; 3] {
        let mut bounds = [[f64::INFINITY, f64::NEG_INFINITY]; 3];
        for corner in 0..8 {
            let point = self.index_to_lps(std::array::from_fn(|a| index[a][corner >> a & 1]));
            for (b, v) in bounds.iter_mut().zip(point) {
                b[0] = b[0].min(v);
                b[1] = b[1].max(v);
            }
        }
        bounds
    }

    /// Returns the volume of one voxel in mm3 at nominal spacing.
    pub fn voxel_volume_mm3(&self) -> f64 {
        self.spacing.iter().product()
    }

    /// Returns the distance along the third axis of a continuous slice index; beyond the ends the outermost step goes on.
    pub(crate) fn slice_position(&self, k: f64) -> f64 {
        match self.slice_offsets {
            Some(z) if z.len() > 1 => {
                let i = (k.floor().max(0.0) as usize).min(z.len() - 2);
                z[i] + (k - i as f64) * (z[i + 1] - z[i])
            }
            _ => k * self.spacing[2],
        }
    }

    /// Returns the continuous slice index of a distance along the third axis.
    pub(crate) fn slice_index(&self, mm: f64) -> f64 {
        match self.slice_offsets {
            Some(z) if z.len() > 1 => {
                let i = z
                    .partition_point(|&v| v <= mm)
                    .saturating_sub(1)
                    .min(z.len() - 2);
                i as f64 + (mm - z[i]) / (z[i + 1] - z[i])
            }
            _ => mm / self.spacing[2],
        }
    }
}

/// Largest number of voxels along one axis.
pub const MAX_DIM: usize = 1 << 16;

/// Inside test shared by every sampler: up to and including half a voxel beyond the outermost centres (NUMERICS 1).
/// The tolerance keeps a point that is exactly half a voxel out on the inner side of floating-point noise.
#[inline]
pub(crate) fn inside(index: f64, n: usize) -> bool {
    const TOLERANCE: f64 = 1e-9;
    index >= -0.5 - TOLERANCE && index <= n as f64 - 0.5 + TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oblique() -> ImageGrid<'static> {
        let (s, c) = 0.3f64.sin_cos();
        ImageGrid {
            dims: [7, 5, 4],
            origin: [-10.0, 20.0, 3.0],
            spacing: [0.9, 1.1, 3.0],
            direction: [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, -1.0]],
            slice_offsets: None,
        }
    }

    #[test]
    fn index_and_lps_are_inverse_under_any_direction_and_uneven_steps() {
        let steps = [0.0, 3.0, 6.5, 9.0];
        for g in [
            oblique(),
            ImageGrid {
                slice_offsets: Some(&steps),
                ..oblique()
            },
        ] {
            g.validate("ct").unwrap();
            for index in [
                [0.0, 0.0, 0.0],
                [1.25, 3.5, 2.75],
                [-0.5, 4.4, -0.3],
                [6.0, 0.1, 3.4],
            ] {
                let back = g.lps_to_index(g.index_to_lps(index));
                assert!(
                    (0..3).all(|a| (back[a] - index[a]).abs() < 1e-12),
                    "{index:?} {back:?}"
                );
            }
        }
    }

    #[test]
    fn impossible_geometry_is_refused_and_named() {
        let g = oblique();
        let names = |g: ImageGrid, what: &str| {
            let text = g.validate("pet").unwrap_err().to_string();
            assert!(text.contains("pet") && text.contains(what), "{text}");
        };
        names(
            ImageGrid {
                dims: [7, 0, 4],
                ..g
            },
            "dims[1]",
        );
        names(
            ImageGrid {
                dims: [7, 1 << 20, 4],
                ..g
            },
            "dims[1]",
        );
        names(
            ImageGrid {
                spacing: [1.0, 0.0, 1.0],
                ..g
            },
            "spacing[1]",
        );
        names(
            ImageGrid {
                spacing: [1.0, f64::NAN, 1.0],
                ..g
            },
            "spacing[1]",
        );
        names(
            ImageGrid {
                origin: [f64::NAN, 0.0, 0.0],
                ..g
            },
            "origin",
        );
        names(
            ImageGrid {
                direction: [[0.0; 3]; 3],
                ..g
            },
            "direction",
        );
        names(
            ImageGrid {
                direction: [[f64::NAN; 3]; 3],
                ..g
            },
            "direction",
        );
        names(
            ImageGrid {
                direction: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 1.0]],
                ..g
            },
            "direction",
        );
        names(
            ImageGrid {
                slice_offsets: Some(&[0.0, 1.0, 1.0, 2.0]),
                ..g
            },
            "slice_offsets",
        );
        names(
            ImageGrid {
                slice_offsets: Some(&[0.0, 1.0]),
                ..g
            },
            "slice_offsets",
        );
    }

    #[test]
    fn limits_belong_to_what_is_allowed() {
        let g = oblique();
        let with = |dims, direction| ImageGrid {
            dims,
            direction,
            ..g
        };
        assert!(with([65_536, 5, 4], g.direction).validate("ct").is_ok());
        assert!(with([65_537, 5, 4], g.direction).validate("ct").is_err());
        // Columns with a dot product of a ten-thousandth.
        let skew = |v: f64| [[1.0, v, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        assert!(with(g.dims, skew(1e-4)).validate("ct").is_ok());
        assert!(with(g.dims, skew(1.01e-4)).validate("ct").is_err());
        for offsets in [
            [0.5, 1.0, 2.0, 3.0],
            [0.0, 1.0, 2.0, f64::INFINITY],
            [0.0, 2.0, 1.0, 3.0],
        ] {
            let grid = ImageGrid {
                slice_offsets: Some(&offsets),
                ..g
            };
            let why = grid.validate("ct").unwrap_err().to_string();
            assert!(
                why.contains("must start at 0 and increase strictly"),
                "{offsets:?}: {why}"
            );
        }
    }

    #[test]
    fn a_direction_that_is_a_little_too_long_is_inverted_all_the_same() {
        let long = 1.0 + 4e-5;
        let grid = ImageGrid {
            direction: oblique().direction.map(|row| row.map(|v| v * long)),
            ..oblique()
        };
        grid.validate("ct").unwrap();
        let back = grid.lps_to_index(grid.index_to_lps([6.0, 4.0, 3.0]));
        assert!(
            (back[0] - 6.0).abs() < 1e-12 && (back[2] - 3.0).abs() < 1e-12,
            "{back:?}"
        );
    }

    #[test]
    fn a_single_slice_goes_on_by_the_nominal_step() {
        let grid = ImageGrid {
            dims: [7, 5, 1],
            slice_offsets: Some(&[0.0]),
            ..oblique()
        };
        assert_eq!(grid.slice_position(0.5), 1.5);
        assert_eq!(grid.slice_index(-1.5), -0.5);
    }
}
