//! NIfTI-1 (`.nii`, `.nii.gz`): nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h.

use super::gzip::{self, Members};
use super::voxel_stream::{Layout, MAX_RATIO, Reading};
use crate::imaging::{DType, Volume};
use crate::reading::Failure;
use std::io::Read;
use std::path::Path;

const HEADER_BYTES: usize = 348;
/// sform and pixdim may differ by this share of a voxel: both are rounded to seven digits.
const SAME_SIZE: f64 = 0.01;

/// Reads a volume. RAS coordinates become LPS; sheared grids are refused.
pub fn read(path: &Path, compressed: bool, reading: &Reading<'_>) -> Result<Volume, Failure> {
    let (mut file, bytes) = reading.open(path)?;
    if compressed {
        let at_most = bytes.saturating_mul(MAX_RATIO);
        volume(&mut Members::new(file), at_most, gzip::failure, reading)
    } else {
        volume(&mut file, bytes, Failure::from, reading)
    }
}

fn volume(
    stream: &mut impl Read,
    at_most: u64,
    failure: fn(std::io::Error) -> Failure,
    reading: &Reading<'_>,
) -> Result<Volume, Failure> {
    let mut bytes = [0; HEADER_BYTES];
    let short = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => failure(e).within("its header"),
        _ => failure(e),
    };
    stream.read_exact(&mut bytes).map_err(short)?;
    let header = Header::parse(bytes)?;
    let layout = header.layout()?;
    let (slope, intercept) = header.scaling()?;
    let (origin, spacing, direction) = header.grid()?;
    let skip = header.voxels_at()? - HEADER_BYTES as u64;
    let skipped = std::io::copy(&mut stream.by_ref().take(skip), &mut std::io::sink());
    if skipped.map_err(failure)? < skip {
        return Err("vox_offset lies beyond its end".into());
    }
    let at_most = at_most.saturating_sub(skip + HEADER_BYTES as u64);
    let (dtype, data) = reading.voxels(stream, at_most, &layout, failure)?;
    Ok(Volume {
        data,
        dtype,
        dims: layout.dims,
        origin,
        spacing,
        direction,
        slice_offsets: Vec::new(),
        slopes: vec![slope; layout.dims[2]],
        intercept,
        padding: None,
    })
}

/// The header's bytes, and whether their order is the other one.
struct Header {
    bytes: [u8; HEADER_BYTES],
    swapped: bool,
}

/// Rows of an affine from voxel indices to RAS millimetres.
type Affine = [[f64; 4]; 3];

impl Header {
    fn parse(bytes: [u8; HEADER_BYTES]) -> Result<Self, Failure> {
        let first = [bytes[0], bytes[1], bytes[2], bytes[3]];
        let swapped = match (
            i32::from_ne_bytes(first),
            i32::from_ne_bytes(first).swap_bytes(),
        ) {
            (348, _) => false,
            (_, 348) => true,
            (540, _) | (_, 540) => return Err("NIfTI-2 is not read".into()),
            _ => return Err("sizeof_hdr is not 348: it is no NIfTI-1 file".into()),
        };
        match &bytes[344..348] {
            b"n+1\0" => Ok(Self { bytes, swapped }),
            b"ni1\0" => {
                Err("magic is ni1: its voxels are in another file, which is not read".into())
            }
            _ => Err("magic is not n+1: it is no NIfTI-1 file".into()),
        }
    }

