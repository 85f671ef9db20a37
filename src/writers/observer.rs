//! Who made an object: this library, and the model that it ran.

use super::codes::{self, Code};
use super::content::{self, Item, Relationship};
use super::elements::{Build, short};
use super::product::{MANUFACTURER, MODEL, VERSION};
use super::uid::uid;
use crate::scorer::Engine;
use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// Sets the equipment of an object (PS3.3 C.7.5.1, C.7.5.2). Its serial number is the beginning of the model's digest.
pub fn put_equipment(object: &mut InMemDicomObject, engine: &Engine) {
    object.text(tags::MANUFACTURER, VR::LO, MANUFACTURER);
    object.text(tags::MANUFACTURER_MODEL_NAME, VR::LO, MODEL);
    object.text(tags::DEVICE_SERIAL_NUMBER, VR::LO, serial(engine));
    object.text(tags::SOFTWARE_VERSIONS, VR::LO, VERSION);
}

fn serial(engine: &Engine) -> &str {
    engine.manifest_sha256.get(..16).unwrap_or_default()
}

/// Sets the model as equipment that contributed, as IHE AI Results asks for each algorithm.
pub fn put_model(object: &mut InMemDicomObject, engine: &Engine) {
    let manifest = &engine.manifest;
    let mut item = InMemDicomObject::new_empty();
    let purpose = codes::PROCESSING_EQUIPMENT.item();
    item.item(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, purpose);
    item.text(tags::MANUFACTURER, VR::LO, MANUFACTURER);
    item.text(
        tags::MANUFACTURER_MODEL_NAME,
        VR::LO,
        &short(&manifest.id, 64),
    );
    item.text(tags::DEVICE_SERIAL_NUMBER, VR::LO, serial(engine));
    item.text(
        tags::SOFTWARE_VERSIONS,
        VR::LO,
        &short(&manifest.version, 64),
    );
    let device = uid("model", &[engine.manifest_sha256.as_bytes()]);
    item.text(tags::DEVICE_UID, VR::UI, &device);
    item.text(
        tags::CONTRIBUTION_DESCRIPTION,
        VR::ST,
        "Scores of occult nodal metastasis; research use only",
    );
    object.item(tags::CONTRIBUTING_EQUIPMENT_SEQUENCE, item);
}

/// Returns the observer of a report (TID 1002, TID 1004).
pub fn observer() -> Vec<Item> {
    const CONTEXT: Relationship = Relationship::ObservationContext;
    let device = uid("device", &[MODEL.as_bytes(), VERSION.as_bytes()]);
    vec![
        content::code(CONTEXT, codes::OBSERVER_TYPE, codes::DEVICE),
        content::uid(CONTEXT, codes::DEVICE_UID, &device),
        content::text(CONTEXT, codes::DEVICE_NAME, MODEL),
        content::text(CONTEXT, codes::DEVICE_MANUFACTURER, MANUFACTURER),
        content::text(CONTEXT, codes::DEVICE_MODEL, MODEL),
        content::text(CONTEXT, codes::DEVICE_SERIAL, VERSION),
    ]
}

/// Returns the identification of an algorithm (TID 4019).
pub fn algorithm(name: &str, version: &str, parameters: &[String]) -> Vec<Item> {
    let item = |code: Code, text: &str| content::text(Relationship::ConceptModifier, code, text);
    let mut items = vec![
        item(codes::ALGORITHM_NAME, name),
        item(codes::ALGORITHM_VERSION, version),
    ];
    items.extend(
        parameters
            .iter()
            .map(|p| item(codes::ALGORITHM_PARAMETERS, p)),
    );
    items
}
