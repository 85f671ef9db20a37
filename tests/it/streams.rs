//! Compressed pixels and headers from somebody who means harm: streams that end early are refused and never partly
//! filled, and nothing costs more time or memory than what it could hold.

use crate::support::dicom_bytes::*;
use crate::support::watchdog::Watchdog;
use crate::support::{self, cancelling};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dlnms::cancel::CancelToken;
use dlnms::error::status::*;
use dlnms::readers::dicom::{Archive, Modality};
use dlnms::reading::ReadOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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

/// The files of a folder in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    files
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
        for file in files(&data.join(folder)) {
            let bytes = std::fs::read(&file).unwrap();
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
    assert_eq!((syntaxes.len(), cuts), (9, 288));
}

#[test]
fn deflated_data_sets_that_end_early_are_refused_and_whole_ones_are_read_to_the_bit() {
    let pixels: Vec<u8> = (0..128 * 128u32)
        .flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 18).to_le_bytes()[..2].to_vec())
        .collect();
    let whole = file(DEFLATED, &slice(0, 128, 128), &native(&pixels));
    assert_eq!(archive(vec![whole.clone()]).image(0).unwrap().0, pixels);
    let mut in_pixels = 0;
    let cuts: Vec<usize> = (160..whole.len() - 10).step_by(97).collect();
    for &cut in &cuts {
        let buffers = vec![Arc::from(&whole[..cut])];
        let opened = Archive::from_buffers(buffers, &CancelToken::default());
        let refused = match opened {
            Ok(archive) => {
                in_pixels += 1;
                archive.image(0).map(drop)
            }
            Err(e) => Err(e),
        };
        let of_pixels = refused
            .as_ref()
            .is_err_and(|e| e.status() == DLNMS_E_DICOM_PIXELS);
        let of_header = refused
            .as_ref()
            .is_err_and(|e| e.status() == DLNMS_E_DICOM_READ);
        assert!(
            of_pixels || of_header,
            "cut at {cut} of {}: {refused:?}",
            whole.len()
        );
    }
    println!("{in_pixels} of {} cuts lie in the pixels", cuts.len());
    assert_eq!((in_pixels, cuts.len()), (262, 265));
}

#[test]
fn multi_frame_deflated_objects_are_inflated_once_for_each_thread() {
    // 400 frames, the last first: reading each anew would inflate 2.6 GB for either of two passes.
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
    let series = ct(&archive).unwrap();
    let looks = cancelling::looks(|c| archive.series(Modality::Ct, None, &|_, _| true, c));
    println!("{looks} looks");
    // Inflating it once takes 4 for each frame, the frames themselves take 2.
    assert!(looks <= 16 * frames as u64, "{looks}");
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

#[test]
fn a_study_beyond_its_limit_is_refused_by_name() {
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
fn a_call_can_be_cancelled_inside_a_slice() {
    let two = |side: u16| {
        let stream = fragment(&noise(side));
        archive(
            [0, 1]
                .map(|z| file(JPEG_LS, &slice(z, side, side), &stream))
                .into(),
        )
    };
    let decode = |archive: &Archive, cancel: &CancelToken| {
        archive.series(Modality::Ct, None, &|_, _| true, cancel)
    };
    let (small, large) = (two(16), two(4096));
    let beside_slices = cancelling::looks(|c| decode(&small, c));
    let all = cancelling::looks(|c| decode(&large, c));
    println!("{beside_slices} looks beside slices, {all} in all");
    // The decoder cannot look; who waits for it does. Either slice takes half a second.
    assert!(all >= beside_slices + 2, "{all}, {beside_slices}");
    let looks = (1..=beside_slices).step_by(7);
    cancelling::ends_when_cancelled("decoding", looks, 2, |c| decode(&large, c));
}

#[test]
fn a_call_can_be_cancelled_inside_a_header() {
    // 200 MiB that are inflated, as somebody would write it who means harm.
    let mut element = b"\x09\0\x10\x10UN\0\0".to_vec();
    element.extend((200u32 << 20).to_le_bytes());
    element.extend(vec![0; 200 << 20]);
    let bomb: Arc<[u8]> = file(DEFLATED, &InMemDicomObject::new_empty(), &element).into();
    drop(element);
    let scan = |cancel: &CancelToken| Archive::from_buffers(vec![bomb.clone(); 2], cancel);
    let all = cancelling::looks(scan);
    println!("{all} looks in 400 MiB");
    assert!(all >= 400, "not one in each MiB");
    // Each of both threads may look once more.
    cancelling::ends_when_cancelled("scanning", (1..400).step_by(40), 4, scan);
}

#[test]
fn a_folder_of_many_files_can_be_cancelled_at_every_file() {
    let out = tempfile::tempdir().unwrap();
    let slice = file(EXPLICIT, &slice(0, 8, 8), &native(&[0; 128]));
    for n in 0..20 {
        let folder = out.path().join(n.to_string());
        std::fs::create_dir(&folder).unwrap();
        let first = folder.join("0");
        std::fs::write(&first, &slice).unwrap();
        for k in 1..100 {
            std::fs::hard_link(&first, folder.join(k.to_string())).unwrap();
        }
    }
    let open = |cancel: &CancelToken| Archive::open(&[out.path().to_path_buf()], cancel);
    let all = cancelling::looks(open);
    println!("{all} looks at 2000 files");
    assert!(
        all >= 2 * 2000,
        "not one while a file is listed and one while it is read"
    );
    // Files that are left alone are a look each.
    cancelling::ends_when_cancelled("opening", (1..=4000).step_by(499), 2000, open);
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
fn a_list_of_rois_can_be_cancelled_between_them() {
    let Some(data) = support::shared("data/petct/a_ct_roi") else {
        return;
    };
    let archive = Archive::open(&[data], &CancelToken::default()).unwrap();
    let inspect = |cancel: &CancelToken| archive.inspect_until(cancel);
    let rois = archive.inspect().rois.len() as u64;
    let all = cancelling::looks(inspect);
    // Before and after each, between the parts of an inspection, and inside each mask, which has many slices.
    assert_eq!(rois, 4);
    assert!(all > 100 * rois, "{all} looks");
    let tried = (1..=10).chain((11..=all).step_by(97));
    // What began to be drawn when the token was triggered looks once more before it ends.
    cancelling::ends_when_cancelled("inspecting", tried, rois, inspect);
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
    let (mut accepted, mut refused) = (0, 0);
    let watchdog = Watchdog::new("altered streams");
    let folder = data.join("transfer_syntaxes_ctimage_ge_chest");
    for file in files(&folder) {
        let bytes = std::fs::read(&file).unwrap();
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
            watchdog.sees(&format!("{}, variant {n}", file.display()));
            let read = || Archive::from_buffers(buffers, &CancelToken::default())?.image(0);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
            match outcome.unwrap_or_else(|_| panic!("{syntax}, {n}")) {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
    }
    println!("{accepted} accepted, {refused} refused");
    assert_eq!((accepted, refused), (208, 592));
}
