//! The report for the archive: Comprehensive 3D SR, TID 1500 with one measurement group TID 1411 that refers to the segment of
//! the lesion.

use super::codes::{self, Code};
use super::content::{self, Item, Relationship};
use super::elements::{self, Build};
use super::measurements::{self, Station};
use super::modules::{Context, ObjectKind};
use super::references::{self, OwnObject};
use super::{observer, segmentation};
use crate::error::Result;
use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

const COMPREHENSIVE_3D_SR: &str = "1.2.840.10008.5.1.4.1.1.88.34";

const KIND: ObjectKind = ObjectKind {
    name: "score report",
    class: COMPREHENSIVE_3D_SR,
    modality: "SR",
    series_number: 9902,
    title: "DLNMS scores",
};

/// Returns the file of the report.
///
/// # Errors
/// [`Error::DicomWrite`](crate::Error::DicomWrite) without a lesion, whose segment the group refers to.
pub fn write(context: &Context<'_>) -> Result<Vec<u8>> {
    let lesion = context.lesion()?;
    let segment = segmentation::instance_uid(context)?;
    let series = context.series_uid(&segmentation::KIND);
    let own = OwnObject {
        class: segmentation::KIND.class,
        instance: &segment,
        series: &series,
    };
    let ct = &context.identity().ct.images;
    let mut group = group_head(&context.tracking_identifier(), &context.tracking_uid());
    for station in Station::ALL {
        group.extend(measurements::score_and_cutoff(context, station));
        group.extend(measurements::scores_of_modalities(context, station));
    }
    group.extend(measurements::pet_metrics(lesion));
    group.extend(measurements::diameters(lesion, |slice| {
        ct.get(slice).map(references::image)
    }));
    group.extend(measurements::risk_groups(context.scores()));
    group.push(content::image(
        Relationship::Contains,
        codes::REFERENCED_SEGMENT,
        segment_of(&own),
    ));
    let pet = &context.identity().pet.series_uid;
    group.push(content::uid(
        Relationship::Contains,
        codes::SOURCE_SERIES,
        pet,
    ));
    let tree = tree(context, codes::PET_REPORT, Vec::new(), group, "1411");
    document(context, &KIND, tree, Some(&own))
}

fn segment_of(own: &OwnObject<'_>) -> InMemDicomObject {
    let mut reference = references::sop(own.class, own.instance);
    reference.number(tags::REFERENCED_SEGMENT_NUMBER, segmentation::SEGMENT);
    reference
}

/// Returns how a measurement group begins: which lesion, what it is and where.
pub(super) fn group_head(identifier: &str, uid: &str) -> Vec<Item> {
    const CONTEXT: Relationship = Relationship::ObservationContext;
    vec![
        content::text(CONTEXT, codes::TRACKING_IDENTIFIER, identifier),
        content::uid(CONTEXT, codes::TRACKING_UID, uid),
        content::code(
            Relationship::Contains,
            codes::FINDING,
            codes::PRIMARY_NEOPLASM,
        ),
        content::code(
            Relationship::ConceptModifier,
            codes::FINDING_SITE,
            codes::LUNG,
        ),
    ]
}

/// Returns the content tree of a report (TID 1500) with one group of a template; `library` comes before the measurements.
pub(super) fn tree(
    context: &Context<'_>,
    title: Code,
    library: Vec<Item>,
    group: Vec<Item>,
    template: &str,
) -> Item {
    const MODIFIER: Relationship = Relationship::ConceptModifier;
    let mut children = vec![content::code(MODIFIER, codes::LANGUAGE, codes::ENGLISH)];
    children.extend(observer::observer());
    children.push(content::code(
        MODIFIER,
        codes::PROCEDURE_REPORTED,
        codes::PET_CT_WHOLE_BODY,
    ));
    children.extend(library);
    let group = content::of_template(
        content::container(codes::MEASUREMENT_GROUP, group),
        template,
    );
    let mut measurements = measurements::provenance(context);
    measurements.push(group);
    children.push(content::container(
        codes::IMAGING_MEASUREMENTS,
        measurements,
    ));
    children.push(measurements::comments(context));
    content::root(title, "1500", children)
}

/// Returns the file of a report with this content (PS3.3 C.17.1, C.17.2).
pub(super) fn document(
    context: &Context<'_>,
    kind: &ObjectKind,
    tree: Item,
    own: Option<&OwnObject<'_>>,
) -> Result<Vec<u8>> {
    let instance = context.instance_uid(kind, &elements::encode(&tree)?);
    let mut object = context.object(kind, &instance);
    object.items(
        tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE,
        Vec::new(),
    );
    object.items(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, Vec::new());
    for (tag, value) in [
        (tags::COMPLETION_FLAG, "COMPLETE"),
        (tags::VERIFICATION_FLAG, "UNVERIFIED"),
        (tags::PRELIMINARY_FLAG, "PRELIMINARY"),
    ] {
        object.text(tag, VR::CS, value);
    }
    references::put_evidence(&mut object, context.identity(), own);
    for element in tree {
        object.put(element);
    }
    elements::file(object, 0)
}
