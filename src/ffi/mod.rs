//! The C ABI: pointers in, core call, error out. One file is one section of `include/dlnms.h`.
//!
//! The header is generated from these files by `tests/it/header.rs`; their documentation is its manual, written for C.
#![allow(unsafe_code)]
#![allow(non_camel_case_types)]

mod audit;
mod callbacks;
mod cancel;
mod case;
mod case_context;
mod error;
mod error_object;
mod evidence;
mod explain_options;
mod explanation;
mod explanation_queue;
mod guard;
mod handle;
mod identity;
mod library;
#[cfg(feature = "dicom")]
mod loaded_study;
mod logger;
mod origin;
mod page;
mod pet;
mod plane_grid;
mod provider;
mod quality;
mod queue;
mod result;
mod runtime;
mod scorer;
mod scorer_options;
mod strings;
mod structs;
mod study;
mod study_case;
mod study_handle;
mod study_headers;
#[cfg(feature = "dicom")]
mod study_inventory;
mod study_list;
#[cfg(feature = "dicom")]
mod study_object;
mod volume;
mod volume_file;
mod write;

pub use audit::*;
pub use callbacks::*;
pub use cancel::*;
pub use case::*;
pub use case_context::*;
pub use error::*;
pub use error_object::{dlnms_error, dlnms_status};
pub use evidence::*;
pub use explain_options::*;
pub use explanation::*;
pub use explanation_queue::*;
pub use identity::*;
pub use library::*;
pub use logger::*;
pub use page::*;
pub use pet::*;
pub use plane_grid::*;
pub use provider::*;
pub use quality::*;
pub use queue::*;
pub use result::*;
pub use runtime::*;
pub use scorer::*;
pub use scorer_options::*;
pub use study::*;
pub use study_case::*;
pub use study_handle::*;
pub use study_headers::*;
pub use study_list::*;
pub use volume::*;
pub use volume_file::*;
pub use write::*;

#[cfg(feature = "cxx-bridge")]
pub(crate) use guard::catch;
