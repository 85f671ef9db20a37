//! Section "page": a result as a page for people.
// Without the feature the bodies below are left out, and what they alone use stays.
#![cfg_attr(
    not(feature = "report"),
    allow(unused_imports, unused_variables, dead_code)
)]

use super::error_object::{dlnms_error, dlnms_status};
use super::guard::guard;
use super::handle;
use super::quality::{DLNMS_TRISTATE_UNKNOWN, read_tristate};
use super::result::{ResultObject, dlnms_result};
use super::strings;
use super::structs::{self, Versioned, versioned};
use super::write::{HostSink, dlnms_sink};
use crate::error::{Error, Result};
#[cfg(feature = "report")]
use crate::report::page::{CtWindow, Page, PageOptions};
use crate::report::published::ClinicalFacts;
use std::ffi::c_char;

/// One HTML file that needs nothing else: the page, and its content once more as tables.
pub const DLNMS_PAGE_HTML: u32 = 1;
/// The page as a picture, 2048 pixels wide.
pub const DLNMS_PAGE_PNG: u32 = 2;
/// The page as a PDF file of one A4 sheet.
pub const DLNMS_PAGE_PDF: u32 = 3;
/// The page as one SVG file.
pub const DLNMS_PAGE_SVG: u32 = 4;

/// The CT is shown at -600 / 1500 HU.
pub const DLNMS_CT_WINDOW_LUNG: u32 = 0;
/// The CT is shown at 40 / 400 HU.
pub const DLNMS_CT_WINDOW_SOFT_TISSUE: u32 = 1;

/// What a host adds to a page; fill with dlnms_page_options_init(). Texts are UTF-8, and NULL is "not stated"; the page shows
/// at most 160 characters of each, without control characters. What is known of the patient decides which conditions of the
/// evidence by risk group are met.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_page_options {
    /// Size of the struct in bytes, set by dlnms_page_options_init().
    pub struct_size: u32,
    /// A DLNMS_CT_WINDOW_ constant.
    pub ct_window: u32,
    /// What the lesion is called, for example the name of its ROI.
    pub lesion: *const c_char,
    /// The scanner.
    pub scanner: *const c_char,
    /// When the page was made, as it is to stand there.
    pub content_time: *const c_char,
    /// A line that identifies the patient. NULL: the page identifies nobody, and says so.
    pub identity_line: *const c_char,
    /// Age of the patient in years; NaN if it is not known.
    pub age_years: f64,
    /// The nodes are clinically negative (cN0): a DLNMS_TRISTATE_ constant, as the next eight fields.
    pub clinical_n0: i32,
    /// The tumour is a non-small cell lung cancer.
    pub nsclc: i32,
    /// The clinical stage is I.
    pub clinical_stage_i: i32,
    /// The pathological stage is I.
    pub pathological_stage_i: i32,
    /// A nodal biopsy was made, or can be.
    pub nodal_biopsy: i32,
    /// The patient is male.
    pub male: i32,
    /// The tumour is purely solid on CT.
    pub solid: i32,
    /// The tumour is in the left lung.
    pub left: i32,
    /// The tumour is central.
    pub central: i32,
    /// Not 0: leave out how long the call took, so that the pages of two runs of one case are the same to the byte.
    pub without_durations: u32,
}

versioned!(dlnms_page_options, 88, { struct_size, ct_window, lesion, scanner, content_time, identity_line, age_years, clinical_n0, nsclc, clinical_stage_i, pathological_stage_i, nodal_biopsy, male, solid, left, central, without_durations } reserved {  });

const UNKNOWN: i32 = DLNMS_TRISTATE_UNKNOWN;

/// Writes defaults into the options of a page: nothing is stated.
///
/// # Safety
/// - `options`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_page_options) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_page_options_init(
    options: *mut dlnms_page_options,
    struct_size: u32,
) {
    let defaults = dlnms_page_options {
        struct_size,
        ct_window: DLNMS_CT_WINDOW_LUNG,
        lesion: std::ptr::null(),
        scanner: std::ptr::null(),
        content_time: std::ptr::null(),
        identity_line: std::ptr::null(),
        age_years: f64::NAN,
        clinical_n0: UNKNOWN,
        nsclc: UNKNOWN,
        clinical_stage_i: UNKNOWN,
        pathological_stage_i: UNKNOWN,
        nodal_biopsy: UNKNOWN,
        male: UNKNOWN,
        solid: UNKNOWN,
        left: UNKNOWN,
        central: UNKNOWN,
        without_durations: 0,
    };
    // SAFETY: handed on from the caller.
    unsafe { structs::init(options, struct_size, &defaults) };
}

