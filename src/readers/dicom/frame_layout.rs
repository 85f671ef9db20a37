//! Where the frames of a segment lie on one grid.

use super::attributes::{along, normal};

/// A frame of a segment as it is described.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Its place in the pixel data, from 0.
    pub index: usize,
    /// Image Position (Patient), LPS mm.
    pub position: [f64; 3],
    /// Image Orientation (Patient).
    pub orientation: [f64; 6],
    /// Pixel Spacing: between rows, between columns, mm.
    pub spacing: [f64; 2],
    /// Spacing Between Slices, mm.
    pub between: Option<f64>,
    /// Slice Thickness, mm.
    pub thickness: Option<f64>,
}

/// The grid that holds all frames.
#[derive(Debug, PartialEq)]
pub(super) struct FrameLayout {
    /// Columns, rows, slices.
    pub dims: [usize; 3],
    /// Centre of voxel (0,0,0), LPS mm.
    pub origin: [f64; 3],
    /// Distance of the slices, mm.
    pub step: f64,
    /// Unit normal of the slices.
    pub normal: [f64; 3],
    /// Distances of the slices from the first where the steps are uneven, else empty.
    pub slice_offsets: Vec<f64>,
    /// Voxel that the first one of each frame is.
    pub places: Vec<[usize; 3]>,
}

/// Cosines and pixel spacings that differ by less are the same.
const SAME: f64 = 1e-4;
/// Frames closer than this lie in one slice, mm.
const SAME_SLICE_MM: f64 = 1e-3;
/// Share of a step that a frame may be off a whole number of them.
const OFF_STEP: f64 = 0.1;
/// Share of a pixel that a frame may be off a whole number of them in the plane.
const OFF_PIXEL: f64 = 0.05;
/// More slices or pixels than this are no segmentation.
const MAX_PLACES: f64 = 65536.0;

impl FrameLayout {
    /// Finds the grid of frames of this many columns and rows.
    pub fn new(frames: &[Frame], size: [usize; 2]) -> Result<Self, String> {
        let first = frames.first().ok_or("it has no frame")?;
        require_same(frames)?;
        let normal = normal(&first.orientation).ok_or(
            "ImageOrientationPatient (0020,0037) is not a pair of unit vectors at right angles",
        )?;
        // The first frame along the normal is slice 0.
        let distance = |f: &Frame| along(&f.position, &normal);
        let lowest = frames
            .iter()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let lowest = lowest.unwrap_or(first);
        let offsets: Vec<f64> = frames
            .iter()
            .map(|f| distance(f) - distance(lowest))
            .collect();
        let step = step(frames, &offsets)?;
        let [between_rows, between_columns] = first.spacing;
        let row: [f64; 3] = std::array::from_fn(|i| first.orientation[i]);
        let column: [f64; 3] = std::array::from_fn(|i| first.orientation[3 + i]);
        let mut places = Vec::new();
        for (frame, offset) in frames.iter().zip(&offsets) {
            let shift: [f64; 3] = std::array::from_fn(|i| frame.position[i] - lowest.position[i]);
            let cells = [
                along(&shift, &row) / between_columns,
                along(&shift, &column) / between_rows,
                offset / step,
            ];
            for (cell, (allowed, unit)) in cells.iter().zip([
                (OFF_PIXEL, "columns"),
                (OFF_PIXEL, "rows"),
                (OFF_STEP, "steps between slices"),
            ]) {
                if (cell - cell.round()).abs() > allowed || cell.abs() > MAX_PLACES {
                    return Err(format!(
                        "ImagePositionPatient (0020,0032) of frame {} lies {cell:.2} {unit} from that of frame {}",
                        frame.index + 1,
                        lowest.index + 1
                    ));
                }
            }
            places.push(cells.map(|c| c.round() as i64));
        }
        let low: [i64; 3] = std::array::from_fn(|a| places.iter().map(|p| p[a]).min().unwrap_or(0));
        let high: [i64; 3] =
            std::array::from_fn(|a| places.iter().map(|p| p[a]).max().unwrap_or(0));
        let extra = [size[0], size[1], 1];
        let places: Vec<[usize; 3]> = places
            .iter()
            .map(|p| std::array::from_fn(|a| (p[a] - low[a]) as usize))
            .collect();
        let dims = std::array::from_fn(|a| (high[a] - low[a]) as usize + extra[a]);
        require_apart(frames, &places, size)?;
        let moved = [
            low[0] as f64 * between_columns,
            low[1] as f64 * between_rows,
        ];
        Ok(Self {
            dims,
            origin: std::array::from_fn(|i| {
                lowest.position[i] + moved[0] * row[i] + moved[1] * column[i]
            }),
            step,
            normal,
            slice_offsets: slice_offsets(&places, &offsets, step, dims[2]),
            places,
        })
    }
}

