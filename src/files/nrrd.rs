//! NRRD (`.nrrd`, detached `.nhdr`): raw or gzip voxels, three axes, any of the three anatomical spaces.
//!
//! Definition: teem.sourceforge.net/nrrd/format.html.

use super::{byte_count, voxels, widened};
use crate::error::{Error, Result};
use crate::regular::{self, why};
use crate::volume::{DType, Volume};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// Headers are a few hundred bytes.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Read a volume.
pub fn read(path: &Path) -> Result<Volume> {
    let file = regular::read(path).map_err(|e| Error::Nrrd(why(e)))?;
    let (fields, data_at) = header(&file).map_err(Error::Nrrd)?;
    let data = match fields.get("data file").or(fields.get("datafile")) {
        None => file[data_at..].to_vec(),
        Some(name) => detached(path, name)?,
    };
    volume(&fields, data).map_err(Error::Nrrd)
}

/// The voxels of a detached header: one file beside it, nowhere else.
fn detached(header: &Path, name: &str) -> Result<Vec<u8>> {
    let name = Path::new(name);
    let beside = name.components().count() == 1 && !name.as_os_str().is_empty();
    if !beside || name.to_string_lossy().starts_with("LIST") {
        return Err(Error::Nrrd(
            "the data file must be one file beside the header".into(),
        ));
    }
    regular::read(&header.with_file_name(name))
        .map_err(|e| Error::Nrrd(format!("data file: {}", why(e))))
}

type Fields = HashMap<String, String>;

/// The fields of a header, and where the data begins.
fn header(file: &[u8]) -> std::result::Result<(Fields, usize), String> {
    if !file.starts_with(b"NRRD000") {
        return Err("it does not begin with NRRD000".into());
    }
    let mut fields = Fields::new();
    let mut at = 0;
    while at < file.len().min(MAX_HEADER_BYTES) {
        let end = file[at..]
            .iter()
            .position(|b| *b == b'\n')
            .map_or(file.len(), |n| at + n);
        let line = String::from_utf8_lossy(&file[at..end]);
        let line = line.trim_end_matches('\r');
        at = (end + 1).min(file.len());
        if line.is_empty() {
            return Ok((fields, at));
        }
        if !line.starts_with('#')
            && let Some((key, value)) = line.split_once(": ")
        {
            fields.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    // A detached header may end without an empty line.
    Ok((fields, file.len()))
}

fn volume(fields: &Fields, data: Vec<u8>) -> std::result::Result<Volume, String> {
    let field = |name: &str| fields.get(name).map(String::as_str);
    let need = |name: &str| field(name).ok_or_else(|| format!("the field {name:?} is missing"));
    if need("dimension")? != "3" {
        return Err("it is not a 3-dimensional volume".into());
    }
    let sizes: Vec<usize> = numbers(need("sizes")?)?;
    let dims: [usize; 3] = sizes
        .try_into()
        .map_err(|_| "sizes: three numbers are needed".to_owned())?;
    let (dtype, signed_byte) = match need("type")? {
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => (DType::U8, false),
        "signed char" | "int8" | "int8_t" => (DType::U8, true),
        "short" | "short int" | "signed short" | "int16" | "int16_t" => (DType::I16, false),
        "ushort" | "unsigned short" | "uint16" | "uint16_t" => (DType::U16, false),
        "int" | "signed int" | "int32" | "int32_t" => (DType::I32, false),
        "float" => (DType::F32, false),
        "double" => (DType::F64, false),
        other => return Err(format!("type {other:?} is not read")),
    };
    let size = dtype.size();
    let bytes = byte_count(dims, size)?;
    let skip = match field("byte skip").or(field("byteskip")) {
        None => 0,
        Some(text) => text.parse::<usize>().map_err(|_| "byte skip is not read")?,
    };
    let data = match need("encoding")? {
        "raw" => data.get(skip..).unwrap_or_default().to_vec(),
        "gzip" | "gz" => {
            let mut inflated = Vec::new();
            flate2::read::MultiGzDecoder::new(data.as_slice())
                .take(bytes.saturating_add(skip) as u64)
                .read_to_end(&mut inflated)
                .map_err(|e| format!("gzip: {}", e.kind()))?;
            inflated.drain(..skip.min(inflated.len()));
            inflated
        }
        other => return Err(format!("encoding {other:?} is not read")),
    };
    let swapped = size > 1
        && match need("endian")? {
            "big" => cfg!(target_endian = "little"),
            "little" => cfg!(target_endian = "big"),
            other => return Err(format!("endian {other:?}")),
        };
    let data = voxels(data, bytes, size, swapped)?;
    let (dtype, data) = match signed_byte {
        false => (dtype, data),
        true => (DType::I16, widened(&data)),
    };
    let (origin, spacing, direction) = grid(fields)?;
    Ok(Volume {
        data,
        dtype,
        dims,
        origin,
        spacing,
        direction,
        slice_offsets: Vec::new(),
        slopes: vec![1.0; dims[2]],
        intercept: 0.0,
        padding: None,
    })
}

type Grid = ([f64; 3], [f64; 3], [[f64; 3]; 3]);

fn grid(fields: &Fields) -> std::result::Result<Grid, String> {
    let need = |name: &str| {
        let value = fields.get(name);
        value.ok_or_else(|| format!("the field {name:?} is missing"))
    };
    let to_lps = match need("space")?.to_ascii_lowercase().as_str() {
        "left-posterior-superior" | "lps" => [1.0, 1.0, 1.0],
        "right-anterior-superior" | "ras" => [-1.0, -1.0, 1.0],
        "left-anterior-superior" | "las" => [1.0, -1.0, 1.0],
        other => return Err(format!("space {other:?} is not a patient's")),
    };
    let axes: Vec<[f64; 3]> = vectors(need("space directions")?)?;
    let axes: [[f64; 3]; 3] = axes
        .try_into()
        .map_err(|_| "space directions: three vectors are needed".to_owned())?;
    let origin: [f64; 3] = match vectors(need("space origin")?)?[..] {
        [origin] => origin,
        _ => return Err("space origin: one vector is needed".into()),
    };
    let spacing = axes.map(|v| v.iter().map(|x| x * x).sum::<f64>().sqrt());
    Ok((
        std::array::from_fn(|r| origin[r] * to_lps[r]),
        spacing,
        std::array::from_fn(|r| std::array::from_fn(|a| axes[a][r] * to_lps[r] / spacing[a])),
    ))
}

fn numbers<T: std::str::FromStr>(text: &str) -> std::result::Result<Vec<T>, String> {
    let parse = |word: &str| word.parse().map_err(|_| format!("{word:?} is no number"));
    text.split_whitespace().map(parse).collect()
}

/// `(1,0,0) (0,1,0) (0,0,1)`
fn vectors(text: &str) -> std::result::Result<Vec<[f64; 3]>, String> {
    text.split(')')
        .map(|part| part.trim().trim_start_matches('('))
        .filter(|part| !part.is_empty())
        .map(|part| {
            let values: Vec<f64> = numbers(&part.replace(',', " "))?;
            values
                .try_into()
                .map_err(|_| format!("{part:?}: three numbers are needed"))
        })
        .collect()
}
