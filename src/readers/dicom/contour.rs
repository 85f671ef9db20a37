//! One contour, and its place in coordinates that run along its plane.

use crate::imaging::ImageGrid;

/// One closed planar contour.
#[derive(Clone, Debug, PartialEq)]
pub struct Contour {
    /// Its corners, LPS mm; the last is joined to the first.
    pub points: Vec<[f64; 3]>,
    /// CLOSEDPLANAR_XOR: combined with the others of its plane by exclusive or (PS3.3 C.8.8.6.3).
    pub exclusive_or: bool,
}

/// Maps a point in LPS mm to two coordinates in the plane of the contours and one along their normal, mm.
pub(super) struct Frame {
    origin: [f64; 3],
    /// Row a gives the coordinate a.
    axes: [[f64; 3]; 3],
}

impl Frame {
    /// Returns the frame along the axes of a grid, from its origin.
    pub fn of_grid(grid: &ImageGrid<'_>) -> Self {
        Self {
            origin: grid.origin,
            axes: grid.inverse_direction(),
        }
    }

    /// Returns a frame whose third axis is the normal of the contour that encloses most.
    pub fn of_contours(contours: &[Contour]) -> Result<Self, String> {
        let normals = contours.iter().map(|c| area_vector(&c.points));
        let length = |v: &[f64; 3]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let largest = normals.max_by(|a, b| length(a).total_cmp(&length(b)));
        let normal = largest.unwrap_or_default();
        let size = length(&normal);
        if size < 1e-6 {
            return Err("its contours enclose nothing".into());
        }
        let w = normal.map(|x| x / size);
        // The first axis is at right angles to the normal's smallest component, which is never along the normal.
        let smallest = (0..3).min_by(|a, b| w[*a].abs().total_cmp(&w[*b].abs()));
        let mut pole = [0.0; 3];
        pole[smallest.unwrap_or(0)] = 1.0;
        let u = cross(&pole, &w);
        let size = length(&u);
        let u = u.map(|x| x / size);
        Ok(Self {
            origin: [0.0; 3],
            axes: [u, cross(&w, &u), w],
        })
    }

    /// Returns the coordinates of a point.
    pub fn coordinates(&self, point: &[f64; 3]) -> [f64; 3] {
        std::array::from_fn(|a| {
            (0..3)
                .map(|r| self.axes[a][r] * (point[r] - self.origin[r]))
                .sum()
        })
    }
}

fn cross(a: &[f64; 3], b: &[f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3])
}

/// Returns twice the area of a polygon as a vector along its normal.
fn area_vector(points: &[[f64; 3]]) -> [f64; 3] {
    let from_first = |p: &[f64; 3]| std::array::from_fn(|i| p[i] - points[0][i]);
    let mut sum = [0.0; 3];
    for pair in points.windows(2) {
        let part = cross(&from_first(&pair[0]), &from_first(&pair[1]));
        sum = std::array::from_fn(|i| sum[i] + part[i]);
    }
    sum
}

/// A contour in the coordinates of a [`Frame`].
pub(super) struct Placed {
    /// Number in the file, from 1.
    pub number: usize,
    /// Along the normal, mm.
    pub position: f64,
    pub points: Vec<[f64; 2]>,
    pub exclusive_or: bool,
}

/// Returns the contours in the coordinates of a frame; refuses one whose points lie farther than `tolerance` from one
/// plane at right angles to its third axis.
pub(super) fn place(
    contours: &[Contour],
    frame: &Frame,
    tolerance: f64,
) -> Result<Vec<Placed>, String> {
    let place = |(n, contour): (usize, &Contour)| {
        let points: Vec<[f64; 3]> = contour
            .points
            .iter()
            .map(|p| frame.coordinates(p))
            .collect();
        let along = points.iter().map(|p| p[2]);
        let low = along.clone().fold(f64::INFINITY, f64::min);
        let high = along.fold(f64::NEG_INFINITY, f64::max);
        let off = (high - low) / 2.0;
        if off > tolerance {
            return Err(format!(
                "contour {} is not planar or not parallel to the others: its points lie up to {off:.2} mm off its plane",
                n + 1
            ));
        }
        Ok(Placed {
            number: n + 1,
            position: (low + high) / 2.0,
            points: points.iter().map(|p| [p[0], p[1]]).collect(),
            exclusive_or: contour.exclusive_or,
        })
    };
    contours.iter().enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_is_that_of_the_largest_contour() {
        let contour = |points: &[[f64; 3]]| Contour {
            points: points.to_vec(),
            exclusive_or: false,
        };
        let coronal = contour(&[
            [0.0, 5.0, 0.0],
            [4.0, 5.0, 0.0],
            [4.0, 5.0, 4.0],
            [0.0, 5.0, 4.0],
        ]);
        let small = contour(&[[0.0, 7.0, 0.0], [1.0, 7.0, 0.0], [1.0, 7.0, 1.0]]);
        let frame = Frame::of_contours(&[small.clone(), coronal.clone()]).unwrap();
        let [u, v, w] = frame.axes;
        assert_eq!(w.map(f64::abs), [0.0, 1.0, 0.0]);
        for (a, b, dot) in [
            (u, u, 1.0),
            (v, v, 1.0),
            (u, v, 0.0),
            (u, w, 0.0),
            (v, w, 0.0),
        ] {
            assert_eq!((0..3).map(|i| a[i] * b[i]).sum::<f64>(), dot);
        }
        let placed = place(&[small, coronal.clone()], &frame, 0.1).unwrap();
        assert_eq!(placed[0].position.abs() - placed[1].position.abs(), 2.0);
        let axial = contour(&[[0.0, 5.0, 1.0], [4.0, 5.0, 1.0], [4.0, 6.5, 1.0]]);
        let refused = place(&[coronal, axial], &frame, 0.5).err().unwrap();
        assert!(
            refused.contains("contour 2") && refused.contains("0.75 mm"),
            "{refused}"
        );
    }

    #[test]
    fn the_axes_of_a_frame_are_unit_vectors_at_right_angles_whatever_the_normal() {
        let tilted = Contour {
            points: vec![
                [0.0, 0.0, 0.0],
                [6.0, 2.0, -3.0],
                [8.0, 8.0, 3.0],
                [2.0, 6.0, 6.0],
            ],
            exclusive_or: false,
        };
        let frame = Frame::of_contours(&[tilted]).unwrap();
        for a in 0..3 {
            for b in 0..3 {
                let dot: f64 = (0..3).map(|i| frame.axes[a][i] * frame.axes[b][i]).sum();
                let wanted = if a == b { 1.0 } else { 0.0 };
                assert!((dot - wanted).abs() < 1e-12, "{a} {b}: {dot}");
            }
        }
    }

    #[test]
    fn the_points_of_a_contour_lie_within_the_tolerance_of_its_plane() {
        let frame = Frame::of_grid(&ImageGrid {
            dims: [1; 3],
            origin: [0.0; 3],
            spacing: [1.0; 3],
            direction: crate::imaging::IDENTITY,
            slice_offsets: None,
        });
        let warped = |z: f64| Contour {
            points: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, z]],
            exclusive_or: false,
        };
        let placed = place(&[warped(1.0)], &frame, 0.5).unwrap();
        assert_eq!((placed[0].number, placed[0].position), (1, 0.5));
        let why = place(&[warped(1.25)], &frame, 0.5).err().unwrap();
        assert!(
            why.contains("contour 1 is not planar") && why.contains("0.62 mm"),
            "{why}"
        );
    }
}
