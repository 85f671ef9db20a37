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
