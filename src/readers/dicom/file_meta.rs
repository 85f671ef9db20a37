//! The file meta header (PS3.10 7.1), read tolerantly: wrong group lengths, missing elements, none at all.
//!
//! dicom-rs wants the header as the standard says; scanners and archives do not always write it so. Only the transfer
//! syntax matters here.

use std::io::{Read, Seek, SeekFrom};

const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
const IMPLICIT_LITTLE: &str = "1.2.840.10008.1.2";
/// Headers are a few hundred bytes.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// Where the data set is and how it is written.
#[derive(Debug, PartialEq)]
pub struct Meta {
    pub transfer_syntax: String,
    pub data_set_at: u64,
}

/// Read the header; an error means that the file is not DICOM.
pub fn read(file: &mut (impl Read + Seek)) -> std::io::Result<Meta> {
    // Almost always the first page holds it all.
    for limit in [8 << 10, MAX_HEADER_BYTES] {
        let mut head = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.by_ref().take(limit).read_to_end(&mut head)?;
        if let Some(meta) = parse(&head) {
            return Ok(meta);
        }
    }
    Err(std::io::Error::new(
        std::io::ErrorKind::InvalidData,
        "is not DICOM",
    ))
}

fn parse(head: &[u8]) -> Option<Meta> {
    let start = match head.get(128..132) {
        Some(b"DICM") => 132,
        _ if head.starts_with(&[2, 0]) || head.starts_with(&[8, 0]) => 0,
        _ => return None,
    };
    let mut at = start;
    let mut transfer_syntax = None;
    while let &[2, 0, e0, e1, v0, v1, l0, l1] = head.get(at..)?.first_chunk::<8>()? {
        let long = matches!(
            &[v0, v1],
            b"OB" | b"OW" | b"UN" | b"SQ" | b"UT" | b"OF" | b"UC" | b"UR"
        );
        let (value_at, length) = if long {
            (
                at + 12,
                u32::from_le_bytes(*head.get(at + 8..)?.first_chunk()?) as usize,
            )
        } else {
            (at + 8, usize::from(u16::from_le_bytes([l0, l1])))
        };
        let value = head.get(value_at..value_at.checked_add(length)?)?;
        if u16::from_le_bytes([e0, e1]) == 0x0010 {
            let text = String::from_utf8_lossy(value);
            transfer_syntax = Some(
                text.trim_matches(|c: char| c == '\0' || c.is_whitespace())
                    .to_owned(),
            );
        }
        at = value_at + length;
    }
    // Without the element, the first VR tells: two capital letters are no length that an element would have.
    let explicit = head.get(at + 4..at + 6)?.iter().all(u8::is_ascii_uppercase);
    let guessed = if explicit {
        EXPLICIT_LITTLE
    } else {
        IMPLICIT_LITTLE
    };
    Some(Meta {
        transfer_syntax: transfer_syntax
            .filter(|s| !s.is_empty())
            .unwrap_or_else(|| guessed.into()),
        data_set_at: at as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn element(number: u8, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
        let mut e = vec![2, 0, number, 0, vr[0], vr[1]];
        e.extend((value.len() as u16).to_le_bytes());
        e.extend(value);
        e
    }

    #[test]
    fn headers_of_every_kind_lead_to_the_data_set() {
        let data_set = [8u8, 0, 5, 0, b'C', b'S', 2, 0, b'A', b' '];
        let syntax = element(0x10, b"UI", b"1.2.840.10008.1.2.4.80");
        let preamble = [vec![0u8; 128], b"DICM".to_vec()].concat();
        for (header, wanted) in [
            (
                [preamble.clone(), syntax.clone()].concat(),
                "1.2.840.10008.1.2.4.80",
            ),
            (
                [
                    preamble.clone(),
                    element(0x16, b"AE", b"SOMEWHERE"),
                    syntax.clone(),
                ]
                .concat(),
                "1.2.840.10008.1.2.4.80",
            ),
            (syntax.clone(), "1.2.840.10008.1.2.4.80"),
            (preamble.clone(), EXPLICIT_LITTLE),
            (Vec::new(), EXPLICIT_LITTLE),
        ] {
            let meta = read(&mut Cursor::new(
                [header.clone(), data_set.to_vec()].concat(),
            ))
            .unwrap();
            assert_eq!(
                meta,
                Meta {
                    transfer_syntax: wanted.into(),
                    data_set_at: header.len() as u64
                }
            );
        }
        let implicit = [8u8, 0, 5, 0, 2, 0, 0, 0, b'A', b' '];
        assert_eq!(
            read(&mut Cursor::new(implicit)).unwrap().transfer_syntax,
            IMPLICIT_LITTLE
        );
    }

    #[test]
    fn cut_headers_and_other_files_are_refused() {
        let long = [
            vec![0u8; 128],
            b"DICM".to_vec(),
            vec![2, 0, 1, 0, b'O', b'B', 0, 0, 255, 255, 255, 255],
        ]
        .concat();
        for bytes in [&b"PK\x03\x04"[..], &[], &[8, 0], &long, &long[..140]] {
            assert!(read(&mut Cursor::new(bytes)).is_err());
        }
    }
}
