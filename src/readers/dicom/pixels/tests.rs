//! Tests of pixel data.

use super::super::instance::FileInfo;
use super::super::{attributes, decode, synthetic};
use super::*;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Stored pixels as pydicom has them: int32 little-endian, slices ascending along the normal.
fn sha256_of_stored(paths: &[PathBuf]) -> Result<String> {
    let read = |p: &PathBuf| Instance::read(p).unwrap_or_default();
    let mut slices: Vec<Instance> = paths.iter().flat_map(read).collect();
    let axial = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    let along = |s: &Instance| {
        let normal = attributes::normal(&s.orientation.unwrap_or(axial)).unwrap();
        attributes::along(&s.position.unwrap_or_default(), &normal)
    };
    slices.sort_by(|a, b| along(a).total_cmp(&along(b)));
    let mut hash = Sha256::new();
    for slice in &slices {
        let values = decode::image(slice, &CancelToken::default())?;
        let words: Vec<i32> = match dtype(slice)? {
            DType::U8 => values.iter().map(|v| i32::from(*v)).collect(),
            kind => values
                .as_chunks::<2>()
                .0
                .iter()
                .map(|v| match kind {
                    DType::I16 => i32::from(i16::from_ne_bytes(*v)),
                    _ => i32::from(u16::from_ne_bytes(*v)),
                })
                .collect(),
        };
        hash.update(
            words
                .iter()
                .flat_map(|w| w.to_le_bytes())
                .collect::<Vec<u8>>(),
        );
    }
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

#[test]
fn stored_pixels_equal_pydicom_bit_for_bit_in_every_lossless_transfer_syntax() {
    let shared = std::env::var_os("DLNMS_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let data = shared.join("data/petct");
    let Ok(facts) = std::fs::read(data.join("FACTS.json")) else {
        assert!(
            std::env::var_os("DLNMS_REQUIRE_ALL").is_none(),
            "{} is missing",
            data.display()
        );
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "\n*** SKIPPED: the shared test data is not here ***\n"
        );
        return;
    };
    let facts: Vec<serde_json::Value> = serde_json::from_slice(&facts).unwrap();
    let (mut equal, mut syntaxes) = (0, std::collections::BTreeSet::new());
    for row in &facts {
        let (Some(dir), Some(want)) = (
            row["dir"].as_str(),
            row["sha256_stored_as_int32_le_ascending_normal"].as_str(),
        ) else {
            continue;
        };
        let folder = data.join(dir);
        let paths: Vec<PathBuf> = match row["file"].as_str() {
            Some(file) => vec![folder.join(file)],
            None => folder
                .read_dir()
                .into_iter()
                .flatten()
                .flatten()
                .map(|e| e.path())
                .collect(),
        };
        let Some(first) = paths
            .iter()
            .find_map(|p| Instance::read(p).ok()?.into_iter().next())
        else {
            continue;
        };
        let lossy = first.lossy;
        let syntax = &first.file.transfer_syntax;
        let what = format!("{dir} {} ({})", row["file"], syntax);
        match sha256_of_stored(&paths) {
            Ok(got) if got == want => {
                equal += 1;
                syntaxes.insert(syntax.clone());
            }
            Ok(_) if lossy => println!("differs, lossy: {what}"),
            Ok(_) => panic!("{what}: other pixels than pydicom"),
            Err(e) if lossy => println!("refused, lossy: {e}"),
            Err(e) => panic!("{what}: {e}"),
        }
    }
    println!("{equal} series equal, transfer syntaxes {syntaxes:?}");
    assert_eq!((equal, syntaxes.len()), (64, 11));
}

/// Sum, lowest and highest stored value of a file, by pydicom 3.0.2 with libjpeg.
#[test]
fn twelve_bit_jpeg_equals_libjpeg() {
    let name = "CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm";
    let folder = "../shared/data/petct/c_ct/transfer_syntaxes_ctimage_ge_chest";
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(name);
    let Ok(images) = Instance::read(&file) else {
        assert!(
            std::env::var_os("DLNMS_REQUIRE_ALL").is_none(),
            "{name} is missing"
        );
        return;
    };
    let values = decode::image(&images[0], &CancelToken::default()).unwrap();
    let values = values.as_chunks::<2>().0.iter();
    let values: Vec<u64> = values.map(|v| u16::from_ne_bytes(*v).into()).collect();
    let (low, high) = (values.iter().min().unwrap(), values.iter().max().unwrap());
    let sum: u64 = values.iter().sum();
    println!("{low} {high} {sum}");
    // Inverse transforms round differently: GDCM and dcmtk differ from this one by 1 in 3 % of the pixels.
    assert!(
        low.abs_diff(498) <= 1 && high.abs_diff(2708) <= 1,
        "{low} {high}"
    );
    assert!(sum.abs_diff(405_872_884) < 512 * 512 / 20, "{sum}");
}

/// The first slice of a made CT.
fn slice() -> Instance {
    let (source, file) = synthetic::open(&synthetic::ct("1.2", "1.3", 1, 1.0)[0]);
    Instance::from_file(&source, &file).remove(0)
}

#[test]
fn the_fragments_of_a_frame_are_found_by_number_or_by_the_offset_table() {
    let of = |frame, frames, offsets: &[u32], count: u64| {
        let fragments: Vec<(u64, u32)> = (1..=count).map(|n| (100 * n, 92)).collect();
        let mut instance = slice();
        instance.frame = frame;
        let file = FileInfo {
            source: instance.file.source.clone(),
            transfer_syntax: String::new(),
            pixels: None,
            frames,
            multi_frame: true,
        };
        instance.file = file.into();
        let found = fragments_of(&instance, offsets, &fragments);
        found
            .map(|mine| mine.iter().map(|f| f.0).collect::<Vec<u64>>())
            .map_err(|e| {
                e.into_error(|why| Error::DicomPixels {
                    file: String::new(),
                    why,
                })
                .to_string()
            })
    };
    assert_eq!(of(0, 1, &[], 3), Ok(vec![100, 200, 300]));
    assert_eq!(of(1, 3, &[], 3), Ok(vec![200]));
    // Offsets count from the first fragment's item.
    let table = [0, 200, 300];
    assert_eq!(of(0, 3, &table, 5), Ok(vec![100, 200]));
    assert_eq!(of(1, 3, &table, 5), Ok(vec![300]));
    assert_eq!(of(2, 3, &table, 5), Ok(vec![400, 500]));
    let error = of(1, 3, &[0, 150, 300], 5).unwrap_err();
    assert!(error.contains("does not lead to fragments"), "{error}");
    let error = of(0, 3, &[], 5).unwrap_err();
    assert!(error.contains("5 fragments for 3 frames"), "{error}");
}

#[test]
fn bits_above_bits_stored_are_not_part_of_a_value() {
    let cleared = |bits_allocated, bits_stored, signed, mut stored: Vec<u8>| {
        let instance = Instance {
            bits_allocated,
            bits_stored,
            signed,
            ..slice()
        };
        clear_unused_bits(&mut stored, &instance);
        stored
    };
    let word = |value: u16| value.to_ne_bytes().to_vec();
    assert_eq!(cleared(8, 6, false, vec![0xff, 0x41]), [0x3f, 0x01]);
    assert_eq!(cleared(16, 12, false, word(0xf801)), word(0x0801));
    assert_eq!(cleared(16, 12, true, word(0x0801)), word(0xf801));
    assert_eq!(cleared(16, 12, true, word(0xf7ff)), word(0x07ff));
}

/// An image of one file of `frames` frames whose pixel data is this stream, in fragments of these lengths.
fn compressed(syntax: &str, frames: usize, stream: &[u8], lengths: &[u32]) -> Instance {
    let mut object = synthetic::ct("1.2", "1.3", 1, 1.0).remove(0);
    let mut padded = stream.to_vec();
    padded.resize(stream.len().next_multiple_of(2), 0);
    object.put(dicom_core::DataElement::new(
        tags::PIXEL_DATA,
        dicom_core::VR::OW,
        dicom_core::PrimitiveValue::U8(padded.into()),
    ));
    let (source, file) = synthetic::open(&object);
    let Some(PixelLayout::Native { at, .. }) = file.pixels else {
        unreachable!("a made object is not compressed")
    };
    let mut instance = Instance::from_file(&source, &file).remove(0);
    let mut next = at;
    let fragments: Vec<(u64, u32)> = lengths
        .iter()
        .map(|n| {
            next += u64::from(*n);
            (next - u64::from(*n), *n)
        })
        .collect();
    let present = fragments.iter().map(|f| u64::from(f.1)).sum();
    instance.file = Arc::new(FileInfo {
        source,
        transfer_syntax: syntax.into(),
        pixels: Some(PixelLayout::Encapsulated {
            offsets: Vec::new(),
            fragments,
            present,
        }),
        frames,
        multi_frame: frames > 1,
    });
    instance
}

const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";

#[test]
fn a_compressed_series_has_a_byte_for_1024_of_its_pixels_and_512_more_for_each_header() {
    // 1024 x 1024 words are 2 MiB: 2048 bytes are needed, 1536 beside the header.
    let of = |frames: usize, bytes: u32| {
        let mut slice = compressed(JPEG_LS, frames, &[0; 4096], &[bytes]);
        (slice.rows, slice.columns) = (1024, 1024);
        plausible_bytes(&[&slice, &slice])
    };
    assert_eq!(of(1, 1536).unwrap(), 4 << 20);
    let why = of(1, 1535).unwrap_err().to_string();
    let said = "4194304 bytes of pixels cannot be in 4094 compressed ones";
    assert!(why.contains(said), "{why}");
    // Each of two frames has half of them.
    assert!(of(2, 3072).is_ok() && of(2, 3071).is_err());
}

#[test]
fn decoding_takes_memory_for_compressed_images_alone() {
    let mut packed = compressed(JPEG_LS, 1, &[0; 4], &[4]);
    (packed.rows, packed.columns) = (3, 5);
    assert_eq!(working_bytes(&packed), 3 * 5 * 4);
    let mut native = slice();
    let info = FileInfo {
        source: native.file.source.clone(),
        transfer_syntax: JPEG_LS.into(),
        pixels: native.file.pixels.clone(),
        frames: 1,
        multi_frame: false,
    };
    native.file = info.into();
    assert_eq!(working_bytes(&native), 0);
}

/// A JPEG-LS frame header of 8 x 8 pixels behind this many bytes of other segments, and their scan.
fn jpeg_ls_behind(bytes: usize, rows: u8) -> Vec<u8> {
    let mut stream = vec![0xFF, 0xD8];
    while stream.len() < bytes {
        stream.extend([0xFF, 0xE8, 0x7F, 0xFF]);
        stream.resize(stream.len() + 0x7FFD, 0);
    }
    stream.extend([0xFF, 0xF7, 0, 11, 16, 0, rows, 0, 8, 1]);
    stream.resize(stream.len() + 100, 0);
    stream
}

#[test]
fn the_size_of_a_compressed_frame_is_that_of_the_header_wherever_its_own_header_is() {
    let check = |stream: &[u8]| {
        let instance = compressed(JPEG_LS, 1, stream, &[stream.len() as u32]);
        check_stream(&instance, &OpenFiles::default(), &CancelToken::default())
    };
    for behind in [0, 40_000, 70_000, 140_000] {
        check(&jpeg_ls_behind(behind, 8)).unwrap();
        let why = check(&jpeg_ls_behind(behind, 9)).unwrap_err().to_string();
        assert!(why.contains("its frame is 9 x 8 x 1"), "{behind}: {why}");
    }
    let why = check(&[0; 64]).unwrap_err().to_string();
    assert!(why.contains("it has no frame header"), "{why}");
}

#[test]
fn the_beginning_of_a_stream_is_put_together_from_its_fragments() {
    let bytes: Vec<u8> = (0..30).collect();
    let instance = compressed(JPEG_LS, 1, &bytes, &[10, 6, 14]);
    let Some(PixelLayout::Encapsulated { fragments, .. }) = &instance.file.pixels else {
        unreachable!("it is compressed")
    };
    let mut set = instance
        .file
        .source
        .open(&CancelToken::default())
        .unwrap()
        .0;
    for n in [0, 4, 10, 13, 16, 17, 30] {
        let read = read_stream(&mut set, fragments, n).unwrap();
        assert_eq!(read, bytes[..n]);
    }
}

#[test]
fn the_file_of_the_last_multi_frame_object_stays_open_and_no_other() {
    let (one, other) = (
        compressed(JPEG_LS, 2, &[0; 4], &[4]),
        compressed(JPEG_LS, 2, &[0; 4], &[4]),
    );
    let single = compressed(JPEG_LS, 1, &[0; 4], &[4]);
    let files = OpenFiles::default();
    let read = |instance: &Instance| {
        let read = files.with(instance, &CancelToken::default(), |_| Ok(()));
        read.map_err(String::from).unwrap();
        let open = files.0.lock().unwrap();
        open.iter().map(|(of, _)| *of).collect::<Vec<usize>>()
    };
    let address = |instance: &Instance| Arc::as_ptr(&instance.file).addr();
    assert!(read(&single).is_empty());
    assert_eq!(read(&one), [address(&one)]);
    assert_eq!(read(&one), [address(&one)]);
    assert_eq!(read(&other), [address(&other)]);
    assert_eq!(read(&single), [address(&other)]);
}
