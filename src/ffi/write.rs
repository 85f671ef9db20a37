//! Section "writing": a result as DICOM objects.
// Without the writers the bodies below are left out, and what they alone use stays.
#![cfg_attr(not(feature = "writers"), allow(unused_imports, unused_variables))]

use super::callbacks::UserData;
use super::error_object::{dlnms_error, dlnms_status};
use super::guard::guard;
use super::handle;
use super::identity::dlnms_identity;
#[cfg(feature = "writers")]
use super::identity::identity;
use super::result::{ResultObject, dlnms_result};
use super::strings;
use super::structs::{self, Versioned, versioned};
use crate::error::{Error, Result};
#[cfg(feature = "writers")]
use crate::writers::{self, ContentTime, Identity, Object, PageImage, Source, WriteOptions};
use std::ffi::{CString, c_char, c_void};

/// A structured report of the scores and the lesion's measures. It refers to the object of DLNMS_OBJECT_SEGMENTATION.
pub const DLNMS_OBJECT_SCORE_REPORT: u32 = 1;
/// A segmentation of the lesion that was measured.
pub const DLNMS_OBJECT_SEGMENTATION: u32 = 2;
/// A structured report with a point on the CT, for viewers that draw a marker there.
pub const DLNMS_OBJECT_MARKER: u32 = 3;

/// The page of the result as a picture, which the host passes in dlnms_write_options: a Secondary Capture.
pub const DLNMS_OBJECT_PAGE_IMAGE: u32 = 4;
/// The page of the result as a PDF document, which the host passes in dlnms_write_options: an Encapsulated PDF.
pub const DLNMS_OBJECT_PAGE_DOCUMENT: u32 = 5;

/// Options of dlnms_result_write(); fill with dlnms_write_options_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_write_options {
    /// Size of the struct in bytes, set by dlnms_write_options_init().
    pub struct_size: u32,
    /// 1: write results of weights that were not trained on patients; each object then says so. 0: refuse them.
    pub allow_not_trained: u32,
    /// Number of the lesion among those of the study, from 1; 0 is 1.
    pub lesion: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Whose the volumes are, for a case that is not of dlnms_study_case(). NULL for one that is: its study says it.
    pub identity: *const dlnms_identity,
    /// When the content was made, "YYYYMMDDHHMMSS"; NULL: now.
    pub content_time: *const c_char,
    /// A text that enters every UID; another one gives other UIDs. NULL: none.
    pub uid_salt: *const c_char,
    /// DLNMS_OBJECT_PAGE_IMAGE: the picture, three bytes (red, green, blue) for each pixel, row by row from the top. Nothing that
    /// a patient could be known by may be drawn in it.
    pub page_rgb: *const u8,
    /// Pixels of a row of the picture.
    pub page_width: u32,
    /// Rows of the picture.
    pub page_height: u32,
    /// DLNMS_OBJECT_PAGE_DOCUMENT: the PDF.
    pub page_pdf: *const u8,
    /// Bytes of the PDF.
    pub page_pdf_size: u64,
}

versioned!(dlnms_write_options, 72, { struct_size, allow_not_trained, lesion, identity, content_time, uid_salt, page_rgb, page_width, page_height, page_pdf, page_pdf_size } reserved { reserved });

/// Writes defaults into options of writing.
///
/// # Safety
/// - `options`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_write_options) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_write_options_init(
    options: *mut dlnms_write_options,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(options, struct_size) };
}

/// Takes an object; fill with dlnms_sink_init().
///
/// `callback` receives the usual name of the object's file, its bytes and their number, and `user_data`, once, on the calling
/// thread; name and bytes live until it returns. A return value that is not 0 makes the call fail with DLNMS_E_CANCELLED. It
/// must not throw or longjmp. `drop`, if not NULL, is called exactly once with `user_data` before the call that took the struct
/// returns (but not if the struct itself is refused).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_sink {
    /// Size of the struct in bytes, set by dlnms_sink_init().
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// The function to call. Required.
    pub callback: Option<
        unsafe extern "C" fn(
            name: *const c_char,
            bytes: *const u8,
            size: usize,
            user_data: *mut c_void,
        ) -> i32,
    >,
    /// Passed to `callback` and `drop`; the library does not look at it.
    pub user_data: *mut c_void,
    /// Called once with `user_data` when the library no longer needs it; may be NULL.
    pub drop: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
}

versioned!(dlnms_sink, 32, { struct_size, callback, user_data, drop } reserved { reserved });

