//! Section "studies": DICOM for hosts that have no reader.
// Without the readers the bodies below are left out, and what they alone use stays.
#![cfg_attr(not(feature = "dicom"), allow(unused_imports, unused_variables))]

use super::callbacks::{HostProgress, dlnms_progress};
use super::cancel::{dlnms_cancel, token};
use super::error_object::{dlnms_error, dlnms_status};
use super::guard::{guard_readers, guard_readers_or};
use super::handle;
use super::strings;
use super::structs::{self, Versioned, versioned};
use super::study_handle::dlnms_study;
#[cfg(feature = "dicom")]
use super::study_object::StudyObject;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
#[cfg(feature = "dicom")]
use crate::readers::dicom::{Archive, SeriesChoice};
#[cfg(feature = "dicom")]
use crate::reading::ReadOptions;
use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::Arc;

/// Limits of reading; fill with dlnms_read_options_init(). NULL instead of the struct means its defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_read_options {
    /// Size of the struct in bytes, set by dlnms_read_options_init().
    pub struct_size: u32,
    /// Threads that read headers and decode slices, the calling one among them; 0: the processor's cores, at most four.
    pub threads: u32,
    /// Bytes that the decoded CT and PET of a study and the ROI masks that it hands out may take together, and that a
    /// volume file may take; 0: 8 GiB. What needs more is refused before anything is allocated for it.
    pub max_study_bytes: u64,
    /// 1: messages, warnings and JSON may hold names of files inside folders. Else such a file is called by its
    /// number among all files that were given, sorted by the bytes of their paths, from 1: "file 17" is line 17 of
    /// `find -L FOLDER -type f | LC_ALL=C sort`. Folders and files are often named after patients. What the host named
    /// itself is called by its name, without its folder.
    pub verbose_names: u32,
    /// Must be 0.
    pub reserved: u32,
}

versioned!(dlnms_read_options, 24, { struct_size, threads, max_study_bytes, verbose_names } reserved { reserved });

/// Writes defaults into reading options.
///
/// # Safety
/// - `options`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_read_options) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_read_options_init(
    options: *mut dlnms_read_options,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(options, struct_size) };
}

#[cfg(feature = "dicom")]
/// Reads the options of a call; NULL means defaults.
///
/// # Safety
/// `options` is NULL or initialised.
pub(super) unsafe fn read_options(options: *const dlnms_read_options) -> Result<ReadOptions> {
    let mut read = ReadOptions::default();
    if options.is_null() {
        return Ok(read);
    }
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(options) }?;
    if raw.threads > MAX_THREADS {
        let why = format!("{} is more than {MAX_THREADS}", raw.threads);
        return Err(Error::invalid("threads", why));
    }
    read.threads = raw.threads as usize;
    if raw.max_study_bytes != 0 {
        read.max_study_bytes = raw.max_study_bytes;
    }
    read.verbose_names = match raw.verbose_names {
        0 => false,
        1 => true,
        other => {
            let why = format!("{other} is neither 0 nor 1");
            return Err(Error::invalid("verbose_names", why));
        }
    };
    Ok(read)
}

#[cfg(feature = "dicom")]
/// No machine has more cores for one study.
const MAX_THREADS: u32 = 1024;

/// Reads the headers of DICOM files and folders, which are searched recursively, without decoding a pixel. Afterwards
/// dlnms_study_series() and dlnms_study_roi() list what was found, and dlnms_study_load() decodes the volumes.
///
/// # Safety
/// - `paths`: an array of `n_paths` NUL-terminated UTF-8 strings, read during the call.
/// - `n_paths`: number of strings.
/// - `options`: an initialised struct, which also holds for dlnms_study_load(); NULL: the defaults.
/// - `cancel`: a token; may be NULL. The call ends within 100 ms after it is triggered.
/// - `out`: receives the study; free it with dlnms_study_free().
///
/// # Errors
/// DLNMS_E_DICOM_READ, DLNMS_E_CANCELLED, DLNMS_E_OUT_OF_MEMORY, DLNMS_E_RESOURCES (too many open files), DLNMS_E_UTF8,
/// DLNMS_E_UNSUPPORTED in a build without readers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_scan(
    paths: *const *const c_char,
    n_paths: usize,
    options: *const dlnms_read_options,
    cancel: *const dlnms_cancel,
    out: *mut *mut dlnms_study,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        if out.is_null() {
            return Err(Error::NullArgument("out"));
        }
        // SAFETY: handed on from the caller.
        let options = unsafe { read_options(options) }?;
        // SAFETY: handed on from the caller.
        let archive = unsafe { scan(paths, n_paths, &options, &token(cancel)?) }?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(StudyObject::new(archive))) };
        Ok(())
    })
}

