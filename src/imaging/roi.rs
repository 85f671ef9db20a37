//! Where the tumour is: a point, a box, a mask or a seed, and its centre.

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::imaging::{ImageGrid, VolumeView, Voxel, with_voxel_type};

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
    /// A point near the tumour from which it is cut out of the PET; the centre is that lesion's centroid.
    Seed(Seed),
}

/// A point near a tumour, and how to cut the tumour out of the PET (NUMERICS 4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seed {
    /// LPS mm.
    pub point: [f64; 3],
    /// The lesion is looked for this far around the point, mm.
    pub radius_mm: f64,
    /// Threshold.
    pub delineation: Delineation,
}

/// How a lesion is cut out around its hottest voxel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delineation {
    /// A fraction of SUVmax; 0.41 is the usual one.
    Fraction(f64),
    /// A fixed SUV.
    Fixed(f64),
}

impl Default for Delineation {
    fn default() -> Self {
        Delineation::Fraction(0.41)
    }
}

/// Where an ROI is and how far it reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Centre, LPS mm (NUMERICS 1).
    pub center: [f64; 3],
    /// LPS box around it, outer edges of its voxels; a point has none.
    pub bounds: Option<[[f64; 2]; 3]>,
    /// How far the lesion that was cut out of the PET lies from the seed, point or mask that it should hold, mm; `None` if
    /// it holds it, or none was cut out.
    pub lesion_missed_by_mm: Option<f64>,
}

impl Roi<'_> {
    /// Returns the centre in LPS mm (NUMERICS 1); of a seed, the seed itself.
    pub fn center(&self) -> Result<[f64; 3]> {
        self.extent().map(|e| e.center)
    }

    /// Returns the centre and the bounds. A seed counts as a point: its lesion is found in the PET.
    pub fn extent(&self) -> Result<Extent> {
        match self {
            Roi::Point(p) => finite("point", p).map(|()| Extent {
                center: *p,
                bounds: None,
                lesion_missed_by_mm: None,
            }),
            Roi::Box(a, b) => {
                finite("box", a)?;
                finite("box", b)?;
                Ok(Extent {
                    center: std::array::from_fn(|i| (a[i] + b[i]) / 2.0),
                    bounds: Some(std::array::from_fn(|i| [a[i].min(b[i]), a[i].max(b[i])])),
                    lesion_missed_by_mm: None,
                })
            }
            Roi::Mask(view) => mask_extent(view, &|| Ok(())),
            Roi::Seed(seed) => Roi::Point(seed.point).extent(),
        }
    }

    /// Returns its kind for reports: `point`, `box`, `mask` or `seed`.
    pub fn kind(&self) -> &'static str {
        match self {
            Roi::Point(_) => "point",
            Roi::Box(..) => "box",
            Roi::Mask(_) => "mask",
            Roi::Seed(_) => "seed",
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

/// Returns the centroid of the voxels that are not zero, as [`Roi::center`] does; ends soon after `cancel` is triggered.
///
/// # Errors
/// As [`Roi::center`]; [`Error::Cancelled`].
#[cfg_attr(not(feature = "dicom"), allow(dead_code))]
pub(crate) fn mask_center_until(view: &VolumeView<'_>, cancel: &CancelToken) -> Result<[f64; 3]> {
    mask_extent(view, &|| cancel.check()).map(|e| e.center)
}

/// Returns the centroid and the bounds of the voxels that are not zero. An error of `check`, which is called for each slice,
/// ends it.
fn mask_extent(view: &VolumeView<'_>, check: &dyn Fn() -> Result<()>) -> Result<Extent> {
    let (mut count, mut sum) = (0u64, [0.0f64; 3]);
    let mut box_ = [[usize::MAX, 0]; 3];
    for k in 0..view.grid.dims[2] {
        check()?;
        let slice = with_voxel_type!(view.dtype(), V => set_in_slice::<V>(view, k))?;
        if slice.count > 0 {
            // Millimetres are taken slice by slice: steps may be uneven.
            let n = slice.count as f64;
            let center =
                view.grid
                    .index_to_lps([slice.sum_i as f64 / n, slice.sum_j as f64 / n, k as f64]);
            for (s, c) in sum.iter_mut().zip(center) {
                *s += c * n;
            }
            count += slice.count;
            for (b, [low, high]) in box_.iter_mut().zip([slice.i, slice.j, [k, k]]) {
                *b = [b[0].min(low), b[1].max(high)];
            }
        }
    }
    if count == 0 {
        return Err(Error::RoiEmpty);
    }
    let edges = box_.map(|[low, high]| [low as f64 - 0.5, high as f64 + 0.5]);
    Ok(Extent {
        center: sum.map(|s| s / count as f64),
        bounds: Some(view.grid.lps_box(edges)),
        lesion_missed_by_mm: None,
    })
}

/// Voxels of one slice that are set: how many, the exact sums of their indices, lowest and highest index.
struct SliceSums {
    count: u64,
    sum_i: u64,
    sum_j: u64,
    i: [usize; 2],
    j: [usize; 2],
}

fn set_in_slice<V: Voxel>(view: &VolumeView<'_>, k: usize) -> Result<SliceSums> {
    let [nx, ny, _] = view.grid.dims;
    let mut sums = SliceSums {
        count: 0,
        sum_i: 0,
        sum_j: 0,
        i: [usize::MAX, 0],
        j: [usize::MAX, 0],
    };
    for j in 0..ny {
        let (first, stride) = (view.offset([0, j, k]), view.stride(0));
        let (mut in_row, mut sum_i) = (0u64, 0u64);
        let (mut low, mut high) = (usize::MAX, 0);
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
            if set != 0 {
                (low, high) = (low.min(i), i);
            }
        }
        if in_row > 0 {
            sums.i = [sums.i[0].min(low), sums.i[1].max(high)];
            sums.j = [sums.j[0].min(j), j];
        }
        sums.count += in_row;
        sums.sum_i += sum_i;
        sums.sum_j += in_row * j as u64;
    }
    Ok(sums)
}

