//! The manifest of a batch: a CSV with a row for each tumour.

use super::row::{Cells, Row};
use crate::terminal;
use dlnms::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

const COLUMNS: [&str; 5] = ["patient", "study", "tumour", "ct_series", "pet_series"];
const REQUIRED: [&str; 2] = ["study", "tumour"];

/// Reads a manifest. Cells that cannot be used become rows that are refused; a file that is no manifest is refused as a whole.
///
/// # Errors
/// [`Error::InvalidArgument`] with the row: no such file, no CSV, a column that is missing or named twice, two equal rows.
pub fn read(path: &Path) -> Result<Vec<Row>> {
    let refuse = |why: String| Error::invalid("MANIFEST", why);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|e| refuse(reason(&e)))?;
    let header = reader.headers().map_err(|e| refuse(reason(&e)))?.clone();
    let header: Vec<&str> = header
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}'))
        .collect();
    let column = |name: &str| header.iter().position(|h| *h == name);
    for name in REQUIRED {
        if column(name).is_none() {
            return Err(refuse(format!("there is no column {name:?}")));
        }
    }
    for name in COLUMNS {
        if header.iter().filter(|h| **h == name).count() > 1 {
            return Err(refuse(format!("there are several columns {name:?}")));
        }
    }
    let unused: Vec<&str> = header
        .iter()
        .copied()
        .filter(|h| !COLUMNS.contains(h))
        .collect();
    if !unused.is_empty() {
        terminal::warning(&format!("columns that are not used: {}", unused.join(", ")));
    }
    // An absolute folder, so that another process can read the rows.
    let path = std::path::absolute(path).map_err(|e| refuse(e.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let places = COLUMNS.map(column);
    let (mut rows, mut seen) = (Vec::new(), BTreeMap::new());
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|e| refuse(reason(&e)))?;
        let cell = |n: usize| places[n].and_then(|c| record.get(c)).unwrap_or_default();
        let cells = Cells {
            patient: places[0].map(|_| cell(0)),
            study: cell(1),
            tumour: cell(2),
            ct_series: cell(3),
            pet_series: cell(4),
        };
        let row = Row::new(index as u64 + 2, &cells, folder);
        if let Some(first) = seen.insert(row.key.clone(), row.row) {
            return Err(refuse(format!("rows {first} and {} are equal", row.row)));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Returns why a CSV cannot be read, without its content.
fn reason(error: &csv::Error) -> String {
    let at = |position: &Option<csv::Position>| {
        position
            .as_ref()
            .map_or(String::new(), |p| format!("row {}: ", p.record() + 1))
    };
    match error.kind() {
        csv::ErrorKind::Io(e) => e.to_string(),
        csv::ErrorKind::Utf8 { pos, .. } => format!("{}is not UTF-8", at(pos)),
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => format!("{}has {len} cells, the header has {expected_len}", at(pos)),
        _ => "cannot be read as CSV".into(),
    }
}
