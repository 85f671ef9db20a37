//! Section "cases".

use super::pet::{dlnms_pet_info, pet_info};
use super::structs::{self, Versioned};
use super::volume::{dlnms_volume, view};
use crate::error::{Error, Result};
use crate::roi::Roi;
use crate::scorer::Case;

/// A point: the centre itself.
pub const DLNMS_ROI_POINT: u32 = 1;
/// A box; its midpoint is the centre.
pub const DLNMS_ROI_BOX: u32 = 2;
/// A mask; the centroid of its voxels that are not 0 is the centre.
pub const DLNMS_ROI_MASK: u32 = 3;

/// The tumour; fill with dlnms_roi_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_roi {
    /// Set by dlnms_roi_init().
    pub struct_size: u32,
    /// A DLNMS_ROI_ constant; says which of the fields below are read.
    pub kind: u32,
    /// The point, LPS mm.
    pub point: [f64; 3],
    /// One corner of the box, LPS mm.
    pub box_first: [f64; 3],
    /// The opposite corner, LPS mm.
    pub box_last: [f64; 3],
    /// The mask, on any grid. Borrowed.
    pub mask: *const dlnms_volume,
}

// SAFETY: repr(C), u32 first, integers, floats and a pointer.
unsafe impl Versioned for dlnms_roi {
    const NAME: &'static str = "dlnms_roi";
    const V1_SIZE: usize = 88;
}

/// Write defaults (a point that is NaN, so that forgetting it is an error) into `roi`; `struct_size` is
/// sizeof(dlnms_roi) as the caller sees it.
///
/// # Safety
/// `roi` is NULL or has `struct_size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_roi_init(roi: *mut dlnms_roi, struct_size: u32) {
    let nan = [f64::NAN; 3];
    let defaults = dlnms_roi {
        struct_size,
        kind: DLNMS_ROI_POINT,
        point: nan,
        box_first: nan,
        box_last: nan,
        mask: std::ptr::null(),
    };
    // SAFETY: handed on from the caller.
    unsafe { structs::init(roi, struct_size, &defaults) };
}

/// Everything about one tumour of one patient; fill with dlnms_case_init(). All pointers are borrowed for the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_case {
    /// Set by dlnms_case_init().
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// CT; physical values in HU.
    pub ct: *const dlnms_volume,
    /// PET.
    pub pet: *const dlnms_volume,
    /// What the PET values mean; NULL if they are SUVbw already.
    pub pet_info: *const dlnms_pet_info,
    /// The tumour.
    pub roi: *const dlnms_roi,
}

// SAFETY: repr(C), u32 first, integers and pointers.
unsafe impl Versioned for dlnms_case {
    const NAME: &'static str = "dlnms_case";
    const V1_SIZE: usize = 40;
}

/// Write defaults (all NULL) into `c`; `struct_size` is sizeof(dlnms_case) as the caller sees it.
///
/// # Safety
/// `c` is NULL or has `struct_size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_case_init(c: *mut dlnms_case, struct_size: u32) {
    let null = std::ptr::null();
    let defaults = dlnms_case {
        struct_size,
        flags: 0,
        ct: null,
        pet: null,
        pet_info: std::ptr::null(),
        roi: std::ptr::null(),
    };
    // SAFETY: handed on from the caller.
    unsafe { structs::init(c, struct_size, &defaults) };
}

/// Borrow a host's case and hand it to `body`.
///
/// # Safety
/// `ptr` is NULL or an initialised struct whose pointers keep the header's promises during the call.
pub(super) unsafe fn with_case<T>(
    ptr: *const dlnms_case,
    body: impl FnOnce(&Case<'_>) -> Result<T>,
) -> Result<T> {
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    if raw.flags != 0 {
        return Err(Error::invalid(
            "dlnms_case.flags",
            format!("{} holds unknown flags", raw.flags),
        ));
    }
    // SAFETY: handed on from the caller.
    let ct = unsafe { view(raw.ct, "ct") }?;
    // SAFETY: handed on from the caller.
    let pet = unsafe { view(raw.pet, "pet") }?;
    if raw.roi.is_null() {
        return Err(Error::NullArgument("dlnms_case.roi"));
    }
    let info = match raw.pet_info.is_null() {
        true => None,
        // SAFETY: handed on from the caller.
        false => Some(unsafe { pet_info(raw.pet_info) }?),
    };
    // SAFETY: handed on from the caller.
    let roi = unsafe { roi(raw.roi) }?;
    let mut case = Case::new(ct, pet, roi);
    case.pet_info = info.as_ref();
    body(&case)
}

/// # Safety
/// `ptr` is an initialised struct whose mask, if it is one, keeps the header's promises for `'a`.
unsafe fn roi<'a>(ptr: *const dlnms_roi) -> Result<Roi<'a>> {
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    Ok(match raw.kind {
        DLNMS_ROI_POINT => Roi::Point(raw.point),
        DLNMS_ROI_BOX => Roi::Box(raw.box_first, raw.box_last),
        // SAFETY: handed on from the caller.
        DLNMS_ROI_MASK => Roi::Mask(unsafe { view(raw.mask, "mask") }?),
        other => {
            return Err(Error::invalid(
                "dlnms_roi.kind",
                format!("{other} is not a DLNMS_ROI_ constant"),
            ));
        }
    })
}

const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(!wide || size_of::<dlnms_roi>() == <dlnms_roi as Versioned>::V1_SIZE);
    assert!(!wide || size_of::<dlnms_case>() == <dlnms_case as Versioned>::V1_SIZE);
};
