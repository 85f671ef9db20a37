//! Tracers and nuclides by their codes and names.

use super::super::synthetic::{Object, put, put_items};
use super::*;
use dicom_core::VR;

fn code(value: &str, meaning: &str) -> Object {
    let mut code = Object::new_empty();
    put(&mut code, tags::CODE_VALUE, VR::SH, value);
    put(&mut code, tags::CODE_MEANING, VR::LO, meaning);
    code
}

#[test]
fn fdg_is_known_by_its_code_or_its_name() {
    let of = |codes: Vec<Object>, name: &str| {
        let mut drug = Object::new_empty();
        put_items(&mut drug, tags::RADIOPHARMACEUTICAL_CODE_SEQUENCE, codes);
        put(&mut drug, tags::RADIOPHARMACEUTICAL, VR::LO, name);
        fdg(&drug)
    };
    assert_eq!(of(vec![], ""), None);
    assert_eq!(of(vec![code("C-B1031", "")], ""), Some(true));
    assert_eq!(
        of(vec![code("1", "Fluorodeoxyglucose F^18^")], ""),
        Some(true)
    );
    assert_eq!(of(vec![], "18F-FDG"), Some(true));
    assert_eq!(of(vec![], "68Ga PSMA"), Some(false));
    assert_eq!(of(vec![code("C-B1036", "PSMA")], "other"), Some(false));
}

#[test]
fn a_nuclide_may_be_coded_twice_and_two_nuclides_are_refused() {
    let of = |codes: &[&str]| {
        let mut drug = Object::new_empty();
        let codes = codes.iter().map(|c| code(c, "")).collect();
        put_items(&mut drug, tags::RADIONUCLIDE_CODE_SEQUENCE, codes);
        nuclide(&drug).map(|n| n.map(|n| n.name))
    };
    assert_eq!(of(&["C-111A1"]), Ok(Some("F-18")));
    assert_eq!(of(&["C-B1038", "129504001"]), Ok(Some("O-15")));
    assert_eq!(of(&[]), Ok(None));
    let why = of(&["C-B1038", "C-159A2"]).unwrap_err();
    assert!(why.contains("names two nuclides"), "{why}");
}
