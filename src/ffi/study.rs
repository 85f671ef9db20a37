//! Section "studies": DICOM for hosts that have no reader.
// Without the readers the bodies below are left out, and what they alone use stays.
#![cfg_attr(not(feature = "dicom"), allow(unused_imports, unused_variables))]

use super::callbacks::{DLNMS_PHASE_DECODE, HostProgress, dlnms_progress};
use super::cancel::{dlnms_cancel, token};
use super::error::{dlnms_error, dlnms_status};
use super::guard::{guard_readers, guard_readers_or};
use super::handle::{self, Object};
use super::strings;
use super::structs::{self, Versioned, versioned};
#[cfg(feature = "dicom")]
use super::study_case::Loaded;
#[cfg(feature = "dicom")]
use super::study_list::Lists;
#[cfg(feature = "dicom")]
use crate::dicom::{Archive, SeriesChoice, Study};
use crate::error::{Error, Result};
use crate::scorer::CancelToken;
use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

/// The CT.
pub const DLNMS_MODALITY_CT: u32 = 1;
/// The PET.
pub const DLNMS_MODALITY_PET: u32 = 2;

/// A PET/CT study read from DICOM: its series and ROIs, and once loaded one CT and one PET volume, decoded, with what
/// SUV needs.
pub struct dlnms_study {
    _private: [u8; 0],
}

#[cfg(feature = "dicom")]
pub(super) struct StudyObject {
    pub archive: Archive,
    pub lists: Lists,
    pub loaded: OnceLock<Loaded>,
}

#[cfg(feature = "dicom")]
impl Object for StudyObject {
    type Handle = dlnms_study;
    const NAME: &'static str = "dlnms_study";
}

#[cfg(feature = "dicom")]
impl StudyObject {
    fn new(archive: Archive) -> Self {
        Self {
            lists: Lists::default(),
            loaded: OnceLock::new(),
            archive,
        }
    }

    fn load(
        &self,
        choice: SeriesChoice<'_>,
        progress: Option<&HostProgress>,
        cancel: &CancelToken,
    ) -> Result<()> {
        let again = || Error::invalid("study", "it is loaded already");
        if self.loaded.get().is_some() {
            return Err(again());
        }
        let one_at_a_time = Mutex::new(());
        let tell = |done: usize, of: usize| {
            let _turn = one_at_a_time.lock().unwrap_or_else(|e| e.into_inner());
            progress.is_none_or(|p| p.tell(DLNMS_PHASE_DECODE, done as f32 / of as f32))
        };
        let study = Study::load(&self.archive, &self.archive, choice, &tell, cancel)?;
        self.loaded.set(Loaded::new(study)?).map_err(|_| again())
    }
}

/// Read the headers of DICOM files and folders (searched recursively), on all cores, without decoding a pixel.
///
/// List what was found with dlnms_study_series() and dlnms_study_rois(), then dlnms_study_load(). `cancel` may be NULL.
/// Free `*out` with dlnms_study_free(). Any thread. Errors: DLNMS_E_DICOM_READ, DLNMS_E_CANCELLED.
///
/// # Safety
/// `paths` holds `n_paths` NUL-terminated UTF-8 strings; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_scan(
    paths: *const *const c_char,
    n_paths: usize,
    cancel: *const dlnms_cancel,
    out: *mut *mut dlnms_study,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        if out.is_null() {
            return Err(Error::NullArgument("out"));
        }
        // SAFETY: handed on from the caller.
        let archive = unsafe { scan(paths, n_paths, &token(cancel)?) }?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(StudyObject::new(archive))) };
        Ok(())
    })
}

/// As dlnms_study_scan() for DICOM files that are in memory, each buffer one file with or without preamble. They are
/// copied and may be freed after the call. Messages call them "buffer 0", "buffer 1" ... Any thread.
///
/// # Safety
/// `buffers` holds `n_buffers` pointers to as many bytes as the entry of `sizes` says; `out` is writable; `err` is NULL
/// or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_scan_buffers(
    buffers: *const *const u8,
    sizes: *const usize,
    n_buffers: usize,
    cancel: *const dlnms_cancel,
    out: *mut *mut dlnms_study,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        for (name, null) in [
            ("buffers", buffers.is_null()),
            ("sizes", sizes.is_null()),
            ("out", out.is_null()),
        ] {
            if null {
                return Err(Error::NullArgument(name));
            }
        }
        check_count("n_buffers", n_buffers)?;
        let buffer = |i| -> Result<Arc<[u8]>> {
            // SAFETY: i < n_buffers entries by the caller's promise.
            let (data, size) = unsafe { (buffers.add(i).read(), sizes.add(i).read()) };
            if data.is_null() {
                return Err(Error::NullArgument("buffers"));
            }
            if size > isize::MAX as usize {
                return Err(Error::invalid("sizes", format!("{size}")));
            }
            // SAFETY: not NULL, `size` readable bytes by the caller's promise, no more than an object may have.
            Ok(unsafe { std::slice::from_raw_parts(data, size) }.into())
        };
        let buffers = (0..n_buffers).map(buffer).collect::<Result<Vec<_>>>()?;
        let archive = Archive::from_buffers(buffers, &token(cancel)?)?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(StudyObject::new(archive))) };
        Ok(())
    })
}

