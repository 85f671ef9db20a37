//! Headers and streams that claim more than they hold are refused before memory is allocated for what they claim.

use crate::counting::{self, Mark};
use crate::support::dicom_bytes::*;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dlnms::cancel::CancelToken;
use dlnms::error::status::*;
use dlnms::readers::dicom::Archive;
use std::sync::Arc;

#[test]
fn headers_that_claim_what_no_slice_has_are_refused_before_anything_is_allocated() {
    let _turn = counting::turn();
    let mark = Mark::new();
    let two = |syntax, side: u16, stream: &[u8]| {
        let slice = |z| file(syntax, &slice(z, side, side), &fragment(stream));
        archive(vec![slice(0), slice(1)])
    };
    for side in [60_000u16, 30_000, 4097] {
        let words = format!("Rows is {side}, allowed 1 to 4096");
        for archive in [
            two(JPEG_2000, side, &jpeg_2000(u32::from(side), 5, 1, 4, &[])),
            two(JPEG_LS, side, &jpeg_ls(side)),
            two(EXPLICIT, side, &[]),
        ] {
            refused(ct(&archive), DLNMS_E_DICOM_PIXELS, &words);
            refused(archive.image(0), DLNMS_E_DICOM_PIXELS, &words);
        }
    }
    // The stream alone claims it.
    let words = "its frame is 60000 x 60000 x 1, the header says 512 x 512 x 1";
    refused(
        ct(&two(JPEG_2000, 512, &jpeg_2000(60_000, 5, 1, 4, &[]))),
        DLNMS_E_DICOM_PIXELS,
        words,
    );
    refused(
        ct(&two(JPEG_LS, 512, &jpeg_ls(60_000))),
        DLNMS_E_DICOM_PIXELS,
        words,
    );
    // The last of many slices, whose buffer would have been there already.
    let mut files: Vec<_> = (0..40)
        .map(|z| file(JPEG_LS, &slice(z, 512, 512), &fragment(&jpeg_ls(512))))
        .collect();
    files.push(file(
        JPEG_LS,
        &slice(40, 512, 512),
        &fragment(&jpeg_ls(60_000)),
    ));
    refused(
        ct(&archive(files)),
        DLNMS_E_DICOM_PIXELS,
        "buffer 40: JPEG-LS: its frame is 60000",
    );
    // A size that there might be, in nothing.
    let many = (0..100).map(|z| {
        file(
            JPEG_2000,
            &slice(z, 4096, 4096),
            &fragment(&jpeg_2000(4096, 5, 1, 4, &[])),
        )
    });
    refused(
        ct(&archive(many.collect())),
        DLNMS_E_DICOM_PIXELS,
        "cannot be in",
    );
    // The smallest claim is two slices of 4097 x 4097 pixels: 67 MB.
    println!("headers that claim too much: {} bytes", mark.peak());
    assert!(mark.peak() < 2 << 20, "{}", mark.peak());
    // What makes the decoder allocate: precincts, packets, blocks, tiles.
    for (stream, words) in [
        (jpeg_2000(512, 5, 1, 4, &[0x11; 6]), "precincts in 1 layers"),
        (
            jpeg_2000(512, 5, 65_535, 4, &[]),
            "precincts in 65535 layers",
        ),
        (jpeg_2000(4096, 5, 1, 0, &[]), "code blocks"),
        (jpeg_2000(512, 33, 1, 4, &[]), "damaged"),
    ] {
        let side = u16::from_be_bytes([stream[10], stream[11]]);
        let archive = two(JPEG_2000, side, &[stream, vec![0; 100_000]].concat());
        refused(ct(&archive), DLNMS_E_DICOM_PIXELS, words);
    }
}

