//! Section "studies": DICOM for hosts that have no reader.

use super::callbacks::{DLNMS_PHASE_DECODE, HostProgress, dlnms_progress};
use super::cancel::{dlnms_cancel, token};
use super::error::{dlnms_error, dlnms_status};
use super::guard::{guard, guard_or};
use super::handle::{self, Object};
use super::pet::{dlnms_pet_info, dlnms_pet_info_init};
use super::strings;
use super::structs;
use super::volume::{describe, dlnms_volume};
use crate::dicom::{Archive, SeriesChoice, Study};
use crate::error::{Error, Result};
use crate::suv::PetInfo;
use std::ffi::{CString, c_char};
use std::path::PathBuf;
use std::sync::Mutex;

/// The CT.
pub const DLNMS_MODALITY_CT: u32 = 1;
/// The PET.
pub const DLNMS_MODALITY_PET: u32 = 2;

/// A PET/CT study read from DICOM: one CT and one PET volume, decoded, with what SUV needs.
pub struct dlnms_study {
    _private: [u8; 0],
}

struct StudyObject {
    study: Study,
    pet_info: PetInfo,
    /// Per-slice times as the C struct wants them: NaN for what is not known.
    acquisition: Vec<f64>,
    reference: Vec<f64>,
    duration: Vec<f64>,
    warnings: Vec<CString>,
}

impl Object for StudyObject {
    type Handle = dlnms_study;
    const NAME: &'static str = "dlnms_study";
}

/// Read a PET/CT study from DICOM files and folders (searched recursively).
///
/// The CT is the largest series that is not a localizer; the PET the largest that is attenuation corrected and
/// convertible to SUV; both complete and regular, or the call fails and names the slice. Decoding uses all cores for
/// the length of the call. `progress` (phase DLNMS_PHASE_DECODE; called from the decoding threads, one call at a
/// time) and `cancel` may be NULL. Free `*out` with dlnms_study_free(). Any thread.
/// Errors: DLNMS_E_DICOM_READ, _NO_SERIES, _SERIES, _PIXELS, DLNMS_E_SUV, DLNMS_E_CANCELLED.
///
/// # Safety
/// `paths` holds `n_paths` NUL-terminated UTF-8 strings; `progress` is NULL or initialised; `out` is writable; `err`
/// is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_open(
    paths: *const *const c_char,
    n_paths: usize,
    progress: *const dlnms_progress,
    cancel: *const dlnms_cancel,
    out: *mut *mut dlnms_study,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        // SAFETY: handed on from the caller.
        let progress = unsafe { HostProgress::read(progress) }?;
        if out.is_null() || paths.is_null() {
            return Err(Error::NullArgument(if out.is_null() {
                "out"
            } else {
                "paths"
            }));
        }
        if n_paths == 0 || n_paths > 1 << 20 {
            return Err(Error::invalid(
                "n_paths",
                format!("{n_paths} is not in 1..1048576"),
            ));
        }
        let path = |i| -> Result<PathBuf> {
            // SAFETY: i < n_paths strings by the caller's promise.
            Ok(PathBuf::from(unsafe {
                strings::borrow(paths.add(i).read(), "paths")
            }?))
        };
        let paths = (0..n_paths).map(path).collect::<Result<Vec<_>>>()?;
        let one_at_a_time = Mutex::new(());
        let tell = |done: usize, of: usize| {
            let _turn = one_at_a_time.lock().unwrap_or_else(|e| e.into_inner());
            progress
                .as_ref()
                .is_none_or(|p| p.tell(DLNMS_PHASE_DECODE, done as f32 / of as f32))
        };
        let cancel = token(cancel)?;
        let archive = Archive::open(&paths, &cancel)?;
        let choice = SeriesChoice::default();
        let study = Study::load(&archive, &archive, choice, &tell, &cancel)?;
        let object = StudyObject::new(study)?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(object)) };
        Ok(())
    })
}

