//! The files of a bundle, and where in them the values of tensors lie.

use super::checks::{digest, plain_name, printable, refuse};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Largest file: more than any network of this kind has, and less than what an allocation could be asked for in vain.
const MAX_FILE_BYTES: u64 = 1 << 32;
/// Most files of a bundle, tensors of a file, and dimensions of a tensor.
const MAX_FILES: usize = 64;
const MAX_TENSORS: usize = 4096;
const MAX_DIMENSIONS: usize = 8;
/// Tensors begin at multiples of this, so that they can be used where they lie.
const ALIGNMENT: u64 = 64;

/// One file of a bundle.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleFile {
    /// Its name inside the bundle's folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest, lower-case hexadecimal.
    pub sha256: String,
    /// What lies in it, in the order of the offsets, if it is a file of weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensors: Option<Vec<StoredTensor>>,
}

/// The values of a tensor in a file, little-endian, in C order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredTensor {
    /// Its name in the graphs.
    pub name: String,
    /// Type of its values.
    #[serde(rename = "type")]
    pub element: ElementType,
    /// Its dimensions.
    pub shape: Vec<u64>,
    /// Where in the file it begins.
    pub offset: u64,
    /// How many bytes it has.
    pub bytes: u64,
}

/// Type of the values of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    /// Single precision.
    Float32,
    /// Half precision.
    Float16,
}

impl ElementType {
    fn bytes(self) -> u64 {
        match self {
            ElementType::Float32 => 4,
            ElementType::Float16 => 2,
        }
    }
}

impl StoredTensor {
    /// Returns the offset behind the last byte, which `validate` found to be one.
    pub fn end(&self) -> u64 {
        self.offset + self.bytes
    }

    fn validate(&self, field: &str, (from, to): (u64, u64)) -> Result<()> {
        if self.name.is_empty() {
            return refuse(format!("{field}.name is empty"));
        }
        printable(&format!("{field}.name"), &self.name)?;
        let shape = &self.shape;
        let values = shape
            .iter()
            .try_fold(1u64, |n, d| n.checked_mul(*d))
            .filter(|n| *n > 0 && shape.len() <= MAX_DIMENSIONS);
        let bytes = values.and_then(|n| n.checked_mul(self.element.bytes()));
        if bytes != Some(self.bytes) {
            return refuse(format!(
                "{field}.bytes: {} is not what shape {shape:?} of {:?} takes",
                self.bytes, self.element
            ));
        }
        if !self.offset.is_multiple_of(ALIGNMENT) {
            return refuse(format!(
                "{field}.offset: {} is not a multiple of {ALIGNMENT}",
                self.offset
            ));
        }
        if self.offset < from {
            return refuse(format!(
                "{field}.offset: {} lies before {from}, where the tensor before it ends",
                self.offset
            ));
        }
        match self.offset.checked_add(self.bytes) {
            Some(end) if end <= to => Ok(()),
            _ => refuse(format!(
                "{field}: {} bytes from {} on pass the end of the file at {to}",
                self.bytes, self.offset
            )),
        }
    }
}

/// Refuses files that are not listed as they should be, naming the field.
pub(super) fn validate(files: &[BundleFile]) -> Result<()> {
    if files.len() > MAX_FILES {
        return refuse(format!(
            "files: {}, allowed at most {MAX_FILES}",
            files.len()
        ));
    }
    for (i, file) in files.iter().enumerate() {
        let field = format!("files[{i}]");
        plain_name(&format!("{field}.name"), &file.name)?;
        digest(&format!("{field}.sha256"), &file.sha256)?;
        if files[..i].iter().any(|f| f.name == file.name) || file.name == "manifest.json" {
            return refuse(format!("{field}.name: {:?} stands twice", file.name));
        }
        if file.bytes > MAX_FILE_BYTES {
            return refuse(format!(
                "{field}.bytes: {}, allowed at most {MAX_FILE_BYTES}",
                file.bytes
            ));
        }
        let tensors = file.tensors.as_deref().unwrap_or_default();
        if tensors.len() > MAX_TENSORS {
            return refuse(format!(
                "{field}.tensors: {}, allowed at most {MAX_TENSORS}",
                tensors.len()
            ));
        }
        let (mut from, mut names) = (0, std::collections::HashSet::new());
        for (n, tensor) in tensors.iter().enumerate() {
            let field = format!("{field}.tensors[{n}]");
            tensor.validate(&field, (from, file.bytes))?;
            from = tensor.end();
            if !names.insert(&tensor.name) {
                return refuse(format!("{field}.name: {:?} stands twice", tensor.name));
            }
        }
    }
    Ok(())
}

/// Returns the file that a field names.
pub(super) fn listed<'a>(
    files: &'a [BundleFile],
    field: &str,
    name: &str,
) -> Result<&'a BundleFile> {
    match files.iter().find(|f| f.name == name) {
        Some(file) => Ok(file),
        None => refuse(format!("{field}: {name:?} is not in files")),
    }
}

/// Returns the tensors of the file of weights that a field names.
pub(super) fn weights<'a>(
    files: &'a [BundleFile],
    field: &str,
    name: &str,
) -> Result<&'a [StoredTensor]> {
    match &listed(files, field, name)?.tensors {
        Some(tensors) => Ok(tensors),
        None => refuse(format!("{field}: {name:?} has no tensors in files")),
    }
}