/// Refuses a PET and a CT that do not overlap.
pub fn require_overlap(pet: &ImageGrid<'_>, ct: &ImageGrid<'_>) -> Result<()> {
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
    use crate::imaging::{DType, IDENTITY};

    fn grid(dims: [usize; 3], origin: [f64; 3]) -> ImageGrid<'static> {
        ImageGrid {
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
    fn a_mask_reaches_to_the_outer_edges_of_its_voxels() {
        let mut mask = [0i16; 60];
        let at = |i: usize, j: usize, k: usize| (k * 4 + j) * 5 + i;
        (mask[at(1, 2, 0)], mask[at(3, 1, 1)], mask[at(2, 1, 1)]) = (-1, 1, 300);
        let bytes: Vec<u8> = mask.iter().flat_map(|v| v.to_ne_bytes()).collect();
        let g = grid([5, 4, 3], [10.0, 20.0, 30.0]);
        let view = VolumeView::packed(&bytes, DType::I16, g, "mask").unwrap();
        let extent = Roi::Mask(view).extent().unwrap();
        assert_eq!(
            extent.bounds,
            Some([[11.0, 17.0], [21.0, 25.0], [28.5, 34.5]])
        );
        assert_eq!(extent.center, [14.0, 20.0 + 8.0 / 3.0, 32.0]);
        assert_eq!(extent.lesion_missed_by_mm, None);
        // Uneven slices: the centroid is that of the millimetres, not of the indices.
        let uneven = ImageGrid {
            slice_offsets: Some(&[0.0, 3.0, 7.0]),
            ..g
        };
        let view = VolumeView::packed(&bytes, DType::I16, uneven, "mask").unwrap();
        assert_eq!(Roi::Mask(view).center().unwrap()[2], 32.0);
        let mut last = vec![0u8; 60];
        last[at(4, 3, 2)] = 1;
        let view = VolumeView::packed(&last, DType::U8, uneven, "mask").unwrap();
        let extent = Roi::Mask(view).extent().unwrap();
        assert_eq!(extent.center, [18.0, 26.0, 37.0]);
        assert_eq!(
            extent.bounds,
            Some([[17.0, 19.0], [25.0, 27.0], [35.0, 39.0]])
        );
    }

    #[test]
    fn the_sums_of_a_slice_are_exact() {
        let mut mask = vec![0f32; 60];
        let at = |i: usize, j: usize, k: usize| (k * 4 + j) * 5 + i;
        for (i, j) in [(1, 0), (4, 0), (2, 3)] {
            mask[at(i, j, 1)] = 0.5;
        }
        let bytes = |mask: &[f32]| {
            mask.iter()
                .flat_map(|v| v.to_ne_bytes())
                .collect::<Vec<u8>>()
        };
        let stored = bytes(&mask);
        let view =
            VolumeView::packed(&stored, DType::F32, grid([5, 4, 3], [0.0; 3]), "mask").unwrap();
        let sums = set_in_slice::<f32>(&view, 1).unwrap();
        assert_eq!((sums.count, sums.sum_i, sums.sum_j), (3, 7, 3));
        assert_eq!((sums.i, sums.j), ([1, 4], [0, 3]));
        let none = set_in_slice::<f32>(&view, 0).unwrap();
        assert_eq!((none.count, none.sum_i, none.sum_j), (0, 0, 0));
        mask[at(0, 2, 2)] = f32::NAN;
        let stored = bytes(&mask);
        let view =
            VolumeView::packed(&stored, DType::F32, grid([5, 4, 3], [0.0; 3]), "mask").unwrap();
        assert!(matches!(
            Roi::Mask(view).extent(),
            Err(Error::VoxelNotFinite { volume: "mask" })
        ));
    }

    #[test]
    fn points_boxes_and_seeds_say_where_they_are() {
        let seed = Seed {
            point: [1.0, 2.0, 3.0],
            radius_mm: 40.0,
            delineation: Delineation::default(),
        };
        assert_eq!(seed.delineation, Delineation::Fraction(0.41));
        let region = Roi::Box([4.0, 0.0, 6.0], [2.0, 1.0, 6.0]);
        assert_eq!(
            region.extent().unwrap().bounds,
            Some([[2.0, 4.0], [0.0, 1.0], [6.0, 6.0]])
        );
        for roi in [Roi::Point(seed.point), Roi::Seed(seed)] {
            let extent = roi.extent().unwrap();
            assert_eq!((extent.center, extent.bounds), ([1.0, 2.0, 3.0], None));
        }
        let view = [0u8; 1];
        let view = VolumeView::packed(&view, DType::U8, grid([1; 3], [0.0; 3]), "mask").unwrap();
        let kinds = [
            Roi::Point([0.0; 3]),
            region,
            Roi::Mask(view),
            Roi::Seed(seed),
        ]
        .map(|r| r.kind());
        assert_eq!(kinds, ["point", "box", "mask", "seed"]);
        assert!(Roi::Box([f64::NAN; 3], [0.0; 3]).extent().is_err());
    }

    #[test]
    fn volumes_apart_are_refused() {
        let ct = grid([10, 10, 10], [0.0; 3]);
        assert!(require_overlap(&grid([10, 10, 10], [5.0, 5.0, 5.0]), &ct).is_ok());
        let text = require_overlap(&grid([10, 10, 10], [0.0, 0.0, 300.0]), &ct)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("along S PET covers 298.5 to 328.5 mm and CT -1.5 to 28.5 mm"),
            "{text}"
        );
        for (axis, name) in ["along L", "along P", "along S"].into_iter().enumerate() {
            let touch = [20.0, 20.0, 30.0][axis];
            for (shift, apart) in [
                (touch, true),
                (-touch, true),
                (touch - 0.1, false),
                (0.1 - touch, false),
            ] {
                let mut origin = [0.0; 3];
                origin[axis] = shift;
                let found = require_overlap(&grid([10, 10, 10], origin), &ct).err();
                assert_eq!(
                    found.is_some_and(|e| e.to_string().contains(name)),
                    apart,
                    "{name} {shift}"
                );
            }
        }
    }
}