impl StudyObject {
    fn new(study: Study) -> Result<Self> {
        let pet_info = study
            .pet
            .pet_info
            .clone()
            .ok_or_else(|| Error::Internal("PET without its facts".into()))?;
        let times = |value: fn(&crate::suv::SliceTiming) -> Option<f64>| {
            pet_info
                .slices
                .iter()
                .map(|s| value(s).unwrap_or(f64::NAN))
                .collect()
        };
        Ok(Self {
            acquisition: times(|s| s.acquisition),
            reference: times(|s| s.frame_reference_ms),
            duration: times(|s| s.frame_duration_ms),
            warnings: study.warnings.iter().map(|w| strings::owned(w)).collect(),
            pet_info,
            study,
        })
    }
}

/// Describe a volume of the study. The pointers in `*out` live as long as the study. Any thread.
/// Errors: DLNMS_E_INVALID_ARGUMENT (modality), DLNMS_E_STRUCT_SIZE.
///
/// # Safety
/// `out` is initialised; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_volume(
    study: *const dlnms_study,
    modality: u32,
    out: *mut dlnms_volume,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let object = handle::get::<StudyObject>(study)?;
        let volume = match modality {
            DLNMS_MODALITY_CT => &object.study.ct.volume,
            DLNMS_MODALITY_PET => &object.study.pet.volume,
            other => {
                return Err(Error::invalid(
                    "modality",
                    format!("{other} is not a DLNMS_MODALITY_ constant"),
                ));
            }
        };
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &describe(volume)) }
    })
}

/// What SUV needs of the study's PET. The pointers in `*out` live as long as the study. Any thread.
/// Errors: DLNMS_E_STRUCT_SIZE.
///
/// # Safety
/// `out` is initialised; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_pet_info(
    study: *const dlnms_study,
    out: *mut dlnms_pet_info,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let object = handle::get::<StudyObject>(study)?;
        let info = &object.pet_info;
        let number = |v: Option<f64>| v.unwrap_or(f64::NAN);
        let array = |v: &[f64]| {
            if v.is_empty() {
                std::ptr::null()
            } else {
                v.as_ptr()
            }
        };
        let mut raw = std::mem::MaybeUninit::<dlnms_pet_info>::uninit();
        // SAFETY: init writes every byte of a struct of this size.
        let mut raw = unsafe {
            dlnms_pet_info_init(raw.as_mut_ptr(), size_of::<dlnms_pet_info>() as u32);
            raw.assume_init()
        };
        raw.units = info.units as u32;
        raw.suv_type = info.suv_type as u32;
        raw.decay_correction = info.decay_correction.map_or(0, |d| d as u32);
        raw.attenuation_corrected = u32::from(info.attenuation_corrected);
        raw.sex = info.sex.map_or(0, |s| s as u32);
        raw.f18_coded = u32::from(info.f18_coded);
        raw.weight_kg = number(info.weight_kg);
        raw.height_m = number(info.height_m);
        raw.dose_bq = number(info.dose_bq);
        raw.half_life_s = number(info.half_life_s);
        raw.injection_s = number(info.injection);
        raw.injection_time_of_day_s = number(info.injection_time_of_day);
        raw.series_s = number(info.series);
        raw.ge_scan_start_s = number(info.ge_scan_start);
        raw.n_slices = info.slices.len() as u64;
        raw.acquisition_s = array(&object.acquisition);
        raw.frame_reference_ms = array(&object.reference);
        raw.frame_duration_ms = array(&object.duration);
        raw.philips_suv_factor = array(&info.philips_suv_factor);
        raw.philips_activity_factor = array(&info.philips_activity_factor);
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &raw) }
    })
}

/// How many notes there are on the study's series: what was passed over, what is unusual. 0 for a dead handle.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_study_warning_count(study: *const dlnms_study) -> usize {
    guard_or(0, || {
        handle::get::<StudyObject>(study).map_or(0, |s| s.warnings.len())
    })
}

/// One note; NULL beyond the last. Lives as long as the study. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_study_warning(study: *const dlnms_study, index: usize) -> *const c_char {
    guard_or(std::ptr::null(), || {
        let text = |s: handle::InUse<StudyObject>| {
            s.warnings
                .get(index)
                .map_or(std::ptr::null(), |w| w.as_ptr())
        };
        handle::get::<StudyObject>(study).map_or(std::ptr::null(), text)
    })
}

/// Free a study and its volumes. NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_study_free(study: *mut dlnms_study) {
    guard_or((), || handle::free::<StudyObject>(study));
}
