//! DICOM Segmentation: one segment -> a mask on the grid of its frames.

use super::attributes::{self, along, count, first_item, items, number, numbers, text};
use super::source::{DicomFile, Source};
use super::structure::PixelLayout;
use crate::error::{Error, Result};
use crate::volume::{DType, MAX_DIM, Volume};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use std::path::Path;

/// A segmentation object, opened.
pub struct Segmentation {
    source: Source,
    file: DicomFile,
    kind: Kind,
}

/// What the frames hold.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// One bit a voxel.
    Binary,
    /// A byte a voxel: a share of this maximum; a voxel belongs from one half on.
    Fractional(f64),
}

/// One segment, as listed in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Segment Number (0062,0004).
    pub number: usize,
    /// Segment Label (0062,0005).
    pub label: String,
}

/// Frames are packed bits; a file that asks for more than this is not a segmentation.
const MAX_VOXELS: usize = 1 << 31;

impl Segmentation {
    /// Open a file.
    pub fn open(path: &Path) -> Result<Self> {
        let source = Source::File(path.to_owned());
        let file = DicomFile::read(&source)?;
        Self::of(source, file)
    }

    /// The segmentation of a file that is open.
    pub(super) fn of(source: Source, file: DicomFile) -> Result<Self> {
        if text(&file.object, tags::MODALITY).as_deref() != Some("SEG") {
            return Err(Error::DicomRead("the file is not a segmentation".into()));
        }
        let kind = match text(&file.object, tags::SEGMENTATION_TYPE).as_deref() {
            Some("BINARY") => Kind::Binary,
            Some("FRACTIONAL") => Kind::Fractional(
                number(&file.object, tags::MAXIMUM_FRACTIONAL_VALUE)
                    .filter(|v| (1.0..=255.0).contains(v))
                    .unwrap_or(255.0),
            ),
            _ => {
                return Err(Error::Unsupported(
                    "segmentations that are neither BINARY nor FRACTIONAL".into(),
                ));
            }
        };
        Ok(Self { source, file, kind })
    }

    /// File name.
    pub fn source(&self) -> String {
        self.source.name()
    }

    /// Its segments.
    pub fn segments(&self) -> Vec<Segment> {
        let segment = |s: &InMemDicomObject| {
            let label = text(s, tags::SEGMENT_LABEL).unwrap_or_default();
            Some(Segment {
                number: count(s, tags::SEGMENT_NUMBER)?,
                label,
            })
        };
        items(&self.file.object, tags::SEGMENT_SEQUENCE)
            .iter()
            .filter_map(segment)
            .collect()
    }

