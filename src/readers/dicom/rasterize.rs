//! Planes of contours -> voxels of a grid.

use super::contour::Frame;
use super::contour_nesting::Paint;
use super::contour_planes::{Plane, PlaneStack};
use crate::cancel::CancelToken;
use crate::imaging::ImageGrid;
use crate::reading::Failure;

/// Grid rows times contour points that an oblique grid may ask for: some seconds.
const MAX_WORK: usize = 5_000_000_000;

/// Half of this is a coordinate's last written digit: a slice on the border between two planes takes the lower one,
/// whatever the rounding, and the lower end of a run of planes does not belong to it.
const TIE_MM: f64 = 0.01;

/// Returns where a position along the normal lies: `2 n + 1` in the range of plane n, `2 n` between planes n - 1 and n.
/// It rises with the position.
fn zone_at(planes: &[Plane], position: f64) -> usize {
    let at = position - TIE_MM;
    let n = planes.partition_point(|p| p.high <= at);
    2 * n + usize::from(planes.get(n).is_some_and(|p| p.low <= at))
}

/// Returns the plane of a zone.
fn plane_of(zone: usize) -> Option<usize> {
    (zone % 2 == 1).then_some(zone / 2)
}

/// Draws planes that are parallel to the slices.
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled).
pub(super) fn fill_slices(
    stack: &PlaneStack,
    grid: &ImageGrid<'_>,
    data: &mut [u8],
    cancel: &CancelToken,
) -> crate::Result<()> {
    let [nx, ny, nz] = grid.dims;
    let size = nx * ny;
    // A lone plane belongs to the slice it is nearest to.
    let nearest = |p: &Plane| snap(grid.slice_index(p.position)).round();
    let lone = |k: usize| {
        let planes = stack.planes.iter();
        let mut lone = planes.enumerate().filter(|(_, p)| p.low >= p.high);
        lone.find(|(_, p)| nearest(p) == k as f64).map(|(n, _)| n)
    };
    let mut before: Option<usize> = None;
    for k in 0..nz {
        cancel.check()?;
        let position = grid.slice_position(k as f64);
        let Some(n) = plane_of(zone_at(&stack.planes, position)).or_else(|| lone(k)) else {
            before = None;
            continue;
        };
        if before == Some(n) {
            data.copy_within((k - 1) * size..k * size, k * size);
            continue;
        }
        before = Some(n);
        for outline in &stack.planes[n].outlines {
            let polygon: Vec<[f64; 2]> = outline
                .points
                .iter()
                .map(|p| [snap(p[0] / grid.spacing[0]), snap(p[1] / grid.spacing[1])])
                .collect();
            let slice = &mut data[k * size..(k + 1) * size];
            fill_polygon(&polygon, nx, slice, outline.paint, cancel)?;
        }
    }
    Ok(())
}

/// Drawn on voxel centres and written in decimals, a vertex is off by a millionth of a voxel to either side: it is put
/// back, so that the tie rule of [`fill_polygon`] decides and not the rounding.
fn snap(index: f64) -> f64 {
    if (index - index.round()).abs() < 1e-5 {
        index.round()
    } else {
        index
    }
}