    fn take<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut value: [u8; N] = std::array::from_fn(|i| self.bytes[at + i]);
        if self.swapped {
            value.reverse();
        }
        value
    }

    fn short(&self, at: usize) -> i16 {
        i16::from_ne_bytes(self.take(at))
    }

    fn float(&self, at: usize) -> f64 {
        f64::from(f32::from_ne_bytes(self.take(at)))
    }

    fn floats<const N: usize>(&self, at: usize) -> [f64; N] {
        std::array::from_fn(|i| self.float(at + 4 * i))
    }

    fn layout(&self) -> Result<Layout, Failure> {
        let dim: [i16; 8] = std::array::from_fn(|i| self.short(40 + 2 * i));
        if !(3..=7).contains(&dim[0]) {
            return Err(format!("dim[0] is {}: it is not a 3-dimensional volume", dim[0]).into());
        }
        let rank = dim[0] as usize;
        if let Some(n) = dim[4..=rank].iter().find(|n| **n != 1) {
            return Err(
                format!("it is not a 3-dimensional volume: a dimension beyond has {n}").into(),
            );
        }
        if let Some(n) = dim[1..4].iter().find(|n| **n < 1) {
            return Err(format!("dim has {n} for an axis").into());
        }
        let (dtype, signed_byte) = match self.short(70) {
            2 => (DType::U8, false),
            256 => (DType::U8, true),
            4 => (DType::I16, false),
            512 => (DType::U16, false),
            8 => (DType::I32, false),
            16 => (DType::F32, false),
            64 => (DType::F64, false),
            other => {
                let name = match other {
                    1 => " (bits)",
                    32 | 1792 | 2048 => " (complex)",
                    128 | 2304 => " (RGB)",
                    768 => " (UINT32)",
                    1024 => " (INT64)",
                    1280 => " (UINT64)",
                    _ => "",
                };
                return Err(format!("datatype {other}{name} is not read").into());
            }
        };
        let bits = self.short(72);
        if usize::try_from(bits) != Ok(8 * dtype.size()) {
            return Err(format!("bitpix is {bits}, datatype has {}", 8 * dtype.size()).into());
        }
        Ok(Layout {
            dims: [1, 2, 3].map(|a| dim[a] as usize),
            dtype,
            signed_byte,
            swapped: self.swapped,
        })
    }

    fn voxels_at(&self) -> Result<u64, Failure> {
        let at = self.float(108);
        if at.fract() == 0.0 && (352.0..1e15).contains(&at) {
            Ok(at as u64)
        } else {
            Err(format!("vox_offset is {at}").into())
        }
    }

    /// Returns slope and intercept. A slope of 0 or NaN, which some writers leave, means that voxels are not scaled: an
    /// intercept beside it contradicts that.
    fn scaling(&self) -> Result<(f64, f64), Failure> {
        let (slope, intercept) = (self.float(112), self.float(116));
        let contradiction = || {
            let why = format!("scl_slope is {slope} and scl_inter {intercept}");
            Err(format!("{why}: which scaling is meant cannot be known").into())
        };
        match slope == 0.0 || slope.is_nan() {
            true if intercept == 0.0 || intercept.is_nan() => Ok((1.0, 0.0)),
            false if slope.is_finite() && intercept.is_finite() => Ok((slope, intercept)),
            _ => contradiction(),
        }
    }

    /// Returns the millimetres of the header's unit of length; without one, which is common, they are millimetres.
    fn unit_mm(&self) -> Result<f64, Failure> {
        match self.bytes[123] & 7 {
            0 | 2 => Ok(1.0),
            1 => Ok(1000.0),
            3 => Ok(0.001),
            other => Err(format!("xyzt_units has no unit of length {other}").into()),
        }
    }

    /// Returns the grid in LPS: of the sform, else of the qform. Where both are set they must agree.
    #[allow(clippy::type_complexity)]
    fn grid(&self) -> Result<([f64; 3], [f64; 3], [[f64; 3]; 3]), Failure> {
        let unit = self.unit_mm()?;
        let (qform_code, sform_code) = (self.short(252), self.short(254));
        let sform: Affine = std::array::from_fn(|r| self.floats(280 + 16 * r));
        let rows = match (qform_code > 0, sform_code > 0) {
            (false, false) => {
                let why = "qform_code and sform_code are 0: where its voxels lie is not said";
                return Err(why.into());
            }
            (true, false) => self.qform()?,
            (false, true) => sform,
            (true, true) => {
                self.check_agreement(&sform, &self.qform()?)?;
                sform
            }
        };
        let to_lps = [-1.0, -1.0, 1.0];
        let origin = std::array::from_fn(|r| to_lps[r] * rows[r][3] * unit);
        let length = |a: usize| rows.iter().map(|row| row[a] * row[a]).sum::<f64>().sqrt();
        let sizes: [f64; 3] = std::array::from_fn(length);
        let pixdim: [f64; 3] = self.floats(80);
        for (axis, (size, stated)) in sizes.iter().zip(pixdim).enumerate() {
            let same = (stated - size).abs() <= SAME_SIZE * size;
            if !same {
                let n = axis + 1;
                return Err(format!("pixdim[{n}] is {stated}, its transform has {size}").into());
            }
        }
        let direction =
            std::array::from_fn(|r| std::array::from_fn(|a| to_lps[r] * rows[r][a] / sizes[a]));
        Ok((origin, sizes.map(|s| s * unit), direction))
    }

    /// Returns the qform of the standard: a rotation by a unit quaternion, voxel sizes, and `qfac` for a left-handed
    /// grid.
    fn qform(&self) -> Result<Affine, Failure> {
        let pixdim: [f64; 4] = self.floats(76);
        if let Some(bad) = pixdim[1..].iter().find(|v| !(v.is_finite() && **v > 0.0)) {
            return Err(format!("pixdim has {bad}, must be positive").into());
        }
        let [mut b, mut c, mut d]: [f64; 3] = self.floats(256);
        let rest = 1.0 - (b * b + c * c + d * d);
        if rest.is_nan() || rest < -0.01 {
            return Err("its quaternion is no rotation".into());
        }
        let a = if rest < 1e-7 {
            // A rotation by 180 degrees: what rounding leaves of the angle is set to 0.
            let scale = 1.0 / (1.0 - rest).sqrt();
            (b, c, d) = (b * scale, c * scale, d * scale);
            0.0
        } else {
            rest.sqrt()
        };
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
        let handed = if pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        let sizes = [pixdim[1], pixdim[2], handed * pixdim[3]];
        let offset: [f64; 3] = self.floats(268);
        Ok(std::array::from_fn(|r| {
            let [x, y, z] = std::array::from_fn(|a| rotation[r][a] * sizes[a]);
            [x, y, z, offset[r]]
        }))
    }

    /// Returns an error if the two transforms put a corner of the volume more than half a voxel apart.
    fn check_agreement(&self, sform: &Affine, qform: &Affine) -> Result<(), Failure> {
        let last: [f64; 3] = std::array::from_fn(|a| f64::from(self.short(42 + 2 * a) - 1));
        let smallest = self
            .floats::<3>(80)
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        for corner in 0..8usize {
            let index: [f64; 3] = std::array::from_fn(|a| last[a] * (corner >> a & 1) as f64);
            let apart = |r: usize| {
                let at = |m: &Affine| (0..3).map(|a| m[r][a] * index[a]).sum::<f64>() + m[r][3];
                at(sform) - at(qform)
            };
            let distance = (0..3).map(|r| apart(r).powi(2)).sum::<f64>().sqrt();
            if distance.is_nan() || distance > smallest / 2.0 {
                let why = "its sform and qform contradict each other";
                return Err(format!("{why}: they lie up to {distance:.1} apart").into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
