//! NIfTI and NRRD: every field that decides values or positions is honoured to the bit, or refused by its name.

use crate::support::{self, cancelling};
use dlnms::cancel::CancelToken;
use dlnms::imaging::Volume;
use dlnms::readers;
use std::io::Write;
use std::path::PathBuf;

/// A volume of 3 x 2 x 2 signed words, 1, 2, 3 ..., whose header can be edited.
struct Nifti {
    bytes: Vec<u8>,
}

const VOXELS: usize = 12;

impl Nifti {
    fn new() -> Self {
        let mut file = Self {
            bytes: vec![0; 352],
        };
        file.int(0, 348);
        file.bytes[344..348].copy_from_slice(b"n+1\0");
        file.shorts(40, &[3, 3, 2, 2, 1, 1, 1, 1]);
        file.shorts(70, &[4, 16]);
        file.floats(76, &[1.0, 2.0, 3.0, 4.0]);
        file.floats(108, &[352.0, 0.0, 0.0]);
        file.bytes[123] = 2;
        file.sform([
            [2.0, 0.0, 0.0, 10.0],
            [0.0, 3.0, 0.0, 20.0],
            [0.0, 0.0, 4.0, 30.0],
        ]);
        file.bytes
            .extend((1..=VOXELS as i16).flat_map(i16::to_le_bytes));
        file
    }

