//! Contours sorted into parallel planes: which holes they leave, and how far each plane reaches along the normal.

use super::contour::Placed;
use super::contour_nesting::{MAX_COMPARED, Outline, outlines};
use crate::cancel::CancelToken;
use crate::reading::Failure;

/// The planes of an ROI, in the order of their positions.
pub(super) struct PlaneStack {
    /// At least one.
    pub planes: Vec<Plane>,
    /// Contours of one plane overlap in part.
    pub overlap: bool,
}

/// What is drawn in one plane, and how far it reaches along the normal.
pub(super) struct Plane {
    /// Where the contours lie, mm.
    pub position: f64,
    /// Lower end of its range, mm.
    pub low: f64,
    /// Upper end; not above the lower one for a lone plane, whose thickness nothing says.
    pub high: f64,
    /// To be painted in this order.
    pub outlines: Vec<Outline>,
}

/// Contours this close along the normal lie in one plane, mm.
const SAME_PLANE_MM: f64 = 0.1;

impl PlaneStack {
    /// Sorts contours into planes.
    pub fn new(mut placed: Vec<Placed>, cancel: &CancelToken) -> Result<Self, Failure> {
        placed.sort_by(|a, b| a.position.total_cmp(&b.position));
        let mut groups: Vec<Vec<Placed>> = Vec::new();
        for contour in placed {
            match groups.last_mut() {
                Some(group) if contour.position - group[0].position <= SAME_PLANE_MM => {
                    group.push(contour);
                }
                _ => groups.push(vec![contour]),
            }
        }
        let positions: Vec<f64> = groups.iter().map(|g| g[0].position).collect();
        let ranges = ranges(&positions);
        let (mut planes, mut overlap, mut budget) = (Vec::new(), false, MAX_COMPARED);
        for (group, [low, high]) in groups.into_iter().zip(ranges) {
            let position = group[0].position;
            let (outlines, overlaps) = outlines(group, &mut budget, cancel)?;
            overlap |= overlaps;
            planes.push(Plane {
                position,
                low,
                high,
                outlines,
            });
        }
        Ok(Self { planes, overlap })
    }
}

/// A step this many times as large as the steps on either side is a gap between two parts of an ROI; one plane that was
/// left out is none.
const GAP: f64 = 2.5;
/// Two planes that are all there is are one part up to this distance, mm.
const MAX_STEP_MM: f64 = 10.0;

/// Returns how far each plane reaches: half-way to its neighbours in the same part of the ROI, and at the ends of a part
/// half the distance to the nearest neighbour. A plane that is a part by itself has the ROI's usual thickness; where
/// there is none, its range is empty.
fn ranges(positions: &[f64]) -> Vec<[f64; 2]> {
    let steps: Vec<f64> = positions.windows(2).map(|w| w[1] - w[0]).collect();
    let is_gap = |i: usize| {
        let beside = [i.checked_sub(1), Some(i + 1)].map(|n| n.and_then(|n| steps.get(n)));
        match beside.into_iter().flatten().copied().reduce(f64::max) {
            Some(larger) => steps[i] > GAP * larger,
            None => steps[i] > MAX_STEP_MM,
        }
    };
    let within: Vec<Option<f64>> = (0..steps.len())
        .map(|i| (!is_gap(i)).then_some(steps[i]))
        .collect();
    let mut usual: Vec<f64> = within.iter().flatten().copied().collect();
    usual.sort_by(f64::total_cmp);
    let usual = usual.get(usual.len() / 2).copied().unwrap_or(0.0);
    let range = |(i, position): (usize, &f64)| {
        let below = i.checked_sub(1).and_then(|n| within[n]);
        let above = within.get(i).copied().flatten();
        let [low, high] = match (below, above) {
            (Some(below), Some(above)) => [below, above],
            (Some(step), None) | (None, Some(step)) => [step, step],
            (None, None) => [usual, usual],
        };
        [position - low / 2.0, position + high / 2.0]
    };
    positions.iter().enumerate().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_reach_half_way_and_no_farther_than_their_part() {
        assert_eq!(ranges(&[5.0]), [[5.0, 5.0]]);
        assert_eq!(ranges(&[0.0, 3.0]), [[-1.5, 1.5], [1.5, 4.5]]);
        assert_eq!(ranges(&[0.0, 10.0]), [[-5.0, 5.0], [5.0, 15.0]]);
        assert_eq!(ranges(&[0.0, 10.1]), [[0.0, 0.0], [10.1, 10.1]]);
        assert_eq!(
            ranges(&[0.0, 2.0, 6.0]),
            [[-1.0, 1.0], [1.0, 4.0], [4.0, 8.0]]
        );
        // A step of 2.5 times its neighbours is within the part, a larger one is a gap.
        assert_eq!(
            ranges(&[0.0, 2.0, 7.0, 9.0]),
            [[-1.0, 1.0], [1.0, 4.5], [4.5, 8.0], [8.0, 10.0]]
        );
        assert_eq!(
            ranges(&[0.0, 2.0, 8.0, 10.0]),
            [[-1.0, 1.0], [1.0, 3.0], [7.0, 9.0], [9.0, 11.0]]
        );
        // Where the steps change, neither is a gap.
        assert_eq!(ranges(&[0.0, 1.0, 4.0, 7.0])[1], [0.5, 2.5]);
        // A plane by itself has the median of the steps.
        assert_eq!(ranges(&[0.0, 2.0, 4.0, 20.0])[3], [19.0, 21.0]);
    }

    fn rectangle(x: [f64; 2], y: [f64; 2]) -> Vec<[f64; 2]> {
        vec![[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]]
    }

    #[test]
    fn contours_within_a_tenth_of_a_millimetre_are_one_plane() {
        let placed = |position: f64| Placed {
            number: 1,
            position,
            points: rectangle([0.0, 1.0], [0.0, 1.0]),
            exclusive_or: false,
        };
        let stack = |positions: &[f64]| {
            let stack = PlaneStack::new(
                positions.iter().map(|z| placed(*z)).collect(),
                &CancelToken::default(),
            )
            .unwrap_or_else(|_| panic!("planes"));
            let planes = stack.planes.iter();
            planes
                .map(|p| (p.position, p.outlines.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(stack(&[0.0, 0.09]), [(0.0, 1)]);
        assert_eq!(stack(&[0.12, 0.0]), [(0.0, 1), (0.12, 1)]);
        // Not a chain of neighbours.
        assert_eq!(stack(&[0.0, 0.08, 0.16]), [(0.0, 1), (0.16, 1)]);
    }
}
