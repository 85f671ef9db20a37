//! The lesion that was measured as a DICOM Segmentation on the grid of the PET (PS3.3 A.51, C.8.20).

use super::codes;
use super::elements::{self, Build, decimal, decimals, short};
use super::modules::{Context, ObjectKind};
use super::product;
use super::references;
use super::uid::uid;
use crate::allocation;
use crate::error::{Error, Result};
use crate::evidence::lesion::Lesion;
use crate::imaging::ImageGrid;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

pub const KIND: ObjectKind = ObjectKind {
    name: "segmentation",
    class: "1.2.840.10008.5.1.4.1.1.66.4",
    modality: "SEG",
    series_number: 9901,
    title: "DLNMS lesion",
};

/// Number of the lesion's segment.
pub const SEGMENT: u16 = 1;

/// The green of the page's outline, sRGB #3dff6e, as CIELab scaled by PS3.3 C.10.7.1.1. Viewers may show the lesion in it.
const COLOUR: [u16; 3] = [58173, 14842, 46788];

/// Returns the SOP Instance UID of the segmentation of a result.
///
/// # Errors
/// [`Error::DicomWrite`] without a lesion.
pub fn instance_uid(context: &Context<'_>) -> Result<String> {
    let lesion = context.lesion()?;
    let content = [
        lesion.mask.to_bytes(),
        lesion.pet.method.clone().into_bytes(),
    ]
    .concat();
    Ok(context.instance_uid(&KIND, &content))
}

/// Returns the file of the segmentation.
///
/// # Errors
/// [`Error::DicomWrite`] without a lesion or a frame of reference; [`Error::OutOfMemory`].
pub fn write(context: &Context<'_>) -> Result<Vec<u8>> {
    let lesion = context.lesion()?;
    let stored = &context.source.grids.pet;
    let grid = stored.view();
    let frames = Frames::new(lesion, &grid)?;
    let mut object = context.object(&KIND, &instance_uid(context)?);
    context.identity().copy_frame_into(&mut object)?;
    put_image(&mut object, &grid, &frames)?;
    for (tag, vr, value) in [
        (tags::SEGMENTATION_TYPE, VR::CS, "BINARY"),
        (tags::SEGMENTS_OVERLAP, VR::CS, "NO"),
        (tags::CONTENT_LABEL, VR::CS, "LESION"),
        (
            tags::CONTENT_DESCRIPTION,
            VR::LO,
            "Lesion that was measured; research use only",
        ),
        (tags::CONTENT_CREATOR_NAME, VR::PN, "dlnms^"),
    ] {
        object.text(tag, vr, value);
    }
    object.item(tags::SEGMENT_SEQUENCE, segment(context, lesion));
    let pet = &context.identity().pet;
    let mut series = InMemDicomObject::new_empty();
    series.text(tags::SERIES_INSTANCE_UID, VR::UI, &pet.series_uid);
    series.items(tags::REFERENCED_INSTANCE_SEQUENCE, references::objects(pet));
    object.item(tags::REFERENCED_SERIES_SEQUENCE, series);
    put_dimensions(&mut object, context, stored.is_uneven());
    object.item(
        tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
        shared_groups(&grid),
    );
    let groups = frames
        .slices
        .iter()
        .enumerate()
        .map(|(n, slice)| frame_groups(context, &grid, n, *slice));
    object.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, groups.collect());
    elements::file(object, frames.bits.len())
}

/// The slices of the lesion and their packed pixels.
struct Frames {
    /// Index of each frame's slice in the PET.
    slices: Vec<usize>,
    /// A bit for each pixel of each frame, the lowest bit of a byte first, across the borders of frames (PS3.5 8.1.1).
    bits: Vec<u8>,
}

impl Frames {
    fn new(lesion: &Lesion, grid: &ImageGrid<'_>) -> Result<Self> {
        let [columns, rows, _] = grid.dims;
        let mut slices: Vec<usize> = lesion.mask.voxels().map(|[_, _, k]| k).collect();
        slices.dedup();
        let pixels = rows * columns * slices.len();
        let mut bits = allocation::zeros(pixels.div_ceil(8), "the frames of a segmentation")?;
        for [i, j, k] in lesion.mask.voxels() {
            let place = slices
                .binary_search(&k)
                .ok()
                .filter(|_| i < columns && j < rows);
            let frame = place.ok_or_else(|| Error::Internal("a voxel outside its grid".into()))?;
            let at = (frame * rows + j) * columns + i;
            bits[at / 8] |= 1 << (at % 8);
        }
        Ok(Self { slices, bits })
    }
}

/// Sets the pixels and what they are.
fn put_image(object: &mut InMemDicomObject, grid: &ImageGrid<'_>, frames: &Frames) -> Result<()> {
    let [columns, rows, _] = grid.dims;
    let side = |n: usize| {
        u16::try_from(n).map_err(|_| {
            Error::DicomWrite(format!("a frame of {columns} x {rows} pixels is too large"))
        })
    };
    object.text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\PRIMARY");
    object.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    object.text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
    object.text(
        tags::NUMBER_OF_FRAMES,
        VR::IS,
        &frames.slices.len().to_string(),
    );
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, side(rows)?),
        (tags::COLUMNS, side(columns)?),
        (tags::BITS_ALLOCATED, 1),
        (tags::BITS_STORED, 1),
        (tags::HIGH_BIT, 0),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        object.number(tag, value);
    }
    let mut pixels = frames.bits.clone();
    pixels.resize(pixels.len().next_multiple_of(2), 0);
    object.put(DataElement::new(
        tags::PIXEL_DATA,
        VR::OB,
        PrimitiveValue::U8(pixels.into()),
    ));
    Ok(())
}

