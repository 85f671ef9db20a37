//! Compressed pixels and headers from somebody who means harm: streams that end early are refused and never partly
//! filled, and nothing costs more time or memory than what it could hold.

use crate::support;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use dlnms::cancel::CancelToken;
use dlnms::error::status::*;
use dlnms::readers::dicom::{Archive, Modality};
use dlnms::reading::ReadOptions;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const RLE: &str = "1.2.840.10008.1.2.5";
const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
const JPEG_2000: &str = "1.2.840.10008.1.2.4.90";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";

type Put = (Tag, VR, PrimitiveValue);

/// The attributes of a CT slice at this height.
fn slice(z: usize, rows: u16, columns: u16) -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    let text = |t: &str| PrimitiveValue::from(t);
    let puts: [Put; 20] = [
        (tags::SOP_CLASS_UID, VR::UI, text(uids::CT_IMAGE_STORAGE)),
        (tags::SOP_INSTANCE_UID, VR::UI, text(&format!("1.2.3.{z}"))),
        (tags::MODALITY, VR::CS, text("CT")),
        (tags::PATIENT_ID, VR::LO, text("A")),
        (tags::STUDY_INSTANCE_UID, VR::UI, text("1.2.1")),
        (tags::SERIES_INSTANCE_UID, VR::UI, text("1.2.2")),
        (tags::FRAME_OF_REFERENCE_UID, VR::UI, text("1.2.9")),
        (
            tags::IMAGE_POSITION_PATIENT,
            VR::DS,
            text(&format!("0\\0\\{z}")),
        ),
        (
            tags::IMAGE_ORIENTATION_PATIENT,
            VR::DS,
            text("1\\0\\0\\0\\1\\0"),
        ),
        (tags::PIXEL_SPACING, VR::DS, text("1\\1")),
        (
            tags::PHOTOMETRIC_INTERPRETATION,
            VR::CS,
            text("MONOCHROME2"),
        ),
        (tags::SAMPLES_PER_PIXEL, VR::US, 1u16.into()),
        (tags::ROWS, VR::US, rows.into()),
        (tags::COLUMNS, VR::US, columns.into()),
        (tags::BITS_ALLOCATED, VR::US, 16u16.into()),
        (tags::BITS_STORED, VR::US, 16u16.into()),
        (tags::HIGH_BIT, VR::US, 15u16.into()),
        (tags::PIXEL_REPRESENTATION, VR::US, 0u16.into()),
        (tags::RESCALE_SLOPE, VR::DS, text("1")),
        (tags::RESCALE_INTERCEPT, VR::DS, text("-1024")),
    ];
    for (tag, vr, value) in puts {
        object.put(DataElement::new(tag, vr, value));
    }
    object
}

