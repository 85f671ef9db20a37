//! How many voxels a stream must hold, and what they may take.

use super::*;

fn layout(signed_byte: bool) -> Layout {
    Layout {
        dims: [3, 2, 2],
        dtype: DType::U8,
        signed_byte,
        swapped: false,
    }
}

fn voxels(
    stream: &mut impl Read,
    signed: bool,
    limit: u64,
) -> std::result::Result<Vec<u8>, String> {
    let options = ReadOptions {
        max_study_bytes: limit,
        ..ReadOptions::default()
    };
    let reading = Reading {
        options: &options,
        cancel: &CancelToken::default(),
    };
    let read = reading.voxels(stream, 100, &layout(signed), Failure::from);
    read.map(|(_, data)| data).map_err(String::from)
}

#[test]
fn signed_bytes_become_words_and_count_as_such() {
    let stored = [0, 1, 127, 128, 255, 5, 6, 7, 8, 9, 10, 11];
    let wide = voxels(&mut &stored[..], true, 24).unwrap();
    let wanted = stored.map(|b: u8| i16::from(b as i8).to_ne_bytes());
    assert_eq!(wide, wanted.as_flattened());
    let why = voxels(&mut &stored[..], true, 23).unwrap_err();
    assert!(why.contains("24 bytes, 23 are allowed"), "{why}");
    assert_eq!(voxels(&mut &stored[..], false, 12).unwrap(), stored);
    assert!(voxels(&mut &stored[..], false, 11).is_err());
}

/// A stream that is interrupted before every few bytes.
struct Interrupted<'a>(&'a [u8], bool);

impl Read for Interrupted<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let n = out.len().min(5);
        self.0.read(&mut out[..n])
    }
}

#[test]
fn a_read_that_a_signal_interrupts_goes_on() {
    let stored: Vec<u8> = (0..12).collect();
    let mut stream = Interrupted(&stored, false);
    assert_eq!(voxels(&mut stream, false, 100).unwrap(), stored);
}

#[test]
fn a_slice_more_is_another_volume_and_less_is_padding() {
    // A slice is six bytes.
    assert!(voxels(&mut &[0; 17][..], false, 100).is_ok());
    let why = voxels(&mut &[0; 18][..], false, 100).unwrap_err();
    assert!(why.contains("more voxels"), "{why}");
    let why = voxels(&mut &[0; 11][..], false, 100).unwrap_err();
    assert!(why.contains("11 bytes of voxels, 12 are needed"), "{why}");
}
