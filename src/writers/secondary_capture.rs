//! The page of a result as a picture: Secondary Capture (PS3.3 A.8.1).

use super::elements::{self, Build};
use super::modules::{Context, ObjectKind};
use super::page;
use crate::allocation;
use crate::error::{Error, Result};
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;

const KIND: ObjectKind = ObjectKind {
    name: "page image",
    class: "1.2.840.10008.5.1.4.1.1.7",
    modality: "OT",
    series_number: 9904,
    title: "DLNMS page",
};

/// A picture of 8-bit red, green and blue, row by row from the top.
#[derive(Clone, Copy, Debug)]
pub struct PageImage<'a> {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Three bytes for each pixel.
    pub rgb: &'a [u8],
}

/// Returns the file of a page.
///
/// # Errors
/// [`Error::InvalidArgument`] for a picture whose bytes are not those of its size.
pub fn write(context: &Context<'_>, image: &PageImage<'_>) -> Result<Vec<u8>> {
    let side = |n: usize| u16::try_from(n).ok().filter(|n| *n > 0);
    let sides = side(image.width).zip(side(image.height));
    let bytes = 3 * image.width.min(1 << 16) * image.height.min(1 << 16);
    let Some((width, height)) = sides.filter(|_| image.rgb.len() == bytes) else {
        let why = format!(
            "{} bytes for {} x {} pixels",
            image.rgb.len(),
            image.width,
            image.height
        );
        return Err(Error::invalid("page image", why));
    };
    let instance = context.instance_uid(&KIND, image.rgb);
    let mut object = context.object(&KIND, &instance);
    page::put_common(&mut object);
    for (tag, vr, value) in [
        (tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY"),
        (tags::BODY_PART_EXAMINED, VR::CS, "CHEST"),
        (tags::PATIENT_ORIENTATION, VR::CS, ""),
        (tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00"),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB"),
        (
            tags::DERIVATION_DESCRIPTION,
            VR::ST,
            "Page of a result; research use only",
        ),
    ] {
        object.text(tag, vr, value);
    }
    object.items(tags::SOURCE_IMAGE_SEQUENCE, page::center_images(context));
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 3),
        (tags::PLANAR_CONFIGURATION, 0),
        (tags::ROWS, height),
        (tags::COLUMNS, width),
        (tags::BITS_ALLOCATED, 8),
        (tags::BITS_STORED, 8),
        (tags::HIGH_BIT, 7),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        object.number(tag, value);
    }
    allocation::headroom(bytes, "the pixels of a page")?;
    let mut pixels = image.rgb.to_vec();
    pixels.resize(bytes.next_multiple_of(2), 0);
    let pixels = PrimitiveValue::U8(pixels.into());
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, pixels));
    elements::file(object, bytes)
}
