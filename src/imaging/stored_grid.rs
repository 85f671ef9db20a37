//! A grid that owns what an [`ImageGrid`] borrows.

use super::ImageGrid;

/// The grid of a volume, kept after the volume is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredGrid {
    /// As in [`ImageGrid`], with `slice_offsets` left out.
    grid: ImageGrid<'static>,
    /// Distances of the slices from slice 0, mm; empty for even steps.
    slice_offsets: Vec<f64>,
}

impl StoredGrid {
    /// Copies a grid.
    pub fn new(grid: &ImageGrid<'_>) -> Self {
        Self {
            grid: ImageGrid {
                dims: grid.dims,
                origin: grid.origin,
                spacing: grid.spacing,
                direction: grid.direction,
                slice_offsets: None,
            },
            slice_offsets: grid.slice_offsets.unwrap_or_default().to_vec(),
        }
    }

    /// Returns the grid.
    pub fn view(&self) -> ImageGrid<'_> {
        ImageGrid {
            slice_offsets: (!self.slice_offsets.is_empty()).then_some(&self.slice_offsets),
            ..self.grid
        }
    }

    /// Returns whether the steps between slices differ.
    pub fn is_uneven(&self) -> bool {
        !self.slice_offsets.is_empty()
    }
}