    /// Mask of one segment.
    pub fn mask(&self, segment: usize) -> Result<Volume> {
        let refuse = |why: String| Error::RoiInvalid(format!("segment {segment}: {why}"));
        let missing = |what: &str| refuse(format!("{what} is missing"));
        let object = &self.file.object;
        let rows = count(object, tags::ROWS)
            .filter(|n| (1..=MAX_DIM).contains(n))
            .ok_or_else(|| missing("Rows"))?;
        let columns = count(object, tags::COLUMNS)
            .filter(|n| (1..=MAX_DIM).contains(n))
            .ok_or_else(|| missing("Columns"))?;
        let shared = first_item(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        let frames = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
        // A functional group stands in the frame or, the same for all, in the shared item.
        let group =
            |frame, tag| first_item(frame, tag).or_else(|| shared.and_then(|s| first_item(s, tag)));
        let mut chosen: Vec<(usize, [f64; 3])> = Vec::new();
        let mut orientation: Option<[f64; 6]> = None;
        let mut measures = None;
        for (n, frame) in frames.iter().enumerate() {
            let of = group(frame, tags::SEGMENT_IDENTIFICATION_SEQUENCE);
            if of.and_then(|s| count(s, tags::REFERENCED_SEGMENT_NUMBER)) != Some(segment) {
                continue;
            }
            let position = group(frame, tags::PLANE_POSITION_SEQUENCE)
                .and_then(|g| numbers(g, tags::IMAGE_POSITION_PATIENT))
                .ok_or_else(|| missing("ImagePositionPatient"))?;
            let this: [f64; 6] = group(frame, tags::PLANE_ORIENTATION_SEQUENCE)
                .and_then(|g| numbers(g, tags::IMAGE_ORIENTATION_PATIENT))
                .ok_or_else(|| missing("ImageOrientationPatient"))?;
            if orientation.is_some_and(|o| o.iter().zip(&this).any(|(a, b)| (a - b).abs() > 1e-4)) {
                return Err(refuse("its frames have different orientations".into()));
            }
            orientation = Some(this);
            measures = group(frame, tags::PIXEL_MEASURES_SEQUENCE);
            chosen.push((n, position));
        }
        let (Some(o), Some(measures)) = (orientation, measures) else {
            return Err(Error::RoiEmpty);
        };
        let pixel: [f64; 2] =
            numbers(measures, tags::PIXEL_SPACING).ok_or_else(|| missing("PixelSpacing"))?;
        let thickness = number(measures, tags::SPACING_BETWEEN_SLICES)
            .or_else(|| number(measures, tags::SLICE_THICKNESS));
        let normal = attributes::normal(&o)
            .ok_or_else(|| refuse("its orientation is no pair of unit vectors".into()))?;
        let along = |p: &[f64; 3]| along(p, &normal);
        chosen.sort_by(|a, b| along(&a.1).total_cmp(&along(&b.1)));
        let offsets: Vec<f64> = chosen
            .iter()
            .map(|c| along(&c.1) - along(&chosen[0].1))
            .collect();
        let smallest = offsets
            .windows(2)
            .map(|w| w[1] - w[0])
            .filter(|d| *d > 1e-3)
            .fold(f64::INFINITY, f64::min);
        let step = if smallest.is_finite() {
            smallest
        } else {
            thickness.unwrap_or(1.0)
        };
        // Slices between frames that hold nothing of the segment may be left out of the file.
        let slices: Vec<usize> = offsets
            .iter()
            .map(|d| (d / step).round() as usize)
            .collect();
        let depth = slices.last().map_or(0, |k| k + 1);
        if depth > MAX_DIM
            || rows
                .saturating_mul(columns)
                .saturating_mul(depth.max(frames.len()))
                > MAX_VOXELS
        {
            return Err(refuse(format!(
                "{columns} x {rows} x {depth} voxels are too many"
            )));
        }
        let plane = rows * columns;
        let pixels = self.pixels(plane, frames.len()).map_err(refuse)?;
        let mut data = vec![0u8; plane * depth];
        for ((frame, _), k) in chosen.iter().zip(&slices) {
            for (v, voxel) in data[k * plane..][..plane].iter_mut().enumerate() {
                let at = frame * plane + v;
                *voxel |= match self.kind {
                    Kind::Binary => pixels[at / 8] >> (at % 8) & 1,
                    Kind::Fractional(full) => u8::from(f64::from(pixels[at]) * 2.0 >= full),
                };
            }
        }
        Ok(Volume {
            data,
            dtype: DType::U8,
            dims: [columns, rows, depth],
            origin: chosen[0].1,
            spacing: [pixel[1], pixel[0], step],
            direction: std::array::from_fn(|r| [o[r], o[3 + r], normal[r]]),
            slice_offsets: Vec::new(),
            slopes: vec![1.0; depth],
            intercept: 0.0,
            padding: None,
        })
    }

    /// The pixel data of all frames: packed bits, or a byte a voxel.
    fn pixels(&self, plane: usize, frames: usize) -> std::result::Result<Vec<u8>, String> {
        let needed = match self.kind {
            Kind::Binary => (plane * frames).div_ceil(8),
            Kind::Fractional(_) => plane * frames,
        };
        match self.file.pixels {
            Some(PixelLayout::Native { at, bytes }) if bytes >= needed as u64 => {
                Ok(self.source.data_set()?.0.part(at, needed as u64)?)
            }
            Some(PixelLayout::Native { .. }) => Err("PixelData is too short".into()),
            Some(PixelLayout::Encapsulated { .. }) => {
                Err("compressed segments are not read".into())
            }
            None => Err("PixelData is missing".into()),
        }
    }
}
