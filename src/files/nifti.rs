//! NIfTI-1 (`.nii`, `.nii.gz`).

use super::{byte_count, voxels, widened};
use crate::error::{Error, Result};
use crate::regular::{self, why};
use crate::volume::{DType, Volume};
use nifti::{Endianness, NiftiHeader, NiftiObject, NiftiType, ReaderOptions};
use std::path::Path;

/// Read a volume. RAS coordinates become LPS; sheared grids are refused.
pub fn read(path: &Path) -> Result<Volume> {
    let refuse = |why: String| Error::Nifti(why);
    // The crate opens the file by its path, whatever it is.
    regular::open(path).map_err(|e| refuse(why(e)))?;
    let header = NiftiHeader::from_file(path).map_err(|e| refuse(e.to_string()))?;
    let rank = usize::from(header.dim[0]);
    let dims: [usize; 3] = std::array::from_fn(|a| usize::from(header.dim[a + 1].max(1)));
    if !(3..=7).contains(&rank) || header.dim[4..=rank].iter().any(|n| *n > 1) {
        return Err(refuse("it is not a 3-dimensional volume".into()));
    }
    let kind = header.data_type().map_err(|e| refuse(e.to_string()))?;
    let (dtype, size) = match kind {
        NiftiType::Uint8 | NiftiType::Int8 => (DType::U8, 1),
        NiftiType::Int16 => (DType::I16, 2),
        NiftiType::Uint16 => (DType::U16, 2),
        NiftiType::Int32 => (DType::I32, 4),
        NiftiType::Float32 => (DType::F32, 4),
        NiftiType::Float64 => (DType::F64, 8),
        other => return Err(refuse(format!("data type {other:?} is not read"))),
    };
    let bytes = byte_count(dims, size).map_err(refuse)?;
    let object = ReaderOptions::new()
        .read_file(path)
        .map_err(|e| refuse(e.to_string()))?;
    let volume = object.into_volume();
    let swapped = header.endianness != Endianness::native();
    // The crate hands out the file's own bytes.
    let data = voxels(volume.into_raw_data(), bytes, size, swapped).map_err(refuse)?;
    let (dtype, data) = match kind {
        NiftiType::Int8 => (DType::I16, widened(&data)),
        _ => (dtype, data),
    };
    let (origin, spacing, direction) = grid(&header);
    let slope = if header.scl_slope == 0.0 || !header.scl_slope.is_finite() {
        1.0
    } else {
        f64::from(header.scl_slope)
    };
    let intercept = if header.scl_inter.is_finite() {
        f64::from(header.scl_inter)
    } else {
        0.0
    };
    Ok(Volume {
        data,
        dtype,
        dims,
        origin,
        spacing,
        direction,
        slice_offsets: Vec::new(),
        slopes: vec![slope; dims[2]],
        intercept,
        padding: None,
    })
}

/// Grid of the header in LPS: sform, else qform, else the voxel sizes alone.
#[allow(clippy::type_complexity)]
fn grid(header: &NiftiHeader) -> ([f64; 3], [f64; 3], [[f64; 3]; 3]) {
    let f = f64::from;
    let rows: [[f64; 4]; 3] = if header.sform_code > 0 {
        [
            header.srow_x.map(f),
            header.srow_y.map(f),
            header.srow_z.map(f),
        ]
    } else if header.qform_code > 0 {
        quaternion_rows(header)
    } else {
        std::array::from_fn(|r| {
            std::array::from_fn(|c| if r == c { f(header.pixdim[r + 1]) } else { 0.0 })
        })
    };
    let to_lps = [-1.0, -1.0, 1.0];
    let origin = std::array::from_fn(|r| to_lps[r] * rows[r][3]);
    let spacing: [f64; 3] =
        std::array::from_fn(|a| rows.iter().map(|row| row[a] * row[a]).sum::<f64>().sqrt());
    let direction =
        std::array::from_fn(|r| std::array::from_fn(|a| to_lps[r] * rows[r][a] / spacing[a]));
    (origin, spacing, direction)
}

/// The qform of the NIfTI-1 standard: a rotation by a unit quaternion, voxel sizes, and `qfac` for a left-handed grid.
fn quaternion_rows(header: &NiftiHeader) -> [[f64; 4]; 3] {
    let [b, c, d] = [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from);
    let a = (1.0 - (b * b + c * c + d * d)).max(0.0).sqrt();
    let rotation = [
        [
            a * a + b * b - c * c - d * d,
            2.0 * (b * c - a * d),
            2.0 * (b * d + a * c),
        ],
        [
            2.0 * (b * c + a * d),
            a * a + c * c - b * b - d * d,
            2.0 * (c * d - a * b),
        ],
        [
            2.0 * (b * d - a * c),
            2.0 * (c * d + a * b),
            a * a + d * d - c * c - b * b,
        ],
    ];
    let qfac = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
    let sizes = [
        f64::from(header.pixdim[1]),
        f64::from(header.pixdim[2]),
        qfac * f64::from(header.pixdim[3]),
    ];
    let offset = [header.quatern_x, header.quatern_y, header.quatern_z].map(f64::from);
    std::array::from_fn(|r| {
        [
            rotation[r][0] * sizes[0],
            rotation[r][1] * sizes[1],
            rotation[r][2] * sizes[2],
            offset[r],
        ]
    })
}
