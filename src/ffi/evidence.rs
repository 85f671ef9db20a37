//! Section "evidence": what was measured beside the scores.

use super::structs::{self, Versioned, versioned};
use crate::evidence::lesion::Lesion;
use crate::evidence::reference_region::{PlacedBy, Reference, References};

/// Measures that a case asked for, or why there are none.
pub(super) struct Evidence {
    pub lesion: Option<Result<dlnms_lesion, String>>,
    pub references: Option<[Result<dlnms_reference, String>; 2]>,
}

impl Evidence {
    pub fn new(lesion: Option<&Result<Lesion, String>>, references: Option<&References>) -> Self {
        let reference = |r: &Result<Reference, String>| measured(r, raw_reference);
        Self {
            lesion: lesion.map(|l| measured(l, raw_lesion)),
            references: references.map(|r| [reference(&r.liver), reference(&r.blood_pool)]),
        }
    }
}

/// Returns the C struct of a measure, or why there is none.
fn measured<T, C>(measure: &Result<T, String>, raw: impl Fn(&T) -> C) -> Result<C, String> {
    measure.as_ref().map(raw).map_err(String::clone)
}

/// Measures of the lesion, if dlnms_case.measure_lesion asked for them; fill with dlnms_lesion_init(). They are evidence
/// beside the scores and not an input of them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_lesion {
    /// Size of the struct in bytes, set by dlnms_lesion_init().
    pub struct_size: u32,
    /// Not 0: `longest_mm`, `perpendicular_mm` and `ct_slice` are set.
    pub has_diameters: u32,
    /// Number of PET voxels in the lesion.
    pub voxels: u64,
    /// SUV of the hottest voxel.
    pub suv_max: f64,
    /// Mean SUV.
    pub suv_mean: f64,
    /// Highest mean SUV over a sphere of 1 cm3.
    pub suv_peak: f64,
    /// Metabolic tumour volume, ml.
    pub mtv_ml: f64,
    /// Total lesion glycolysis: mean SUV times volume.
    pub tlg: f64,
    /// Threshold that the voxels of the lesion reach, SUVbw.
    pub threshold: f64,
    /// Longest diameter in an axial CT slice, mm.
    pub longest_mm: f64,
    /// Extent perpendicular to the longest diameter in the same slice, mm.
    pub perpendicular_mm: f64,
    /// Index of that CT slice.
    pub ct_slice: u64,
}

versioned!(dlnms_lesion, 88, { struct_size, has_diameters, voxels, suv_max, suv_mean, suv_peak, mtv_ml, tlg, threshold, longest_mm, perpendicular_mm, ct_slice } reserved {  });

/// Sets every field of a lesion to 0 and its struct_size to `struct_size`.
///
/// # Safety
/// - `lesion`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_lesion) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_lesion_init(lesion: *mut dlnms_lesion, struct_size: u32) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(lesion, struct_size) };
}

fn raw_lesion(lesion: &Lesion) -> dlnms_lesion {
    let (pet, ct) = (&lesion.pet, lesion.ct.as_ref());
    dlnms_lesion {
        struct_size: size_of::<dlnms_lesion>() as u32,
        has_diameters: u32::from(ct.is_some()),
        voxels: pet.voxels as u64,
        suv_max: pet.suv_max,
        suv_mean: pet.suv_mean,
        suv_peak: pet.suv_peak,
        mtv_ml: pet.mtv_ml,
        tlg: pet.tlg,
        threshold: pet.threshold,
        longest_mm: ct.map_or(0.0, |d| d.longest_mm),
        perpendicular_mm: ct.map_or(0.0, |d| d.perpendicular_mm),
        ct_slice: ct.map_or(0, |d| d.slice as u64),
    }
}

/// A sphere of 30 mm in the right lobe of the liver.
pub const DLNMS_REFERENCE_LIVER: u32 = 1;
/// A cylinder of 12 x 20 mm in the descending thoracic aorta.
pub const DLNMS_REFERENCE_BLOOD_POOL: u32 = 2;

/// The host stated the position of the region in dlnms_case.
pub const DLNMS_PLACED_BY_HOST: u32 = 1;
/// The library found the region on the CT.
pub const DLNMS_PLACED_BY_LIBRARY: u32 = 2;

/// SUV over a reference region, if dlnms_case.measure_references asked for it; fill with
/// dlnms_reference_init(). It is evidence beside the scores and not an input of them. A value outside the usual range of FDG is the finding DLNMS_QC_SUV_IMPLAUSIBLE.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_reference {
    /// Size of the struct in bytes, set by dlnms_reference_init().
    pub struct_size: u32,
    /// Who decided where the region is: a DLNMS_PLACED_BY_ constant.
    pub placed_by: u32,
    /// Centre of the region, LPS mm.
    pub center_lps_mm: [f64; 3],
    /// Mean SUVbw.
    pub suv_mean: f64,
    /// Standard deviation of its voxels' SUVbw.
    pub suv_sd: f64,
    /// Number of PET voxels in the region.
    pub voxels: u64,
}

versioned!(dlnms_reference, 56, { struct_size, placed_by, center_lps_mm, suv_mean, suv_sd, voxels } reserved {  });

/// Sets every field of a reference to 0 and its struct_size to `struct_size`.
///
/// # Safety
/// - `reference`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_reference) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_reference_init(reference: *mut dlnms_reference, struct_size: u32) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(reference, struct_size) };
}

fn raw_reference(reference: &Reference) -> dlnms_reference {
    dlnms_reference {
        struct_size: size_of::<dlnms_reference>() as u32,
        placed_by: reference.placed_by as u32,
        center_lps_mm: reference.center_lps_mm,
        suv_mean: reference.suv_mean,
        suv_sd: reference.suv_sd,
        voxels: reference.voxels as u64,
    }
}

const _: () = {
    assert!(DLNMS_PLACED_BY_HOST == PlacedBy::Host as u32);
    assert!(DLNMS_PLACED_BY_LIBRARY == PlacedBy::Library as u32);
    assert!(size_of::<dlnms_lesion>() == <dlnms_lesion as Versioned>::V1_SIZE);
    assert!(size_of::<dlnms_reference>() == <dlnms_reference as Versioned>::V1_SIZE);
};