/// A file: a header with the transfer syntax alone, the attributes, and what comes after them.
fn file(syntax: &str, object: &InMemDicomObject, pixels: &[u8]) -> Vec<u8> {
    let mut syntax_value = syntax.as_bytes().to_vec();
    syntax_value.resize(syntax.len().next_multiple_of(2), 0);
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM\x02\0\x10\0UI");
    bytes.extend((syntax_value.len() as u16).to_le_bytes());
    bytes.extend(syntax_value);
    let mut set = Vec::new();
    let explicit = &dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN.erased();
    object.write_dataset_with_ts(&mut set, explicit).unwrap();
    set.extend(pixels);
    bytes.extend(if syntax == DEFLATED {
        deflated(&set)
    } else {
        set
    });
    bytes
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Pixel Data with one fragment, PS3.5 A.4.
fn fragment(stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    stream.resize(stream.len().next_multiple_of(2), 0);
    let mut out =
        b"\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\0\0\0\0\xFE\xFF\0\xE0".to_vec();
    out.extend((stream.len() as u32).to_le_bytes());
    out.extend(stream);
    out.extend(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    out
}

/// Pixel Data as it is, PS3.5 A.2.
fn native(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"\xE0\x7F\x10\0OW\0\0".to_vec();
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
    out
}

fn archive(files: Vec<Vec<u8>>) -> Archive {
    let buffers = files.into_iter().map(Arc::from).collect();
    Archive::from_buffers(buffers, &CancelToken::default()).unwrap()
}

fn ct(archive: &Archive) -> dlnms::Result<dlnms::readers::dicom::Series> {
    archive.series(Modality::Ct, None, &|_, _| true, &CancelToken::default())
}

fn refused<T>(outcome: dlnms::Result<T>, status: i32, words: &str) {
    let error = outcome.err().expect(words);
    assert_eq!(error.status(), status, "{error}");
    assert!(error.to_string().contains(words), "{error} lacks {words:?}");
}

/// A file's bytes before its pixels, its transfer syntax and its stream. By hand, for not every sample has the header that
/// dicom-rs wants.
fn take_apart(bytes: &[u8]) -> Option<(Vec<u8>, String, Vec<u8>)> {
    let find = |what: &[u8]| bytes.windows(what.len()).position(|w| w == what);
    let at = find(b"\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF")?;
    let syntax = bytes.get(find(b"\x02\0\x10\0UI")? + 6..)?;
    let (length, syntax) = syntax.split_first_chunk::<2>()?;
    let syntax = &syntax[..usize::from(u16::from_le_bytes(*length))];
    let syntax = String::from_utf8_lossy(syntax);
    let mut items = &bytes[at + 12..];
    let mut stream = Vec::new();
    let mut first = true;
    while let Some(rest) = items.strip_prefix(b"\xFE\xFF\0\xE0") {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (fragment, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        if !first {
            stream.extend(fragment);
        }
        (items, first) = (rest, false);
    }
    let syntax = syntax.trim_end_matches('\0').to_owned();
    Some((bytes[..at].to_vec(), syntax, stream))
}

#[test]
fn streams_that_end_early_are_refused_in_every_transfer_syntax() {
    let Some(data) = support::shared("data/petct/c_ct") else {
        return;
    };
    let (mut syntaxes, mut cuts) = (std::collections::BTreeSet::new(), 0);
    for folder in [
        "transfer_syntaxes_ct1_ge",
        "transfer_syntaxes_ctimage_ge_chest",
    ] {
        for entry in data.join(folder).read_dir().unwrap().flatten() {
            let bytes = std::fs::read(entry.path()).unwrap();
            let Some((header, syntax, stream)) = take_apart(&bytes) else {
                continue;
            };
            let image = |stream: &[u8]| {
                let buffers = vec![Arc::from([header.clone(), fragment(stream)].concat())];
                Archive::from_buffers(buffers, &CancelToken::default())?.image(0)
            };
            if let Err(e) = image(&stream) {
                println!("{syntax} is not read: {e}");
                continue;
            }
            syntaxes.insert(syntax.clone());
            let n = stream.len();
            let shares = (0..20).map(|share| n * share / 20);
            for cut in shares.chain([n - 2000, n - 200, n - 20, n - 10]) {
                cuts += 1;
                // As it is; as somebody would hide it: with the marker that ends JPEG streams of all kinds, or filled
                // up to its length.
                let ended = [&stream[..cut], &[0xFF, 0xD9]].concat();
                let filled = [&stream[..cut], &vec![0; n - cut]].concat();
                for (how, bytes) in [
                    ("cut", &stream[..cut]),
                    ("ended", &ended),
                    ("filled", &filled),
                ] {
                    // What is filled up with zeros in place is another stream, which RLE and JPEG 2000 may hold.
                    if how == "filled" && !syntax.contains(".4.5") && !syntax.contains(".4.7") {
                        continue;
                    }
                    let outcome = image(bytes);
                    let what = format!("{syntax} {how} at {cut} of {n}");
                    assert!(outcome.is_err(), "{what}: accepted");
                    let error = outcome.unwrap_err();
                    assert_eq!(error.status(), DLNMS_E_DICOM_PIXELS, "{what}: {error}");
                }
            }
        }
    }
    println!("{cuts} cuts of {syntaxes:?}");
    assert!(syntaxes.len() >= 8, "{syntaxes:?}");
}

#[test]
fn deflated_data_sets_that_end_early_are_refused_and_whole_ones_are_read_to_the_bit() {
    let pixels: Vec<u8> = (0..128 * 128u32)
        .flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 18).to_le_bytes()[..2].to_vec())
        .collect();
    let whole = file(DEFLATED, &slice(0, 128, 128), &native(&pixels));
    assert_eq!(archive(vec![whole.clone()]).image(0).unwrap().0, pixels);
    for cut in (160..whole.len() - 10).step_by(97) {
        let buffers = vec![Arc::from(&whole[..cut])];
        let opened = Archive::from_buffers(buffers, &CancelToken::default());
        let Ok(archive) = opened else { continue };
        let outcome = archive.image(0);
        assert!(outcome.is_err(), "cut at {cut} of {}", whole.len());
    }
}

#[test]
fn multi_frame_deflated_objects_are_inflated_once_for_each_thread() {
    // 400 frames, the last first: reading each anew would inflate 13 GB.
    let (frames, side) = (400usize, 128u16);
    let mut object = slice(0, side, side);
    let count = PrimitiveValue::from(frames.to_string());
    object.put(DataElement::new(tags::NUMBER_OF_FRAMES, VR::IS, count));
    let groups = (0..frames).map(|n| {
        let position = format!("0\\0\\{}", frames - n);
        let position = DataElement::new(
            tags::IMAGE_POSITION_PATIENT,
            VR::DS,
            PrimitiveValue::from(position),
        );
        let plane = InMemDicomObject::from_element_iter([position]);
        let sequence = DataSetSequence::from(vec![plane]);
        InMemDicomObject::from_element_iter([DataElement::new(
            tags::PLANE_POSITION_SEQUENCE,
            VR::SQ,
            sequence,
        )])
    });
    let groups = DataSetSequence::from(groups.collect::<Vec<_>>());
    object.put(DataElement::new(
        tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
        VR::SQ,
        groups,
    ));
    let pixels: Vec<u8> = (0..frames)
        .flat_map(|n| (n as u16).to_le_bytes().repeat(usize::from(side).pow(2)))
        .collect();
    let archive = archive(vec![file(DEFLATED, &object, &native(&pixels))]);
    let clock = Instant::now();
    let series = ct(&archive).unwrap();
    println!("{:?}", clock.elapsed());
    assert!(
        clock.elapsed() < Duration::from_secs(3),
        "{:?}",
        clock.elapsed()
    );
    let slice_bytes = 2 * usize::from(side).pow(2);
    for (k, slice) in series.volume.data.chunks_exact(slice_bytes).enumerate() {
        let value = (frames - 1 - k) as u16;
        assert!(
            slice
                .as_chunks::<2>()
                .0
                .iter()
                .all(|v| *v == value.to_ne_bytes())
        );
    }
}

/// The main header of a JPEG 2000 stream, with these precincts if any, and a tile-part that holds nothing.
fn jpeg_2000(side: u32, levels: u8, layers: u16, block: u8, precincts: &[u8]) -> Vec<u8> {
    let mut out = b"\xFF\x4F\xFF\x51\0\x29\0\0".to_vec();
    for word in [side, side, 0, 0, side, side, 0, 0] {
        out.extend(word.to_be_bytes());
    }
    out.extend(b"\0\x01\x0F\x01\x01\xFF\x52");
    out.extend((12 + precincts.len() as u16).to_be_bytes());
    out.extend([u8::from(!precincts.is_empty()), 0]);
    out.extend(layers.to_be_bytes());
    out.extend([0, levels, block, block, 0, 1]);
    out.extend(precincts);
    out.extend(b"\xFF\x5C\0\x04\x40\x40\xFF\x90\0\x0A\0\0\0\0\0\x0E\0\x01\xFF\x93\xFF\xD9");
    out
}

/// The headers of a JPEG-LS stream of this size.
fn jpeg_ls(side: u16) -> Vec<u8> {
    let mut out = b"\xFF\xD8\xFF\xF7\0\x0B\x10".to_vec();
    out.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
    out.extend(b"\x01\x01\x11\0\xFF\xDA\0\x08\x01\x01\0\0\0\0\0\0\xFF\xD9");
    out
}

#[test]
fn headers_that_claim_what_no_slice_has_are_refused_before_anything_is_allocated() {
    let clock = Instant::now();
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
    assert!(
        clock.elapsed() < Duration::from_secs(2),
        "{:?}",
        clock.elapsed()
    );
}

#[test]
fn a_deflate_bomb_costs_nothing_and_a_study_beyond_its_limit_is_refused_by_name() {
    // 382 kB that inflate to 390 MB: a private element, and pixels.
    let mut private = b"\x09\0\x10\x10UN\0\0".to_vec();
    private.extend((390u32 << 20).to_le_bytes());
    private.extend(vec![0; 390 << 20]);
    let bomb = file(DEFLATED, &InMemDicomObject::new_empty(), &private);
    assert!(bomb.len() < 400_000, "{}", bomb.len());
    let clock = Instant::now();
    let opened = Archive::from_buffers(vec![Arc::from(bomb)], &CancelToken::default());
    refused(opened.map(|_| ()), DLNMS_E_DICOM_READ, "none of 1 files");
    assert!(
        clock.elapsed() < Duration::from_secs(2),
        "{:?}",
        clock.elapsed()
    );

    let pixels = native(&[0; 2 * 64 * 64]);
    let files: Vec<Vec<u8>> = (0..4)
        .map(|z| file(EXPLICIT, &slice(z, 64, 64), &pixels))
        .collect();
    let load = |max_study_bytes| {
        let options = ReadOptions {
            max_study_bytes,
            ..ReadOptions::default()
        };
        let buffers = files.iter().map(|f| Arc::from(f.as_slice())).collect();
        let archive =
            Archive::from_buffers_with(buffers, &options, &CancelToken::default()).unwrap();
        ct(&archive)
    };
    assert_eq!(load(4 * 8192).unwrap().volume.data.len(), 4 * 8192);
    let words = "max_study_bytes: the series would take 32768 bytes, 32767 are allowed";
    refused(load(32767), DLNMS_E_INVALID_ARGUMENT, words);
}

#[test]
fn contours_on_headers_that_claim_too_much_make_no_mask() {
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
        let clock = Instant::now();
        let found = archive.inspect();
        assert_eq!(found.rois.len(), 1);
        let why = found.rois[0].refusal.as_deref().unwrap_or("a mask");
        assert!(
            why.contains("the images that it was drawn on are not here"),
            "{why}"
        );
        refused(
            archive.roi_mask(0, &[&archive]),
            DLNMS_E_ROI_INVALID,
            "not here",
        );
        assert!(
            clock.elapsed() < Duration::from_secs(1),
            "{:?}",
            clock.elapsed()
        );
    }
    // The same contours on slices that there may be.
    assert_eq!(claims(64).inspect().rois[0].refusal, None);
}

