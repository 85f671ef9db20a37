//! The end of a log, to which the next line is added.

use super::line::{self, MAX_BYTES, NOTHING, Place};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// The last lines of a log.
pub struct Tail {
    /// Size of the file.
    pub bytes: u64,
    /// Number and digest of the last whole line; 0 and [`NOTHING`] for an empty log.
    pub line: u64,
    /// See `line`.
    pub sha256: String,
    /// What stands behind it: a line whose writer did not come to its end.
    pub torn: Vec<u8>,
}

impl Tail {
    /// Reads the end of a log.
    ///
    /// # Errors
    /// [`Error::AuditAltered`] if the last whole line is none; [`Error::AuditUnavailable`].
    pub fn read(file: &mut File) -> Result<Self> {
        let failed = |e: std::io::Error| Error::AuditUnavailable(e.to_string());
        let bytes = file.seek(SeekFrom::End(0)).map_err(failed)?;
        // Room for a whole line and a torn one.
        let from = bytes.saturating_sub(2 * MAX_BYTES as u64);
        file.seek(SeekFrom::Start(from)).map_err(failed)?;
        let mut end = Vec::new();
        file.take(bytes - from)
            .read_to_end(&mut end)
            .map_err(failed)?;
        let newline = end.iter().rposition(|b| *b == b'\n');
        let torn = end.split_off(newline.map_or(0, |at| at + 1));
        end.pop();
        let begins = end.iter().rposition(|b| *b == b'\n');
        let last = &end[begins.map_or(0, |at| at + 1)..];
        let altered = |why: &str| Error::AuditAltered(format!("its last line {why}"));
        if torn.len() > MAX_BYTES || (begins.is_none() && from > 0) {
            return Err(altered("is longer than any line of an audit log"));
        }
        let place = match newline {
            None => Place {
                line: 0,
                previous: String::new(),
                sha256: NOTHING.into(),
                torn_sha256: None,
            },
            Some(_) => line::parse(last).map_err(altered)?,
        };
        if place.line > bytes {
            return Err(altered("has a number that the file has no room for"));
        }
        Ok(Self {
            bytes,
            line: place.line,
            sha256: place.sha256,
            torn,
        })
    }
}
