//! DLNMS in a host's own process: PET/CT volumes and a tumour in, occult N1 and N2 scores and their evidence out.
//!
//! Research use only. Data flows one way: [`volume`] -> [`roi`], [`suv`] -> [`planes`] -> [`bundle`], [`runtime`] ->
//! [`scorer`], [`decision`] -> [`report`]; the C ABI (`include/dlnms.h`) lies on top.
//!
//! ```no_run
//! use dlnms::{runtime::Runtime, scorer::{CancelToken, Case, Scorer, ScorerOptions}};
//! # fn first_score(case: &Case<'_>) -> dlnms::Result<()> {
//! let runtime = Runtime::load(None)?; // DLNMS_ONNXRUNTIME, or beside this library
//! let scorer = Scorer::new(runtime, "bundle".as_ref(), ScorerOptions::default())?;
//! let scores = scorer.score(case, &CancelToken::default())?;
//! println!("N1 {:.3}, N2 {:.3}", scores.n1, scores.n2);
//! # Ok(()) }
//! ```

mod allocation;
#[cfg(feature = "cxx-bridge")]
mod bridge;
pub mod bundle;
pub mod cancel;
pub mod case;
pub mod decision;
#[cfg(feature = "dicom")]
pub mod dicom;
pub mod error;
pub mod ffi;
#[cfg(feature = "dicom")]
pub mod files;
pub mod lesion;
pub mod logging;
mod parallel;
pub mod petmetrics;
pub mod planes;
mod process;
pub mod quality;
#[cfg(feature = "dicom")]
pub mod reading;
pub mod reference;
mod regular;
pub mod report;
pub mod roi;
pub mod runtime;
pub mod scorer;
pub mod suv;
pub mod volume;

pub use error::{Error, Result};

/// Version of the binary interface in `include/dlnms.h`; the SONAME's suffix. Apart from the crate's version.
pub const ABI_VERSION: u32 = 1;