    fn int(&mut self, at: usize, value: i32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn shorts(&mut self, at: usize, values: &[i16]) {
        for (i, v) in values.iter().enumerate() {
            self.bytes[at + 2 * i..][..2].copy_from_slice(&v.to_le_bytes());
        }
    }

    fn floats(&mut self, at: usize, values: &[f32]) {
        for (i, v) in values.iter().enumerate() {
            self.bytes[at + 4 * i..][..4].copy_from_slice(&v.to_le_bytes());
        }
    }

    fn sform(&mut self, rows: [[f32; 4]; 3]) {
        self.shorts(254, &[1]);
        self.floats(280, rows.as_flattened());
    }

    /// The same orientation and place by a quaternion: the identity.
    fn qform(&mut self, offset: [f32; 3]) {
        self.shorts(252, &[1]);
        self.floats(256, &[0.0, 0.0, 0.0]);
        self.floats(268, &offset);
    }

    fn read(&self) -> dlnms::Result<Volume> {
        read("v.nii", &self.bytes)
    }
}

fn read(name: &str, bytes: &[u8]) -> dlnms::Result<Volume> {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    readers::read(&file)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn values(volume: &Volume) -> Vec<f64> {
    let [nx, ny, nz] = volume.dims;
    let view = volume.view("file").unwrap();
    let at = |n: usize| view.value([n % nx, n / nx % ny, n / nx / ny]);
    (0..nx * ny * nz).map(at).collect()
}

fn refused(outcome: dlnms::Result<Volume>, words: &str) {
    let error = outcome.expect_err(words).to_string();
    assert!(error.contains(words), "{error:?} lacks {words:?}");
}

#[test]
fn nifti_fields_are_honoured() {
    let plain = Nifti::new().read().unwrap();
    let counted: Vec<f64> = (1..=VOXELS).map(|n| n as f64).collect();
    assert_eq!(values(&plain), counted);
    assert_eq!(plain.spacing, [2.0, 3.0, 4.0]);
    assert_eq!(plain.origin, [-10.0, -20.0, 30.0]);
    assert_eq!(
        plain.direction,
        [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
    );

    // Metres and micrometres.
    for (unit, scale) in [(0, 1.0), (1, 1000.0), (2, 1.0), (3, 0.001)] {
        let mut file = Nifti::new();
        file.bytes[123] = unit | 8; // and seconds
        let volume = file.read().unwrap();
        assert_eq!(volume.spacing, [2.0, 3.0, 4.0].map(|v| v * scale));
        assert_eq!(volume.origin, [-10.0, -20.0, 30.0].map(|v| v * scale));
    }
    // Scaling; a slope of 0 or NaN means none.
    for (slope, inter, want) in [
        (2.0, -1000.0, [-998.0, -996.0]),
        (0.0, 0.0, [1.0, 2.0]),
        (f32::NAN, f32::NAN, [1.0, 2.0]),
        (-0.5, 0.0, [-0.5, -1.0]),
    ] {
        let mut file = Nifti::new();
        file.floats(112, &[slope, inter]);
        assert_eq!(values(&file.read().unwrap())[..2], want);
    }
    // The qform alone, and beside an sform that says the same.
    let mut file = Nifti::new();
    file.qform([10.0, 20.0, 30.0]);
    assert_eq!(file.read().unwrap().origin, plain.origin);
    file.shorts(254, &[0]);
    let alone = file.read().unwrap();
    assert_eq!(
        (alone.origin, alone.spacing, alone.direction),
        (plain.origin, plain.spacing, plain.direction)
    );
    // Big-endian, with every field turned around.
    let mut turned = Nifti::new();
    let swap =
        |bytes: &mut [u8], size: usize| bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    swap(&mut turned.bytes[0..4], 4);
    swap(&mut turned.bytes[40..56], 2);
    swap(&mut turned.bytes[70..74], 2);
    swap(&mut turned.bytes[76..120], 4);
    swap(&mut turned.bytes[252..256], 2);
    swap(&mut turned.bytes[256..328], 4);
    swap(&mut turned.bytes[352..], 2);
    let turned = turned.read().unwrap();
    assert_eq!(
        (values(&turned), turned.origin),
        (counted.clone(), plain.origin)
    );
    // An extension before the voxels, and a few bytes after them.
    let mut file = Nifti::new();
    file.floats(108, &[368.0]);
    file.bytes.splice(352..352, [7; 16]);
    file.bytes.extend([0; 4]);
    assert_eq!(values(&file.read().unwrap()), counted);
}

#[test]
fn a_quaternion_is_the_rotation_of_the_standard() {
    // (a, b, c, d) of a rotation about an oblique axis, and its matrix by numpy from the standard's formula. In LPS the first
    // two rows change their sign; `qfac` turns the third column.
    let oblique = [
        [0.5, -0.794_091_982, -0.345_568_986_f64],
        [0.554_091_982, 0.6, -0.577_045_991],
        [0.665_568_986, 0.097_045_991, 0.74],
    ];
    for (qfac, handed) in [(1.0_f32, 1.0), (-1.0, -1.0)] {
        let mut file = Nifti::new();
        file.qform([10.0, 20.0, 30.0]);
        file.shorts(254, &[0]);
        file.floats(76, &[qfac]);
        file.floats(256, &[0.2, -0.3, 0.4]);
        let volume = file.read().unwrap();
        assert_eq!(volume.spacing.map(|s| s.round()), [2.0, 3.0, 4.0]);
        let signs = [-1.0, -1.0, 1.0];
        for (got, (row, sign)) in volume.direction.iter().zip(oblique.iter().zip(signs)) {
            let want = [row[0], row[1], handed * row[2]].map(|v| sign * v);
            let off = (0..3).map(|a| (got[a] - want[a]).abs());
            assert!(off.fold(0.0, f64::max) < 1e-6, "{got:?}, {want:?}");
        }
        assert_eq!(volume.origin, [-10.0, -20.0, 30.0]);

        // An sform beside it that says the same, and one that puts the last corner 2.1 mm apart: more than half a voxel.
        let rows = |off: f64| -> [[f32; 4]; 3] {
            std::array::from_fn(|r| {
                let column = |a: usize| oblique[r][a] * [2.0, 3.0, 4.0 * handed][a];
                let shift = [10.0, 20.0, 30.0][r] + if r == 0 { off } else { 0.0 };
                [column(0), column(1), column(2), shift].map(|v| v as f32)
            })
        };
        file.sform(rows(0.0));
        assert!(file.read().is_ok());
        file.sform(rows(0.99));
        assert!(file.read().is_ok());
        file.sform(rows(1.01));
        refused(file.read(), "its sform and qform contradict each other");
    }
    // Half turns, where nothing is left for `a`, and a quaternion a little too long.
    let mut file = Nifti::new();
    file.qform([10.0, 20.0, 30.0]);
    file.shorts(254, &[0]);
    file.floats(256, &[0.6, 0.8004, 0.0]);
    let volume = file.read().unwrap();
    let (cos, sin) = (0.280_460_620, 0.959_865_532);
    let want = [[cos, -sin, 0.0], [-sin, -cos, 0.0], [0.0, 0.0, -1.0]];
    for (got, want) in volume
        .direction
        .as_flattened()
        .iter()
        .zip(want.as_flattened())
    {
        assert!((got - want).abs() < 1e-6, "{:?}", volume.direction);
    }
    file.floats(256, &[0.6, 0.82, 0.0]);
    refused(file.read(), "its quaternion is no rotation");
}

#[test]
fn nifti_fields_that_contradict_or_are_unknown_are_refused_by_name() {
    type Edit = fn(&mut Nifti);
    let edits: [(Edit, &str); 24] = [
        (
            |f| f.floats(112, &[0.0, -1024.0]),
            "scl_slope is 0 and scl_inter -1024",
        ),
        (
            |f| f.floats(112, &[f32::NAN, 5.0]),
            "scl_slope is NaN and scl_inter 5",
        ),
        (|f| f.floats(112, &[f32::INFINITY, 0.0]), "scl_slope is inf"),
        (|f| f.floats(112, &[1.0, f32::NAN]), "scl_inter NaN"),
        (|f| f.bytes[123] = 4, "xyzt_units has no unit of length 4"),
        (
            |f| f.qform([10.0, 22.0, 30.0]),
            "its sform and qform contradict each other",
        ),
        (|f| f.shorts(254, &[0]), "qform_code and sform_code are 0"),
        (
            |f| f.floats(84, &[3.5]),
            "pixdim[2] is 3.5, its transform has 3",
        ),
        (
            |f| f.shorts(40, &[4, 3, 2, 1, 2]),
            "it is not a 3-dimensional volume",
        ),
        (|f| f.shorts(40, &[2]), "dim[0] is 2"),
        (|f| f.shorts(44, &[-2]), "dim has -2 for an axis"),
        (
            |f| f.shorts(70, &[128, 24]),
            "datatype 128 (RGB) is not read",
        ),
        (
            |f| f.shorts(70, &[32, 64]),
            "datatype 32 (complex) is not read",
        ),
        (
            |f| f.shorts(70, &[1024, 64]),
            "datatype 1024 (INT64) is not read",
        ),
        (|f| f.shorts(72, &[8]), "bitpix is 8, datatype has 16"),
        (|f| f.floats(108, &[0.0]), "vox_offset is 0"),
        (|f| f.floats(108, &[352.5]), "vox_offset is 352.5"),
        (
            |f| f.floats(108, &[4000.0]),
            "vox_offset lies beyond its end",
        ),
        (
            |f| f.bytes[344..348].copy_from_slice(b"ni1\0"),
            "magic is ni1",
        ),
        (
            |f| f.bytes[344..348].copy_from_slice(b"n+2\0"),
            "magic is not n+1",
        ),
        (|f| f.int(0, 540), "NIfTI-2"),
        (
            |f| f.bytes.truncate(375),
            "it has 23 bytes of voxels, 24 are needed",
        ),
        (
            |f| f.bytes.extend([0; 12]),
            "it holds more voxels than its dimensions say",
        ),
        (|f| f.bytes.truncate(300), "its header"),
    ];
    for (edit, words) in edits {
        let mut file = Nifti::new();
        edit(&mut file);
        refused(file.read(), words);
    }
    let mut sheared = Nifti::new();
    sheared.sform([
        [2.0, 1.0, 0.0, 0.0],
        [0.0, 2.828_427, 0.0, 0.0],
        [0.0, 0.0, 4.0, 0.0],
    ]);
    refused(sheared.read(), "direction is not orthonormal");
    let mut half_turn = Nifti::new();
    half_turn.qform([0.0; 3]);
    half_turn.floats(256, &[0.9, 0.9, 0.9]);
    refused(half_turn.read(), "its quaternion is no rotation");
}

#[test]
fn nifti_bytes_with_a_sign_keep_it() {
    let mut file = Nifti::new();
    file.shorts(70, &[256, 8]);
    file.bytes.truncate(352);
    let stored: Vec<i8> = vec![-128, -1, 0, 1, 127, 2, 3, 4, 5, 6, 7, 8];
    file.bytes.extend(stored.iter().map(|v| *v as u8));
    let want: Vec<f64> = stored.into_iter().map(f64::from).collect();
    assert_eq!(values(&file.read().unwrap()), want);
}

#[test]
fn a_negative_first_pixdim_turns_the_third_axis_of_the_qform() {
    let mut file = Nifti::new();
    file.qform([10.0, 20.0, 30.0]);
    file.shorts(254, &[0]);
    file.floats(76, &[-1.0]);
    let volume = file.read().unwrap();
    assert_eq!(
        (volume.origin, volume.spacing, volume.direction),
        (
            [-10.0, -20.0, 30.0],
            [2.0, 3.0, 4.0],
            [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]
        )
    );
}

#[test]
fn a_nifti_datatype_that_is_not_read_is_named() {
    for (code, bits, name) in [
        (1, 1, "1 (bits)"),
        (768, 32, "768 (UINT32)"),
        (1280, 64, "1280 (UINT64)"),
        (2304, 32, "2304 (RGB)"),
        (1536, 128, "1536"),
    ] {
        let mut file = Nifti::new();
        file.shorts(70, &[code, bits]);
        refused(file.read(), &format!("datatype {name} is not read"));
    }
}

#[test]
fn nrrd_spaces_are_turned_to_lps() {
    let voxels: Vec<u8> = (1..=VOXELS as i16).flat_map(i16::to_le_bytes).collect();
    for (names, [x, y]) in [
        (["LPS", "left-posterior-superior"], [1.0, 1.0]),
        (["RAS", "right-anterior-superior"], [-1.0, -1.0]),
        (["LAS", "left-anterior-superior"], [1.0, -1.0]),
    ] {
        for name in names {
            let file = nrrd("space: LPS", &format!("space: {name}"), &voxels);
            let volume = read("v.nrrd", &file).unwrap();
            assert_eq!(volume.origin, [-10.0 * x, -20.0 * y, 30.0], "{name}");
            assert_eq!(
                volume.direction,
                [[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0]],
                "{name}"
            );
        }
    }
    let file = nrrd("space: LPS", "space: scanner-xyz", &voxels);
    refused(read("v.nrrd", &file), "\"scanner-xyz\" is not a patient's");
}

#[test]
fn gzip_is_checked_to_its_last_byte_in_both_formats() {
    let nifti = Nifti::new().bytes;
    let header = nrrd("encoding: raw", "encoding: gzip", &[]);
    let voxels: Vec<u8> = (1..=VOXELS as i16).flat_map(i16::to_le_bytes).collect();
    let make = |name: &str, packed: Vec<u8>| match name {
        "v.nrrd" => [header.clone(), packed].concat(),
        _ => packed,
    };
    for (name, plain) in [("v.nii.gz", &nifti), ("v.nrrd", &voxels)] {
        let of = |packed: Vec<u8>| read(name, &make(name, packed));
        let want = of(gzip(plain)).unwrap().data;
        // Several members; blocks padded with zeros.
        let middle = plain.len() / 2;
        let two = [gzip(&plain[..middle]), gzip(&plain[middle..])].concat();
        assert_eq!(of(two.clone()).unwrap().data, want);
        assert_eq!(of([two.clone(), vec![0; 100]].concat()).unwrap().data, want);
        refused(
            of([two.clone(), b"garbage".to_vec()].concat()),
            "something follows the last gzip member",
        );
        // Checksum and length of either member.
        let first = gzip(&plain[..middle]).len();
        for at in [first - 8, first - 1, two.len() - 8, two.len() - 1] {
            let mut wrong = two.clone();
            wrong[at] ^= 0x10;
            refused(of(wrong), "gzip: corrupt gzip stream");
        }
        // Every way to end early. Between the two members the file is whole, but not the volume.
        for cut in (1..two.len()).filter(|cut| *cut != first) {
            refused(of(two[..cut].to_vec()), "gzip: it breaks off");
        }
        refused(
            of(two[..first].to_vec()),
            match name {
                "v.nrrd" => "are needed",
                _ => "it breaks off",
            },
        );
        refused(of(b"no gzip at all".to_vec()), "gzip: invalid gzip header");
    }
}

/// As [`Nifti::new`], with one line of the header changed and bytes before the voxels.
fn nrrd(from: &str, to: &str, voxels: &[u8]) -> Vec<u8> {
    let header = "NRRD0004\ntype: short\ndimension: 3\nspace: LPS\nsizes: 3 2 2\n\
        space directions: (2,0,0) (0,3,0) (0,0,4)\nkinds: domain domain domain\nendian: little\nencoding: raw\n\
        space origin: (-10,-20,30)\n\n";
    assert!(header.contains(from), "{from}");
    [header.replace(from, to).as_bytes(), voxels].concat()
}

#[test]
fn nrrd_fields_are_honoured_or_refused_by_name() {
    let voxels: Vec<u8> = (1..=VOXELS as i16).flat_map(i16::to_le_bytes).collect();
    let counted: Vec<f64> = (1..=VOXELS).map(|n| n as f64).collect();
    let raw = "encoding: raw";
    let of = |to: &str, data: &[u8]| read("v.nrrd", &nrrd(raw, &format!("{raw}\n{to}"), data));
    let plain = of("content: made", &voxels).unwrap();
    assert_eq!(values(&plain), counted);
    assert_eq!(
        (plain.spacing, plain.origin),
        ([2.0, 3.0, 4.0], [-10.0, -20.0, 30.0])
    );
    // Lines, bytes, both; the end of the file.
    let before = |prefix: &[u8]| [prefix, &voxels].concat();
    for (to, prefix) in [
        ("line skip: 2", &b"a line\nanother\n"[..]),
        ("lineskip: 1\nbyte skip: 3", b"a line\nabc"),
        ("byteskip: 4", b"\n\n\n\n"),
        ("byte skip: -1", b"whatever comes before"),
    ] {
        assert_eq!(values(&of(to, &before(prefix)).unwrap()), counted, "{to}");
    }
    let packed = [b"a line\n".to_vec(), gzip(&before(b"abc"))].concat();
    let file = nrrd(raw, "encoding: gzip\nline skip: 1\nbyte skip: 3", &packed);
    assert_eq!(values(&read("v.nrrd", &file).unwrap()), counted);
    // Units of length, with and without quotation marks.
    for (unit, scale) in [("mm", 1.0), ("um", 0.001), ("cm", 10.0), ("m", 1000.0)] {
        for quoted in [
            format!("{unit} {unit} {unit}"),
            format!("\"{unit}\" \"{unit}\" \"{unit}\""),
        ] {
            let volume = of(&format!("space units: {quoted}"), &voxels).unwrap();
            assert_eq!(volume.spacing, [2.0, 3.0, 4.0].map(|v| v * scale), "{unit}");
            assert_eq!(
                volume.origin,
                [-10.0, -20.0, 30.0].map(|v| v * scale),
                "{unit}"
            );
        }
    }
    assert_eq!(
        values(&of("spacings: 2 3 NaN\nmy key:=line skip: 5", &voxels).unwrap()),
        counted
    );
    for (to, words) in [
        (
            "space units: \"mm\" \"mm\" \"s\"",
            "space units are \"mm\" and \"s\"",
        ),
        ("space units: furlong furlong furlong", "\"furlong\""),
        (
            "spacings: 2 3 5",
            "spacings and space directions contradict each other",
        ),
        ("old min: 0", "old min: quantised values"),
        ("oldmin: 0", "old min: quantised values"),
        ("oldmax: 255", "old max: quantised values"),
        ("line skip: x", "line skip is no number"),
        ("line skip: 99", "line skip goes beyond the end"),
        ("byte skip: -2", "byte skip -2 is not read"),
        ("byte skip: 1", "it has 23 bytes of voxels, 24 are needed"),
        ("endian: big", "the field \"endian\" is there twice"),
        ("data file: LIST", "one file beside the header"),
        ("datafile: LIST", "one file beside the header"),
        (
            "data file: slice%03d.raw 1 9 1",
            "one file beside the header",
        ),
    ] {
        refused(of(to, &voxels), words);
    }
    for (from, to, words) in [
        ("NRRD0004", "NRRD0009", "NRRD0009 is not read"),
        (
            "domain domain domain",
            "domain domain list",
            "kinds: an axis of kind \"list\"",
        ),
        (
            "domain domain domain",
            "RGB-color domain domain",
            "\"RGB-color\"",
        ),
        ("space: LPS\n", "", "the field \"space\" is missing"),
        ("(2,0,0)", "none", "space directions: \"none\" is no number"),
        (
            "space directions: (2,0,0) (0,3,0) (0,0,4)\n",
            "",
            "\"space directions\" is missing",
        ),
        (
            "space origin: (-10,-20,30)\n",
            "",
            "\"space origin\" is missing",
        ),
        ("(2,0,0)", "(2,1,0)", "direction is not orthonormal"),
        (
            "sizes: 3 2 2",
            "sizes: 3 2 1",
            "more voxels than its dimensions say",
        ),
        ("encoding: raw", "encoding: ascii", "\"ascii\" is not read"),
        ("type: short", "type: uint32", "\"uint32\" is not read"),
    ] {
        refused(read("v.nrrd", &nrrd(from, to, &voxels)), words);
    }
    let big: Vec<u8> = voxels.chunks(2).flat_map(|w| [w[1], w[0]]).collect();
    let file = nrrd("endian: little", "endian: big", &big);
    assert_eq!(values(&read("v.nrrd", &file).unwrap()), counted);
}

#[test]
fn a_volume_larger_than_the_limit_or_cancelled_is_not_read() {
    use dlnms::reading::ReadOptions;
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("v.nii");
    std::fs::write(&file, Nifti::new().bytes).unwrap();
    let cancel = dlnms::cancel::CancelToken::default();
    let allow = |max_study_bytes| ReadOptions {
        max_study_bytes,
        ..ReadOptions::default()
    };
    assert!(readers::read_with(&file, &allow(24), &cancel).is_ok());
    let error = readers::read_with(&file, &allow(23), &cancel).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("max_study_bytes: the volume would take 24 bytes, 23 are allowed"),
        "{error}"
    );
    // Sixty gigabytes in 376 bytes are refused before anything is allocated.
    let mut huge = Nifti::new();
    huge.shorts(40, &[3, 32767, 32767, 30]);
    refused(huge.read(), "too many");
    huge.shorts(40, &[3, 32767, 32767, 1]);
    refused(
        huge.read(),
        "it has 24 bytes of voxels, 2147352578 are needed",
    );
    cancel.trigger();
    let error = readers::read_with(&file, &allow(24), &cancel).unwrap_err();
    assert_eq!(error.status(), dlnms::error::status::DLNMS_E_CANCELLED);
}

#[test]
fn a_sparse_or_inflating_file_can_be_cancelled_while_it_is_read() {
    const MIB: u64 = 1 << 20;
    let out = tempfile::tempdir().unwrap();
    let sparse = out.path().join("sparse.nii");
    let mut header = Nifti::new();
    header.shorts(40, &[3, 1024, 1024, 32]); // 64 MiB
    std::fs::write(&sparse, &header.bytes).unwrap();
    let file = std::fs::File::options().write(true).open(&sparse).unwrap();
    file.set_len(352 + 64 * MIB).unwrap();
    let packed = out.path().join("packed.nii.gz");
    let zeros = [&header.bytes[..352], &vec![0; 64 << 20]].concat();
    std::fs::write(&packed, gzip(&zeros)).unwrap();
    for file in [sparse, packed] {
        let read = |cancel: &CancelToken| {
            readers::read_with(&file, &dlnms::reading::ReadOptions::default(), cancel)
        };
        let all = cancelling::looks(read);
        println!("{}: {all} looks", file.display());
        // A look at each MiB that is read from the file; at most 8 MiB of zeros come of what is read at once.
        let least = if file.extension().is_some_and(|e| e == "gz") {
            8
        } else {
            64
        };
        assert!(all >= least, "{all} looks");
        cancelling::ends_when_cancelled("reading", (1..=all).step_by(3), 0, read);
    }
}

#[test]
fn every_volume_of_the_shared_data_is_read() {
    let Some(data) = support::shared("data/petct") else {
        return;
    };
    let mut folders = vec![data];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if readers::is_volume(&path) => files.push(path),
                _ => {}
            }
        }
    }
    assert_eq!(files.len(), 39);
    for file in files {
        readers::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
}
