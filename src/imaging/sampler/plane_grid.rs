//! Where the pixels of an input plane lie in the patient.

use super::spec::{Channel, PreprocessSpec};
use serde::Serialize;

/// The grid of one plane of an input tensor: pixel (row, column) lies at `origin + row * spacing * rows + column * spacing *
/// columns`, LPS mm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PlaneGrid {
    /// Centre of pixel (0, 0), LPS mm.
    pub origin_lps_mm: [f64; 3],
    /// Unit vector from row to row.
    pub rows: [f64; 3],
    /// Unit vector from column to column.
    pub columns: [f64; 3],
    /// From pixel to pixel, along rows and columns alike, mm.
    pub spacing_mm: f64,
    /// Pixels along each axis.
    pub side: usize,
}

impl PreprocessSpec {
    /// Returns the grid of a channel's plane through a centre, LPS mm.
    #[must_use]
    pub fn plane_grid(&self, channel: &Channel, center: [f64; 3]) -> PlaneGrid {
        let unit = |axis: super::SignedAxis| {
            let mut vector = [0.0; 3];
            vector[axis.axis()] = axis.sign();
            vector
        };
        let (rows, columns) = (unit(channel.rows), unit(channel.columns));
        // The resize keeps the corners: the last pixel is the last sample.
        let pixels = self.output.saturating_sub(1).max(1);
        let samples = (self.samples - 1) as f64 / pixels as f64;
        let before = self.center_index as f64 * self.spacing_mm;
        PlaneGrid {
            origin_lps_mm: std::array::from_fn(|a| center[a] - before * (rows[a] + columns[a])),
            rows,
            columns,
            spacing_mm: samples * self.spacing_mm,
            side: self.output,
        }
    }
}

impl PlaneGrid {
    /// Returns where a pixel lies, LPS mm; fractions lie between pixels.
    #[must_use]
    pub fn lps(&self, row: f64, column: f64) -> [f64; 3] {
        std::array::from_fn(|a| {
            let step = row * self.rows[a] + column * self.columns[a];
            self.origin_lps_mm[a] + self.spacing_mm * step
        })
    }

    /// Returns the rows and the columns that an LPS box spans, as fractions of pixels, lowest first; `None` if the plane does
    /// not cut the box.
    #[must_use]
    pub fn pixels_of_box(&self, bounds: [[f64; 2]; 3]) -> Option<[[f64; 2]; 2]> {
        let across = |a: &usize| self.rows[*a] == 0.0 && self.columns[*a] == 0.0;
        let apart = (0..3).filter(across).any(|a| {
            let at = self.origin_lps_mm[a];
            at < bounds[a][0] || at > bounds[a][1]
        });
        let span = |axis: &[f64; 3]| {
            let a = axis.iter().position(|v| *v != 0.0)?;
            let at = |mm: f64| (mm - self.origin_lps_mm[a]) * axis[a] / self.spacing_mm;
            let [x, y] = bounds[a].map(at);
            Some([x.min(y), x.max(y)])
        };
        let [rows, columns] = [span(&self.rows)?, span(&self.columns)?];
        (!apart).then_some([rows, columns])
    }
}

#[cfg(test)]
mod tests {
    use super::super::SignedAxis;
    use super::super::spec::tests::one_plane;
    use super::*;

    fn spec() -> PreprocessSpec {
        PreprocessSpec {
            spacing_mm: 1.0,
            samples: 132,
            center_index: 66,
            channels: vec![Channel {
                plane: "coronal".into(),
                rows: SignedAxis::Superior,
                columns: SignedAxis::Right,
            }],
            output: 112,
            ..one_plane()
        }
    }

    #[test]
    fn pixels_lie_where_the_sampler_takes_them_from() {
        let spec = spec();
        let grid = spec.plane_grid(&spec.channels[0], [10.0, 20.0, 30.0]);
        assert_eq!(grid.lps(0.0, 0.0), [76.0, 20.0, -36.0]);
        // Sample 131 of each axis.
        let last = grid.lps(111.0, 111.0);
        let expected = [10.0 - 65.0, 20.0, 30.0 + 65.0];
        assert!(
            (0..3).all(|a| (last[a] - expected[a]).abs() < 1e-9),
            "{last:?}"
        );
        assert!((grid.spacing_mm - 131.0 / 111.0).abs() < 1e-12);
    }

    #[test]
    fn a_box_spans_pixels_where_the_plane_cuts_it() {
        let spec = spec();
        let grid = spec.plane_grid(&spec.channels[0], [10.0, 20.0, 30.0]);
        let bounds = [[0.0, 76.0], [19.0, 25.0], [-36.0, -36.0 + grid.spacing_mm]];
        let [rows, columns] = grid.pixels_of_box(bounds).unwrap();
        assert!(
            rows[0].abs() < 1e-9 && (rows[1] - 1.0).abs() < 1e-9,
            "{rows:?}"
        );
        assert!(columns[0].abs() < 1e-9, "{columns:?}");
        assert!((columns[1] - 76.0 / grid.spacing_mm).abs() < 1e-9);
        let apart = [[0.0, 76.0], [20.5, 25.0], [-36.0, 0.0]];
        assert_eq!(grid.pixels_of_box(apart), None);
    }
}
