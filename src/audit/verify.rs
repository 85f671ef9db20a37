//! Verifying a log: whether every line is the one that was written in its place, and if not, which is not.

use super::line::{self, MAX_BYTES, NOTHING, Place};
use super::locked_file::LockedFile;
use crate::digest::{Digest, parse_sha256};
use crate::error::{Error, Result};
use crate::regular_file;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// What a sound log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Lines in the file.
    pub lines: u64,
    /// Lines among them that were torn when their writer was killed, each followed by one that says so.
    pub torn: u64,
    /// Digest of the last line: what a host keeps somewhere else. 64 zeros for an empty log.
    pub head: String,
}

/// Verifies a log, while nobody writes to it. Cutting off its end leaves a sound log: this is found only with `expected_head`,
/// the digest of a line that the host kept; lines behind that one are allowed.
///
/// # Errors
/// [`Error::AuditAltered`] naming the first line that was changed, cut, inserted or swapped; [`Error::AuditUnavailable`] if the
/// file cannot be read; [`Error::InvalidArgument`] for an expected digest that is none.
pub fn verify(path: &Path, expected_head: Option<&str>) -> Result<Summary> {
    let failed = |e: std::io::Error| Error::AuditUnavailable(format!("{}: {e}", path.display()));
    let expected = expected_digest(expected_head)?;
    let file = regular_file::open(path).and_then(LockedFile::shared);
    let file = file.map_err(failed)?;
    verify_file(&file, expected, false)
}

/// Returns the digest of a line that a log must hold, in lower case.
///
/// # Errors
/// [`Error::InvalidArgument`] for one that is none.
pub(super) fn expected_digest(text: Option<&str>) -> Result<Option<String>> {
    text.map(|text| parse_sha256("expected_head", text))
        .transpose()
}

/// As [`verify`] for a file that is locked and has not been read yet. With `may_be_torn` the last line may be one that was torn
/// when its writer was killed: the next writer says so in a line of its own.
pub(super) fn verify_file(
    file: &File,
    expected: Option<String>,
    may_be_torn: bool,
) -> Result<Summary> {
    let mut summary = Summary {
        lines: 0,
        torn: 0,
        head: NOTHING.into(),
    };
    let mut seen = expected.as_ref().is_none_or(|e| *e == summary.head);
    let mut lines = Lines::new(file);
    let mut next = lines.next()?;
    while let Some(line) = next {
        summary.lines += 1;
        next = lines.next()?;
        let continues =
            |place: &Place| place.line == summary.lines && place.previous == summary.head;
        match &line.place {
            Ok(place) if continues(place) => {
                summary.head.clone_from(&place.sha256);
                seen |= expected.as_ref() == Some(&summary.head);
            }
            _ if line.is_torn(next.as_ref(), &summary) => summary.torn += 1,
            _ if may_be_torn && !line.ended => summary.torn += 1,
            _ => {
                return Err(Error::AuditAltered(fault(
                    &line,
                    next,
                    lines,
                    summary.lines,
                )?));
            }
        }
    }
    if seen {
        return Ok(summary);
    }
    Err(Error::AuditAltered(format!(
        "no line has the expected digest {}; it ends with line {} of digest {}: lines were cut off its end, or it is another log",
        expected.unwrap_or_default(),
        summary.lines,
        summary.head
    )))
}

/// A line of the file: its place, or why it has none, and its digest as it stands there.
struct Found {
    place: std::result::Result<Place, &'static str>,
    sha256: String,
    /// Its end is there.
    ended: bool,
}

impl Found {
    /// Returns whether it was torn when its writer was killed and the next line says so.
    fn is_torn(&self, next: Option<&Self>, before: &Summary) -> bool {
        let next = next.and_then(|next| next.place.as_ref().ok());
        next.is_some_and(|next| {
            next.torn_sha256.as_ref() == Some(&self.sha256)
                && next.previous == before.head
                && next.line == before.lines + 1
        })
    }
}

/// The lines of a file, one at a time.
struct Lines<'a> {
    reader: BufReader<&'a File>,
    bytes: Vec<u8>,
}

impl<'a> Lines<'a> {
    fn new(file: &'a File) -> Self {
        Self {
            reader: BufReader::new(file),
            bytes: Vec::new(),
        }
    }

    fn next(&mut self) -> Result<Option<Found>> {
        let failed = |e: std::io::Error| Error::AuditUnavailable(e.to_string());
        let bytes = &mut self.bytes;
        bytes.clear();
        // A line that is too long is read in parts, none of which is a line.
        let mut part = self.reader.by_ref().take(MAX_BYTES as u64 + 1);
        if part.read_until(b'\n', bytes).map_err(failed)? == 0 {
            return Ok(None);
        }
        let ended = bytes.pop_if(|last| *last == b'\n').is_some();
        Ok(Some(Found {
            place: if ended {
                line::parse(bytes)
            } else {
                Err("is cut: the file ends in the middle of it")
            },
            sha256: Digest::from_bytes(bytes).sha256,
            ended,
        }))
    }
}

/// Returns what was done to the line at place `here`, where the chain breaks. `next` and `rest` are the lines behind it.
fn fault(line: &Found, next: Option<Found>, mut rest: Lines<'_>, here: u64) -> Result<String> {
    let number = match &line.place {
        Ok(place) => place.line,
        Err(why) => return Ok(format!("line {here} {why}")),
    };
    if number < here {
        return Ok(format!(
            "line {here} was inserted: it is line {number}, which stands before it"
        ));
    }
    if number == here {
        return Ok(format!(
            "line {here} does not continue the line before it: one of the two is not the one that was written"
        ));
    }
    // Where the line of this place stands, if it was moved.
    let (mut moved_to, mut at, mut next) = (None, here, next);
    while let Some(line) = next {
        at += 1;
        if line.place.is_ok_and(|place| place.line == here) {
            moved_to = Some(at);
        }
        next = rest.next()?;
    }
    let last = number - 1;
    Ok(match moved_to {
        Some(at) if at == number => format!("lines {here} and {number} were swapped"),
        Some(at) => format!("line {here} stands at line {at}: lines were moved or inserted"),
        None if last == here => {
            format!("line {here} was cut out: line {number} stands in its place")
        }
        None => format!("lines {here} to {last} were cut out: line {number} stands in their place"),
    })
}
