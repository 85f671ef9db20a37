//! Tests of what compressed streams say of themselves, and of what decoding them takes.

use super::super::instance::FileInfo;
use super::super::synthetic;
use super::*;

const RLE: &str = "1.2.840.10008.1.2.5";
const JPEG: &str = "1.2.840.10008.1.2.4.70";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
const JPEG_2000: &str = "1.2.840.10008.1.2.4.90";

/// An image of this transfer syntax, rows, columns and bits allocated.
fn image(syntax: &str, rows: usize, columns: usize, bits: usize) -> Instance {
    let (source, file) = synthetic::open(&synthetic::ct("1.2", "1.3", 1, 1.0)[0]);
    let mut instance = Instance::from_file(&source, &file).remove(0);
    instance.file = Arc::new(FileInfo {
        source,
        transfer_syntax: syntax.into(),
        pixels: None,
        frames: 1,
        multi_frame: false,
    });
    (instance.rows, instance.columns) = (rows, columns);
    (instance.bits_allocated, instance.bits_stored) = (bits, bits);
    instance
}

fn words<T>(outcome: Result<T, Failure>) -> String {
    outcome.err().map(String::from).unwrap_or_default()
}

#[test]
fn decoding_takes_so_many_bytes_for_each_pixel_of_a_frame() {
    for (syntax, of_3_x_5) in [
        (RLE, 0),
        (JPEG, 120),
        ("1.2.840.10008.1.2.4.50", 120),
        (JPEG_LS, 60),
        ("1.2.840.10008.1.2.4.81", 60),
        (JPEG_2000, 360),
        ("1.2.840.10008.1.2.4.91", 360),
        ("1.2.840.10008.1.2.1", 0),
    ] {
        assert_eq!(
            working_bytes(&image(syntax, 3, 5, 16)),
            of_3_x_5,
            "{syntax}"
        );
    }
}

#[test]
fn a_stream_without_a_frame_header_is_refused_by_the_name_of_its_codec() {
    for (syntax, name) in [
        (JPEG, "JPEG: "),
        (JPEG_LS, "JPEG-LS: "),
        (JPEG_2000, "JPEG 2000: "),
        ("1.2.840.10008.1.2.4.91", "JPEG 2000: "),
    ] {
        let why = words(check(&[0; 40], 40, &image(syntax, 8, 8, 16)));
        assert_eq!(why, format!("{name}it has no frame header"), "{syntax}");
    }
    let why = words(check(&[], 0, &image(RLE, 8, 8, 16)));
    assert!(why.starts_with("RLE: "), "{why}");
    let why = words(check(&[], 0, &image("1.2.3", 8, 8, 16)));
    assert_eq!(why, "transfer syntax 1.2.3 is not read");
}

#[test]
fn two_bytes_of_run_lengths_make_128_at_most() {
    // 64 x 16 words are 2048 bytes, 64 x 16 bytes half of them.
    for (bits, least) in [(16, 32), (8, 16)] {
        let of = |bytes| check(&[], bytes, &image(RLE, 64, 16, bits));
        assert!(of(least).is_ok());
        assert!(words(of(least - 1)).contains("more pixels than it can hold"));
    }
}

#[test]
fn the_segments_of_run_lengths_are_the_bytes_of_the_samples_high_ones_first() {
    // The header: two segments, from 64 and from 67 on. Four times 1, then the bytes 2, 3, 4, 5.
    let mut stream = [2_u32, 64, 67].map(u32::to_le_bytes).concat();
    stream.resize(64, 0);
    stream.extend([253, 1, 0x80, 3, 2, 3, 4, 5]);
    let instance = image(RLE, 2, 2, 16);
    let mut out = [0; 8];
    decode(stream.clone(), &instance, &mut out, &CancelToken::default()).unwrap();
    assert_eq!(
        out,
        [0x0102_u16, 0x0103, 0x0104, 0x0105]
            .map(u16::to_ne_bytes)
            .concat()[..]
    );
    // The first segment ends where the second one begins.
    stream[64] = 254;
    let why = words(decode(stream, &instance, &mut out, &CancelToken::default()));
    assert_eq!(why, "RLE: a segment breaks off");
}

/// A JPEG stream of nothing but a frame header: process, bits, rows, columns, components.
fn jpeg_frame(process: u8, bits: u8, rows: u8, columns: u8, components: u8) -> Vec<u8> {
    vec![
        0xFF,
        0xD8,
        0xFF,
        0xC0 + process,
        0,
        8,
        bits,
        0,
        rows,
        0,
        columns,
        components,
    ]
}

