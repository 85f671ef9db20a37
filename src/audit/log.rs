//! Writing the log: whole lines, one writer at a time, on disk before the call returns.

use super::clock::utc;
use super::line::{self, MAX_BYTES};
use super::locked_file::LockedFile;
use super::tail::Tail;
use super::verify::{expected_digest, verify_file};
use crate::digest::{Digest, hexadecimal};
use crate::error::{Error, Result};
use crate::{lock, process, regular_file};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::SystemTime;

/// Least bytes of a salt: fewer could be tried out.
const MIN_SALT: usize = 16;

/// Where a log is, and what hides identities in it.
#[derive(Clone)]
pub struct AuditOptions {
    /// The file; made if it is not there, for its owner alone. Several processes may write to it.
    pub path: PathBuf,
    /// Secret of the host, at least 16 bytes: UIDs are written as HMAC-SHA256 with this key.
    pub salt: Vec<u8>,
    /// Digest of a line that the log must hold, so that a log whose end was cut off is refused; `None` if the host has none.
    pub expected_head: Option<String>,
}

impl std::fmt::Debug for AuditOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditOptions")
            .field("path", &self.path)
            .field("expected_head", &self.expected_head)
            .finish_non_exhaustive()
    }
}

/// A line that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the file, from 1.
    pub line: u64,
    /// Its digest, lower-case hexadecimal: the head of the log at that moment.
    pub sha256: String,
}

/// An audit log that is open for writing.
#[derive(Debug)]
pub struct AuditLog {
    options: AuditOptions,
    /// Where this process wrote to it last; also keeps its threads apart.
    end: Mutex<Option<End>>,
}

/// The end of a log after this process had written to it.
#[derive(Debug)]
struct End {
    bytes: u64,
    sha256: String,
}

impl End {
    /// What stands behind the digest of a line.
    const AFTER_DIGEST: u64 = "\"}\n".len() as u64;

    /// Checks that what this process wrote still stands there, whatever others have added.
    fn require(&self, mut file: &File, bytes: u64) -> Result<()> {
        if bytes < self.bytes {
            return Err(Error::AuditAltered(format!(
                "it has {bytes} bytes, and had {} after this process wrote to it: its end was cut off, or it is another file",
                self.bytes
            )));
        }
        let mut sha256 = [0; 64];
        let at = self.bytes - Self::AFTER_DIGEST - sha256.len() as u64;
        let read = file.seek(SeekFrom::Start(at));
        let read = read.and_then(|_| file.read_exact(&mut sha256));
        read.map_err(|e| Error::AuditUnavailable(e.to_string()))?;
        if sha256 == *self.sha256.as_bytes() {
            return Ok(());
        }
        let why = "the line that this process wrote last does not stand in its place";
        Err(Error::AuditAltered(why.into()))
    }
}

impl AuditLog {
    /// Opens a log, or makes one. A log that exists is verified from its first line to its last.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a salt that is too short and an expected digest that is none;
    /// [`Error::AuditUnavailable`]; [`Error::AuditAltered`] naming the line.
    pub fn open(options: &AuditOptions) -> Result<Self> {
        if options.salt.len() < MIN_SALT {
            let found = options.salt.len();
            return Err(Error::invalid(
                "audit.salt",
                format!("has {found} bytes, at least {MIN_SALT} are needed"),
            ));
        }
        let log = Self {
            options: options.clone(),
            end: Mutex::new(None),
        };
        let expected = expected_digest(options.expected_head.as_deref())?;
        // Under the lock, so that no other process is in the middle of a line.
        let file = log.lock_file()?;
        verify_file(&file, expected, true)?;
        drop(file);
        Ok(log)
    }

    /// Returns what stands for a UID in the log.
    pub fn hidden(&self, uid: &str) -> String {
        hidden(&self.options.salt, uid)
    }

    /// Adds a line for each of several records: all of them or, where the disk is full, none.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`]; [`Error::AuditAltered`] if the end of the log is not what was written there;
    /// [`Error::Forked`].
    pub fn append(&self, records: Vec<Map<String, Value>>) -> Result<Vec<Entry>> {
        process::check()?;
        let mut end = lock::lock(&self.end);
        let mut file = self.lock_file()?;
        let tail = Tail::read(&mut file)?;
        let before = tail.bytes;
        if let Some(end) = &*end {
            end.require(&file, before)?;
        }
        let (text, entries) = lines(tail, records)?;
        let written = file.write_all(&text).and_then(|()| file.sync_data());
        if let Err(e) = written {
            // A part of a line does not stay, so that the log is sound; where that fails too, the next writer says so.
            let _ = file.set_len(before);
            return Err(self.unavailable(e));
        }
        if let Some(last) = entries.last() {
            *end = Some(End {
                bytes: before + text.len() as u64,
                sha256: last.sha256.clone(),
            });
        }
        Ok(entries)
    }

    /// Opens the file and waits until no other writer has it.
    fn lock_file(&self) -> Result<LockedFile> {
        let file = regular_file::open_to_append(&self.options.path);
        file.and_then(LockedFile::exclusive)
            .map_err(|e| self.unavailable(e))
    }

    fn unavailable(&self, e: std::io::Error) -> Error {
        Error::AuditUnavailable(format!("{}: {e}", self.options.path.display()))
    }
}

/// Returns what stands for a UID in a log of this salt.
pub fn hidden(salt: &[u8], uid: &str) -> String {
    // A key of any length will do.
    <Hmac<Sha256> as KeyInit>::new_from_slice(salt).map_or_else(
        |_| String::new(),
        |mac| hexadecimal(&mac.chain_update(uid).finalize().into_bytes()),
    )
}

/// Returns the bytes to add behind the end of a log, and what they are.
fn lines(tail: Tail, records: Vec<Map<String, Value>>) -> Result<(Vec<u8>, Vec<Entry>)> {
    let (mut line, mut previous) = (tail.line, tail.sha256);
    let (mut text, mut entries) = (Vec::new(), Vec::new());
    let time = utc(SystemTime::now());
    if !tail.torn.is_empty() {
        // The torn line keeps its place; this one says what it was, so that the chain goes on.
        text.push(b'\n');
        line += 2;
        let torn = Digest::from_bytes(&tail.torn);
        let fields = json!({
            "time": time,
            "event": "recovered",
            "torn_bytes": torn.bytes,
            "torn_sha256": torn.sha256,
        });
        let Value::Object(fields) = fields else {
            return Err(Error::Internal("a record is no object".into()));
        };
        let (made, place) = line::make(line, &previous, fields);
        text.extend_from_slice(made.as_bytes());
        text.push(b'\n');
        previous = place.sha256;
    }
    for record in records {
        line += 1;
        let mut fields = Map::new();
        fields.insert("time".into(), time.clone().into());
        fields.extend(record);
        let (made, place) = line::make(line, &previous, fields);
        if made.len() > MAX_BYTES {
            return Err(Error::AuditUnavailable("a line would be too long".into()));
        }
        text.extend_from_slice(made.as_bytes());
        text.push(b'\n');
        entries.push(Entry {
            line,
            sha256: place.sha256.clone(),
        });
        previous = place.sha256;
    }
    Ok((text, entries))
}
