//! Where the tumour is: a point, a box or a mask, and its centre.

use crate::error::{Error, Result};
use crate::volume::{Geometry, VolumeView, Voxel, with_voxel_type};

/// A region of interest as the host gives it.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::large_enum_variant)] // a view is borrowed once a call; a box would allocate
pub enum Roi<'a> {
    /// The centre itself, LPS mm.
    Point([f64; 3]),
    /// A box in LPS mm by two opposite corners; its centre is the midpoint.
    Box([f64; 3], [f64; 3]),
    /// Voxels that are not zero, on any grid; the centre is their centroid, each voxel weighing the same.
    Mask(VolumeView<'a>),
}

impl Roi<'_> {
    /// Centre in LPS mm (NUMERICS 1).
    pub fn center(&self) -> Result<[f64; 3]> {
        match self {
            Roi::Point(p) => finite("point", p).map(|()| *p),
            Roi::Box(a, b) => {
                finite("box", a)?;
                finite("box", b)?;
                Ok(std::array::from_fn(|i| (a[i] + b[i]) / 2.0))
            }
            Roi::Mask(view) => centroid(view),
        }
    }

    /// Kind for reports: `point`, `box` or `mask`.
    pub fn kind(&self) -> &'static str {
        match self {
            Roi::Point(_) => "point",
            Roi::Box(..) => "box",
            Roi::Mask(_) => "mask",
        }
    }
}

fn finite(what: &str, p: &[f64; 3]) -> Result<()> {
    if p.iter().all(|v| v.is_finite()) {
        Ok(())
    } else {
        Err(Error::RoiInvalid(format!("{what} {p:?} is not finite")))
    }
}

/// Centroid of the voxels that are not zero.
fn centroid(view: &VolumeView<'_>) -> Result<[f64; 3]> {
    let (mut count, mut sum) = (0u64, [0.0f64; 3]);
    for k in 0..view.geometry.dims[2] {
        let slice = with_voxel_type!(view.dtype(), V => set_in_slice::<V>(view, k))?;
        if slice.count > 0 {
            // Millimetres are taken slice by slice: steps may be uneven.
            let n = slice.count as f64;
            let center = view.geometry.index_to_lps([
                slice.sum_i as f64 / n,
                slice.sum_j as f64 / n,
                k as f64,
            ]);
            for (s, c) in sum.iter_mut().zip(center) {
                *s += c * n;
            }
            count += slice.count;
        }
    }
    if count == 0 {
        return Err(Error::RoiEmpty);
    }
    Ok(sum.map(|s| s / count as f64))
}

/// Voxels of one slice that are set: how many, and the exact sums of their indices.
#[derive(Default)]
struct SliceSums {
    count: u64,
    sum_i: u64,
    sum_j: u64,
}

fn set_in_slice<V: Voxel>(view: &VolumeView<'_>, k: usize) -> Result<SliceSums> {
    let [nx, ny, _] = view.geometry.dims;
    let mut sums = SliceSums::default();
    for j in 0..ny {
        let (first, stride) = (view.offset([0, j, k]), view.stride(0));
        let (mut in_row, mut sum_i) = (0u64, 0u64);
        for i in 0..nx {
            let value = V::read(&view.bytes()[first.wrapping_add_signed(i as isize * stride)..]);
            if value.is_nan() {
                return Err(Error::VoxelNotFinite {
                    volume: view.name(),
                });
            }
            let set = u64::from(value != 0.0);
            in_row += set;
            sum_i += set * i as u64;
        }
        sums.count += in_row;
        sums.sum_i += sum_i;
        sums.sum_j += in_row * j as u64;
    }
    Ok(sums)
}

/// Refuse a PET and a CT that share no space.
pub fn require_overlap(pet: &Geometry<'_>, ct: &Geometry<'_>) -> Result<()> {
    for (axis, (p, c)) in ["L", "P", "S"]
        .iter()
        .zip(pet.bounds().iter().zip(ct.bounds()))
    {
        if p[0] >= c[1] || c[0] >= p[1] {
            return Err(Error::NoOverlap(format!(
                "along {axis} PET covers {:.1} to {:.1} mm and CT {:.1} to {:.1} mm",
                p[0], p[1], c[0], c[1]
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{DType, IDENTITY};

    fn grid(dims: [usize; 3], origin: [f64; 3]) -> Geometry<'static> {
        Geometry {
            dims,
            origin,
            spacing: [2.0, 2.0, 3.0],
            direction: IDENTITY,
            slice_offsets: None,
        }
    }

    #[test]
    fn centroid_weighs_voxels_not_values() {
        let mut mask = vec![0u8; 60];
        (mask[0], mask[3], mask[20 + 5]) = (1, 255, 7); // (0,0,0) (3,0,0) (0,1,1) of 5 x 4 x 3
        let view = VolumeView::packed(
            &mask,
            DType::U8,
            grid([5, 4, 3], [10.0, 20.0, 30.0]),
            "mask",
        )
        .unwrap();
        assert_eq!(
            Roi::Mask(view).center().unwrap(),
            [12.0, 20.0 + 2.0 / 3.0, 31.0]
        );
        let empty = vec![0u8; 60];
        let view =
            VolumeView::packed(&empty, DType::U8, grid([5, 4, 3], [0.0; 3]), "mask").unwrap();
        assert!(matches!(Roi::Mask(view).center(), Err(Error::RoiEmpty)));
    }

    #[test]
    fn boxes_and_points_must_be_finite() {
        assert_eq!(
            Roi::Box([0.0, 4.0, 6.0], [2.0, 0.0, 6.0]).center().unwrap(),
            [1.0, 2.0, 6.0]
        );
        assert!(matches!(
            Roi::Point([0.0, f64::NAN, 0.0]).center(),
            Err(Error::RoiInvalid(_))
        ));
        assert!(matches!(
            Roi::Box([0.0; 3], [f64::INFINITY, 0.0, 0.0]).center(),
            Err(Error::RoiInvalid(_))
        ));
    }

    #[test]
    fn volumes_apart_are_refused() {
        let ct = grid([10, 10, 10], [0.0; 3]);
        assert!(require_overlap(&grid([10, 10, 10], [5.0, 5.0, 5.0]), &ct).is_ok());
        let text = require_overlap(&grid([10, 10, 10], [0.0, 0.0, 300.0]), &ct)
            .unwrap_err()
            .to_string();
        assert!(text.contains("along S"), "{text}");
    }
}
