//! What a page as a picture and as a document share.

use super::elements::Build;
use super::modules::Context;
use super::references;
use crate::imaging::StoredGrid;
use crate::readers::dicom::SeriesSource;
use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// Sets what both objects say of their origin: no person drew them, and no identity is burnt into them.
pub fn put_common(object: &mut InMemDicomObject) {
    object.text(tags::CONVERSION_TYPE, VR::CS, "WSD");
    object.text(tags::BURNED_IN_ANNOTATION, VR::CS, "NO");
}

/// Returns references to the images of the PET and the CT in which the centre of the tumour lies.
pub fn center_images(context: &Context<'_>) -> Vec<InMemDicomObject> {
    let center = context.scores().center;
    let (grids, identity) = (context.source.grids, context.identity());
    let image = |(grid, series): (&StoredGrid, &SeriesSource)| {
        let slice = grid.view().lps_to_index(center)[2].round();
        let image = (slice >= 0.0).then(|| series.images.get(slice as usize));
        image.flatten().map(references::image)
    };
    [(&grids.pet, &identity.pet), (&grids.ct, &identity.ct)]
        .into_iter()
        .filter_map(image)
        .collect()
}
