//! NRRD (`.nrrd`, detached `.nhdr`): raw or gzip voxels, three axes, any of the three anatomical spaces.
//!
//! Definition: teem.sourceforge.net/nrrd/format.html.

use super::gzip::{self, Members};
use super::voxel_stream::{Layout, MAX_RATIO, Opened, Reading};
use crate::imaging::{DType, Volume};
use crate::reading::Failure;
use std::collections::BTreeMap;
use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::Path;

/// Headers are a few hundred bytes.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Spacings and vectors may differ by this share: both are written in decimals.
const SAME_SIZE: f64 = 0.01;

/// Reads a volume.
pub fn read(path: &Path, reading: &Reading<'_>) -> Result<Volume, Failure> {
    let (mut file, bytes) = reading.open(path)?;
    let (fields, header_bytes) = Fields::read(&mut file)?;
    let layout = fields.layout()?;
    let (origin, spacing, direction) = fields.grid()?;
    let data = match fields.get("data file") {
        None => (file, bytes.saturating_sub(header_bytes)),
        Some(name) => detached(path, name, reading)?,
    };
    let (dtype, data) = fields.voxels(data, &layout, reading)?;
    Ok(Volume {
        data,
        dtype,
        dims: layout.dims,
        origin,
        spacing,
        direction,
        slice_offsets: Vec::new(),
        slopes: vec![1.0; layout.dims[2]],
        intercept: 0.0,
        padding: None,
    })
}

/// Opens the voxels of a detached header: one file beside it, nowhere else.
fn detached(header: &Path, name: &str, reading: &Reading<'_>) -> Result<Opened, Failure> {
    let file = Path::new(name);
    let beside = file.components().count() == 1 && !name.is_empty();
    if !beside || name.starts_with("LIST") || name.contains('%') {
        return Err("the data file must be one file beside the header".into());
    }
    let opened = reading.open(&header.with_file_name(name));
    opened.map_err(|e| e.within("data file"))
}

/// The fields of a header, by their names as the definition writes them.
struct Fields(BTreeMap<String, String>);

type Placement = ([f64; 3], [f64; 3], [[f64; 3]; 3]);

