//! Section "volumes".

use super::structs::{self, Versioned, versioned};
use crate::error::{Error, Result};
use crate::imaging::{DType, ImageGrid, Rescale, Volume, VolumeView, extent};
use std::ffi::c_void;

/// Unsigned 8 bit.
pub const DLNMS_DTYPE_U8: u32 = 1;
/// Signed 16 bit.
pub const DLNMS_DTYPE_I16: u32 = 2;
/// Unsigned 16 bit.
pub const DLNMS_DTYPE_U16: u32 = 3;
/// Signed 32 bit.
pub const DLNMS_DTYPE_I32: u32 = 4;
/// IEEE half precision.
pub const DLNMS_DTYPE_F16: u32 = 5;
/// IEEE single precision.
pub const DLNMS_DTYPE_F32: u32 = 6;
/// IEEE double precision.
pub const DLNMS_DTYPE_F64: u32 = 7;

/// Voxels the host owns, with their place in the patient (ITK's conventions); fill with dlnms_volume_init().
///
/// The library borrows the voxels for the call that gets the struct, reads only those near the tumour, and never
/// copies the volume. Native byte order; any alignment; every byte between the first and the last voxel must be
/// readable. The patient frame is DICOM's LPS in millimetres.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_volume {
    /// Size of the struct in bytes, set by dlnms_volume_init().
    pub struct_size: u32,
    /// A DLNMS_DTYPE_ constant.
    pub dtype: u32,
    /// Voxel (0,0,0). Borrowed.
    pub data: *const c_void,
    /// Voxels along i, j, k; 1 to 65536 each.
    pub dims: [u64; 3],
    /// Bytes from a voxel to the next along i, j, k; may be negative. All three 0: tightly packed, i fastest.
    pub strides: [i64; 3],
    /// Centre of voxel (0,0,0), LPS mm.
    pub origin: [f64; 3],
    /// Millimetres between voxel centres along i, j, k.
    pub spacing: [f64; 3],
    /// Row-major 3 x 3; column a is the LPS unit vector of index axis a. Orthonormal within 1e-4.
    pub direction: [f64; 9],
    /// Physical value (HU, Bq/ml, SUV) = stored * rescale_slope + rescale_intercept.
    pub rescale_slope: f64,
    /// See rescale_slope.
    pub rescale_intercept: f64,
    /// `dims[2]` slopes that replace rescale_slope, one for each slice k, or NULL. Borrowed.
    pub slice_slopes: *const f64,
    /// `dims[2]` distances in mm from slice 0, from 0 strictly increasing, where steps are uneven, or NULL. Borrowed.
    pub slice_offsets: *const f64,
    /// 1: stored values from padding_first to padding_last are padding (DICOM PixelPaddingValue); 0: none are.
    pub has_padding: u32,
    /// Must be 0.
    pub reserved: u32,
    /// See has_padding.
    pub padding_first: f64,
    /// See has_padding.
    pub padding_last: f64,
}

versioned!(dlnms_volume, 240, { struct_size, dtype, data, dims, strides, origin, spacing, direction, rescale_slope, rescale_intercept, slice_slopes, slice_offsets, has_padding, padding_first, padding_last } reserved { reserved });

/// An empty struct: identity direction, unit spacing, slope 1.
pub(super) fn defaults() -> dlnms_volume {
    dlnms_volume {
        struct_size: size_of::<dlnms_volume>() as u32,
        dtype: 0,
        data: std::ptr::null(),
        dims: [0; 3],
        strides: [0; 3],
        origin: [0.0; 3],
        spacing: [1.0; 3],
        direction: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        rescale_slope: 1.0,
        rescale_intercept: 0.0,
        slice_slopes: std::ptr::null(),
        slice_offsets: std::ptr::null(),
        has_padding: 0,
        reserved: 0,
        padding_first: 0.0,
        padding_last: 0.0,
    }
}

/// Writes defaults into a volume: origin 0, spacing 1 mm, identity direction, slope 1, intercept 0, tightly packed, no padding.
///
/// # Safety
/// - `volume`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_volume) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_volume_init(volume: *mut dlnms_volume, struct_size: u32) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init(volume, struct_size, &defaults()) };
}