/// Makes the page of a result and hands its bytes to the sink. The pictures are on it if dlnms_case.sample_pictures was not 0
/// when the case was scored: they belong to the result, so that a page cannot show another patient than its scores. The page of
/// a case of a study holds the warnings of reading that study.
///
/// # Safety
/// - `result`: the result; any number of threads may make its page at once.
/// - `kind`: a DLNMS_PAGE_ constant.
/// - `options`: an initialised struct whose pointers are valid during the call; NULL: the defaults.
/// - `sink`: an initialised struct. The names are report.html, report.png, report.pdf and report.svg.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (kind, ct_window, age_years, a DLNMS_TRISTATE_ constant), DLNMS_E_UTF8, DLNMS_E_CANCELLED by the sink,
/// DLNMS_E_OUT_OF_MEMORY, DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE, DLNMS_E_UNSUPPORTED in a build without that kind of page.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_result_page(
    result: *const dlnms_result,
    kind: u32,
    options: *const dlnms_page_options,
    sink: *const dlnms_sink,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        // SAFETY: handed on from the caller.
        let sink = unsafe { HostSink::read(sink) }?;
        #[cfg(not(feature = "report"))]
        let outcome = Err(unsupported("pages (feature report)"));
        #[cfg(feature = "report")]
        let outcome = {
            // SAFETY: handed on from the caller.
            let (options, without_durations) = unsafe { page_options(options) }?;
            let result = handle::get::<ResultObject>(result)?;
            let mut page = Page::new(result.outcome(), result.origin().warnings(), &options)?;
            if without_durations {
                page = page.without_durations();
            }
            let (name, bytes) = file(&page, kind)?;
            sink.take(name, &bytes)
        };
        outcome
    })
}

#[cfg(not(all(feature = "report", feature = "raster", feature = "pdf")))]
fn unsupported(what: &str) -> Error {
    Error::Unsupported(format!("this build of the library makes no {what}"))
}

/// Returns the name and the bytes of a page.
#[cfg(feature = "report")]
fn file(page: &Page, kind: u32) -> Result<(&'static str, Vec<u8>)> {
    match kind {
        DLNMS_PAGE_HTML => Ok(("report.html", page.html().into_bytes())),
        DLNMS_PAGE_SVG => Ok(("report.svg", page.svg().into_bytes())),
        #[cfg(feature = "raster")]
        DLNMS_PAGE_PNG => Ok(("report.png", page.png()?)),
        #[cfg(feature = "pdf")]
        DLNMS_PAGE_PDF => Ok(("report.pdf", page.pdf()?)),
        #[cfg(not(feature = "raster"))]
        DLNMS_PAGE_PNG => Err(unsupported("pictures of pages (feature raster)")),
        #[cfg(not(feature = "pdf"))]
        DLNMS_PAGE_PDF => Err(unsupported("PDF files (feature pdf)")),
        other => Err(Error::invalid(
            "kind",
            format!("{other} is not a DLNMS_PAGE_ constant"),
        )),
    }
}

/// Returns the options of a host, and whether durations are left out.
///
/// # Safety
/// `ptr` is NULL or an initialised struct whose texts live for the call.
#[cfg(feature = "report")]
unsafe fn page_options(ptr: *const dlnms_page_options) -> Result<(PageOptions, bool)> {
    if ptr.is_null() {
        return Ok((PageOptions::default(), false));
    }
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    let text = |text, name| {
        // SAFETY: handed on from the caller.
        unsafe { strings::optional(text, name) }.map(|t| t.map(str::to_owned))
    };
    let options = PageOptions {
        lesion: text(raw.lesion, "dlnms_page_options.lesion")?,
        scanner: text(raw.scanner, "dlnms_page_options.scanner")?,
        content_time: text(raw.content_time, "dlnms_page_options.content_time")?,
        identity_line: text(raw.identity_line, "dlnms_page_options.identity_line")?,
        facts: facts(&raw)?,
        ct_window: match raw.ct_window {
            DLNMS_CT_WINDOW_LUNG => CtWindow::Lung,
            DLNMS_CT_WINDOW_SOFT_TISSUE => CtWindow::SoftTissue,
            other => {
                let why = format!("{other} is not a DLNMS_CT_WINDOW_ constant");
                return Err(Error::invalid("dlnms_page_options.ct_window", why));
            }
        },
    };
    Ok((options, raw.without_durations != 0))
}

/// Returns what the host knows of the patient.
#[cfg(feature = "report")]
fn facts(raw: &dlnms_page_options) -> Result<ClinicalFacts> {
    let field = |name: &str| format!("dlnms_page_options.{name}");
    let age = raw.age_years;
    if !(age.is_nan() || (0.0..=130.0).contains(&age)) {
        return Err(Error::invalid(
            field("age_years"),
            format!("{age} is no age"),
        ));
    }
    let fact = |name: &str, value| read_tristate(&field(name), value);
    Ok(ClinicalFacts {
        age_years: Some(age).filter(|age| !age.is_nan()),
        clinical_n0: fact("clinical_n0", raw.clinical_n0)?,
        nsclc: fact("nsclc", raw.nsclc)?,
        clinical_stage_i: fact("clinical_stage_i", raw.clinical_stage_i)?,
        pathological_stage_i: fact("pathological_stage_i", raw.pathological_stage_i)?,
        nodal_biopsy: fact("nodal_biopsy", raw.nodal_biopsy)?,
        male: fact("male", raw.male)?,
        solid: fact("solid", raw.solid)?,
        left: fact("left", raw.left)?,
        central: fact("central", raw.central)?,
    })
}

const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(!wide || size_of::<dlnms_page_options>() == <dlnms_page_options as Versioned>::V1_SIZE);
};