/// Noise, as a JPEG-LS stream.
fn noise(side: u16) -> Vec<u8> {
    let pixels = (0..u32::from(side).pow(2)).flat_map(|n| {
        let n = n.wrapping_mul(2_654_435_761);
        ((n ^ n >> 15) as u16).to_le_bytes()
    });
    let frame = charls::FrameInfo {
        width: u32::from(side),
        height: u32::from(side),
        bits_per_sample: 16,
        component_count: 1,
    };
    let pixels: Vec<u8> = pixels.collect();
    charls::CharLS::default().encode(frame, 0, &pixels).unwrap()
}

#[test]
fn a_cancelled_call_ends_within_100_ms_also_inside_a_slice() {
    // One slice that takes half a second, on one thread.
    let stream = fragment(&noise(4096));
    let files = [0, 1].map(|z| file(JPEG_LS, &slice(z, 4096, 4096), &stream));
    let large = archive(files.into());
    // A header that takes a second to inflate, as somebody would write it.
    let mut element = b"\x09\0\x10\x10UN\0\0".to_vec();
    element.extend((200u32 << 20).to_le_bytes());
    element.extend(vec![0; 200 << 20]);
    let bomb: Arc<[u8]> = file(DEFLATED, &InMemDicomObject::new_empty(), &element).into();
    drop(element);
    let decode =
        |cancel: &CancelToken| large.series(Modality::Ct, None, &|_, _| true, cancel).err();
    let scan = |cancel: &CancelToken| {
        let many = vec![bomb.clone(); 64];
        Archive::from_buffers(many, cancel).err()
    };
    for (what, late) in [
        ("decoding", support::latest_after_cancel(decode)),
        ("scanning", support::latest_after_cancel(scan)),
    ] {
        println!("{what}: {late:?}");
        assert!(late < Duration::from_millis(100), "{what}: {late:?}");
    }
}

