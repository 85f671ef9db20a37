//! Borrowed voxels: element type, byte strides and the map from stored values to physical ones.

use super::ImageGrid;
use crate::error::{Error, Result};
use half::f16;

/// Element type of stored voxels, native byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum DType {
    /// Unsigned 8 bit.
    U8 = 1,
    /// Signed 16 bit.
    I16 = 2,
    /// Unsigned 16 bit.
    U16 = 3,
    /// Signed 32 bit.
    I32 = 4,
    /// IEEE half.
    F16 = 5,
    /// IEEE single.
    F32 = 6,
    /// IEEE double.
    F64 = 7,
}

impl DType {
    /// All of them.
    pub const ALL: [DType; 7] = [
        DType::U8,
        DType::I16,
        DType::U16,
        DType::I32,
        DType::F16,
        DType::F32,
        DType::F64,
    ];

    /// Returns the type with this number in the C ABI.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|d| *d as u32 == code)
    }

    /// Returns the bytes of one voxel.
    pub fn size(self) -> usize {
        match self {
            DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 => 2,
            DType::I32 | DType::F32 => 4,
            DType::F64 => 8,
        }
    }
}

/// Stored value -> physical value (HU, Bq/ml, SUV): `stored * slope + intercept`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rescale<'a> {
    /// One pair for the whole volume.
    Uniform {
        /// Multiplier.
        slope: f64,
        /// Added after.
        intercept: f64,
    },
    /// A slope per slice (third index axis), one intercept: most PET series.
    PerSlice {
        /// One multiplier for each slice.
        slopes: &'a [f64],
        /// Added after.
        intercept: f64,
    },
}

impl Rescale<'_> {
    /// Stored values are physical already.
    pub const IDENTITY: Rescale<'static> = Rescale::Uniform {
        slope: 1.0,
        intercept: 0.0,
    };

    /// Returns the slope and the intercept of slice `k`.
    pub fn at(&self, k: usize) -> (f64, f64) {
        match *self {
            Rescale::Uniform { slope, intercept } => (slope, intercept),
            Rescale::PerSlice { slopes, intercept } => (slopes[k], intercept),
        }
    }
}

/// A volume borrowed for the length of a call.
#[derive(Clone, Copy, Debug)]
pub struct VolumeView<'a> {
    data: &'a [u8],
    /// Byte offset of voxel (0,0,0) in `data`; not zero when a stride is negative.
    first: usize,
    strides: [isize; 3],
    dtype: DType,
    /// Where the voxels are.
    pub grid: ImageGrid<'a>,
    /// What they mean.
    pub rescale: Rescale<'a>,
    /// Stored values in this closed range are padding (DICOM PixelPaddingValue and its range limit).
    pub padding: Option<[f64; 2]>,
    name: &'static str,
}

/// Bytes from the first to one past the last byte of a strided volume, and where voxel (0,0,0) is among them.
///
/// Everything is checked for overflow, so a caller can learn the extent before it makes a slice of it.
pub fn extent(
    dims: [usize; 3],
    strides: [isize; 3],
    size: usize,
    volume: &'static str,
) -> Result<(usize, usize)> {
    let refuse = |why: String| Error::VolumeShape { volume, why };
    let (mut low, mut high) = (0isize, 0isize);
    for axis in 0..3 {
        if dims[axis] == 0 || dims[axis] > super::MAX_DIM {
            return Err(refuse(format!(
                "dims[{axis}] is {}, allowed 1 to {}",
                dims[axis],
                super::MAX_DIM
            )));
        }
        if dims[axis] > 1 && strides[axis].unsigned_abs() < size {
            return Err(refuse(format!(
                "strides[{axis}] is {} bytes, voxels have {size}",
                strides[axis]
            )));
        }
        let span = strides[axis]
            .checked_mul(dims[axis] as isize - 1)
            .ok_or_else(|| refuse(format!("strides[{axis}] x dims[{axis}] overflows")))?;
        let end = if span < 0 { &mut low } else { &mut high };
        *end = end
            .checked_add(span)
            .ok_or_else(|| refuse(format!("strides[{axis}] x dims[{axis}] overflows")))?;
    }
    high.checked_sub(low)
        .and_then(|n| n.checked_add(size as isize))
        .map(|bytes| (bytes as usize, low.unsigned_abs()))
        .ok_or_else(|| refuse("strides x dims overflows".into()))
}

impl<'a> VolumeView<'a> {
    /// Look at `data`, whose voxel (0,0,0) starts at byte `first`, with byte `strides` along i, j, k.
    ///
    /// `name` (`"ct"`, `"pet"`, `"mask"`) stands in errors. Nothing is read before sizes and strides were checked.
    pub fn new(
        data: &'a [u8],
        first: usize,
        dtype: DType,
        strides: [isize; 3],
        grid: ImageGrid<'a>,
        name: &'static str,
    ) -> Result<Self> {
        grid.validate(name)?;
        let (bytes, zero_at) = extent(grid.dims, strides, dtype.size(), name)?;
        if first < zero_at || bytes - zero_at > data.len().saturating_sub(first) {
            return Err(Error::VolumeShape {
                volume: name,
                why: format!(
                    "dims and strides need {bytes} bytes, the buffer has {}",
                    data.len()
                ),
            });
        }
        Ok(Self {
            data,
            first,
            strides,
            dtype,
            grid,
            rescale: Rescale::IDENTITY,
            padding: None,
            name,
        })
    }

