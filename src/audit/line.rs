//! One line of the log: made, and read again.

use crate::digest::Digest;
use serde_json::{Map, Value};

/// What the first line names as the line before it.
pub const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Longest line that is written or read.
pub const MAX_BYTES: usize = 64 << 10;

/// Between what is hashed and the digest.
const BEFORE_DIGEST: &str = ",\"sha256\":\"";
const AFTER_DIGEST: &str = "\"}";

/// What a line says of its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number, from 1.
    pub line: u64,
    /// Digest of the line before it.
    pub previous: String,
    /// Its own digest.
    pub sha256: String,
    /// Digest of a line that was torn when its writer was killed, and stands before this one.
    pub torn_sha256: Option<String>,
}

/// Makes a line, without its end, of the fields that say what happened.
pub fn make(line: u64, previous: &str, fields: Map<String, Value>) -> (String, Place) {
    let mut object = Map::new();
    object.insert("line".into(), line.into());
    object.insert("previous".into(), previous.into());
    let torn = fields.get("torn_sha256").and_then(Value::as_str);
    let torn_sha256 = torn.map(str::to_owned);
    object.extend(fields);
    let mut text = Value::Object(object).to_string();
    text.pop(); // the brace that the digest comes before
    let sha256 = Digest::from_bytes(text.as_bytes()).sha256;
    text.extend([BEFORE_DIGEST, &sha256, AFTER_DIGEST]);
    let place = Place {
        line,
        previous: previous.to_owned(),
        sha256,
        torn_sha256,
    };
    (text, place)
}

/// Reads a line without its end.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(bytes: &[u8]) -> Result<Place, &'static str> {
    let no_record = "is not a line of an audit log";
    let text = std::str::from_utf8(bytes).map_err(|_| no_record)?;
    let (hashed, stated) = text.rsplit_once(BEFORE_DIGEST).ok_or(no_record)?;
    let sha256 = stated.strip_suffix(AFTER_DIGEST).ok_or(no_record)?;
    if Digest::from_bytes(hashed.as_bytes()).sha256 != sha256 {
        return Err("was changed: its text does not have the digest that it states");
    }
    let value: Value = serde_json::from_str(text).map_err(|_| no_record)?;
    let field = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let line = value.get("line").and_then(Value::as_u64);
    Ok(Place {
        line: line.ok_or(no_record)?,
        previous: field("previous").ok_or(no_record)?,
        sha256: sha256.to_owned(),
        torn_sha256: field("torn_sha256"),
    })
}
