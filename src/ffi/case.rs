//! Section "cases".

use super::case_context::{HostContext, dlnms_case_context};
#[cfg(feature = "dicom")]
use super::handle;
use super::origin::Origin;
#[cfg(feature = "dicom")]
use super::origin::StudyOrigin;
use super::pet::{dlnms_pet_info, pet_info};
use super::quality::{case_metadata, dlnms_case_metadata};
use super::structs::{self, Versioned, versioned};
use super::study_handle::dlnms_study;
#[cfg(feature = "dicom")]
use super::study_object::StudyObject;
use super::volume::{dlnms_volume, view};
use crate::case::ReferenceRequest;
use crate::case::{Case, LesionRequest};
use crate::error::{Error, Result};
use crate::imaging::roi::{Delineation, Roi, Seed};
use crate::imaging::suv::PetInfo;
#[cfg(feature = "dicom")]
use std::ffi::c_void;
#[cfg(feature = "dicom")]
use std::sync::Arc;

/// A point, which is the centre.
pub const DLNMS_ROI_POINT: u32 = 1;
/// A box; its midpoint is the centre.
pub const DLNMS_ROI_BOX: u32 = 2;
/// A mask; the centroid of its voxels that are not 0 is the centre.
pub const DLNMS_ROI_MASK: u32 = 3;
/// A point in the tumour. The lesion around it is delineated on the PET by a threshold, and its centroid is the centre. A
/// lesion that does not contain the point is the finding DLNMS_QC_LESION_ELSEWHERE.
pub const DLNMS_ROI_SEED: u32 = 4;

/// `threshold` is a fraction of SUVmax: 0.41 is the usual one.
pub const DLNMS_THRESHOLD_FRACTION: u32 = 1;
/// `threshold` is an SUV.
pub const DLNMS_THRESHOLD_SUV: u32 = 2;

/// The tumour; fill with dlnms_roi_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_roi {
    /// Size of the struct in bytes, set by dlnms_roi_init().
    pub struct_size: u32,
    /// A DLNMS_ROI_ constant; says which of the fields below are read.
    pub kind: u32,
    /// The point or seed, LPS mm.
    pub point: [f64; 3],
    /// One corner of the box, LPS mm.
    pub box_first: [f64; 3],
    /// The opposite corner, LPS mm.
    pub box_last: [f64; 3],
    /// The mask, on any grid. Borrowed.
    pub mask: *const dlnms_volume,
    /// Seed: a DLNMS_THRESHOLD_ constant; 0 is 41 % of SUVmax.
    pub threshold_kind: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Seed: the threshold, in the unit that `threshold_kind` names.
    pub threshold: f64,
    /// Seed: radius around it within which the lesion is searched, mm; 0 is 40.
    pub radius_mm: f64,
}

versioned!(dlnms_roi, 112, { struct_size, kind, point, box_first, box_last, mask, threshold_kind, threshold, radius_mm } reserved { reserved });

/// Writes defaults into an ROI: a point whose coordinates are NaN, so that a forgotten point is an error.
///
/// # Safety
/// - `roi`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_roi) as the caller sees it.
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
        threshold_kind: 0,
        reserved: 0,
        threshold: 0.0,
        radius_mm: 0.0,
    };
    // SAFETY: handed on from the caller.
    unsafe { structs::init(roi, struct_size, &defaults) };
}