#[test]
fn a_frame_of_another_size_or_process_is_refused_by_its_header() {
    let check = |stream: Vec<u8>| words(check(&stream, stream.len(), &image(JPEG, 6, 7, 16)));
    for (process, bits) in [(0, 8), (1, 8), (1, 12), (3, 8), (3, 16)] {
        assert_eq!(check(jpeg_frame(process, bits, 6, 7, 1)), "");
    }
    let why = check(jpeg_frame(2, 8, 6, 7, 1));
    assert_eq!(why, "JPEG: frames of kind SOF2 with 8 bits are not read");
    for (rows, columns, components) in [(5, 7, 1), (6, 8, 1), (6, 7, 3)] {
        let why = check(jpeg_frame(3, 16, rows, columns, components));
        let found =
            format!("its frame is {rows} x {columns} x {components}, the header says 6 x 7 x 1");
        assert_eq!(why, format!("JPEG: {found}"));
    }
}

/// A JPEG-LS stream up to its frame header, after a segment of an application.
fn jpeg_ls_frame(rows: u8, columns: u8, components: u8) -> Vec<u8> {
    let mut stream = vec![0xFF, 0xD8, 0xFF, 0xE8, 0, 6, 1, 2, 3, 4];
    stream.extend([0xFF, 0xF7, 0, 11, 16, 0, rows, 0, columns, components]);
    stream
}

#[test]
fn the_frame_header_of_jpeg_ls_may_follow_other_segments() {
    let image = image(JPEG_LS, 6, 7, 16);
    let check = |stream: &[u8]| words(check(stream, stream.len(), &image));
    assert_eq!(check(&jpeg_ls_frame(6, 7, 1)), "");
    for (rows, columns, components) in [(7, 7, 1), (6, 6, 1), (6, 7, 3)] {
        let why = check(&jpeg_ls_frame(rows, columns, components));
        assert!(
            why.contains(&format!("{rows} x {columns} x {components}")),
            "{why}"
        );
    }
    let whole = jpeg_ls_frame(6, 7, 1);
    for end in 0..whole.len() {
        assert_eq!(
            check(&whole[..end]),
            "JPEG-LS: it has no frame header",
            "{end}"
        );
    }
}

#[test]
fn a_jpeg_ls_stream_without_its_end_is_refused_before_it_is_decoded() {
    let mut stream = jpeg_ls_frame(6, 7, 1);
    stream.extend([0; 80]);
    let mut out = [0; 84];
    let image = image(JPEG_LS, 6, 7, 16);
    let decoded = decode(stream, &image, &mut out, &CancelToken::default());
    assert_eq!(words(decoded), "JPEG-LS: the stream breaks off");
}

#[test]
fn a_jpeg_2000_frame_has_the_size_and_at_most_the_bits_of_the_header() {
    let frame = |rows: u8, columns: u8, components: u8, bits: u8| {
        // SOC, SIZ, its length and capabilities; then size, offset, tile size, tile offset.
        let mut stream = vec![0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0];
        let [width, height] = [columns, rows].map(|v| [0, 0, 0, v]);
        for field in [width, height, [0; 4], [0; 4], width, height, [0; 4], [0; 4]] {
            stream.extend(field);
        }
        stream.extend([0, components, bits - 1, 1, 1]);
        stream
    };
    let check =
        |stream: Vec<u8>, bits| words(check(&stream, stream.len(), &image(JPEG_2000, 6, 7, bits)));
    assert_eq!(check(frame(6, 7, 1, 16), 16), "");
    assert_eq!(check(frame(6, 7, 1, 12), 16), "");
    assert_eq!(check(frame(6, 7, 1, 8), 8), "");
    for (bits, allocated) in [(17, 16), (9, 8)] {
        let why = check(frame(6, 7, 1, bits), allocated);
        assert!(why.contains(&format!("{bits} bits a sample")), "{why}");
    }
    for (rows, columns, components) in [(7, 7, 1), (6, 6, 1), (6, 7, 3)] {
        let why = check(frame(rows, columns, components, 16), 16);
        assert!(
            why.contains(&format!("{rows} x {columns} x {components}")),
            "{why}"
        );
    }
}

#[test]
fn samples_of_one_byte_fill_words_and_any_other_size_is_refused() {
    let mut words = [0; 4];
    put(&[1, 200], &mut words, 16).unwrap();
    assert_eq!(
        words,
        [1_u16.to_ne_bytes(), 200_u16.to_ne_bytes()].concat()[..]
    );
    put(&[4, 3, 2, 1], &mut words, 16).unwrap();
    assert_eq!(words, [4, 3, 2, 1]);
    // Three samples of one byte make six bytes.
    let mut three = [0; 6];
    put(&[7, 8, 9], &mut three, 16).unwrap();
    assert_eq!(three, [7_u16, 8, 9].map(u16::to_ne_bytes).concat()[..]);
    for (samples, allocated) in [(&[1, 2][..], 8), (&[1, 2, 3], 16), (&[1; 8], 16)] {
        assert!(put(samples, &mut words, allocated).is_err(), "{samples:?}");
    }
}