#[test]
fn a_deflate_bomb_takes_no_memory() {
    let _turn = counting::turn();
    // 382 kB that inflate to 390 MB: a private element.
    let mut private = b"\x09\0\x10\x10UN\0\0".to_vec();
    private.extend((390u32 << 20).to_le_bytes());
    private.extend(vec![0; 390 << 20]);
    let bomb = file(DEFLATED, &InMemDicomObject::new_empty(), &private);
    drop(private);
    assert!(bomb.len() < 400_000, "{}", bomb.len());
    let mark = Mark::new();
    let opened = Archive::from_buffers(vec![Arc::from(bomb)], &CancelToken::default());
    refused(opened.map(|_| ()), DLNMS_E_DICOM_READ, "none of 1 files");
    println!("a deflate bomb: {} bytes", mark.peak());
    assert!(mark.peak() < 2 << 20, "{}", mark.peak());
}

#[test]
fn contours_on_headers_that_claim_too_much_make_no_mask() {
    let _turn = counting::turn();
    let number = |n: &str| PrimitiveValue::from(n);
    let one = |tag, object| DataElement::new(tag, VR::SQ, DataSetSequence::from(vec![object]));
    let named = InMemDicomObject::from_element_iter([
        DataElement::new(tags::ROI_NUMBER, VR::IS, number("1")),
        DataElement::new(tags::ROI_NAME, VR::LO, number("GTV")),
        DataElement::new(
            tags::REFERENCED_FRAME_OF_REFERENCE_UID,
            VR::UI,
            number("1.2.9"),
        ),
    ]);
    let contour = InMemDicomObject::from_element_iter([
        DataElement::new(
            tags::CONTOUR_GEOMETRIC_TYPE,
            VR::CS,
            number("CLOSED_PLANAR"),
        ),
        DataElement::new(tags::NUMBER_OF_CONTOUR_POINTS, VR::IS, number("4")),
        DataElement::new(
            tags::CONTOUR_DATA,
            VR::DS,
            number("1\\1\\1\\9\\1\\1\\9\\9\\1\\1\\9\\1"),
        ),
    ]);
    let drawn = InMemDicomObject::from_element_iter([
        DataElement::new(tags::REFERENCED_ROI_NUMBER, VR::IS, number("1")),
        one(tags::CONTOUR_SEQUENCE, contour),
    ]);
    let frame = InMemDicomObject::from_element_iter([DataElement::new(
        tags::FRAME_OF_REFERENCE_UID,
        VR::UI,
        number("1.2.9"),
    )]);
    let set = InMemDicomObject::from_element_iter([
        DataElement::new(
            tags::SOP_CLASS_UID,
            VR::UI,
            number("1.2.840.10008.5.1.4.1.1.481.3"),
        ),
        DataElement::new(tags::MODALITY, VR::CS, number("RTSTRUCT")),
        DataElement::new(tags::FRAME_OF_REFERENCE_UID, VR::UI, number("1.2.9")),
        one(tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE, frame),
        one(tags::STRUCTURE_SET_ROI_SEQUENCE, named),
        one(tags::ROI_CONTOUR_SEQUENCE, drawn),
    ]);
    // 30 kB.
    let claims = |side: u16| {
        let stream = fragment(&jpeg_2000(u32::from(side), 5, 1, 4, &[]));
        let mut files: Vec<_> = (0..40)
            .map(|z| file(JPEG_2000, &slice(z, side, side), &stream))
            .collect();
        files.push(file(EXPLICIT, &set, &[]));
        assert!(files.iter().map(Vec::len).sum::<usize>() < 50_000);
        archive(files)
    };
    for side in [60_000, 4096] {
        let archive = claims(side);
        let mark = Mark::new();
        let found = archive.inspect();
        assert_eq!(found.rois.len(), 1);
        let why = found.rois[0].refusal.as_deref().unwrap_or("a mask");
        assert!(
            why.contains("the images that it was drawn on are not here"),
            "{why}"
        );
        refused(
            archive.roi_mask(0, &[&archive], &CancelToken::default()),
            DLNMS_E_ROI_INVALID,
            "not here",
        );
        println!("contours on {side} x {side}: {} bytes", mark.peak());
        assert!(mark.peak() < 2 << 20, "{}", mark.peak());
    }
    // The same contours on slices that there may be.
    assert_eq!(claims(64).inspect().rois[0].refusal, None);
}
