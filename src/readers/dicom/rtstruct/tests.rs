//! Tests of RT Structure Sets.

use super::super::synthetic::{self, Object, contour, decimals, put, put_items, square};
use super::*;
use dicom_core::VR;

fn parsed(object: &Object) -> Result<StructureSet> {
    let (source, file) = synthetic::open(object);
    StructureSet::from_file(&source, &file)
}

fn closed(low: f64, high: f64, z: f64) -> Object {
    contour("CLOSED_PLANAR", &square(low, high, z))
}

fn good() -> Object {
    let rois = [
        (
            "3",
            "GTV",
            vec![closed(0.0, 2.0, 1.0), closed(0.0, 4.0, 2.0)],
        ),
        (
            "5",
            "Node",
            vec![contour("CLOSEDPLANAR_XOR", &square(1.0, 2.0, 7.0))],
        ),
        ("8", "7", vec![]),
    ];
    synthetic::rtstruct("1.7", "1.5", "1.4", &rois)
}

#[test]
fn names_numbers_contours_and_references_are_read() {
    let set = parsed(&good()).unwrap();
    assert_eq!(set.source, "buffer 0");
    assert_eq!(set.uid.as_deref(), Some("1.7"));
    assert_eq!(set.drawn_on, ["1.4"]);
    assert_eq!(set.frame_of_reference.as_deref(), Some("1.5"));
    let listed: Vec<_> = set
        .rois
        .iter()
        .map(|r| (r.number, r.name.as_str(), r.contours.len()))
        .collect();
    assert_eq!(listed, [(3, "GTV", 2), (5, "Node", 1), (8, "7", 0)]);
    let gtv = &set.rois[0];
    assert_eq!(gtv.contours[1].points, square(0.0, 4.0, 2.0));
    assert!(!gtv.contours[0].exclusive_or && set.rois[1].contours[0].exclusive_or);
    assert_eq!(
        (gtv.frame_of_reference.as_deref(), gtv.refusal.clone()),
        (Some("1.5"), None)
    );
    assert_eq!(set.frame_of(gtv), Some("1.5"));
    assert_eq!(set.find("GTV").unwrap().number, 3);
    assert_eq!(set.find("5").unwrap().name, "Node");
    assert_eq!(set.find("7").unwrap().number, 8);
    let text = set.find("nothing").unwrap_err().to_string();
    assert!(text.contains("3 \"GTV\", 5 \"Node\", 8 \"7\""), "{text}");
}

#[test]
fn frames_of_reference_come_from_the_roi_or_from_the_only_one_of_the_set() {
    let frame = |uid: &str| {
        let mut o = Object::new_empty();
        put(&mut o, tags::FRAME_OF_REFERENCE_UID, VR::UI, uid);
        o
    };
    let mut object = good();
    let of_set = |object: &Object| parsed(object).unwrap().frame_of_reference;
    let sequence = tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE;
    put_items(&mut object, sequence, vec![frame("1.8"), frame("1.8")]);
    assert_eq!(of_set(&object).as_deref(), Some("1.8"));
    put_items(
        &mut object,
        sequence,
        vec![frame("1.8"), frame("1.9"), frame("1.8")],
    );
    assert_eq!(of_set(&object), None);
    put_items(&mut object, sequence, vec![]);
    assert_eq!(of_set(&object).as_deref(), Some("1.5"));
    object.remove_element(tags::FRAME_OF_REFERENCE_UID);
    let mut set = parsed(&object).unwrap();
    assert_eq!(set.frame_of(&set.rois[0]), Some("1.5"));
    set.rois[0].frame_of_reference = None;
    assert_eq!(set.frame_of(&set.rois[0]), None);
    assert!(set.drawn_on.is_empty());
}

#[test]
fn two_rois_of_one_name_or_number_are_ambiguous() {
    let one = || vec![closed(0.0, 2.0, 1.0)];
    let set = |rois: &[(&str, &str, Vec<Object>)]| {
        parsed(&synthetic::rtstruct("1.7", "1.5", "1.4", rois)).unwrap()
    };
    let names = set(&[("3", "GTV", one()), ("4", "GTV", one()), ("6", "3", one())]);
    let text = names.find("GTV").unwrap_err().to_string();
    assert!(
        text.contains("\"GTV\" is ambiguous") && text.contains("buffer 0: 3 \"GTV\", 4 \"GTV\""),
        "{text}"
    );
    // The name of one is the number of another.
    let text = names.find("3").unwrap_err().to_string();
    assert!(text.contains("3 \"GTV\", 6 \"3\""), "{text}");
    assert_eq!(names.find("4").unwrap().number, 4);
    let numbers = set(&[("3", "A", one()), ("3", "B", one()), ("4", "C", one())]);
    for (roi, refused) in numbers.rois.iter().zip([true, true, false]) {
        assert_eq!(roi.refusal.is_some(), refused);
        assert_eq!(roi.contours.is_empty(), refused);
    }
    assert!(
        numbers.rois[0]
            .refusal
            .as_deref()
            .unwrap()
            .contains("ROI Number (3006,0022) occurs twice")
    );
    // Contours of two items for one ROI.
    let mut object = good();
    let item = |number: &str| {
        let mut o = Object::new_empty();
        put(&mut o, tags::REFERENCED_ROI_NUMBER, VR::IS, number);
        put_items(&mut o, tags::CONTOUR_SEQUENCE, one());
        o
    };
    put_items(
        &mut object,
        tags::ROI_CONTOUR_SEQUENCE,
        vec![item("3"), item("5"), item("3")],
    );
    let set = parsed(&object).unwrap();
    assert!(
        set.rois[0]
            .refusal
            .as_deref()
            .unwrap()
            .contains("(3006,0039)")
    );
    assert_eq!(
        (set.rois[1].refusal.clone(), set.rois[1].contours.len()),
        (None, 1)
    );
    assert_eq!(
        (set.rois[2].refusal.clone(), set.rois[2].contours.len()),
        (None, 0)
    );
}

