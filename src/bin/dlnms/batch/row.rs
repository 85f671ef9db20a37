//! A row of a manifest: what `dlnms score` would be called with, and a key for what it depends on.

use dlnms::bundle::Digest;
use dlnms::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// How deep folders of a study are looked into for the key.
const MAX_DEPTH: usize = 32;

/// One tumour of one study.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Number of the row in the manifest; the header is row 1.
    pub row: u64,
    /// The manifest's cell `patient`, if it has such a column.
    pub patient: Option<String>,
    /// Stands for the cells of the row, and for the names, sizes and times of change of its files.
    pub key: String,
    /// Options of `dlnms score` for study and tumour, or what is wrong with a cell.
    pub arguments: std::result::Result<Vec<String>, String>,
}

/// The cells of a row that decide what is scored.
pub struct Cells<'a> {
    pub patient: Option<&'a str>,
    pub study: &'a str,
    pub tumour: &'a str,
    pub ct_series: &'a str,
    pub pet_series: &'a str,
}

impl Row {
    /// Reads the cells of a row; paths are relative to a folder.
    pub fn new(row: u64, cells: &Cells<'_>, folder: &Path) -> Self {
        let mut files = Vec::new();
        let arguments = arguments(cells, folder, &mut files);
        Self {
            row,
            patient: cells.patient.map(str::to_owned),
            key: key(cells, &files),
            arguments,
        }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| Error::invalid("--worker", format!("no row: {e}")))
    }
}

fn arguments(
    cells: &Cells<'_>,
    folder: &Path,
    files: &mut Vec<PathBuf>,
) -> std::result::Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut path = |text: &str| -> std::result::Result<String, String> {
        let path = folder.join(text.trim());
        files.push(path.clone());
        let utf8 = path.into_os_string().into_string();
        utf8.map_err(|_| "the manifest's folder has a name that is not UTF-8".to_owned())
    };
    for part in cells.study.split(';').filter(|p| !p.trim().is_empty()) {
        let part = part.trim();
        match part.split_once(':') {
            Some((modality @ ("ct" | "pet"), file)) => {
                found.extend([format!("--{modality}"), path(file)?]);
            }
            _ => found.push(path(part)?),
        }
    }
    if found.is_empty() {
        return Err("column study: no value".into());
    }
    for (name, uid) in [
        ("--ct-series", cells.ct_series),
        ("--pet-series", cells.pet_series),
    ] {
        if !uid.is_empty() {
            found.extend([name.to_owned(), uid.to_owned()]);
        }
    }
    let tumour = tumour(cells.tumour, &mut path);
    found.extend(tumour.map_err(|why| format!("column tumour: {why}"))?);
    Ok(found)
}

/// Returns the options for a cell `point:X,Y,Z`, `seed:X,Y,Z`, `roi:NAME`, `segment:N`, `rtstruct:FILE#NAME`, `seg:FILE#N` or
/// `mask:FILE`.
fn tumour(
    cell: &str,
    path: &mut dyn FnMut(&str) -> std::result::Result<String, String>,
) -> std::result::Result<Vec<String>, String> {
    if cell.is_empty() {
        return Err("no value".into());
    }
    let kinds = "point:, seed:, roi:, segment:, rtstruct:, seg: or mask:";
    let (kind, value) = cell
        .split_once(':')
        .ok_or_else(|| format!("begins with none of {kinds}"))?;
    let value = value.trim();
    if value.is_empty() {
        return Err(format!("nothing stands behind {kind}:"));
    }
    Ok(match kind {
        "point" => vec![format!("--center={value}")],
        "seed" => vec![format!("--seed={value}")],
        "roi" | "segment" => vec![format!("--{kind}={value}")],
        "mask" => vec!["--mask".into(), path(value)?],
        "rtstruct" | "seg" => {
            let name = if kind == "seg" { "segment" } else { "roi" };
            let (file, wanted) = value
                .rsplit_once('#')
                .filter(|(file, wanted)| !file.is_empty() && !wanted.is_empty())
                .ok_or_else(|| format!("write {kind}:FILE#{}", name.to_uppercase()))?;
            vec![
                format!("--{kind}"),
                path(file)?,
                format!("--{name}={wanted}"),
            ]
        }
        _ => return Err(format!("begins with none of {kinds}")),
    })
}

fn key(cells: &Cells<'_>, files: &[PathBuf]) -> String {
    let mut text = String::new();
    for cell in [
        cells.patient.unwrap_or_default(),
        cells.study,
        cells.tumour,
        cells.ct_series,
        cells.pet_series,
    ] {
        let _ = writeln!(text, "{} {cell}", cell.len());
    }
    for file in files {
        fingerprint(file, 0, &mut text);
    }
    Digest::from_bytes(text.as_bytes()).sha256
}

/// Appends name, size and time of change of a file, or of the files of a folder, sorted.
fn fingerprint(path: &Path, depth: usize, text: &mut String) {
    let Ok(metadata) = std::fs::metadata(path) else {
        let _ = writeln!(text, "{} is not there", path.display());
        return;
    };
    if !metadata.is_dir() {
        let changed = metadata
            .modified()
            .ok()
            .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        let _ = writeln!(text, "{} {} {changed:?}", path.display(), metadata.len());
        return;
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut entries: Vec<PathBuf> = entries.map(|e| e.path()).collect();
    entries.sort();
    if depth < MAX_DEPTH {
        for entry in entries {
            fingerprint(&entry, depth + 1, text);
        }
    }
}
