//! Planar contours -> a mask on a grid (NUMERICS 5).

use super::contour::{Contour, Frame, place};
use super::contour_planes::PlaneStack;
use super::rasterize::{fill_oblique, fill_slices};
use super::roi_mask::RoiMask;
use crate::allocation;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::imaging::{DType, ImageGrid, Volume};
use crate::reading::Failure;

/// The contours of one ROI of a structure set.
#[derive(Clone, Debug, PartialEq)]
pub struct Contours {
    /// ROI Number (3006,0022).
    pub number: i64,
    /// ROI Name (3006,0026).
    pub name: String,
    /// Referenced Frame of Reference UID (3006,0024).
    pub frame_of_reference: Option<String>,
    /// Its closed planar contours, in the file's order.
    pub contours: Vec<Contour>,
    /// The reason why it makes no mask, if the file says something that cannot be drawn.
    pub refusal: Option<String>,
}

/// Contours whose points lie this close to a plane parallel to the slices are drawn slice by slice, mm.
const PARALLEL_MM: f64 = 0.1;
/// Points of a contour may lie this far off its plane, mm: more than coordinates are rounded to.
const PLANAR_MM: f64 = 0.5;

impl Contours {
    /// Returns the mask of the ROI on a grid: a voxel is set if its centre lies inside.
    ///
    /// Contours are grouped into planes by their position along the ROI's normal. Within one plane a contour inside
    /// another is a hole, to any depth; identical contours count once; contours that overlap in part are joined, and
    /// [`RoiMask::contours_overlap`] says so; CLOSEDPLANAR_XOR contours are combined by exclusive or. A plane reaches
    /// half-way to its neighbours, at the ends of a run of planes half the distance to the nearest, and the slices in
    /// that range take it. A lone plane is one slice thick: the nearest slice takes it. Planes are never combined.
    ///
    /// # Errors
    /// [`Error::RoiInvalid`] if the ROI has no contours, one of them is not planar or not parallel to the others,
    /// lies outside the grid, or no voxel centre lies inside.
    /// [`Error::OutOfMemory`], [`Error::Cancelled`].
    pub fn mask(&self, grid: &ImageGrid<'_>, cancel: &CancelToken) -> Result<RoiMask> {
        let refuse = |why: String| Error::RoiInvalid(format!("ROI {}: {why}", self.number));
        let failed = |why: Failure| why.into_error(refuse);
        if let Some(why) = &self.refusal {
            return Err(refuse(why.clone()));
        }
        if self.contours.is_empty() {
            return Err(refuse("it has no contours".into()));
        }
        self.require_on_grid(grid).map_err(refuse)?;
        let [nx, ny, nz] = grid.dims;
        let voxels = nx.saturating_mul(ny).saturating_mul(nz);
        let mut data = allocation::zeros_until(voxels, "the mask of an ROI", cancel)?;
        let stack = match place(&self.contours, &Frame::of_grid(grid), PARALLEL_MM) {
            Ok(placed) => {
                let stack = PlaneStack::new(placed, cancel).map_err(failed)?;
                fill_slices(&stack, grid, &mut data, cancel)?;
                stack
            }
            Err(_) => {
                let frame = Frame::of_contours(&self.contours).map_err(refuse)?;
                let placed = place(&self.contours, &frame, PLANAR_MM).map_err(refuse)?;
                let stack = PlaneStack::new(placed, cancel).map_err(failed)?;
                fill_oblique(&stack, &frame, grid, &mut data, cancel).map_err(failed)?;
                stack
            }
        };
        if !data.contains(&1) {
            return Err(refuse("no voxel centre lies inside its contours".into()));
        }
        Ok(RoiMask {
            volume: Volume {
                data,
                dtype: DType::U8,
                dims: grid.dims,
                origin: grid.origin,
                spacing: grid.spacing,
                direction: grid.direction,
                slice_offsets: grid.slice_offsets.map(<[f64]>::to_vec).unwrap_or_default(),
                slopes: vec![1.0; nz],
                intercept: 0.0,
                padding: None,
            },
            contours_overlap: stack.overlap,
            frame_of_reference: self.frame_of_reference.clone(),
        })
    }

    /// Refuses contours that lie outside the grid as a whole: the mask would lack them without a trace. One that is cut
    /// reaches the border of the grid, which the quality check `roi_at_border` finds.
    fn require_on_grid(&self, grid: &ImageGrid<'_>) -> Result<(), String> {
        for (n, contour) in self.contours.iter().enumerate() {
            let indices = contour.points.iter().map(|p| grid.lps_to_index(*p));
            let mut range = [[f64::INFINITY, f64::NEG_INFINITY]; 3];
            for index in indices {
                for (r, v) in range.iter_mut().zip(index) {
                    *r = [r[0].min(v), r[1].max(v)];
                }
            }
            let outside = |a: usize| range[a][1] < -0.5 || range[a][0] > grid.dims[a] as f64 - 0.5;
            if (0..3).any(outside) {
                return Err(format!(
                    "contour {} lies outside the grid it is laid on",
                    n + 1
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
