//! Contours of one plane: which lies in which, what is a hole, and which overlap in part.

use super::contour::Placed;
use crate::cancel::CancelToken;
use crate::reading::Failure;

/// What a voxel inside an outline becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Paint {
    /// Part of the ROI.
    Set,
    /// Part of a hole.
    Clear,
    /// The opposite of what it is.
    Toggle,
}

impl Paint {
    /// Changes a voxel inside the outline.
    pub fn apply(self, voxel: &mut u8) {
        *voxel = match self {
            Paint::Set => 1,
            Paint::Clear => 0,
            Paint::Toggle => *voxel ^ 1,
        };
    }
}

/// A polygon in the plane, mm, and what it does to the voxels inside.
pub(super) struct Outline {
    pub points: Vec<[f64; 2]>,
    pub paint: Paint,
}

/// Points and pairs of contours that are compared for one ROI: a fraction of a second.
pub(super) const MAX_COMPARED: usize = 200_000_000;
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
pub(super) fn outlines(
    contours: Vec<Placed>,
    budget: &mut usize,
    cancel: &CancelToken,
) -> Result<(Vec<Outline>, bool), Failure> {
    if let Some(other) = contours
        .iter()
        .find(|c| c.exclusive_or != contours[0].exclusive_or)
    {
        return Err(format!(
            "contours {} and {} lie in one plane, and one of them alone is CLOSEDPLANAR_XOR",
            contours[0].number, other.number
        )
        .into());
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
            cancel.check()?;
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
        if all > 0.0 {
            both.sum::<f64>() / all
        } else {
            0.0
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
        if self.meets(other) {
            self.measured.cost + other.measured.cost
        } else {
            0
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
        if a[i][1] < b[j][1] { i += 1 } else { j += 1 }
    }
    sum
}

#[cfg(test)]
mod tests;