/// Which series to load; fill with dlnms_study_options_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_study_options {
    /// Set by dlnms_study_options_init().
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Series Instance UID of the CT; NULL leaves it to the rule.
    pub ct_series: *const c_char,
    /// Series Instance UID of the PET; NULL leaves it to the rule.
    pub pet_series: *const c_char,
}

versioned!(dlnms_study_options, 24, { struct_size, ct_series, pet_series } reserved { reserved });

/// Write defaults (both by rule) into `options`; `struct_size` is sizeof(dlnms_study_options) as the caller sees it.
/// Any thread.
///
/// # Safety
/// `options` is NULL or has `struct_size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_options_init(
    options: *mut dlnms_study_options,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(options, struct_size) };
}

/// Decode the CT and the PET of a scanned study. Once per study.
///
/// By rule, the CT is the largest series that is not a localizer; the PET the largest that is attenuation corrected and
/// convertible to SUV; both complete and regular, or the call fails and names the slice. Decoding uses all cores for
/// the length of the call. `options` may be NULL; `progress` (phase DLNMS_PHASE_DECODE; called from the decoding
/// threads, one call at a time) and `cancel` may be NULL. Any thread.
/// Errors: DLNMS_E_DICOM_NO_SERIES, _SERIES, _PIXELS, DLNMS_E_SUV, DLNMS_E_CANCELLED, DLNMS_E_INVALID_ARGUMENT if the
/// study is loaded already.
///
/// # Safety
/// `options` and `progress` are NULL or initialised; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_load(
    study: *const dlnms_study,
    options: *const dlnms_study_options,
    progress: *const dlnms_progress,
    cancel: *const dlnms_cancel,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        // SAFETY: handed on from the caller.
        let progress = unsafe { HostProgress::read(progress) }?;
        let mut choice = SeriesChoice::default();
        if !options.is_null() {
            // SAFETY: handed on from the caller.
            let raw = unsafe { structs::read(options) }?;
            let uid = |ptr: *const c_char, name| match ptr.is_null() {
                true => Ok(None),
                // SAFETY: handed on from the caller.
                false => unsafe { strings::borrow(ptr, name) }.map(Some),
            };
            choice.ct = uid(raw.ct_series, "ct_series")?;
            choice.pet = uid(raw.pet_series, "pet_series")?;
        }
        let study = handle::get::<StudyObject>(study)?;
        study.load(choice, progress.as_ref(), &token(cancel)?)
    })
}

/// dlnms_study_scan() and dlnms_study_load() in one call, series by rule.
///
/// `progress` (phase DLNMS_PHASE_DECODE; called from the decoding threads, one call at a time) and `cancel` may be
/// NULL. Free `*out` with dlnms_study_free(). Any thread.
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
    guard_readers!(err, || {
        // SAFETY: handed on from the caller.
        let progress = unsafe { HostProgress::read(progress) }?;
        if out.is_null() {
            return Err(Error::NullArgument("out"));
        }
        let cancel = token(cancel)?;
        // SAFETY: handed on from the caller.
        let study = StudyObject::new(unsafe { scan(paths, n_paths, &cancel) }?);
        study.load(SeriesChoice::default(), progress.as_ref(), &cancel)?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(study)) };
        Ok(())
    })
}

#[cfg(feature = "dicom")]
/// # Safety
/// `paths` is NULL or holds `n_paths` NUL-terminated strings.
unsafe fn scan(
    paths: *const *const c_char,
    n_paths: usize,
    cancel: &CancelToken,
) -> Result<Archive> {
    if paths.is_null() {
        return Err(Error::NullArgument("paths"));
    }
    check_count("n_paths", n_paths)?;
    let path = |i| -> Result<PathBuf> {
        // SAFETY: i < n_paths strings by the caller's promise.
        Ok(PathBuf::from(unsafe {
            strings::borrow(paths.add(i).read(), "paths")
        }?))
    };
    let paths = (0..n_paths).map(path).collect::<Result<Vec<_>>>()?;
    Archive::open(&paths, cancel)
}

#[cfg(feature = "dicom")]
fn check_count(name: &'static str, n: usize) -> Result<()> {
    match n {
        1..=0x10_0000 => Ok(()),
        _ => Err(Error::invalid(name, format!("{n} is not in 1..1048576"))),
    }
}

/// Free a study and its volumes. NULL does nothing. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_study_free(study: *mut dlnms_study) {
    guard_readers_or!((), || handle::free::<StudyObject>(study));
}

const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(
        !wide || size_of::<dlnms_study_options>() == <dlnms_study_options as Versioned>::V1_SIZE
    );
};