#[test]
fn a_folder_of_many_files_is_cancelled_within_100_ms() {
    let out = tempfile::tempdir().unwrap();
    let slice = file(EXPLICIT, &slice(0, 8, 8), &native(&[0; 128]));
    for n in 0..200 {
        let folder = out.path().join(n.to_string());
        std::fs::create_dir(&folder).unwrap();
        let first = folder.join("0");
        std::fs::write(&first, &slice).unwrap();
        for k in 1..100 {
            std::fs::hard_link(&first, folder.join(k.to_string())).unwrap();
        }
    }
    let late = support::latest_after_cancel(|cancel| {
        Archive::open(&[out.path().to_path_buf()], cancel).err()
    });
    println!("{late:?}");
    assert!(late < Duration::from_millis(100), "{late:?}");
}

#[test]
fn no_more_threads_read_and_decode_than_allowed() {
    let pixels = native(&[1; 2 * 256 * 256]);
    let files: Vec<Vec<u8>> = (0..64)
        .map(|z| file(EXPLICIT, &slice(z, 256, 256), &pixels))
        .collect();
    for threads in [1usize, 2, 3] {
        let options = ReadOptions {
            threads,
            ..ReadOptions::default()
        };
        let buffers = files.iter().map(|f| Arc::from(f.as_slice())).collect();
        let archive =
            Archive::from_buffers_with(buffers, &options, &CancelToken::default()).unwrap();
        let seen = Mutex::new(std::collections::HashSet::new());
        let progress = |_, _| {
            std::thread::sleep(Duration::from_millis(1));
            seen.lock().unwrap().insert(std::thread::current().id());
            true
        };
        archive
            .series(Modality::Ct, None, &progress, &CancelToken::default())
            .unwrap();
        let seen = seen.into_inner().unwrap();
        assert!(seen.len() <= threads, "{} instead of {threads}", seen.len());
        assert!(threads > 1 || seen.contains(&std::thread::current().id()));
    }
}