/// Paints every pixel of a slice whose centre lies inside a polygon of continuous indices.
fn fill_polygon(
    polygon: &[[f64; 2]],
    nx: usize,
    slice: &mut [u8],
    paint: Paint,
    cancel: &CancelToken,
) -> crate::Result<()> {
    let low = polygon.iter().map(|p| p[1]).fold(f64::INFINITY, f64::min);
    let high = polygon
        .iter()
        .map(|p| p[1])
        .fold(f64::NEG_INFINITY, f64::max);
    let mut crossings = Vec::new();
    for (j, row) in slice.chunks_exact_mut(nx).enumerate() {
        let y = j as f64;
        if y < low || y > high {
            continue;
        }
        cancel.check()?;
        crossings.clear();
        for (a, b) in polygon.iter().zip(polygon.iter().cycle().skip(1)) {
            // Ties, as plastimatch breaks them: in y the lower edge belongs to the polygon, in x the upper one.
            if (a[1] <= y) != (b[1] <= y) {
                crossings.push(a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
            }
        }
        fill_between(&mut crossings, row, paint);
    }
    Ok(())
}

/// Paints the pixels of a row between the first and second crossing, the third and fourth, and so on.
fn fill_between(crossings: &mut [f64], row: &mut [u8], paint: Paint) {
    crossings.sort_by(f64::total_cmp);
    for pair in crossings.as_chunks::<2>().0 {
        let first = (pair[0].floor() + 1.0).max(0.0) as usize;
        let last = (pair[1].floor() + 1.0).min(row.len() as f64).max(0.0) as usize;
        for pixel in row.get_mut(first..last).unwrap_or_default() {
            paint.apply(pixel);
        }
    }
}

/// Draws planes that are not parallel to the slices, row by row of the grid: each part of a row that lies in the range
/// of one plane is a line in that plane.
pub(super) fn fill_oblique(
    stack: &PlaneStack,
    frame: &Frame,
    grid: &ImageGrid<'_>,
    data: &mut [u8],
    cancel: &CancelToken,
) -> Result<(), Failure> {
    let [nx, ny, nz] = grid.dims;
    if stack.planes.iter().any(|p| p.low >= p.high) {
        return Err("the thickness of a lone contour plane is not known on a grid that is not parallel to it".into());
    }
    let points = |p: &Plane| p.outlines.iter().map(|o| o.points.len()).sum::<usize>();
    let most = stack.planes.iter().map(points).max().unwrap_or(0);
    if ny.saturating_mul(nz).saturating_mul(most) > MAX_WORK {
        return Err(format!(
            "{most} points in a plane are too many for a grid that is not parallel to it"
        )
        .into());
    }
    let mut crossings = Vec::new();
    for (n, row) in data.chunks_exact_mut(nx).enumerate() {
        let index =
            |i: f64| frame.coordinates(&grid.index_to_lps([i, (n % ny) as f64, (n / ny) as f64]));
        let (start, next) = (index(0.0), index(1.0));
        let step: [f64; 3] = std::array::from_fn(|a| next[a] - start[a]);
        let zone = |i: usize| zone_at(&stack.planes, start[2] + i as f64 * step[2]);
        let mut first = 0;
        while first < nx {
            let here = zone(first);
            // Positions along a row only rise or only fall, so a zone is left once.
            let run = first..end_of_run(first, nx, |i| zone(i) == here);
            first = run.end;
            let Some(here) = plane_of(here) else { continue };
            let origin: [f64; 2] = std::array::from_fn(|a| start[a] + run.start as f64 * step[a]);
            for outline in &stack.planes[here].outlines {
                cancel.check()?;
                let direction = [step[0], step[1]];
                line_crossings(&outline.points, origin, direction, &mut crossings);
                fill_between(&mut crossings, &mut row[run.clone()], outline.paint);
            }
        }
    }
    Ok(())
}

/// Returns the first index from `low` to `high` that does not belong; those that do come first.
fn end_of_run(mut low: usize, mut high: usize, belongs: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = low + (high - low) / 2;
        if belongs(middle) {
            low = middle + 1
        } else {
            high = middle
        }
    }
    low
}

/// Finds where the line `origin + t * direction` crosses the edges of a polygon. A line along the normal is a point: it
/// crosses at minus and plus infinity if that is inside.
fn line_crossings(
    polygon: &[[f64; 2]],
    origin: [f64; 2],
    direction: [f64; 2],
    crossings: &mut Vec<f64>,
) {
    crossings.clear();
    let square = direction[0] * direction[0] + direction[1] * direction[1];
    let (along, point) = if square > 1e-12 {
        (direction, false)
    } else {
        ([1.0, 0.0], true)
    };
    let square = if point { 1.0 } else { square };
    let side = |p: &[f64; 2]| along[0] * (p[1] - origin[1]) - along[1] * (p[0] - origin[0]);
    for (a, b) in polygon.iter().zip(polygon.iter().cycle().skip(1)) {
        let (from, to) = (side(a), side(b));
        if (from <= 0.0) != (to <= 0.0) {
            let share = from / (from - to);
            let at: [f64; 2] = std::array::from_fn(|i| a[i] + share * (b[i] - a[i]) - origin[i]);
            crossings.push((at[0] * along[0] + at[1] * along[1]) / square);
        }
    }
    if point {
        let inside = crossings.iter().filter(|t| **t >= 0.0).count() % 2 == 1;
        crossings.clear();
        if inside {
            crossings.extend([f64::NEG_INFINITY, f64::INFINITY]);
        }
    }
}

#[cfg(test)]
mod tests;