/// Writes defaults into a sink: no callback.
///
/// # Safety
/// - `sink`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_sink) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_sink_init(sink: *mut dlnms_sink, struct_size: u32) {
    let defaults = dlnms_sink {
        struct_size,
        reserved: 0,
        callback: None,
        user_data: std::ptr::null_mut(),
        drop: None,
    };
    // SAFETY: handed on from the caller.
    unsafe { structs::init(sink, struct_size, &defaults) };
}

/// Makes one DICOM object of a result and hands its bytes, those of a file (PS3.10), to the sink. The patient and the study are
/// those of the study that filled the case, or of `options.identity`; their texts are copied byte for byte. The same result
/// gives the same UIDs. Writing the same result again with the same `content_time` gives the same bytes.
///
/// # Safety
/// - `result`: the result; any number of threads may write it at once.
/// - `kind`: a DLNMS_OBJECT_ constant. The score report and the segmentation need dlnms_case.measure_lesion.
/// - `options`: an initialised struct whose pointers are valid during the call; NULL: the defaults.
/// - `sink`: an initialised struct.
///
/// # Errors
/// DLNMS_E_NOT_TRAINED; DLNMS_E_DICOM_WRITE with what is missing or contradictory; DLNMS_E_INVALID_ARGUMENT (kind; an identity
/// for a case of a study), DLNMS_E_CANCELLED by the sink, DLNMS_E_OUT_OF_MEMORY, DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE,
/// DLNMS_E_UNSUPPORTED in a build without writers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_result_write(
    result: *const dlnms_result,
    kind: u32,
    options: *const dlnms_write_options,
    sink: *const dlnms_sink,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        // SAFETY: handed on from the caller.
        let sink = unsafe { HostSink::read(sink) }?;
        #[cfg(not(feature = "writers"))]
        let outcome = Err(Error::Unsupported(
            "this build of the library writes no DICOM objects (feature writers)".into(),
        ));
        #[cfg(feature = "writers")]
        let outcome = {
            // SAFETY: handed on from the caller.
            let (name, bytes) = unsafe { object(result, kind, options) }?;
            sink.take(name, &bytes)
        };
        outcome
    })
}

/// A sink for the length of a call.
#[cfg_attr(not(any(feature = "report", feature = "writers")), allow(dead_code))]
pub(super) struct HostSink {
    callback: unsafe extern "C" fn(*const c_char, *const u8, usize, *mut c_void) -> i32,
    data: UserData,
}

impl HostSink {
    /// # Safety
    /// As for [`structs::read`].
    pub unsafe fn read(sink: *const dlnms_sink) -> Result<Self> {
        // SAFETY: handed on from the caller.
        let raw = unsafe { structs::read(sink) }?;
        let callback = raw.callback;
        Ok(Self {
            callback: callback.ok_or(Error::NullArgument("dlnms_sink.callback"))?,
            data: UserData::new(raw.user_data, raw.drop),
        })
    }

    /// Hands a file to the host.
    #[cfg(any(feature = "report", feature = "writers"))]
    pub fn take(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let name: CString = strings::owned(name);
        // SAFETY: the host's function with the host's pointer, as the header promises; name and bytes live until it returns.
        let answer = unsafe {
            (self.callback)(
                name.as_ptr(),
                bytes.as_ptr(),
                bytes.len(),
                self.data.pointer,
            )
        };
        if answer == 0 {
            Ok(())
        } else {
            Err(Error::Cancelled)
        }
    }
}

#[cfg(feature = "writers")]
/// Makes an object of a result.
///
/// # Safety
/// `options` is NULL or initialised, and its pointers keep the header's promises.
unsafe fn object(
    result: *const dlnms_result,
    kind: u32,
    options: *const dlnms_write_options,
) -> Result<(&'static str, Vec<u8>)> {
    // SAFETY: handed on from the caller.
    let (raw, options, own) = unsafe { write_options(options) }?;
    // SAFETY: handed on from the caller.
    let object = unsafe { object_of(kind, raw.as_ref()) }?;
    let result = handle::get::<ResultObject>(result)?;
    let origin = result.origin();
    let no_identity = "nothing says whose the result is: dlnms_write_options.identity is NULL and the case is of no study";
    let (identity, warnings): (&Identity, &[String]) = match (&origin.study, &own) {
        (Some(_), Some(_)) => {
            let why = "the case is of a study, which says whose it is";
            return Err(Error::invalid("dlnms_write_options.identity", why));
        }
        (None, None) => return Err(Error::DicomWrite(no_identity.into())),
        (None, Some(own)) => (own, &[]),
        (Some(study), None) => match &study.identity {
            Ok(identity) => (identity, &study.warnings),
            Err(why) => return Err(Error::DicomWrite(why.clone())),
        },
    };
    let source = Source {
        scores: result.outcome(),
        grids: &origin.grids,
        identity,
        warnings,
    };
    Ok((
        object.file_name(),
        writers::write(&object, &source, &options)?,
    ))
}