/// Everything about one tumour of one patient; fill with dlnms_case_init(). All pointers are borrowed for the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_case {
    /// Size of the struct in bytes, set by dlnms_case_init().
    pub struct_size: u32,
    /// Not 0: sample the pictures of the page as well, for dlnms_result_page(). Adds some milliseconds to the call.
    pub sample_pictures: u32,
    /// CT; physical values in HU.
    pub ct: *const dlnms_volume,
    /// PET.
    pub pet: *const dlnms_volume,
    /// What the PET values mean; NULL if they are SUVbw already.
    pub pet_info: *const dlnms_pet_info,
    /// The tumour.
    pub roi: *const dlnms_roi,
    /// What the quality checks may know beyond the voxels; NULL if nothing is known.
    pub metadata: *const dlnms_case_metadata,
    /// Not 0: measure the lesion as well, for dlnms_result_lesion(). Adds to the time of the call.
    pub measure_lesion: u32,
    /// How the lesion is delineated: a DLNMS_THRESHOLD_ constant; 0 is 41 % of SUVmax.
    pub threshold_kind: u32,
    /// The threshold, in the unit that `threshold_kind` names.
    pub threshold: f64,
    /// Radius around a point within which the lesion is searched, mm; 0 is 40. A mask or box limits the search by itself.
    pub radius_mm: f64,
    /// Not 0: measure liver and blood pool as well, for dlnms_result_reference(), and check whether their SUV is
    /// plausible. Searching for them on the CT takes some 100 ms.
    pub measure_references: u32,
    /// Not 0: hash what is scored, for the result's JSON (`input`) and `dlnms verify`. Takes some 100 ms.
    pub digest_input: u32,
    /// Three coordinates, LPS mm: a point in the right lobe of the liver; NULL: searched on the CT.
    pub liver_lps_mm: *const f64,
    /// Three coordinates, LPS mm: a point on the axis of the descending aorta; NULL: searched on the CT.
    pub blood_pool_lps_mm: *const f64,
    /// The study whose volumes `ct` and `pet` are, set by dlnms_study_case(): says whose the result is when it is written
    /// with dlnms_result_write(). NULL for volumes of the host's own. Another volume than the study's is refused.
    pub study: *const dlnms_study,
    /// Who asks, and which images these are; NULL: nothing is said.
    pub context: *const dlnms_case_context,
}

versioned!(dlnms_case, 112, { struct_size, sample_pictures, ct, pet, pet_info, roi, metadata, measure_lesion, threshold_kind, threshold, radius_mm, measure_references, digest_input, liver_lps_mm, blood_pool_lps_mm, study, context } reserved {  });

/// Writes defaults into a case: all pointers NULL, nothing measured beside the scores.
///
/// # Safety
/// - `c`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_case) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_case_init(c: *mut dlnms_case, struct_size: u32) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(c, struct_size) };
}

/// A host's case, borrowed, with what had to be translated.
pub(super) struct HostCase<'a> {
    case: Case<'a>,
    pet_info: Option<PetInfo>,
    context: HostContext,
    #[cfg(feature = "dicom")]
    study: Option<Arc<StudyOrigin>>,
}

impl HostCase<'_> {
    /// As the library wants it.
    pub fn case(&self) -> Case<'_> {
        Case {
            pet_info: self.pet_info.as_ref(),
            context: self.context.context(),
            ..self.case
        }
    }

    /// Returns what the page and the objects of its result are made with.
    pub fn origin(&self) -> Origin {
        Origin::new(
            &self.case,
            #[cfg(feature = "dicom")]
            self.study.clone(),
        )
    }
}

/// Borrow a host's case.
///
/// # Safety
/// `ptr` is NULL or an initialised struct whose pointers keep the header's promises for `'a`.
pub(super) unsafe fn host_case<'a>(ptr: *const dlnms_case) -> Result<HostCase<'a>> {
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    // SAFETY: handed on from the caller.
    let ct = unsafe { view(raw.ct, "ct") }?;
    // SAFETY: handed on from the caller.
    let pet = unsafe { view(raw.pet, "pet") }?;
    if raw.roi.is_null() {
        return Err(Error::NullArgument("dlnms_case.roi"));
    }
    let pet_info = if raw.pet_info.is_null() {
        None
    } else {
        // SAFETY: handed on from the caller.
        Some(unsafe { pet_info(raw.pet_info) }?)
    };
    // SAFETY: handed on from the caller.
    let mut case = Case::new(ct, pet, unsafe { roi(raw.roi) }?);
    // SAFETY: handed on from the caller.
    case.metadata = unsafe { case_metadata(raw.metadata) }?;
    case.pictures = raw.sample_pictures != 0;
    // SAFETY: handed on from the caller.
    let context = unsafe { HostContext::read(raw.context) }?;
    case.digests = raw.digest_input != 0;
    if raw.measure_lesion != 0 {
        case.lesion = Some(LesionRequest {
            delineation: delineation("dlnms_case", raw.threshold_kind, raw.threshold)?,
            radius_mm: radius("dlnms_case", raw.radius_mm)?,
        });
    }
    if raw.measure_references != 0 {
        case.references = Some(ReferenceRequest {
            // SAFETY: handed on from the caller.
            liver: unsafe { point(raw.liver_lps_mm) },
            // SAFETY: handed on from the caller.
            blood_pool: unsafe { point(raw.blood_pool_lps_mm) },
        });
    }
    #[cfg(feature = "dicom")]
    check_study(raw.study, &case)?;
    Ok(HostCase {
        case,
        pet_info,
        context,
        #[cfg(feature = "dicom")]
        study: study_origin(raw.study)?,
    })
}