/// Borrow a host's volume, checking everything before a voxel is touched.
///
/// # Safety
/// `ptr` is NULL or an initialised struct whose pointers keep the header's promises for `'a`.
pub(super) unsafe fn view<'a>(
    ptr: *const dlnms_volume,
    name: &'static str,
) -> Result<VolumeView<'a>> {
    if ptr.is_null() {
        return Err(Error::NullArgument(name));
    }
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    if raw.data.is_null() {
        return Err(Error::InvalidArgument {
            field: format!("{name}.data"),
            why: "is NULL".into(),
        });
    }
    let dtype = DType::from_code(raw.dtype).ok_or_else(|| {
        Error::invalid(
            format!("{name}.dtype"),
            format!("{} is not a DLNMS_DTYPE_ constant", raw.dtype),
        )
    })?;
    let mut dims = [0usize; 3];
    let mut strides = [0isize; 3];
    for axis in 0..3 {
        let shape = |field, value: String| Error::VolumeShape {
            volume: name,
            why: format!("{field}[{axis}] is {value}"),
        };
        dims[axis] = usize::try_from(raw.dims[axis])
            .map_err(|_| shape("dims", raw.dims[axis].to_string()))?;
        strides[axis] = isize::try_from(raw.strides[axis])
            .map_err(|_| shape("strides", raw.strides[axis].to_string()))?;
    }
    let size = dtype.size();
    if strides == [0; 3] {
        // Saturating: dims that are too large are refused just below.
        let row = (size as isize).saturating_mul(dims[0].min(isize::MAX as usize) as isize);
        strides = [
            size as isize,
            row,
            row.saturating_mul(dims[1].min(isize::MAX as usize) as isize),
        ];
    }
    let (bytes, zero_at) = extent(dims, strides, size, name)?;
    // SAFETY: the header asks that every byte from the first to the last voxel is readable and unchanged during the
    // call; `extent` computed exactly that range, without overflow and below isize::MAX.
    let data = unsafe { std::slice::from_raw_parts(raw.data.cast::<u8>().sub(zero_at), bytes) };
    let array = |at: *const f64| {
        // SAFETY: the header asks for dims[2] readable doubles; dims were bounded by `extent`.
        (!at.is_null()).then(|| unsafe { std::slice::from_raw_parts(at, dims[2]) })
    };
    let misaligned = |at: *const f64| !at.is_null() && !at.is_aligned();
    if misaligned(raw.slice_slopes) || misaligned(raw.slice_offsets) {
        return Err(Error::invalid(
            format!("{name}.slice_slopes or slice_offsets"),
            "is not aligned to 8 bytes",
        ));
    }
    let grid = ImageGrid {
        dims,
        origin: raw.origin,
        spacing: raw.spacing,
        direction: std::array::from_fn(|r| std::array::from_fn(|a| raw.direction[3 * r + a])),
        slice_offsets: array(raw.slice_offsets),
    };
    let mut view = VolumeView::new(data, zero_at, dtype, strides, grid, name)?;
    view = view.with_rescale(match array(raw.slice_slopes) {
        Some(slopes) => Rescale::PerSlice {
            slopes,
            intercept: raw.rescale_intercept,
        },
        None => Rescale::Uniform {
            slope: raw.rescale_slope,
            intercept: raw.rescale_intercept,
        },
    })?;
    view.padding = match raw.has_padding {
        0 => None,
        1 if raw.padding_first <= raw.padding_last => Some([raw.padding_first, raw.padding_last]),
        1 => {
            return Err(Error::invalid(
                format!("{name}.padding_first"),
                "is above padding_last or not a number",
            ));
        }
        other => {
            return Err(Error::invalid(
                format!("{name}.has_padding"),
                format!("{other} is neither 0 nor 1"),
            ));
        }
    };
    Ok(view)
}

/// The C struct of a volume that this library owns.
#[cfg_attr(not(feature = "dicom"), allow(dead_code))]
pub(super) fn describe(volume: &Volume) -> dlnms_volume {
    let [nx, ny, nz] = volume.dims.map(|n| n as u64);
    let size = volume.dtype.size() as i64;
    let [first, last] = volume.padding.unwrap_or_default();
    dlnms_volume {
        dtype: volume.dtype as u32,
        data: volume.data.as_ptr().cast(),
        dims: [nx, ny, nz],
        strides: [size, size * nx as i64, size * (nx * ny) as i64],
        origin: volume.origin,
        spacing: volume.spacing,
        direction: std::array::from_fn(|i| volume.direction[i / 3][i % 3]),
        rescale_slope: volume.slopes.first().copied().unwrap_or(1.0),
        rescale_intercept: volume.intercept,
        slice_slopes: volume.slopes.as_ptr(),
        slice_offsets: if volume.slice_offsets.is_empty() {
            std::ptr::null()
        } else {
            volume.slice_offsets.as_ptr()
        },
        has_padding: u32::from(volume.padding.is_some()),
        padding_first: first,
        padding_last: last,
        ..defaults()
    }
}

const _: () = {
    assert!(DLNMS_DTYPE_U8 == DType::U8 as u32 && DLNMS_DTYPE_I16 == DType::I16 as u32);
    assert!(DLNMS_DTYPE_U16 == DType::U16 as u32 && DLNMS_DTYPE_I32 == DType::I32 as u32);
    assert!(DLNMS_DTYPE_F16 == DType::F16 as u32 && DLNMS_DTYPE_F32 == DType::F32 as u32);
    assert!(DLNMS_DTYPE_F64 == DType::F64 as u32);
    assert!(
        size_of::<dlnms_volume>() == <dlnms_volume as Versioned>::V1_SIZE
            || cfg!(not(target_pointer_width = "64"))
    );
};