#[cfg(feature = "writers")]
/// Returns the object of a DLNMS_OBJECT_ constant.
///
/// # Safety
/// The pages of `options` keep the header's promises for `'a`.
unsafe fn object_of<'a>(kind: u32, options: Option<&dlnms_write_options>) -> Result<Object<'a>> {
    let page = |at: *const u8, bytes: Option<usize>, name: &'static str| {
        if at.is_null() {
            return Err(Error::NullArgument(name));
        }
        let bytes = bytes.filter(|n| *n <= isize::MAX as usize);
        let bytes = bytes.ok_or_else(|| Error::invalid(name, "its size is impossible"))?;
        // SAFETY: not NULL, readable by the caller's promise, no more than an object may have.
        Ok(unsafe { std::slice::from_raw_parts(at, bytes) })
    };
    match (kind, options) {
        (DLNMS_OBJECT_SCORE_REPORT, _) => Ok(Object::ScoreReport),
        (DLNMS_OBJECT_SEGMENTATION, _) => Ok(Object::Segmentation),
        (DLNMS_OBJECT_MARKER, _) => Ok(Object::Marker),
        (DLNMS_OBJECT_PAGE_IMAGE, Some(raw)) => {
            let [width, height] = [raw.page_width, raw.page_height].map(|n| n as usize);
            let bytes = width.checked_mul(height).and_then(|n| n.checked_mul(3));
            let rgb = page(raw.page_rgb, bytes, "dlnms_write_options.page_rgb")?;
            Ok(Object::PageImage(PageImage { width, height, rgb }))
        }
        (DLNMS_OBJECT_PAGE_DOCUMENT, Some(raw)) => {
            let bytes = usize::try_from(raw.page_pdf_size).ok();
            let pdf = page(raw.page_pdf, bytes, "dlnms_write_options.page_pdf")?;
            Ok(Object::PageDocument(pdf))
        }
        (DLNMS_OBJECT_PAGE_IMAGE | DLNMS_OBJECT_PAGE_DOCUMENT, None) => {
            Err(Error::NullArgument("dlnms_write_options"))
        }
        (other, _) => {
            let why = format!("{other} is not a DLNMS_OBJECT_ constant");
            Err(Error::invalid("kind", why))
        }
    }
}

/// Options as the caller wrote them, as the library wants them, and the host's identity.
#[cfg(feature = "writers")]
type ReadOptions = (Option<dlnms_write_options>, WriteOptions, Option<Identity>);

#[cfg(feature = "writers")]
/// # Safety
/// `ptr` is NULL or initialised, and its pointers keep the header's promises.
unsafe fn write_options(ptr: *const dlnms_write_options) -> Result<ReadOptions> {
    if ptr.is_null() {
        return Ok((None, WriteOptions::default(), None));
    }
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    let allow_not_trained = match raw.allow_not_trained {
        0 => false,
        1 => true,
        other => {
            let why = format!("{other} is neither 0 nor 1");
            return Err(Error::invalid("dlnms_write_options.allow_not_trained", why));
        }
    };
    // SAFETY: handed on from the caller.
    let (time, salt) = unsafe {
        (
            strings::optional(raw.content_time, "dlnms_write_options.content_time")?,
            strings::optional(raw.uid_salt, "dlnms_write_options.uid_salt")?,
        )
    };
    let own = if raw.identity.is_null() {
        None
    } else {
        // SAFETY: handed on from the caller.
        Some(unsafe { identity(raw.identity) }?)
    };
    let options = WriteOptions {
        allow_not_trained,
        content_time: time.map(ContentTime::parse).transpose()?,
        lesion: raw.lesion,
        uid_salt: salt.unwrap_or_default().into(),
    };
    Ok((Some(raw), options, own))
}

const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(
        !wide || size_of::<dlnms_write_options>() == <dlnms_write_options as Versioned>::V1_SIZE
    );
    assert!(!wide || size_of::<dlnms_sink>() == <dlnms_sink as Versioned>::V1_SIZE);
};
