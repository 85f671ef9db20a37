//! Tests of the ROIs of a study.

use super::super::synthetic::{Object, bytes, contour, ct, frame, rtstruct, seg, square};
use super::*;
use crate::cancel::CancelToken;

fn archive(objects: &[Object]) -> Archive {
    let buffers = objects.iter().map(bytes).collect();
    Archive::from_buffers(buffers, &CancelToken::default()).unwrap()
}

/// A square of `side` voxels on each of three slices.
fn cube(side: usize) -> Vec<Object> {
    let square = |z| square(0.5, side as f64 + 0.5, z);
    let slices = [2.0, 4.0, 6.0].map(|z| contour("CLOSED_PLANAR", &square(z)));
    slices.to_vec()
}

fn find(
    archives: &[&Archive],
    kind: RoiKind,
    wanted: Option<&str>,
) -> Result<Vec<(i64, String, usize)>> {
    let found = find_rois(archives, archives, kind, wanted, &CancelToken::default())?;
    let voxels = |m: &RoiMask| m.volume.data.iter().filter(|v| **v == 1).count();
    Ok(found
        .into_iter()
        .map(|(r, m)| (r.number, r.name, voxels(&m)))
        .collect())
}

fn why(archives: &[&Archive], kind: RoiKind, wanted: &str) -> String {
    find(archives, kind, Some(wanted)).unwrap_err().to_string()
}

#[test]
fn rois_are_measured_on_the_series_they_were_drawn_on() {
    let overlapping = vec![
        contour("CLOSED_PLANAR", &square(0.5, 3.5, 2.0)),
        contour("CLOSED_PLANAR", &square(2.5, 5.5, 2.0)),
    ];
    let rois = [
        ("3", "GTV", cube(2)),
        ("4", "Joined", overlapping),
        ("5", "Empty", vec![]),
    ];
    let mut objects = ct("1.4", "1.5", 5, 2.0);
    objects.push(rtstruct("1.7", "1.5", "1.4", &rois));
    let all = archive(&objects);
    let listed = all.rois();
    let gtv = &listed[0];
    assert_eq!((gtv.number, gtv.voxels, gtv.ml), (3, Some(12), Some(0.024)));
    assert_eq!(gtv.centroid_lps_mm, Some([1.5, 1.5, 4.0]));
    assert_eq!(
        (gtv.kind, gtv.source.as_str(), gtv.refusal.clone()),
        (RoiKind::Contours, "buffer 5", None)
    );
    assert_eq!(
        (listed[0].contours_overlap, listed[1].contours_overlap),
        (false, true)
    );
    assert_eq!(listed[1].voxels, Some(17));
    assert_eq!(
        listed[2].refusal.as_deref(),
        Some("roi: ROI 5: it has no contours")
    );
    assert_eq!((listed[2].voxels, listed[2].ml), (None, None));
    let mask = all.roi_mask(1, &[&all], &CancelToken::default()).unwrap();
    assert!(mask.contours_overlap);
    assert_eq!(mask.frame_of_reference.as_deref(), Some("1.5"));
    assert!(
        all.roi_mask(3, &[&all], &CancelToken::default())
            .unwrap_err()
            .to_string()
            .contains("ROI 3: there are 3")
    );
    assert_eq!(
        find(&[&all], RoiKind::Contours, Some("GTV")).unwrap(),
        [(3, "GTV".into(), 12)]
    );
    assert_eq!(
        find(&[&all], RoiKind::Contours, Some("4")).unwrap()[0].2,
        17
    );
    assert!(
        why(&[&all], RoiKind::Contours, "x")
            .contains("\"x\" is none of the ROIs: 3 \"GTV\", 4 \"Joined\"")
    );
    assert!(why(&[&all], RoiKind::Segment, "3").contains("is none of the ROIs"));
}

#[test]
fn a_name_or_number_that_several_have_is_ambiguous() {
    let set = |uid: &str, rois: &[(&str, &str, Vec<Object>)]| rtstruct(uid, "1.5", "1.4", rois);
    let mut objects = ct("1.4", "1.5", 5, 2.0);
    let first = set(
        "1.7",
        &[
            ("3", "GTV", cube(2)),
            ("4", "GTV", cube(3)),
            ("6", "Node", cube(2)),
        ],
    );
    objects.push(first.clone());
    let one = archive(&objects);
    let text = why(&[&one], RoiKind::Contours, "GTV");
    assert!(
        text.contains("\"GTV\" is ambiguous: ROIs 3 of buffer 5, 4 of buffer 5"),
        "{text}"
    );
    assert_eq!(
        find(&[&one], RoiKind::Contours, Some("6")).unwrap().len(),
        1
    );
    assert_eq!(find(&[&one], RoiKind::Contours, None).unwrap().len(), 3);
    // In another file of the study; one that makes no mask is as good a name.
    objects.push(set("1.8", &[("9", "Node", vec![])]));
    let two = archive(&objects);
    let text = why(&[&two], RoiKind::Contours, "Node");
    assert!(text.contains("ROIs 6 of buffer 5, 9 of buffer 6"), "{text}");
    // The same file twice is one.
    objects.pop();
    objects.push(first.clone());
    let copies = archive(&objects);
    assert_eq!(
        find(&[&copies], RoiKind::Contours, Some("Node"))
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        find(&[&one, &one], RoiKind::Contours, Some("Node"))
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        find(&[&one, &one], RoiKind::Contours, None).unwrap().len(),
        3
    );
    // Copies that differ are not.
    objects.pop();
    objects.push(set("1.7", &[("6", "Node", cube(1))]));
    assert!(why(&[&archive(&objects)], RoiKind::Contours, "Node").contains("ambiguous"));
    objects.pop();
    objects.push(set("1.7", &[("7", "Node", cube(2))]));
    assert!(why(&[&archive(&objects)], RoiKind::Contours, "Node").contains("ambiguous"));
    objects.pop();
    objects.push(set("1.8", &[("6", "Node", cube(2))]));
    assert!(why(&[&archive(&objects)], RoiKind::Contours, "Node").contains("ambiguous"));
}