/// Reads the headers of DICOM files that are in memory, as dlnms_study_scan() does for files. Messages name them "buffer 0",
/// "buffer 1" and so on.
///
/// # Safety
/// - `buffers`: an array of `n_buffers` pointers, each to one DICOM file with or without preamble. The bytes are copied.
/// - `sizes`: an array of `n_buffers` sizes in bytes.
/// - `n_buffers`: number of buffers.
/// - `options`: an initialised struct, which also holds for dlnms_study_load(); NULL: the defaults.
/// - `cancel`: a token; may be NULL.
/// - `out`: receives the study; free it with dlnms_study_free().
///
/// # Errors
/// Those of dlnms_study_scan().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_scan_buffers(
    buffers: *const *const u8,
    sizes: *const usize,
    n_buffers: usize,
    options: *const dlnms_read_options,
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
        // SAFETY: handed on from the caller.
        let options = unsafe { read_options(options) }?;
        let cancel = token(cancel)?;
        let buffer = |i| -> Result<Arc<[u8]>> {
            // SAFETY: i < n_buffers entries by the caller's promise.
            let (data, size) = unsafe { (buffers.add(i).read(), sizes.add(i).read()) };
            if data.is_null() {
                return Err(Error::NullArgument("buffers"));
            }
            if size > isize::MAX as usize {
                return Err(Error::invalid("sizes", format!("{size}")));
            }
            cancel.check()?;
            crate::allocation::headroom(size, "a copy of a DICOM file")?;
            // SAFETY: not NULL, `size` readable bytes by the caller's promise, no more than an object may have.
            Ok(unsafe { std::slice::from_raw_parts(data, size) }.into())
        };
        let buffers = (0..n_buffers).map(buffer).collect::<Result<Vec<_>>>()?;
        let archive = Archive::from_buffers_with(buffers, &options, &cancel)?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(StudyObject::new(archive))) };
        Ok(())
    })
}

/// Which series to load; fill with dlnms_series_choice_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_series_choice {
    /// Size of the struct in bytes, set by dlnms_series_choice_init().
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Series Instance UID of the CT; NULL leaves it to the rule.
    pub ct_series: *const c_char,
    /// Series Instance UID of the PET; NULL leaves it to the rule.
    pub pet_series: *const c_char,
}

versioned!(dlnms_series_choice, 24, { struct_size, ct_series, pet_series } reserved { reserved });

/// Writes defaults into a series choice: CT and PET are selected by rule.
///
/// # Safety
/// - `choice`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_series_choice) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_series_choice_init(
    choice: *mut dlnms_series_choice,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(choice, struct_size) };
}

/// Decodes the CT and the PET of a scanned study. It can be called once for each study.
///
/// The rule: the CT is not a localizer and is in HU, the PET is attenuation corrected and convertible to SUV, both are complete
/// and regular, and they share a frame of reference, or a study if either states no frame of reference. Of such pairs the one
/// with the most voxels in both series is selected. If two pairs are equally good, the call fails and lists their UIDs. A UID
/// in `choice` restricts that modality to one series; two UIDs select any pair, and a mismatch becomes a finding. The checks of
/// each series remain.
///
/// # Safety
/// - `study`: the study.
/// - `choice`: an initialised struct; NULL: by rule.
/// - `progress`: an initialised struct, called with DLNMS_PHASE_DECODE from the decoding threads, one call at a time; may be NULL.
/// - `cancel`: a token; may be NULL. The call ends within 100 ms after it is triggered; a codec that cannot be interrupted may
///   finish its slice in the background.
///
/// # Errors
/// DLNMS_E_DICOM_NO_SERIES, DLNMS_E_DICOM_SERIES, DLNMS_E_DICOM_PIXELS, DLNMS_E_SUV, DLNMS_E_CANCELLED, DLNMS_E_OUT_OF_MEMORY,
/// DLNMS_E_RESOURCES, DLNMS_E_INVALID_ARGUMENT if the study is loaded already or needs more than `max_study_bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_load(
    study: *const dlnms_study,
    choice: *const dlnms_series_choice,
    progress: *const dlnms_progress,
    cancel: *const dlnms_cancel,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, progress: progress, |progress: Option<HostProgress>| {
        // SAFETY: handed on from the caller.
        let choice = unsafe { series_choice(choice) }?;
        let study = handle::get::<StudyObject>(study)?;
        study.load(choice, progress.as_ref(), &token(cancel)?)
    })
}