/// Returns an error unless the volumes of a case are those of the study that it names: a result must not be written for
/// another patient.
#[cfg(feature = "dicom")]
fn check_study(study: *const dlnms_study, case: &Case<'_>) -> Result<()> {
    if study.is_null() {
        return Ok(());
    }
    let object = handle::get::<StudyObject>(study)?;
    let loaded = object.loaded()?.study();
    for (view, volume) in [
        (&case.ct, &loaded.ct.volume),
        (&case.pet, &loaded.pet.volume),
    ] {
        if !view.shows_the_same(&volume.view(view.name())?) {
            let why = format!("the {} of the case is not that of the study", view.name());
            return Err(Error::invalid("dlnms_case.study", why));
        }
    }
    Ok(())
}

/// Returns where a case of a study comes from.
#[cfg(feature = "dicom")]
fn study_origin(study: *const dlnms_study) -> Result<Option<Arc<StudyOrigin>>> {
    if study.is_null() {
        return Ok(None);
    }
    let object = handle::get::<StudyObject>(study)?;
    Ok(Some(object.loaded()?.origin.clone()))
}

/// # Safety
/// `ptr` is NULL or points to three readable coordinates.
unsafe fn point(ptr: *const f64) -> Option<[f64; 3]> {
    // SAFETY: the caller's promise; an array needs no more alignment than its elements.
    (!ptr.is_null()).then(|| unsafe { ptr.cast::<[f64; 3]>().read() })
}

fn delineation(of: &str, kind: u32, threshold: f64) -> Result<Delineation> {
    let refuse = |why: String| Err(Error::invalid(format!("{of}.threshold"), why));
    match kind {
        0 => Ok(Delineation::default()),
        DLNMS_THRESHOLD_FRACTION if threshold > 0.0 && threshold <= 1.0 => {
            Ok(Delineation::Fraction(threshold))
        }
        DLNMS_THRESHOLD_SUV if threshold > 0.0 && threshold.is_finite() => {
            Ok(Delineation::Fixed(threshold))
        }
        DLNMS_THRESHOLD_FRACTION | DLNMS_THRESHOLD_SUV => refuse(format!("{threshold}")),
        other => refuse(format!("kind {other} is not a DLNMS_THRESHOLD_ constant")),
    }
}

fn radius(of: &str, mm: f64) -> Result<f64> {
    match mm {
        0.0 => Ok(LesionRequest::default().radius_mm),
        mm if mm > 0.0 && mm.is_finite() => Ok(mm),
        other => Err(Error::invalid(
            format!("{of}.radius_mm"),
            format!("{other}"),
        )),
    }
}

#[cfg(feature = "dicom")]
/// Returns where the voxels of an ROI begin, if it is a mask.
///
/// # Safety
/// `ptr` is NULL or an initialised struct whose mask, if it is one, is NULL or initialised.
pub(super) unsafe fn mask_voxels(ptr: *const dlnms_roi) -> Result<Option<*const c_void>> {
    if ptr.is_null() {
        return Ok(None);
    }
    // SAFETY: handed on from the caller.
    let roi = unsafe { structs::read(ptr) }?;
    if roi.kind != DLNMS_ROI_MASK || roi.mask.is_null() {
        return Ok(None);
    }
    // SAFETY: handed on from the caller.
    Ok(Some(unsafe { structs::read(roi.mask) }?.data))
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
        DLNMS_ROI_SEED => Roi::Seed(Seed {
            point: raw.point,
            radius_mm: radius("dlnms_roi", raw.radius_mm)?,
            delineation: delineation("dlnms_roi", raw.threshold_kind, raw.threshold)?,
        }),
        other => {
            return Err(Error::invalid(
                "dlnms_roi.kind",
                format!("{other} is not a DLNMS_ROI_ constant"),
            ));
        }
    })
}

// No version has been released yet: version 1 is as long as the structs are now.
const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(!wide || size_of::<dlnms_roi>() == <dlnms_roi as Versioned>::V1_SIZE);
    assert!(!wide || size_of::<dlnms_case>() == <dlnms_case as Versioned>::V1_SIZE);
};
