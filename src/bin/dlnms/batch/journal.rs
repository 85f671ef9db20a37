//! The folder of a batch: results.jsonl, one line a row, and batch.json, what all lines have in common.

use super::row::Row;
use super::study::{Line, Outcome};
use crate::Failure;
use dlnms::Error;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Of the folder; raised when a line changes its meaning.
pub const FORMAT: u32 = 1;
const RESULTS: &str = "results.jsonl";
const SUPERSEDED: &str = "superseded.jsonl";
const SETTINGS: &str = "batch.json";
const LOCK: &str = ".lock";

/// What every line of a folder depends on.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub format: u32,
    pub library: String,
    pub bundle: String,
    pub manifest_sha256: String,
    pub quality: String,
    pub threshold: String,
    pub radius_mm: f64,
}

/// The open results of a folder. One process at a time has them.
pub struct Journal {
    path: PathBuf,
    results: File,
    done: HashMap<String, Outcome>,
    _lock: File,
}

impl Journal {
    /// Opens or makes a folder. Lines that stand are kept; those whose row has changed or that are to be tried again move to
    /// superseded.jsonl, and a line that a killed run left unfinished is dropped.
    pub fn open(
        folder: &Path,
        settings: &Settings,
        rows: &[Row],
        retry: bool,
    ) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder).map_err(Failure::output(folder))?;
        let at = |name: &str| folder.join(name);
        let lock = File::create(at(LOCK)).map_err(Failure::output(&at(LOCK)))?;
        if lock.try_lock().is_err() {
            return Err(Error::invalid("--out", "another run writes to this folder").into());
        }
        same_settings(&at(SETTINGS), settings)?;
        let path = at(RESULTS);
        let known: HashMap<&str, &Row> = rows.iter().map(|r| (r.key.as_str(), r)).collect();
        let stands = |line: &Line| {
            known.contains_key(line.key.as_str())
                && match line.outcome {
                    Outcome::Scored => true,
                    Outcome::Refused => !retry,
                    Outcome::Failed => false,
                }
        };
        let done = sift(&path, &at(SUPERSEDED), stands)?;
        let results = OpenOptions::new().append(true).create(true).open(&path);
        Ok(Self {
            results: results.map_err(Failure::output(&path))?,
            path,
            done,
            _lock: lock,
        })
    }

    /// Returns whether a row has its line.
    pub fn has(&self, row: &Row) -> bool {
        self.done.contains_key(&row.key)
    }

    /// Returns the outcomes of the lines that are there.
    pub fn done(&self) -> impl Iterator<Item = Outcome> {
        self.done.values().copied()
    }

    /// Appends a line in one write and waits until it is on the disk. Its text is written as it is: reading a number and
    /// writing it again could change the last digit.
    pub fn add(&mut self, line: &Line, text: &str) -> Result<(), Failure> {
        let text = format!("{text}\n");
        let whole = self.results.metadata().map(|m| m.len());
        let written = self
            .results
            .write_all(text.as_bytes())
            .and_then(|()| self.results.sync_data());
        if let Err(error) = written {
            if let Ok(whole) = whole {
                let _ = self.results.set_len(whole); // no half line on a full disk
            }
            return Err(Failure::output(&self.path)(error));
        }
        self.done.insert(line.key.clone(), line.outcome);
        Ok(())
    }
}

/// Writes the settings of a new folder; refuses those of an old one that differ.
fn same_settings(path: &Path, settings: &Settings) -> Result<(), Failure> {
    let refuse = |why: String| Failure::from(Error::invalid("--out", why));
    match std::fs::read(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let text = serde_json::to_string_pretty(settings).unwrap_or_default() + "\n";
            replace(path, text.as_bytes())
        }
        Err(e) => Err(refuse(format!("{SETTINGS}: {e}"))),
        Ok(bytes) => {
            let old: Settings =
                serde_json::from_slice(&bytes).map_err(|e| refuse(format!("{SETTINGS}: {e}")))?;
            if old == *settings {
                return Ok(());
            }
            Err(refuse(format!(
                "the folder holds results of other settings ({SETTINGS}): {}; give another folder",
                difference(&old, settings)
            )))
        }
    }
}

/// Returns the fields that differ, old and new.
fn difference(old: &Settings, new: &Settings) -> String {
    let (Ok(serde_json::Value::Object(old)), Ok(serde_json::Value::Object(new))) =
        (serde_json::to_value(old), serde_json::to_value(new))
    else {
        return String::new();
    };
    let changed = new.iter().filter(|(name, value)| old[*name] != **value);
    let parts: Vec<String> = changed
        .map(|(name, value)| format!("{name} {} instead of {value}", old[name]))
        .collect();
    parts.join(", ")
}

/// Keeps the lines that stand and moves the others. Returns the outcomes of those kept, by key.
fn sift(
    path: &Path,
    superseded: &Path,
    stands: impl Fn(&Line) -> bool,
) -> Result<HashMap<String, Outcome>, Failure> {
    let file = match File::open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        other => other.map_err(Failure::output(path))?,
    };
    let (mut done, mut kept, mut moved) = (HashMap::new(), Vec::new(), Vec::new());
    let (mut reader, mut text, mut number, mut cut) = (BufReader::new(file), Vec::new(), 0, false);
    loop {
        text.clear();
        number += 1;
        let length = reader.read_until(b'\n', &mut text);
        if length.map_err(Failure::output(path))? == 0 {
            break;
        }
        if text.last() != Some(&b'\n') {
            cut = true; // a killed run did not finish it
            break;
        }
        let why = |e| Error::invalid("--out", format!("{RESULTS}, line {number}: {e}"));
        let line: Line = serde_json::from_slice(&text).map_err(why)?;
        let to = if stands(&line) && !done.contains_key(&line.key) {
            done.insert(line.key, line.outcome);
            &mut kept
        } else {
            &mut moved
        };
        to.extend_from_slice(&text);
    }
    if !moved.is_empty() {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(superseded)
            .map_err(Failure::output(superseded))?;
        file.write_all(&moved)
            .and_then(|()| file.sync_data())
            .map_err(Failure::output(superseded))?;
    }
    if cut || !moved.is_empty() {
        replace(path, &kept)?;
    }
    Ok(done)
}

/// Replaces a file as a whole: a killed run leaves the old one or the new one.
fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let part = path.with_extension("part");
    let write = || {
        let mut file = File::create(&part)?;
        file.write_all(content)?;
        file.sync_data()?;
        std::fs::rename(&part, path)
    };
    write().map_err(Failure::output(path))
}
