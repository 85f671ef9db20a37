//! The page of a result as a document: Encapsulated PDF (PS3.3 A.45.1).

use super::codes;
use super::elements::{self, Build};
use super::modules::{Context, ObjectKind};
use super::page;
use crate::allocation;
use crate::error::{Error, Result};
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;

const KIND: ObjectKind = ObjectKind {
    name: "page document",
    class: "1.2.840.10008.5.1.4.1.1.104.1",
    modality: "DOC",
    series_number: 9905,
    title: "DLNMS page",
};
/// Longer values need a length that the element cannot state.
const MAX_BYTES: usize = 1 << 30;

/// Returns the file of a document.
///
/// # Errors
/// [`Error::InvalidArgument`] for bytes that are no PDF.
pub fn write(context: &Context<'_>, pdf: &[u8]) -> Result<Vec<u8>> {
    if !pdf.starts_with(b"%PDF-") || pdf.len() > MAX_BYTES {
        return Err(Error::invalid("page document", "the bytes are no PDF"));
    }
    let instance = context.instance_uid(&KIND, pdf);
    let mut object = context.object(&KIND, &instance);
    page::put_common(&mut object);
    for (tag, vr, value) in [
        (tags::ACQUISITION_DATE_TIME, VR::DT, ""),
        (
            tags::DOCUMENT_TITLE,
            VR::ST,
            "DLNMS page; research use only",
        ),
        (
            tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT,
            VR::LO,
            "application/pdf",
        ),
    ] {
        object.text(tag, vr, value);
    }
    object.item(tags::CONCEPT_NAME_CODE_SEQUENCE, codes::PET_REPORT.item());
    object.items(tags::SOURCE_INSTANCE_SEQUENCE, page::center_images(context));
    let length = PrimitiveValue::from(pdf.len() as u32);
    object.put(DataElement::new(
        tags::ENCAPSULATED_DOCUMENT_LENGTH,
        VR::UL,
        length,
    ));
    allocation::headroom(pdf.len(), "a document")?;
    let mut document = pdf.to_vec();
    document.resize(pdf.len().next_multiple_of(2), 0);
    let document = PrimitiveValue::U8(document.into());
    object.put(DataElement::new(
        tags::ENCAPSULATED_DOCUMENT,
        VR::OB,
        document,
    ));
    elements::file(object, pdf.len())
}
