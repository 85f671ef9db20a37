//! A marker for viewers that draw measurements: Comprehensive 3D SR, TID 1500 with one group TID 1410 that holds a point on the
//! CT slice nearest to the centre of the tumour, and the scores first, because some viewers show the first five numbers alone.

use super::codes;
use super::content::{self, Item, Number, Relationship};
use super::measurements::{self, Station};
use super::modules::{Context, ObjectKind};
use super::references;
use super::score_report::{document, group_head, tree};
use super::uid::uid;
use crate::error::{Error, Result};
use crate::imaging::ImageGrid;

const KIND: ObjectKind = ObjectKind {
    name: "marker",
    class: "1.2.840.10008.5.1.4.1.1.88.34",
    modality: "SR",
    series_number: 9903,
    title: "DLNMS marker",
};

/// Returns the file of the marker.
///
/// # Errors
/// [`Error::DicomWrite`] if the centre lies in no slice of the CT.
pub fn write(context: &Context<'_>) -> Result<Vec<u8>> {
    let grid = context.source.grids.ct.view();
    let index = grid.lps_to_index(context.scores().center);
    let images = &context.identity().ct.images;
    let slice = index[2].round();
    let image = (slice >= 0.0).then(|| images.get(slice as usize)).flatten();
    let image =
        image.ok_or_else(|| Error::DicomWrite("the centre lies in no slice of the CT".into()))?;
    let reference = || references::image(image);

    let identifier = format!("{} DLNMS", context.tracking_identifier());
    let lesion = context.tracking_uid();
    let mut group = group_head(&identifier, &uid("marker of lesion", &[lesion.as_bytes()]));
    for station in Station::ALL {
        group.extend(measurements::score_and_cutoff(context, station));
    }
    if let Some(Ok(lesion)) = &context.scores().lesion {
        group.push(measurements::suv_max(lesion));
    }
    group.extend(measurements::risk_groups(context.scores()));
    let source = content::image(Relationship::SelectedFrom, codes::SOURCE, reference());
    // The first pixel reaches from 0 to 1.
    let place = [index[0], index[1]].map(|v| (v + 0.5) as f32);
    group.push(content::point(codes::IMAGE_REGION, place, source));
    let library = vec![image_library(context, &grid, reference())];
    let tree = tree(context, codes::MEASUREMENT_REPORT, library, group, "1410");
    document(context, &KIND, tree, None)
}

/// Returns the library of images (TID 1600) with one image of the CT.
fn image_library(
    context: &Context<'_>,
    grid: &ImageGrid<'_>,
    reference: dicom_object::InMemDicomObject,
) -> Item {
    const ACQUISITION: Relationship = Relationship::AcquisitionContext;
    let number = |name, n: usize| {
        content::number(ACQUISITION, name, Number::Double(n as f64), codes::PIXELS)
    };
    let mut attributes = vec![content::code(ACQUISITION, codes::MODALITY, codes::CT)];
    let frame = context.identity().ct_frame_of_reference();
    attributes.extend(frame.map(|uid| content::uid(ACQUISITION, codes::FRAME_OF_REFERENCE, uid)));
    attributes.push(number(codes::PIXEL_ROWS, grid.dims[1]));
    attributes.push(number(codes::PIXEL_COLUMNS, grid.dims[0]));
    let image = content::image(Relationship::Contains, codes::SOURCE, reference);
    let group = content::container(
        codes::IMAGE_LIBRARY_GROUP,
        vec![content::with(image, attributes)],
    );
    content::container(codes::IMAGE_LIBRARY, vec![group])
}