fn one_segment(uid: &str, frame_of_reference: &str, bits: u8) -> Object {
    let frames = vec![frame(1, [0.0; 3])];
    seg(
        uid,
        frame_of_reference,
        &[1],
        ["2", "2"],
        frames,
        (true, vec![bits]),
    )
}

#[test]
fn segments_are_found_by_number_alone_and_their_frame_of_reference_is_compared() {
    let mut objects = ct("1.4", "1.5", 5, 2.0);
    objects.push(one_segment("1.7", "1.5", 0b111));
    let one = archive(&objects);
    assert_eq!(
        find(&[&one], RoiKind::Segment, Some("1")).unwrap(),
        [(1, "S".into(), 3)]
    );
    assert!(why(&[&one], RoiKind::Segment, "S").contains("none of the ROIs"));
    assert_eq!(one.rois()[0].voxels, Some(3));
    objects.push(one_segment("1.8", "1.5", 0b1));
    let text = why(&[&archive(&objects)], RoiKind::Segment, "1");
    assert!(
        text.contains("\"1\" is ambiguous: segments 1 of buffer 5, 1 of buffer 6"),
        "{text}"
    );
    // Another frame of reference than every image; without images nothing is known.
    let mut objects = ct("1.4", "1.5", 5, 2.0);
    objects.push(one_segment("1.7", "1.6", 0b111));
    let other = archive(&objects);
    let words = "segment 1: its frame of reference is not that of the images";
    assert!(why(&[&other], RoiKind::Segment, "1").contains(words));
    assert!(other.rois()[0].refusal.as_deref().unwrap().contains(words));
    let alone = archive(&[one_segment("1.7", "1.6", 0b111)]);
    assert_eq!(alone.rois()[0].voxels, Some(3));
}

#[test]
fn contours_are_laid_on_their_own_series_or_one_of_their_frame_of_reference() {
    let laid = |objects: Vec<Object>| {
        archive(&objects).roi_mask(0, &[&archive(&objects)], &CancelToken::default())
    };
    let with = |frame: &str, series: &str, images: &[Vec<Object>]| {
        let mut objects = images.concat();
        objects.push(rtstruct("1.7", frame, series, &[("3", "GTV", cube(2))]));
        laid(objects)
    };
    let fine = ct("1.41", "1.5", 9, 1.0);
    let coarse = ct("1.42", "1.5", 5, 2.0);
    let elsewhere = ct("1.43", "1.6", 12, 1.0);
    let images = [fine, coarse, elsewhere];
    // Drawn on the smaller one.
    assert_eq!(with("1.5", "1.42", &images).unwrap().volume.dims, [8, 8, 5]);
    // Drawn on one that is not here: the largest in the frame of reference.
    let mask = with("1.5", "1.49", &images).unwrap();
    assert_eq!(
        (mask.volume.dims, mask.frame_of_reference.as_deref()),
        ([8, 8, 9], Some("1.5"))
    );
    // Drawn on a series whose frame of reference is another.
    let text = with("1.7", "1.43", &images).unwrap_err().to_string();
    assert!(
        text.contains(
            "ROI 3: its frame of reference is not that of the images that it was drawn on"
        ),
        "{text}"
    );
    assert_eq!(with("1.5", "1.43", &images).unwrap().volume.dims, [8, 8, 9]);
    let text = with("1.7", "1.49", &images).unwrap_err().to_string();
    assert!(
        text.contains("the images that it was drawn on are not here"),
        "{text}"
    );
}

#[test]
fn a_mask_in_another_frame_of_reference_than_the_study_is_refused() {
    let objects = ct("1.4", "1.5", 5, 2.0);
    let all = archive(&objects);
    let series = |modality| {
        let cancel = CancelToken::default();
        let mut series = all
            .series(Modality::Ct, None, &|_, _| true, &cancel)
            .unwrap();
        series.modality = modality;
        series
    };
    let study = Study::new(series(Modality::Ct), series(Modality::Pt));
    let mask = |frame: Option<&str>| RoiMask {
        volume: study.ct.volume.clone(),
        contours_overlap: false,
        frame_of_reference: frame.map(str::to_owned),
    };
    assert!(mask(Some("1.5")).require_frame_of(&study).is_ok());
    assert!(mask(None).require_frame_of(&study).is_ok());
    let text = mask(Some("1.6"))
        .require_frame_of(&study)
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "roi: the ROI: its frame of reference is not that of the images"
    );
}

#[test]
fn frames_of_reference_that_are_stated_must_agree() {
    let check =
        |frame, images: &[Option<&str>]| require_frame(frame, images.iter().copied()).is_ok();
    assert!(check(Some("a"), &[Some("b"), Some("a")]));
    assert!(!check(Some("a"), &[Some("b"), None]));
    assert!(check(Some("a"), &[None, None]));
    assert!(check(Some("a"), &[]));
    assert!(check(None, &[Some("b")]));
}