impl Fields {
    /// Reads a header and what it takes of the file.
    fn read(file: &mut impl BufRead) -> Result<(Self, u64), Failure> {
        let mut fields = BTreeMap::new();
        let mut lines = file.take(MAX_HEADER_BYTES);
        let mut line = Vec::new();
        let mut at = 0;
        loop {
            line.clear();
            let read = lines.read_until(b'\n', &mut line)?;
            at += read as u64;
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\n', '\r']);
            if at == read as u64 {
                match text
                    .strip_prefix("NRRD000")
                    .and_then(|v| v.parse::<u32>().ok())
                {
                    Some(1..=5) => continue,
                    Some(version) => return Err(format!("NRRD000{version} is not read").into()),
                    None => return Err("it does not begin with NRRD000".into()),
                }
            }
            if lines.limit() == 0 {
                return Err("its header does not end".into());
            }
            // A detached header may end without an empty line.
            if text.is_empty() {
                return Ok((Self(fields), at));
            }
            // A key of the writer's own is followed by := and means nothing here.
            if text.starts_with('#')
                || text
                    .split_once(":=")
                    .is_some_and(|(k, _)| !k.contains(": "))
            {
                continue;
            }
            let Some((name, value)) = text.split_once(": ") else {
                continue;
            };
            let name = canonical(name);
            if fields
                .insert(name.clone(), value.trim().to_owned())
                .is_some()
            {
                return Err(format!("the field {name:?} is there twice").into());
            }
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn need(&self, name: &str) -> Result<&str, Failure> {
        self.get(name)
            .ok_or_else(|| format!("the field {name:?} is missing").into())
    }

    fn layout(&self) -> Result<Layout, Failure> {
        if self.need("dimension")? != "3" {
            return Err("it is not a 3-dimensional volume".into());
        }
        let dims: [usize; 3] = numbers(self.need("sizes")?)?
            .try_into()
            .map_err(|_| "sizes: three numbers are needed")?;
        let (dtype, signed_byte) = match self.need("type")? {
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => (DType::U8, false),
            "signed char" | "int8" | "int8_t" => (DType::U8, true),
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => {
                (DType::I16, false)
            }
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => {
                (DType::U16, false)
            }
            "int" | "signed int" | "int32" | "int32_t" => (DType::I32, false),
            "float" => (DType::F32, false),
            "double" => (DType::F64, false),
            other => return Err(format!("type {other:?} is not read").into()),
        };
        // Values that were quantised, or of which a voxel has several, are others than those stored.
        for name in ["old min", "old max"] {
            if self.get(name).is_some() {
                return Err(format!("{name}: quantised values are not read").into());
            }
        }
        let kinds = words(self.get("kinds").unwrap_or_default())?;
        let spatial = |kind: &String| matches!(kind.as_str(), "domain" | "space" | "???" | "none");
        if let Some(kind) = kinds.iter().find(|k| !spatial(k)) {
            return Err(format!("kinds: an axis of kind {kind:?} is not read").into());
        }
        let swapped = dtype.size() > 1
            && match self.need("endian")? {
                "big" => cfg!(target_endian = "little"),
                "little" => cfg!(target_endian = "big"),
                other => return Err(format!("endian {other:?}").into()),
            };
        Ok(Layout {
            dims,
            dtype,
            signed_byte,
            swapped,
        })
    }

    /// Reads the voxels from where the data begins: lines are skipped in the file, bytes in what they are packed in.
    fn voxels(
        &self,
        (mut file, mut bytes): Opened,
        layout: &Layout,
        reading: &Reading<'_>,
    ) -> Result<(DType, Vec<u8>), Failure> {
        let number = |name: &'static str| match self.get(name).map(str::parse::<i64>) {
            None => Ok(0),
            Some(Ok(n)) => Ok(n),
            Some(Err(_)) => Err(format!("{name} is no number")),
        };
        for _ in 0..number("line skip")?.max(0) {
            let line = file.skip_until(b'\n')?;
            if line == 0 {
                return Err("line skip goes beyond the end".into());
            }
            bytes = bytes.saturating_sub(line as u64);
        }
        let skip = number("byte skip")?;
        match (self.need("encoding")?, u64::try_from(skip)) {
            ("raw", Ok(skip)) => {
                file.seek_relative(skip as i64)?;
                let bytes = bytes.saturating_sub(skip);
                reading.voxels(&mut file, bytes, layout, Failure::from)
            }
            // The voxels are the file's last bytes.
            ("raw", Err(_)) if skip == -1 => {
                let wanted = layout.bytes()?;
                if wanted > bytes {
                    return Err(format!("{bytes} bytes, {wanted} are needed").into());
                }
                file.seek(SeekFrom::End(-(wanted as i64)))?;
                reading.voxels(&mut file, wanted, layout, Failure::from)
            }
            ("gzip" | "gz", Ok(skip)) => {
                let mut inflated = Members::new(file);
                let mut skipped = inflated.by_ref().take(skip);
                let skipped = std::io::copy(&mut skipped, &mut std::io::sink());
                if skipped.map_err(gzip::failure)? < skip {
                    return Err("byte skip goes beyond the end".into());
                }
                let bytes = bytes.saturating_mul(MAX_RATIO).saturating_sub(skip);
                reading.voxels(&mut inflated, bytes, layout, gzip::failure)
            }
            ("raw" | "gzip" | "gz", Err(_)) => Err(format!("byte skip {skip} is not read").into()),
            (other, _) => Err(format!("encoding {other:?} is not read").into()),
        }
    }

    fn grid(&self) -> Result<Placement, Failure> {
        let to_lps = match self.need("space")?.to_ascii_lowercase().as_str() {
            "left-posterior-superior" | "lps" => [1.0, 1.0, 1.0],
            "right-anterior-superior" | "ras" => [-1.0, -1.0, 1.0],
            "left-anterior-superior" | "las" => [1.0, -1.0, 1.0],
            other => return Err(format!("space {other:?} is not a patient's").into()),
        };
        let axes: [[f64; 3]; 3] = vectors(self.need("space directions")?)
            .and_then(|axes| {
                axes.try_into()
                    .map_err(|_| "three vectors are needed".into())
            })
            .map_err(|e| e.within("space directions"))?;
        let origin: [f64; 3] = match vectors(self.need("space origin")?)?[..] {
            [origin] => origin,
            _ => return Err("space origin: one vector is needed".into()),
        };
        let unit = self.unit_mm()?;
        let sizes = axes.map(|v| v.iter().map(|x| x * x).sum::<f64>().sqrt());
        let stated: Vec<f64> = numbers(self.get("spacings").unwrap_or_default())?;
        for (size, stated) in sizes.iter().zip(stated) {
            if stated.is_finite() && (stated - size).abs() > SAME_SIZE * size {
                let why = "spacings and space directions contradict each other";
                return Err(format!("{why}: {stated} and {size}").into());
            }
        }
        Ok((
            std::array::from_fn(|r| origin[r] * to_lps[r] * unit),
            sizes.map(|s| s * unit),
            std::array::from_fn(|r| std::array::from_fn(|a| axes[a][r] * to_lps[r] / sizes[a])),
        ))
    }

    /// Returns the millimetres of the unit that space is measured in; without one they are millimetres.
    fn unit_mm(&self) -> Result<f64, Failure> {
        let mut units = words(self.get("space units").unwrap_or_default())?;
        units.extend(words(self.get("units").unwrap_or_default())?);
        units.retain(|unit| !unit.is_empty() && unit != "???");
        let first = units.first().map_or("mm", String::as_str);
        if let Some(other) = units.iter().find(|unit| *unit != first) {
            return Err(format!("space units are {first:?} and {other:?}").into());
        }
        match first {
            "mm" | "millimeter" | "millimetre" => Ok(1.0),
            "um" | "\u{b5}m" | "\u{3bc}m" | "micron" => Ok(0.001),
            "cm" => Ok(10.0),
            "m" => Ok(1000.0),
            other => Err(format!("space units {other:?} are not read").into()),
        }
    }
}

/// Returns a field's name as the definition writes it, which also allows some without their blank.
fn canonical(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    match name.as_str() {
        "datafile" => "data file".into(),
        "byteskip" => "byte skip".into(),
        "lineskip" => "line skip".into(),
        "oldmin" => "old min".into(),
        "oldmax" => "old max".into(),
        _ => name,
    }
}

fn numbers<T: std::str::FromStr>(text: &str) -> Result<Vec<T>, Failure> {
    let parse = |word: &str| {
        let number = word.parse();
        number.map_err(|_| Failure::from(format!("{word:?} is no number")))
    };
    text.split_whitespace().map(parse).collect()
}

/// Splits `"mm" "mm" "mm"` or `domain domain domain`.
fn words(text: &str) -> Result<Vec<String>, Failure> {
    if text.contains('"') {
        let parts: Vec<&str> = text.split('"').collect();
        match parts.len() % 2 {
            1 => Ok(parts
                .iter()
                .skip(1)
                .step_by(2)
                .map(|s| s.trim().to_owned())
                .collect()),
            _ => Err(format!("{text:?} has a quotation mark too few").into()),
        }
    } else {
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }
}

/// Splits `(1,0,0) (0,1,0) (0,0,1)`.
fn vectors(text: &str) -> Result<Vec<[f64; 3]>, Failure> {
    text.split(')')
        .map(|part| part.trim().trim_start_matches('('))
        .filter(|part| !part.is_empty())
        .map(|part| {
            let values: Vec<f64> = numbers(&part.replace(',', " "))?;
            values
                .try_into()
                .map_err(|_| format!("{part:?}: three numbers are needed").into())
        })
        .collect()
}

#[cfg(test)]
mod tests;
