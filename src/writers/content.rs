//! Content items of a structured report (PS3.3 C.17.3).

use super::codes::Code;
use super::elements::{Build, decimal, decimal_f32};
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// What an item is to the one that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relationship {
    /// CONTAINS.
    Contains,
    /// HAS CONCEPT MOD.
    ConceptModifier,
    /// HAS OBS CONTEXT.
    ObservationContext,
    /// HAS ACQ CONTEXT.
    AcquisitionContext,
    /// INFERRED FROM.
    InferredFrom,
    /// SELECTED FROM.
    SelectedFrom,
}

impl Relationship {
    fn name(self) -> &'static str {
        match self {
            Relationship::Contains => "CONTAINS",
            Relationship::ConceptModifier => "HAS CONCEPT MOD",
            Relationship::ObservationContext => "HAS OBS CONTEXT",
            Relationship::AcquisitionContext => "HAS ACQ CONTEXT",
            Relationship::InferredFrom => "INFERRED FROM",
            Relationship::SelectedFrom => "SELECTED FROM",
        }
    }
}

/// A measured number, in the precision in which it was computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Single precision.
    Single(f32),
    /// Double precision.
    Double(f64),
}

/// One content item: a data set.
pub type Item = InMemDicomObject;

/// Returns an item without a value.
fn item(relationship: Relationship, value_type: &str, name: Code) -> Item {
    let mut item = named(value_type, name);
    item.text(tags::RELATIONSHIP_TYPE, VR::CS, relationship.name());
    item
}

fn named(value_type: &str, name: Code) -> Item {
    let mut item = InMemDicomObject::new_empty();
    item.text(tags::VALUE_TYPE, VR::CS, value_type);
    item.item(tags::CONCEPT_NAME_CODE_SEQUENCE, name.item());
    item
}

/// Puts items below one.
pub fn with(mut item: Item, children: Vec<Item>) -> Item {
    if !children.is_empty() {
        item.items(tags::CONTENT_SEQUENCE, children);
    }
    item
}

/// Returns the root of a content tree.
pub fn root(name: Code, template: &str, children: Vec<Item>) -> Item {
    let mut item = named("CONTAINER", name);
    item.text(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE");
    item.item(tags::CONTENT_TEMPLATE_SEQUENCE, content_template(template));
    with(item, children)
}

/// Returns a container within a container. Its items are separate: viewers leave out the names of a continuous one.
pub fn container(name: Code, children: Vec<Item>) -> Item {
    let mut item = item(Relationship::Contains, "CONTAINER", name);
    item.text(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE");
    with(item, children)
}

/// Marks a container as one of a template of PS3.16.
pub fn of_template(mut container: Item, template: &str) -> Item {
    container.item(tags::CONTENT_TEMPLATE_SEQUENCE, content_template(template));
    container
}

fn content_template(identifier: &str) -> InMemDicomObject {
    let mut template = InMemDicomObject::new_empty();
    template.text(tags::MAPPING_RESOURCE, VR::CS, "DCMR");
    template.text(tags::TEMPLATE_IDENTIFIER, VR::CS, identifier);
    template
}

/// Returns a coded value.
pub fn code(relationship: Relationship, name: Code, value: Code) -> Item {
    let mut item = item(relationship, "CODE", name);
    item.item(tags::CONCEPT_CODE_SEQUENCE, value.item());
    item
}

/// Returns a text.
pub fn text(relationship: Relationship, name: Code, value: &str) -> Item {
    let mut item = item(relationship, "TEXT", name);
    item.text(tags::TEXT_VALUE, VR::UT, value);
    item
}

/// Returns a UID.
pub fn uid(relationship: Relationship, name: Code, value: &str) -> Item {
    let mut item = item(relationship, "UIDREF", name);
    item.text(tags::UID, VR::UI, value);
    item
}

/// Returns a number with its unit. A number that sixteen characters cannot hold is stated as a binary number too.
pub fn number(relationship: Relationship, name: Code, value: Number, unit: Code) -> Item {
    let mut measured = InMemDicomObject::new_empty();
    let (text, exact, exactly) = match value {
        Number::Single(v) => {
            let text = decimal_f32(v);
            let exact = text.parse() == Ok(v);
            (text, exact, f64::from(v))
        }
        Number::Double(v) => {
            let text = decimal(v);
            let exact = text.parse() == Ok(v);
            (text, exact, v)
        }
    };
    measured.text(tags::NUMERIC_VALUE, VR::DS, &text);
    if !exact {
        let value = PrimitiveValue::from(exactly);
        measured.put(DataElement::new(tags::FLOATING_POINT_VALUE, VR::FD, value));
    }
    measured.item(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, unit.item());
    let mut item = item(relationship, "NUM", name);
    item.item(tags::MEASURED_VALUE_SEQUENCE, measured);
    item
}

/// Returns an image, or a segment of one. `reference` is an item of a Referenced SOP Sequence.
pub fn image(relationship: Relationship, name: Code, reference: InMemDicomObject) -> Item {
    let mut item = item(relationship, "IMAGE", name);
    item.item(tags::REFERENCED_SOP_SEQUENCE, reference);
    item
}

/// Returns a point in an image, column and row counted from the outer corner of the first pixel.
pub fn point(name: Code, [column, row]: [f32; 2], image: Item) -> Item {
    let mut item = item(Relationship::Contains, "SCOORD", name);
    let graphic = PrimitiveValue::F32([column, row].as_slice().into());
    item.put(DataElement::new(tags::GRAPHIC_DATA, VR::FL, graphic));
    item.text(tags::GRAPHIC_TYPE, VR::CS, "POINT");
    with(item, vec![image])
}