/// Refuses frames of different orientation or size.
fn require_same(frames: &[Frame]) -> Result<(), String> {
    let first = &frames[0];
    let differ = |a: &[f64], b: &[f64]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > SAME);
    for frame in frames {
        let lengths = [
            (frame.between, first.between),
            (frame.thickness, first.thickness),
        ];
        let lengths_differ = lengths.iter().any(|(a, b)| {
            a.is_some() != b.is_some() || a.zip(*b).is_some_and(|(a, b)| (a - b).abs() > SAME)
        });
        let what = if differ(&frame.orientation, &first.orientation) {
            "orientations"
        } else if differ(&frame.spacing, &first.spacing) {
            "pixel spacings"
        } else if lengths_differ {
            "slice spacings or thicknesses"
        } else {
            continue;
        };
        return Err(format!(
            "frames {} and {} have different {what}",
            first.index + 1,
            frame.index + 1
        ));
    }
    Ok(())
}

/// Returns the distance of the slices: the smallest gap between frames, or Spacing Between Slices where that says that
/// frames between them were left out. A single frame is as thick as the file says.
fn step(frames: &[Frame], offsets: &[f64]) -> Result<f64, String> {
    let mut sorted = offsets.to_vec();
    sorted.sort_by(f64::total_cmp);
    let gaps = sorted.windows(2).map(|w| w[1] - w[0]);
    let gap = gaps
        .filter(|d| *d > SAME_SLICE_MM)
        .fold(f64::INFINITY, f64::min);
    let Frame {
        between, thickness, ..
    } = &frames[0];
    if !gap.is_finite() {
        return between.or(*thickness).ok_or_else(|| {
            "neither SpacingBetweenSlices (0018,0088) nor SliceThickness (0018,0050) says how thick it is".into()
        });
    }
    let near = |a: f64, b: f64| (a - b).abs() <= OFF_STEP * b;
    match *between {
        Some(between) if !near(gap, between) => {
            let steps = gap / between;
            let whole = steps > 1.5 && (steps - steps.round()).abs() <= OFF_STEP;
            // A thickness that is the gap says that no frame is missing.
            let contradicted = thickness.is_some_and(|t| near(t, gap));
            if whole && !contradicted {
                Ok(between)
            } else {
                Err(format!(
                    "SpacingBetweenSlices (0018,0088) is {between} mm, its frames lie {gap:.3} mm apart"
                ))
            }
        }
        _ => Ok(gap),
    }
}

/// Refuses two frames that share voxels.
fn require_apart(frames: &[Frame], places: &[[usize; 3]], size: [usize; 2]) -> Result<(), String> {
    let mut order: Vec<usize> = (0..frames.len()).collect();
    order.sort_by_key(|n| places[*n][2]);
    for (at, n) in order.iter().enumerate() {
        let a = places[*n];
        let others = order[at + 1..]
            .iter()
            .take_while(|m| places[**m][2] == a[2]);
        for m in others {
            let b = places[*m];
            if (0..2).all(|i| a[i].abs_diff(b[i]) < size[i]) {
                return Err(format!(
                    "frames {} and {} lie at the same position",
                    frames[*n].index + 1,
                    frames[*m].index + 1
                ));
            }
        }
    }
    Ok(())
}