#[test]
fn a_set_without_rois_is_refused_and_an_roi_without_number_left_out() {
    let none = synthetic::rtstruct("1.7", "1.5", "1.4", &[]);
    assert!(
        parsed(&none)
            .unwrap_err()
            .to_string()
            .contains("no structure set ROIs")
    );
    for number in ["x", "1.5", "1e16"] {
        let rois = [(number, "A", vec![]), ("2", "B", vec![])];
        let set = parsed(&synthetic::rtstruct("1.7", "1.5", "1.4", &rois)).unwrap();
        assert_eq!(set.rois.iter().map(|r| r.number).collect::<Vec<_>>(), [2]);
    }
}

#[test]
fn contours_that_cannot_be_drawn_are_the_refusal_of_their_roi() {
    let with = |edit: &dyn Fn(&mut Object)| {
        let mut second = closed(0.0, 4.0, 2.0);
        edit(&mut second);
        let rois = [
            ("3", "GTV", vec![closed(0.0, 2.0, 1.0), second]),
            ("4", "Node", vec![closed(0.0, 2.0, 1.0)]),
        ];
        let set = parsed(&synthetic::rtstruct("1.7", "1.5", "1.4", &rois)).unwrap();
        assert_eq!(
            (set.rois[1].refusal.clone(), set.rois[1].contours.len()),
            (None, 1)
        );
        assert!(set.rois[0].refusal.is_none() || set.rois[0].contours.is_empty());
        set.rois[0].refusal.clone().unwrap_or_default()
    };
    let data = |values: &str| {
        let values = values.to_owned();
        move |o: &mut Object| {
            o.remove_element(tags::NUMBER_OF_CONTOUR_POINTS);
            put(o, tags::CONTOUR_DATA, VR::DS, &values);
        }
    };
    let kind = |kind: &'static str| {
        move |o: &mut Object| put(o, tags::CONTOUR_GEOMETRIC_TYPE, VR::CS, kind)
    };
    let count =
        |n: &'static str| move |o: &mut Object| put(o, tags::NUMBER_OF_CONTOUR_POINTS, VR::IS, n);
    let square = decimals(square(0.0, 4.0, 2.0).into_iter().flatten());
    for (edit, words) in [
        (
            &kind("POINT") as &dyn Fn(&mut Object),
            "contour 2: a contour of type POINT encloses nothing",
        ),
        (&kind("OPEN_PLANAR"), "OPEN_PLANAR encloses nothing"),
        (&kind("OPEN_NONPLANAR"), "OPEN_NONPLANAR encloses nothing"),
        (
            &kind("CLOSED"),
            "neither CLOSED_PLANAR nor CLOSEDPLANAR_XOR",
        ),
        (&kind(""), "ContourGeometricType (3006,0042) is missing"),
        (&count("3"), "contradicts the 4 points"),
        (&count("5"), "contradicts the 4 points"),
        (&count("x"), "contradicts the 4 points"),
        (&data("0\\0\\2\\4\\0\\2"), "2 points enclose nothing"),
        (
            &data(&format!("{square}\\1")),
            "holds 13 values, which are no points",
        ),
        (&data(&square.replacen('4', "4,0", 1)), "no coordinate"),
        (&data(&square.replacen('4', "nan", 1)), "no coordinate"),
        (&data(&square.replacen('4', "inf", 1)), "no coordinate"),
        (&data(&square.replacen('4', "100001", 1)), "no coordinate"),
        (&data(&square.replacen('4', "", 1)), "no coordinate"),
        (&data(""), "ContourData (3006,0050)"),
        (
            &|o: &mut Object| {
                o.remove_element(tags::CONTOUR_DATA);
            },
            "ContourData (3006,0050) is missing",
        ),
    ] {
        let text = with(edit);
        assert!(
            text.starts_with("contour 2: ") && text.contains(words),
            "{words}: {text}"
        );
    }
    // What does not contradict is read: no count, blanks, the largest coordinate, three points.
    assert_eq!(with(&data(&square)), "");
    assert_eq!(with(&data(&square.replacen('4', " 4 ", 1))), "");
    assert_eq!(with(&data(&square.replacen('4', "100000", 1))), "");
    assert_eq!(with(&data("0\\0\\2\\4\\0\\2\\4\\4\\2")), "");
    assert_eq!(with(&kind("CLOSEDPLANAR_XOR")), "");
}
