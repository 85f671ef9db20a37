//! Contours sorted into parallel planes: which holes they leave, and how far each plane reaches along the normal.

use super::contours::{Contour, Paint};
use crate::volume::Geometry;

/// Maps a point in LPS mm to two coordinates in the plane of the contours and one along their normal, mm.
pub(super) struct Frame {
    origin: [f64; 3],
    /// Row a gives the coordinate a.
    axes: [[f64; 3]; 3],
}

impl Frame {
    /// Returns the frame along the axes of a grid, from its origin.
    pub fn of_grid(grid: &Geometry<'_>) -> Self {
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
    number: usize,
    /// Along the normal, mm.
    position: f64,
    points: Vec<[f64; 2]>,
    exclusive_or: bool,
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

/// A polygon in the plane, mm, and what it does to the voxels inside.
pub(super) struct Outline {
    pub points: Vec<[f64; 2]>,
    pub paint: Paint,
}

/// Contours this close along the normal lie in one plane, mm.
const SAME_PLANE_MM: f64 = 0.1;

impl PlaneStack {
    /// Sorts contours into planes.
    pub fn new(mut placed: Vec<Placed>) -> Result<Self, String> {
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
            let (outlines, overlaps) = outlines(group, &mut budget)?;
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

/// Points and pairs of contours that are compared for one ROI: a fraction of a second.
const MAX_COMPARED: usize = 200_000_000;
/// Share of a contour's area that may stick out of another one it lies in, or into one it lies beside.
const SLIVER: f64 = 0.01;
/// Share of its area by which a contour may differ from one it is identical with.
const SAME: f64 = 0.001;

/// How one contour lies to another.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Relation {
    Apart,
    Identical,
    Inside,
    Around,
    Overlapping,
}

/// Returns what is to be painted in one plane, and whether contours overlap in part.
fn outlines(contours: Vec<Placed>, budget: &mut usize) -> Result<(Vec<Outline>, bool), String> {
    if let Some(other) = contours
        .iter()
        .find(|c| c.exclusive_or != contours[0].exclusive_or)
    {
        return Err(format!(
            "contours {} and {} lie in one plane, and one of them alone is CLOSEDPLANAR_XOR",
            contours[0].number, other.number
        ));
    }
    let paint = |paint: Paint| {
        move |c: Placed| Outline {
            points: c.points,
            paint,
        }
    };
    if contours[0].exclusive_or {
        let outlines = contours.into_iter().map(paint(Paint::Toggle));
        return Ok((outlines.collect(), false));
    }
    let mut measured: Vec<Measured> = contours.iter().map(|c| Measured::new(&c.points)).collect();
    // From the largest to the smallest, so that what lies inside is painted later.
    let mut order: Vec<usize> = (0..contours.len()).collect();
    order.sort_by(|a, b| measured[*b].area.total_cmp(&measured[*a].area));
    let mut contours: Vec<Option<Placed>> = contours.into_iter().map(Some).collect();
    let contours: Vec<Placed> = order.iter().filter_map(|n| contours[*n].take()).collect();
    measured = order
        .iter()
        .map(|n| std::mem::take(&mut measured[*n]))
        .collect();

    let mut kept: Vec<Kept> = Vec::new();
    let mut overlap = false;
    for (n, contour) in contours.into_iter().enumerate() {
        let mut here = Kept {
            contour,
            measured: std::mem::take(&mut measured[n]),
            group: kept.len(),
            inside: Vec::new(),
        };
        let mut identical = false;
        let mut joined = Vec::new();
        for (m, other) in kept.iter().enumerate() {
            let cost = 1 + here.compare_cost(other);
            *budget = budget
                .checked_sub(cost)
                .ok_or("too many contours lie in one another")?;
            match here.relation(other) {
                Relation::Apart | Relation::Around => {}
                Relation::Identical => identical = true,
                Relation::Inside => here.inside.push(m),
                Relation::Overlapping => joined.push(m),
            }
        }
        if identical {
            continue;
        }
        overlap |= !joined.is_empty();
        let groups: Vec<usize> = joined.iter().map(|m| kept[*m].group).collect();
        let index = kept.len();
        kept.push(here);
        if let Some(first) = groups.iter().copied().min() {
            let joins = |k: &Kept| groups.contains(&k.group) || k.group == index;
            kept.iter_mut()
                .filter(|k| joins(k))
                .for_each(|k| k.group = first);
        }
    }
    Ok((painted(kept), overlap))
}

/// A contour that is drawn.
struct Kept {
    contour: Placed,
    measured: Measured,
    /// Contours that overlap in part are a group, named by its first.
    group: usize,
    /// The larger contours that it lies in.
    inside: Vec<usize>,
}

/// Returns outlines in the order in which they are painted: a group that lies in an odd number of others is a hole.
fn painted(kept: Vec<Kept>) -> Vec<Outline> {
    let groups: Vec<usize> = kept.iter().map(|k| k.group).collect();
    let around = |group: usize| {
        // All members of a group lie in the same others; what joins two of them is no hole in either.
        let members = kept.iter().filter(|k| k.group == group);
        let mut around: Vec<usize> = members
            .flat_map(|k| &k.inside)
            .map(|m| groups[*m])
            .collect();
        around.sort_unstable();
        around.dedup();
        around.into_iter().filter(|g| *g != group).count()
    };
    let mut depths: Vec<Option<usize>> = vec![None; groups.len()];
    for group in &groups {
        if depths[*group].is_none() {
            depths[*group] = Some(around(*group));
        }
    }
    let mut all: Vec<Kept> = kept;
    // A group is painted as a whole, where its largest member stands.
    all.sort_by_key(|k| k.group);
    let outline = |k: Kept| Outline {
        paint: match depths[k.group].unwrap_or(0) % 2 {
            0 => Paint::Set,
            _ => Paint::Clear,
        },
        points: k.contour.points,
    };
    all.into_iter().map(outline).collect()
}

/// Lines on which a contour is measured; each stands for a strip of it.
const LINES: usize = 128;

/// A polygon, measured along lines across it.
#[derive(Default)]
struct Measured {
    bounds: [[f64; 2]; 2],
    /// Lengths inside, times the distance of the lines: about its area.
    area: f64,
    /// Second coordinate of each line.
    lines: Vec<f64>,
    /// Where each line is inside: pairs of first coordinates.
    inside: Vec<Vec<f64>>,
    /// Points and crossings: the steps of a comparison.
    cost: usize,
}

impl Measured {
    fn new(points: &[[f64; 2]]) -> Self {
        let mut bounds = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
        for p in points {
            for (b, v) in bounds.iter_mut().zip(p) {
                *b = [b[0].min(*v), b[1].max(*v)];
            }
        }
        let strip = (bounds[1][1] - bounds[1][0]) / LINES as f64;
        let lines: Vec<f64> = (0..LINES)
            .map(|n| bounds[1][0] + (n as f64 + 0.5) * strip)
            .collect();
        let inside = crossings(points, &lines);
        let area = inside.iter().map(|line| length(line)).sum::<f64>() * strip;
        let cost = points.len() + LINES + inside.iter().map(Vec::len).sum::<usize>();
        Self {
            cost,
            bounds,
            area,
            lines,
            inside,
        }
    }

    /// Returns how much of its length inside lies inside another polygon as well, from 0 to 1. A polygon without area
    /// lies nowhere.
    fn share_in(&self, other: &[[f64; 2]]) -> f64 {
        let others = crossings(other, &self.lines);
        let both = self.inside.iter().zip(&others).map(|(a, b)| common(a, b));
        let all: f64 = self.inside.iter().map(|line| length(line)).sum();
        match all > 0.0 {
            true => both.sum::<f64>() / all,
            false => 0.0,
        }
    }
}

impl Kept {
    fn meets(&self, other: &Kept) -> bool {
        let (a, b) = (&self.measured.bounds, &other.measured.bounds);
        (0..2).all(|i| a[i][0] < b[i][1] && b[i][0] < a[i][1])
    }

    /// Returns how many steps [`Kept::relation`] takes.
    fn compare_cost(&self, other: &Kept) -> usize {
        match self.meets(other) {
            true => self.measured.cost + other.measured.cost,
            false => 0,
        }
    }

    /// Returns how this contour lies to another, which is not smaller.
    fn relation(&self, other: &Kept) -> Relation {
        if !self.meets(other) {
            return Relation::Apart;
        }
        let here = self.measured.share_in(&other.contour.points);
        let there = other.measured.share_in(&self.contour.points);
        if here >= 1.0 - SAME && there >= 1.0 - SAME {
            Relation::Identical
        } else if here >= 1.0 - SLIVER {
            Relation::Inside
        } else if there >= 1.0 - SLIVER {
            Relation::Around
        } else if here <= SLIVER && there <= SLIVER {
            Relation::Apart
        } else {
            Relation::Overlapping
        }
    }
}

/// Returns where each line, of equal distances, crosses a polygon, in ascending order.
fn crossings(points: &[[f64; 2]], lines: &[f64]) -> Vec<Vec<f64>> {
    let mut found = vec![Vec::new(); lines.len()];
    for (a, b) in points.iter().zip(points.iter().cycle().skip(1)) {
        let (low, high) = (a[1].min(b[1]), a[1].max(b[1]));
        let first = lines.partition_point(|y| *y < low);
        for (y, line) in lines.iter().zip(&mut found).skip(first) {
            if *y >= high {
                break;
            }
            line.push(a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
        }
    }
    for line in &mut found {
        line.sort_by(f64::total_cmp);
    }
    found
}

/// Returns the length inside of pairs of crossings.
fn length(line: &[f64]) -> f64 {
    line.as_chunks::<2>().0.iter().map(|p| p[1] - p[0]).sum()
}

/// Returns the length that is inside both of two lines of crossings.
fn common(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.as_chunks::<2>().0, b.as_chunks::<2>().0);
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < a.len() && j < b.len() {
        let (low, high) = (a[i][0].max(b[j][0]), a[i][1].min(b[j][1]));
        sum += (high - low).max(0.0);
        match a[i][1] < b[j][1] {
            true => i += 1,
            false => j += 1,
        }
    }
    sum
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

    fn kept(points: Vec<[f64; 2]>) -> Kept {
        Kept {
            measured: Measured::new(&points),
            contour: Placed {
                number: 1,
                position: 0.0,
                points,
                exclusive_or: false,
            },
            group: 0,
            inside: Vec::new(),
        }
    }

    #[test]
    fn two_contours_lie_to_each_other_as_they_do() {
        let a = kept(rectangle([0.0, 10.0], [0.0, 10.0]));
        assert!((a.measured.area - 100.0).abs() < 1e-9);
        for (x, y, relation) in [
            ([0.0, 10.0], [0.0, 10.0], Relation::Identical),
            ([0.0, 10.0], [0.0, 9.999], Relation::Identical),
            ([0.0, 10.0], [0.0, 9.9], Relation::Inside),
            ([2.0, 4.0], [2.0, 4.0], Relation::Inside),
            ([9.0, 10.0], [2.0, 4.0], Relation::Inside),
            ([9.0, 10.008], [2.0, 4.0], Relation::Inside),
            ([9.0, 10.02], [2.0, 4.0], Relation::Overlapping),
            ([9.5, 11.0], [2.0, 4.0], Relation::Overlapping),
            ([9.98, 11.0], [2.0, 4.0], Relation::Overlapping),
            ([9.995, 11.0], [2.0, 4.0], Relation::Apart),
            ([10.0, 11.0], [2.0, 4.0], Relation::Apart),
            ([12.0, 13.0], [2.0, 4.0], Relation::Apart),
            ([2.0, 4.0], [12.0, 14.0], Relation::Apart),
            ([-1.0, 11.0], [-1.0, 11.0], Relation::Around),
            ([-1.0, 11.0], [4.0, 6.0], Relation::Overlapping),
        ] {
            let b = kept(rectangle(x, y));
            assert_eq!(b.relation(&a), relation, "{x:?} {y:?}");
        }
        // In the notch of an L there is nothing of it, though its box is around.
        let notch = vec![
            [0.0, 0.0],
            [10.0, 0.0],
            [10.0, 2.0],
            [2.0, 2.0],
            [2.0, 10.0],
            [0.0, 10.0],
        ];
        let b = kept(rectangle([3.0, 9.0], [3.0, 9.0]));
        assert_eq!(b.relation(&kept(notch)), Relation::Apart);
        let flat = kept(rectangle([3.0, 9.0], [3.0, 3.0]));
        assert_eq!(flat.relation(&a), Relation::Apart);
    }

    #[test]
    fn lines_are_measured() {
        assert_eq!(length(&[1.0, 3.0, 4.0, 4.5]), 2.5);
        assert_eq!(common(&[0.0, 4.0, 6.0, 9.0], &[3.0, 7.0, 8.0, 20.0]), 3.0);
        assert_eq!(common(&[0.0, 1.0], &[1.0, 2.0]), 0.0);
        let square = rectangle([1.0, 3.0], [0.0, 2.0]);
        assert_eq!(
            crossings(&square, &[-0.5, 0.0, 0.5, 1.5, 2.0, 2.5]),
            [
                vec![],
                vec![1.0, 3.0],
                vec![1.0, 3.0],
                vec![1.0, 3.0],
                vec![],
                vec![]
            ]
        );
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
            let stack = PlaneStack::new(positions.iter().map(|z| placed(*z)).collect()).unwrap();
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
}
