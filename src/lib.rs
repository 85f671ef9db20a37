//! DLNMS in a host's own process: PET/CT volumes and a tumour in, occult N1 and N2 scores and their evidence out.
//!
//! Research use only. Data flows one way: [`readers`] -> [`case`] -> [`imaging`], [`evidence`] -> [`engine`] -> [`scorer`] -> [`risk`],
//! [`explanation`], [`report`]; the C ABI (`include/dlnms.h`) lies on top.
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
pub mod audit;
#[cfg(feature = "cxx-bridge")]
mod bridge;
pub mod bundle;
pub mod cancel;
pub mod case;
mod cpu_kernels;
mod digest;
pub mod engine;
mod environment;
pub mod error;
pub mod evidence;
pub mod explanation;
pub mod ffi;
pub mod imaging;
mod lock;
pub mod logging;
pub mod memory_reserve;
mod parallel;
mod process;
#[cfg(feature = "dicom")]
pub mod readers;
#[cfg(feature = "dicom")]
pub mod reading;
mod regular_file;
pub mod report;
pub mod risk;
pub mod runtime;
pub mod scorer;
#[cfg(feature = "writers")]
pub mod writers;

pub use error::{Error, Result};

/// Version of the binary interface in `include/dlnms.h`; the SONAME's suffix. Apart from the crate's version.
pub const ABI_VERSION: u32 = 1;