#[test]
fn lossless_jpeg_and_rle_of_our_own_make_the_pixels_that_went_in() {
    // PackBits of 0x0102 everywhere: two segments of runs.
    let (side, run) = (16u16, [129u8, 1]);
    let segment = |value: u8| [[run[0], value].as_slice(), &[run[0], value]].concat();
    let mut stream = [2u32, 64, 68]
        .iter()
        .flat_map(|w| w.to_le_bytes())
        .collect::<Vec<u8>>();
    stream.resize(64, 0);
    stream.extend([segment(1), segment(2)].concat());
    let rle =
        |stream: &[u8]| archive(vec![file(RLE, &slice(0, side, side), &fragment(stream))]).image(0);
    let pixels = rle(&stream).unwrap().0;
    assert!(
        pixels
            .as_chunks::<2>()
            .0
            .iter()
            .all(|v| u16::from_ne_bytes(*v) == 0x0102)
    );
    refused(
        rle(&stream[..70]),
        DLNMS_E_DICOM_PIXELS,
        "a segment breaks off",
    );
    // One code, of one bit, for a difference of 0: 256 pixels are 32 bytes.
    let jpeg = |data: &[u8]| {
        let mut stream = b"\xFF\xD8\xFF\xC4\0\x14\0".to_vec();
        stream.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        stream.extend(
            b"\xFF\xC3\0\x0B\x10\0\x10\0\x10\x01\x01\x11\0\xFF\xDA\0\x08\x01\x01\0\x01\0\0",
        );
        stream.extend(data);
        stream.extend(b"\xFF\xD9");
        archive(vec![file(
            JPEG_LOSSLESS,
            &slice(0, side, side),
            &fragment(&stream),
        )])
        .image(0)
    };
    let pixels = jpeg(&[0; 32]).unwrap().0;
    assert!(
        pixels
            .as_chunks::<2>()
            .0
            .iter()
            .all(|v| u16::from_ne_bytes(*v) == 32768)
    );
    refused(
        jpeg(&[0; 31]),
        DLNMS_E_DICOM_PIXELS,
        "the stream breaks off",
    );
}

#[test]
fn lists_of_rois_are_cancelled_within_100_ms() {
    let Some(data) = support::shared("data/petct/a_ct_roi") else {
        return;
    };
    let archive = Archive::open(&[data], &CancelToken::default()).unwrap();
    let late = support::latest_after_cancel(|cancel| archive.inspect_until(cancel).err());
    println!("{late:?}");
    assert!(late < Duration::from_millis(100), "{late:?}");
}

#[test]
fn altered_streams_never_panic_hang_or_end_the_process() {
    let Some(data) = support::shared("data/petct/c_ct") else {
        return;
    };
    let mut state = 42u64;
    let mut below = |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let (mut accepted, mut refused, mut slowest) = (0, 0, Duration::ZERO);
    let folder = data.join("transfer_syntaxes_ctimage_ge_chest");
    for entry in folder.read_dir().unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap();
        let Some((header, syntax, stream)) = take_apart(&bytes) else {
            continue;
        };
        for n in 0..100 {
            let mut altered = stream.clone();
            // Headers lie in the first bytes.
            let reach = [200, stream.len()][n % 2].min(stream.len());
            for _ in 0..=below(3) {
                altered[below(reach)] = below(256) as u8;
            }
            let buffers = vec![Arc::from([header.clone(), fragment(&altered)].concat())];
            let clock = Instant::now();
            let read = || Archive::from_buffers(buffers, &CancelToken::default())?.image(0);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
            match outcome.unwrap_or_else(|_| panic!("{syntax}, {n}")) {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
            slowest = slowest.max(clock.elapsed());
        }
    }
    println!("{accepted} accepted, {refused} refused, slowest {slowest:?}");
    assert!(refused > 500 && slowest < Duration::from_secs(3));
}