fn segment(context: &Context<'_>, lesion: &Lesion) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    item.number(tags::SEGMENT_NUMBER, SEGMENT);
    item.put(DataElement::new(
        tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE,
        VR::US,
        PrimitiveValue::U16(COLOUR.as_slice().into()),
    ));
    let algorithm = format!(
        "{} {}, {}",
        product::MODEL,
        product::VERSION,
        lesion.pet.method
    );
    for (tag, vr, value) in [
        (tags::SEGMENT_LABEL, VR::LO, "Primary tumour"),
        (tags::SEGMENT_ALGORITHM_TYPE, VR::CS, "SEMIAUTOMATIC"),
        (tags::SEGMENT_ALGORITHM_NAME, VR::LO, &short(&algorithm, 64)),
        (tags::TRACKING_ID, VR::UT, &context.tracking_identifier()),
        (tags::TRACKING_UID, VR::UI, &context.tracking_uid()),
    ] {
        item.text(tag, vr, value);
    }
    for (tag, code) in [
        (
            tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE,
            codes::ABNORMAL_STRUCTURE,
        ),
        (
            tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE,
            codes::PRIMARY_NEOPLASM,
        ),
        (tags::ANATOMIC_REGION_SEQUENCE, codes::LUNG),
    ] {
        item.item(tag, code.item());
    }
    item
}

/// Sets the dimensions of the frames: the segment, then the position.
fn put_dimensions(object: &mut InMemDicomObject, context: &Context<'_>, uneven: bool) {
    let organization = uid("dimensions", &[context.series_uid(&KIND).as_bytes()]);
    let mut item = InMemDicomObject::new_empty();
    item.text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, &organization);
    object.item(tags::DIMENSION_ORGANIZATION_SEQUENCE, item);
    if !uneven {
        object.text(tags::DIMENSION_ORGANIZATION_TYPE, VR::CS, "3D");
    }
    let indices = [
        (
            tags::REFERENCED_SEGMENT_NUMBER,
            tags::SEGMENT_IDENTIFICATION_SEQUENCE,
            "Segment",
        ),
        (
            tags::IMAGE_POSITION_PATIENT,
            tags::PLANE_POSITION_SEQUENCE,
            "Position",
        ),
    ];
    let index = |(pointer, group, label)| {
        let mut item = InMemDicomObject::new_empty();
        for (tag, value) in [
            (tags::DIMENSION_INDEX_POINTER, pointer),
            (tags::FUNCTIONAL_GROUP_POINTER, group),
        ] {
            item.put(DataElement::new(tag, VR::AT, PrimitiveValue::from(value)));
        }
        item.text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, &organization);
        item.text(tags::DIMENSION_DESCRIPTION_LABEL, VR::LO, label);
        item
    };
    object.items(
        tags::DIMENSION_INDEX_SEQUENCE,
        indices.into_iter().map(index).collect(),
    );
}

/// Returns the functional groups of all frames.
fn shared_groups(grid: &ImageGrid<'_>) -> InMemDicomObject {
    let [across, down, step] = grid.spacing;
    let mut measures = InMemDicomObject::new_empty();
    measures.text(tags::PIXEL_SPACING, VR::DS, &decimals(&[down, across]));
    measures.text(tags::SLICE_THICKNESS, VR::DS, &decimal(step));
    measures.text(tags::SPACING_BETWEEN_SLICES, VR::DS, &decimal(step));
    let d = &grid.direction;
    let cosines: [f64; 6] = std::array::from_fn(|n| d[n % 3][n / 3]);
    let mut orientation = InMemDicomObject::new_empty();
    orientation.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, &decimals(&cosines));
    let mut groups = InMemDicomObject::new_empty();
    groups.item(tags::PIXEL_MEASURES_SEQUENCE, measures);
    groups.item(tags::PLANE_ORIENTATION_SEQUENCE, orientation);
    groups
}

/// Returns the functional groups of one frame: where it lies, which segment it shows and what image it was derived from.
fn frame_groups(
    context: &Context<'_>,
    grid: &ImageGrid<'_>,
    frame: usize,
    slice: usize,
) -> InMemDicomObject {
    let one = |tag, vr, value: &str| {
        let mut item = InMemDicomObject::new_empty();
        item.text(tag, vr, value);
        item
    };
    let mut content = InMemDicomObject::new_empty();
    let index = [u32::from(SEGMENT), frame as u32 + 1];
    let index = PrimitiveValue::U32(index.as_slice().into());
    content.put(DataElement::new(
        tags::DIMENSION_INDEX_VALUES,
        VR::UL,
        index,
    ));
    let position = grid.index_to_lps([0.0, 0.0, slice as f64]);
    let mut identification = InMemDicomObject::new_empty();
    identification.number(tags::REFERENCED_SEGMENT_NUMBER, SEGMENT);
    let mut groups = InMemDicomObject::new_empty();
    groups.item(tags::FRAME_CONTENT_SEQUENCE, content);
    let position = one(tags::IMAGE_POSITION_PATIENT, VR::DS, &decimals(&position));
    groups.item(tags::PLANE_POSITION_SEQUENCE, position);
    groups.item(tags::SEGMENT_IDENTIFICATION_SEQUENCE, identification);
    if let Some(image) = context.identity().pet.images.get(slice) {
        let mut source = references::image(image);
        source.item(
            tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
            codes::SOURCE_IMAGE.item(),
        );
        let mut derivation = InMemDicomObject::new_empty();
        derivation.item(tags::DERIVATION_CODE_SEQUENCE, codes::SEGMENTATION.item());
        derivation.item(tags::SOURCE_IMAGE_SEQUENCE, source);
        groups.item(tags::DERIVATION_IMAGE_SEQUENCE, derivation);
    }
    groups
}