/// Scans and loads a study in one call: dlnms_study_scan() and dlnms_study_load().
///
/// # Safety
/// - `paths`: an array of `n_paths` NUL-terminated UTF-8 strings, read during the call.
/// - `n_paths`: number of strings.
/// - `options`: an initialised struct; NULL: the defaults.
/// - `choice`: an initialised struct; NULL: by rule.
/// - `progress`: an initialised struct, called with DLNMS_PHASE_DECODE from the decoding threads, one call at a time; may be NULL.
/// - `cancel`: a token; may be NULL.
/// - `out`: receives the study; free it with dlnms_study_free().
///
/// # Errors
/// Those of dlnms_study_scan() and dlnms_study_load().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_open(
    paths: *const *const c_char,
    n_paths: usize,
    options: *const dlnms_read_options,
    choice: *const dlnms_series_choice,
    progress: *const dlnms_progress,
    cancel: *const dlnms_cancel,
    out: *mut *mut dlnms_study,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, progress: progress, |progress: Option<HostProgress>| {
        if out.is_null() {
            return Err(Error::NullArgument("out"));
        }
        let cancel = token(cancel)?;
        // SAFETY: handed on from the caller.
        let (options, choice) = unsafe { (read_options(options)?, series_choice(choice)?) };
        // SAFETY: handed on from the caller.
        let study = StudyObject::new(unsafe { scan(paths, n_paths, &options, &cancel) }?);
        study.load(choice, progress.as_ref(), &cancel)?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(study)) };
        Ok(())
    })
}

#[cfg(feature = "dicom")]
/// Reads a choice; NULL leaves both to the rule.
///
/// # Safety
/// `choice` is NULL or initialised, and its strings outlive `'a`.
pub(super) unsafe fn series_choice<'a>(
    choice: *const dlnms_series_choice,
) -> Result<SeriesChoice<'a>> {
    if choice.is_null() {
        return Ok(SeriesChoice::default());
    }
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(choice) }?;
    // SAFETY: handed on from the caller.
    unsafe {
        Ok(SeriesChoice {
            ct: strings::optional(raw.ct_series, "ct_series")?,
            pet: strings::optional(raw.pet_series, "pet_series")?,
        })
    }
}

#[cfg(feature = "dicom")]
/// # Safety
/// `paths` is NULL or holds `n_paths` NUL-terminated strings.
unsafe fn scan(
    paths: *const *const c_char,
    n_paths: usize,
    options: &ReadOptions,
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
    Archive::open_with(&paths, options, cancel)
}

#[cfg(feature = "dicom")]
fn check_count(name: &'static str, n: usize) -> Result<()> {
    match n {
        1..=0x10_0000 => Ok(()),
        _ => Err(Error::invalid(name, format!("{n} is not in 1..1048576"))),
    }
}

/// Frees a study with its volumes, masks and texts.
///
/// # Parameters
/// - `study`: the study; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_study_free(study: *mut dlnms_study) {
    guard_readers_or!((), || handle::free::<StudyObject>(study));
}

const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(
        !wide || size_of::<dlnms_series_choice>() == <dlnms_series_choice as Versioned>::V1_SIZE
    );
    assert!(size_of::<dlnms_read_options>() == <dlnms_read_options as Versioned>::V1_SIZE);
};
