//! Section "scorer": where the pixels of an input plane lie.

use super::case::{dlnms_case, host_case};
use super::error_object::{dlnms_error, dlnms_status};
use super::guard::guard;
use super::handle;
use super::scorer::dlnms_scorer;
use super::structs::{self, Versioned, versioned};
use crate::error::Error;
use crate::imaging::sampler::PlaneGrid;
use crate::scorer::Scorer;

/// Where the pixels of one plane of the input tensors lie in the patient; fill with dlnms_plane_grid_init(). Pixel (row, column)
/// lies at origin + spacing_mm * (row * rows + column * columns), LPS mm.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_plane_grid {
    /// Size of the struct in bytes, set by dlnms_plane_grid_init().
    pub struct_size: u32,
    /// Rows, and columns.
    pub side: u32,
    /// Centre of pixel (0, 0), LPS mm.
    pub origin: [f64; 3],
    /// Unit vector from row to row.
    pub rows: [f64; 3],
    /// Unit vector from column to column.
    pub columns: [f64; 3],
    /// From pixel to pixel along both axes, mm.
    pub spacing_mm: f64,
}

versioned!(dlnms_plane_grid, 88, { struct_size, side, origin, rows, columns, spacing_mm } reserved {  });

/// Sets every field of a plane's grid to 0 and its struct_size to `struct_size`.
///
/// # Safety
/// - `grid`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_plane_grid) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_plane_grid_init(grid: *mut dlnms_plane_grid, struct_size: u32) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(grid, struct_size) };
}

/// Returns where the pixels of a plane of dlnms_scorer_planes() lie in the patient, so that a viewer can overlay it. PET and CT
/// share it. The scorer need not be prepared.
///
/// # Safety
/// - `scorer`: the scorer.
/// - `c`: a case as for dlnms_scorer_score().
/// - `plane`: index of the plane, in the order of the channels.
/// - `out`: an initialised struct; receives the grid.
///
/// # Errors
/// Those of dlnms_scorer_planes(); DLNMS_E_INVALID_ARGUMENT (plane), DLNMS_E_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_plane_grid(
    scorer: *const dlnms_scorer,
    c: *const dlnms_case,
    plane: u32,
    out: *mut dlnms_plane_grid,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let scorer = handle::get::<Scorer>(scorer)?;
        let spec = &scorer.bundle().manifest.preprocessing;
        let n = spec.channels.len();
        let channel = spec.channels.get(plane as usize);
        let channel = channel
            .ok_or_else(|| Error::invalid("plane", format!("{plane}, there are {n} planes")))?;
        // SAFETY: handed on from the caller.
        let center = scorer.center(&unsafe { host_case(c) }?.case())?;
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &raw_grid(&spec.plane_grid(channel, center))) }
    })
}

/// The C struct of a grid.
pub(super) fn raw_grid(grid: &PlaneGrid) -> dlnms_plane_grid {
    dlnms_plane_grid {
        struct_size: 0,
        side: grid.side as u32,
        origin: grid.origin_lps_mm,
        rows: grid.rows,
        columns: grid.columns,
        spacing_mm: grid.spacing_mm,
    }
}

const _: () = assert!(size_of::<dlnms_plane_grid>() == <dlnms_plane_grid as Versioned>::V1_SIZE);
