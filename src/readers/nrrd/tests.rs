//! What the fields of a header mean, and how much of it must be there.

use super::*;
use crate::cancel::CancelToken;
use crate::reading::ReadOptions;

const HEADER: &str = "NRRD0004
type: uint8
dimension: 3
sizes: 3 2 2
encoding: raw
space: left-posterior-superior
space directions: (100,0,0) (0,3,0) (0,0,4)
space origin: (1,2,3)
";

fn fields(more: &str) -> Result<Fields, String> {
    let text = format!("{HEADER}{more}\n\n");
    let read = Fields::read(&mut text.as_bytes());
    read.map(|(fields, _)| fields).map_err(String::from)
}

fn grid(more: &str) -> Result<Placement, String> {
    fields(more)?.grid().map_err(String::from)
}

#[test]
fn comments_and_keys_of_the_writer_are_no_fields() {
    let read =
        fields("# content: a comment\ncontent: a:=b\nmy key:=kinds: a b c\nnote:=x").unwrap();
    assert_eq!(read.get("content"), Some("a:=b"));
    assert_eq!(read.get("kinds"), None);
    assert_eq!(read.0.len(), 8);
    let why = fields("type: uint8").err().unwrap();
    assert_eq!(why, "the field \"type\" is there twice");
}

#[test]
fn bytes_have_no_order_and_words_need_one() {
    assert!(
        !fields("")
            .unwrap()
            .layout()
            .map_err(String::from)
            .unwrap()
            .swapped
    );
    let words = HEADER.replace("uint8", "int16");
    let read = |more: &str| {
        let text = format!("{words}{more}\n");
        let read = Fields::read(&mut text.as_bytes()).map_err(String::from)?.0;
        read.layout().map(|l| l.swapped).map_err(String::from)
    };
    assert_eq!(read(""), Err("the field \"endian\" is missing".into()));
    assert_eq!(read("endian: little\n"), Ok(cfg!(target_endian = "big")));
    assert_eq!(read("endian: big\n"), Ok(cfg!(target_endian = "little")));
}

#[test]
fn spacings_within_a_hundredth_of_the_directions_are_the_same() {
    for (spacings, same) in [
        ("100 3 4", true),
        ("101 3 4", true),
        ("99 3 4", true),
        ("nan 3.02 3.97", true),
        ("101.01 3 4", false),
        ("100 3.04 4", false),
        ("100 3 3.95", false),
    ] {
        let found = grid(&format!("spacings: {spacings}"));
        match (found, same) {
            (Ok(_), true) => {}
            (Err(why), false) => assert!(why.contains("contradict each other"), "{why}"),
            (found, _) => panic!("{spacings}: {found:?}"),
        }
    }
}

#[test]
fn a_grid_is_in_the_units_of_its_space() {
    for (units, mm) in [
        ("", 1.0),
        ("space units: \"mm\" \"mm\" \"mm\"", 1.0),
        ("space units: \"cm\" \"cm\" \"cm\"", 10.0),
        ("space units: \"\" \"???\" \"m\"", 1000.0),
        ("units: \"???\" \"\" \"um\"", 0.001),
    ] {
        let (origin, spacing, _) = grid(units).unwrap();
        assert_eq!(origin, [1.0, 2.0, 3.0].map(|v| v * mm), "{units}");
        assert_eq!(spacing, [100.0, 3.0, 4.0].map(|v| v * mm), "{units}");
    }
    let why = grid("space units: \"mm\" \"mm\" \"cm\"").unwrap_err();
    assert_eq!(why, "space units are \"mm\" and \"cm\"");
}

#[test]
fn vectors_are_columns_of_unit_length_in_lps() {
    let header = HEADER
        .replace("left-posterior-superior", "RAS")
        .replace("(100,0,0) (0,3,0)", "(3,4,0) (-8,6,0)");
    let read = Fields::read(&mut header.as_bytes()).map_err(String::from);
    let (origin, spacing, direction) = read.unwrap().0.grid().map_err(String::from).unwrap();
    assert_eq!((origin, spacing), ([-1.0, -2.0, 3.0], [5.0, 10.0, 4.0]));
    let wanted = [[-0.6, 0.8, 0.0], [-0.8, -0.6, 0.0], [0.0, 0.0, 1.0]];
    for (found, wanted) in direction.as_flattened().iter().zip(wanted.as_flattened()) {
        assert!((found - wanted).abs() < 1e-12, "{direction:?}");
    }
}

/// Reads a volume of twelve bytes with these fields, the encoding among them, and this data.
fn volume(more: &str, data: &[u8]) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("v.nrrd");
    let header = HEADER.replace("encoding: raw\n", "");
    let bytes = [format!("{header}{more}\n\n").as_bytes(), data].concat();
    std::fs::write(&file, bytes).unwrap();
    let reading = Reading {
        options: &ReadOptions::default(),
        cancel: &CancelToken::default(),
    };
    let volume = read(&file, &reading).map_err(String::from)?;
    Ok(volume.data)
}

#[test]
fn a_byte_skip_of_minus_1_takes_the_last_bytes_of_a_file() {
    let detached = |data: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let header = folder.path().join("v.nhdr");
        let more = "byte skip: -1\ndata file: v.raw\n";
        std::fs::write(&header, format!("{HEADER}{more}")).unwrap();
        std::fs::write(folder.path().join("v.raw"), data).unwrap();
        let reading = Reading {
            options: &ReadOptions::default(),
            cancel: &CancelToken::default(),
        };
        read(&header, &reading)
            .map(|v| v.data)
            .map_err(String::from)
    };
    let bytes: Vec<u8> = (0..20).collect();
    assert_eq!(detached(&bytes).unwrap(), bytes[8..]);
    assert_eq!(detached(&bytes[..12]).unwrap(), bytes[..12]);
    let why = detached(&bytes[..11]).unwrap_err();
    assert_eq!(why, "11 bytes, 12 are needed");
}

#[test]
fn bytes_are_skipped_in_what_is_packed_and_not_beyond_its_end() {
    use std::io::Write;
    let packed = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let bytes: Vec<u8> = (0..17).collect();
    let skipped = |n: usize| {
        let more = format!("encoding: gzip\nbyte skip: {n}");
        volume(&more, &packed(&bytes))
    };
    assert_eq!(skipped(5).unwrap(), bytes[5..]);
    assert_eq!(skipped(18).unwrap_err(), "byte skip goes beyond the end");
    let short = skipped(17).unwrap_err();
    assert!(short.contains("0 bytes of voxels"), "{short}");
}