    /// Returns whether another view looks at the same bytes on the same grid.
    #[cfg(feature = "dicom")]
    pub(crate) fn shows_the_same(&self, other: &Self) -> bool {
        let bytes = |view: &Self| (view.data.as_ptr().addr() + view.first, view.strides);
        bytes(self) == bytes(other) && self.dtype == other.dtype && self.grid == other.grid
    }

    /// Returns a view of tightly packed voxels, i fastest.
    pub fn packed(
        data: &'a [u8],
        dtype: DType,
        grid: ImageGrid<'a>,
        name: &'static str,
    ) -> Result<Self> {
        grid.validate(name)?;
        let row = (grid.dims[0] * dtype.size()) as isize;
        Self::new(
            data,
            0,
            dtype,
            [dtype.size() as isize, row, row * grid.dims[1] as isize],
            grid,
            name,
        )
    }

    /// Returns the same voxels with another rescale; one per slice must have a finite slope for each slice.
    pub fn with_rescale(mut self, rescale: Rescale<'a>) -> Result<Self> {
        let (slopes, intercept): (&[f64], f64) = match &rescale {
            Rescale::Uniform { slope, intercept } => (std::slice::from_ref(slope), *intercept),
            Rescale::PerSlice { slopes, intercept } => (slopes, *intercept),
        };
        let name = self.name;
        if matches!(rescale, Rescale::PerSlice { .. }) && slopes.len() != self.grid.dims[2] {
            return Err(Error::VolumeShape {
                volume: name,
                why: format!(
                    "{} slice slopes for {} slices",
                    slopes.len(),
                    self.grid.dims[2]
                ),
            });
        }
        if !(intercept.is_finite() && slopes.iter().all(|s| s.is_finite() && *s != 0.0)) {
            return Err(Error::invalid(
                format!("{name}.rescale"),
                "slopes must be finite and not 0, the intercept finite",
            ));
        }
        self.rescale = rescale;
        Ok(self)
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// `"ct"`, `"pet"` or `"mask"`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Byte stride along an index axis.
    pub(crate) fn stride(&self, axis: usize) -> isize {
        self.strides[axis]
    }

    /// The borrowed bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.data
    }

    /// Byte offset of a voxel. In range for every index within the dims: checked at construction.
    #[inline]
    pub(crate) fn offset(&self, index: [usize; 3]) -> usize {
        let delta: isize = (0..3).map(|a| index[a] as isize * self.strides[a]).sum();
        self.first.wrapping_add_signed(delta)
    }

    /// Stored value of a voxel, before rescaling.
    pub fn stored(&self, index: [usize; 3]) -> f64 {
        let at = &self.data[self.offset(index)..];
        with_voxel_type!(self.dtype, V => V::read(at))
    }

    /// Returns the physical value of a voxel; `None` if its stored value is padding.
    pub(crate) fn unpadded_value(&self, index: [usize; 3]) -> Option<f64> {
        let stored = self.stored(index);
        let padded = self
            .padding
            .is_some_and(|range| range[0] <= stored && stored <= range[1]);
        let (slope, intercept) = self.rescale.at(index[2]);
        (!padded).then_some(stored * slope + intercept)
    }

    /// Physical value of a voxel.
    pub fn value(&self, index: [usize; 3]) -> f64 {
        let (slope, intercept) = self.rescale.at(index[2]);
        self.stored(index) * slope + intercept
    }
}

/// An element type, read from unaligned bytes.
pub(crate) trait Voxel: Copy {
    const SIZE: usize;
    fn read(bytes: &[u8]) -> f64;
}

macro_rules! voxel {
    ($($t:ty),*) => {$(
        impl Voxel for $t {
            const SIZE: usize = size_of::<$t>();
            #[inline(always)]
            fn read(bytes: &[u8]) -> f64 {
                let mut raw = [0u8; size_of::<$t>()];
                raw.copy_from_slice(&bytes[..size_of::<$t>()]);
                <$t>::from_ne_bytes(raw).into()
            }
        }
    )*};
}
voxel!(u8, i16, u16, i32, f16, f32, f64);

/// Run an expression with `V` standing for the element type of a [`DType`].
macro_rules! with_voxel_type {
    ($dtype:expr, $v:ident => $body:expr) => {
        match $dtype {
            $crate::imaging::DType::U8 => {
                type $v = u8;
                $body
            }
            $crate::imaging::DType::I16 => {
                type $v = i16;
                $body
            }
            $crate::imaging::DType::U16 => {
                type $v = u16;
                $body
            }
            $crate::imaging::DType::I32 => {
                type $v = i32;
                $body
            }
            $crate::imaging::DType::F16 => {
                type $v = half::f16;
                $body
            }
            $crate::imaging::DType::F32 => {
                type $v = f32;
                $body
            }
            $crate::imaging::DType::F64 => {
                type $v = f64;
                $body
            }
        }
    };
}
pub(crate) use with_voxel_type;

#[cfg(test)]
mod tests;
