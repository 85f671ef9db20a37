//! DICOM files, folders and buffers -> volumes, PET facts and ROIs. The only place that knows tags.

mod acquisition;
mod archive;
mod attributes;
mod choose;
mod codec;
mod consistency;
mod contour_planes;
mod contours;
mod decode;
mod folders;
mod frame_layout;
mod grid;
mod identity;
mod inflate;
mod inspect;
mod instance;
mod jpeg12;
mod jpeg2000;
mod jpeg_entropy;
mod jpeg_lossless;
mod meta;
mod pet;
mod pet_series;
mod pixels;
mod real_world_value;
mod rois;
pub mod rtstruct;
mod seg;
mod series;
mod sidecar;
mod source;
mod stored;
mod structure;
mod study;
#[cfg(test)]
mod synthetic;
mod time;
mod tracer;

pub use archive::Archive;
pub use contours::{Contour, Contours};
pub use inspect::{Inspection, SeriesSummary, SuvSummary};
pub use rois::{RoiKind, RoiMask, RoiSummary, find_rois};
pub use seg::{Segment, Segmentation};
pub use series::{Modality, Series, SeriesFacts, SliceProgress};
pub use sidecar::{pet_info_from_file, pet_info_from_json};
pub use study::{SeriesChoice, Study};
