//! A finished result as DICOM objects that an archive accepts.
//!
//! [`write()`] makes one object of a result: a structured report, a segmentation of the lesion, a marker for viewers, or the
//! page as an image or a document. The identity of the patient and the study is copied byte for byte from the PET
//! ([`Identity`]); everything else that is written is ASCII and holds nothing of a header. The same result gives the same
//! UIDs, so that an archive recognises an object that it has.

mod codes;
mod content;
mod content_time;
mod elements;
mod encapsulated_pdf;
mod identity;
mod marker;
mod measurements;
mod modules;
mod observer;
mod page;
mod product;
mod references;
mod score_report;
mod secondary_capture;
mod segmentation;
mod source;
mod uid;

pub use content_time::ContentTime;
pub use identity::Identity;
pub use secondary_capture::PageImage;
pub use source::{Grids, Source, WriteOptions};

use crate::bundle::Weights;
use crate::error::{Error, Result};

/// One DICOM object of a result.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    /// A structured report of the scores and the lesion's measures, TID 1500 with TID 1411. It refers to the segmentation.
    ScoreReport,
    /// A segmentation of the lesion that was measured.
    Segmentation,
    /// A structured report with a point on the CT, TID 1500 with TID 1410, for viewers that draw a marker there.
    Marker,
    /// The page of the result as a picture.
    PageImage(PageImage<'a>),
    /// The page of the result as a PDF document.
    PageDocument(&'a [u8]),
}

impl Object<'_> {
    /// Returns the usual name of its file.
    pub fn file_name(&self) -> &'static str {
        match self {
            Object::ScoreReport => "sr.dcm",
            Object::Segmentation => "seg.dcm",
            Object::Marker => "marker.dcm",
            Object::PageImage(_) => "sc.dcm",
            Object::PageDocument(_) => "report.pdf.dcm",
        }
    }
}

/// Returns one object of a result as the bytes of a DICOM file (Explicit VR Little Endian, PS3.10).
///
/// # Errors
/// [`Error::NotTrained`] for weights that were not trained on patients, unless the options allow them;
/// [`Error::DicomWrite`] with what is missing or contradictory: the lesion, the instances of the volumes;
/// [`Error::InvalidArgument`] for a page whose bytes are none.
pub fn write(object: &Object<'_>, source: &Source<'_>, options: &WriteOptions) -> Result<Vec<u8>> {
    let weights = source.scores.engine.manifest.weights;
    if weights != Weights::Trained && !options.allow_not_trained {
        return Err(Error::NotTrained(weights.name()));
    }
    source.check_images()?;
    let context = modules::Context::new(source, options)?;
    match object {
        Object::ScoreReport => score_report::write(&context),
        Object::Segmentation => segmentation::write(&context),
        Object::Marker => marker::write(&context),
        Object::PageImage(image) => secondary_capture::write(&context, image),
        Object::PageDocument(pdf) => encapsulated_pdf::write(&context, pdf),
    }
}