/// Returns the distance of every slice from the first; empty if the steps are even.
fn slice_offsets(places: &[[usize; 3]], offsets: &[f64], step: f64, slices: usize) -> Vec<f64> {
    let uneven = places
        .iter()
        .zip(offsets)
        .any(|(p, z)| (z - p[2] as f64 * step).abs() > SAME_SLICE_MM * slices as f64);
    if !uneven {
        return Vec::new();
    }
    let mut known: Vec<(usize, f64)> = places
        .iter()
        .zip(offsets)
        .map(|(p, z)| (p[2], *z))
        .collect();
    known.sort_by_key(|(k, _)| *k);
    known.dedup_by_key(|(k, _)| *k);
    let mut all = Vec::with_capacity(slices);
    for pair in known.windows(2) {
        let [(from, low), (to, high)] = [pair[0], pair[1]];
        let part = (high - low) / (to - from) as f64;
        all.extend((from..to).map(|k| low + (k - from) as f64 * part));
    }
    all.extend(known.last().map(|(_, z)| *z));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Axial frames of 1 mm pixels at these heights.
    fn frames(between: Option<f64>, thickness: Option<f64>, heights: &[f64]) -> Vec<Frame> {
        let frame = |(index, z): (usize, &f64)| Frame {
            index,
            position: [0.0, 0.0, *z],
            orientation: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            spacing: [1.0; 2],
            between,
            thickness,
        };
        heights.iter().enumerate().map(frame).collect()
    }

    fn layout(
        between: Option<f64>,
        thickness: Option<f64>,
        heights: &[f64],
    ) -> Result<FrameLayout, String> {
        FrameLayout::new(&frames(between, thickness, heights), [4, 4])
    }

    #[test]
    fn the_step_is_the_smallest_gap_and_uneven_slices_keep_their_places() {
        let uneven = layout(None, None, &[0.0, 3.2, 6.2]).unwrap();
        assert_eq!((uneven.step, uneven.dims), (3.0, [4, 4, 3]));
        assert_eq!(uneven.slice_offsets, [0.0, 3.2, 6.2]);
        // A slice without a frame lies in the middle of its neighbours.
        let sparse = layout(None, None, &[0.0, 3.0, 9.25]).unwrap();
        assert_eq!(sparse.dims, [4, 4, 4]);
        assert_eq!(sparse.slice_offsets, [0.0, 3.0, 6.125, 9.25]);
        // Positions with few digits: a micrometre for each slice is even.
        let even = layout(None, None, &[0.0, 3.0, 6.002]).unwrap();
        assert_eq!(even.slice_offsets, [0.0; 0]);
    }

    #[test]
    fn spacing_between_slices_counts_frames_that_were_left_out_and_nothing_else() {
        let step = |between, thickness, gap: f64| {
            layout(Some(between), thickness, &[0.0, gap, 2.0 * gap]).map(|l| l.step)
        };
        assert_eq!(step(2.5, None, 5.0), Ok(2.5));
        assert_eq!(step(5.0, None, 5.25), Ok(5.25));
        for (between, thickness, gap) in [
            (2.5, Some(5.0), 5.0),
            (2.5, None, 4.0),
            (0.5, None, 0.6),
            (5.0, None, 2.5),
        ] {
            let error = step(between, thickness, gap).unwrap_err();
            let words = format!("is {between} mm, its frames lie {gap:.3} mm apart");
            assert!(error.contains(&words), "{error}");
        }
    }

    #[test]
    fn frames_must_agree_on_their_spacing_and_thickness() {
        let edited = |between: Option<f64>, thickness: Option<f64>| {
            let mut frames = frames(Some(3.0), Some(3.0), &[0.0, 3.0]);
            (frames[1].between, frames[1].thickness) = (between, thickness);
            FrameLayout::new(&frames, [4, 4])
        };
        assert!(edited(Some(3.000_01), Some(2.999_99)).is_ok());
        for (between, thickness) in [
            (None, Some(3.0)),
            (Some(3.0), None),
            (Some(3.2), Some(3.0)),
            (Some(3.0), Some(2.8)),
        ] {
            let error = edited(between, thickness).unwrap_err();
            assert_eq!(
                error,
                "frames 1 and 2 have different slice spacings or thicknesses"
            );
        }
    }

    #[test]
    fn limits_belong_to_what_is_the_same() {
        // Tolerances as lengths, so that differences are exact.
        let edited = |edit: &dyn Fn(&mut Frame)| {
            let mut frames = frames(Some(SAME), Some(SAME), &[0.0, SAME]);
            edit(&mut frames[1]);
            require_same(&frames)
        };
        assert_eq!(edited(&|f| f.between = Some(2.0 * SAME)), Ok(()));
        assert_eq!(edited(&|f| f.thickness = Some(2.0 * SAME)), Ok(()));
        assert_eq!(edited(&|f| f.orientation[5] = SAME), Ok(()));
        assert!(edited(&|f| f.orientation[5] = 1.01 * SAME).is_err());
        assert!(edited(&|f| f.between = Some(2.01 * SAME)).is_err());
        // Frames that lie just as close as one slice has it make no step.
        let of = |heights: &[f64]| step(&frames(None, Some(7.0), heights), heights);
        assert_eq!(of(&[0.0, SAME_SLICE_MM]), Ok(7.0));
        assert_eq!(of(&[0.0, 2.0 * SAME_SLICE_MM]), Ok(2.0 * SAME_SLICE_MM));
        // A slice that is off by the rounding of all of them is even.
        let places = [[0, 0, 0], [0, 0, 0]];
        let of = |off: f64| slice_offsets(&places, &[0.0, off], 3.0, 2);
        assert!(of(2.0 * SAME_SLICE_MM).is_empty());
        assert!(!of(2.01 * SAME_SLICE_MM).is_empty());
    }
}
