//! DICOM Segmentation (binary): one segment -> a mask on the grid of its frames.

use super::attributes::{count, first_item, number, numbers, text};
use super::instance::open;
use super::structure::Extent;
use crate::error::{Error, Result};
use crate::volume::{DType, MAX_DIM, Volume};
use dicom_dictionary_std::tags;
use dicom_object::{DefaultDicomObject, InMemDicomObject};
use std::path::Path;

/// A segmentation object, opened.
pub struct Segmentation {
    object: DefaultDicomObject,
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
        let object = open(path, Extent::Pixels)?;
        if text(&object, tags::MODALITY).as_deref() != Some("SEG") {
            return Err(Error::DicomRead("the file is not a segmentation".into()));
        }
        if text(&object, tags::SEGMENTATION_TYPE).as_deref() != Some("BINARY") {
            return Err(Error::Unsupported(
                "segmentations that are not BINARY".into(),
            ));
        }
        Ok(Self { object })
    }

    /// Its segments.
    pub fn segments(&self) -> Vec<Segment> {
        let items = self
            .object
            .get(tags::SEGMENT_SEQUENCE)
            .and_then(|e| e.items())
            .unwrap_or_default();
        let segment = |s: &InMemDicomObject| {
            let label = text(s, tags::SEGMENT_LABEL).unwrap_or_default();
            Some(Segment {
                number: count(s, tags::SEGMENT_NUMBER)?,
                label,
            })
        };
        items.iter().filter_map(segment).collect()
    }

    /// Mask of one segment.
    pub fn mask(&self, segment: usize) -> Result<Volume> {
        let refuse = |why: String| Error::RoiInvalid(format!("segment {segment}: {why}"));
        let missing = |what: &str| refuse(format!("{what} is missing"));
        let object: &InMemDicomObject = &self.object;
        let rows = count(object, tags::ROWS)
            .filter(|n| (1..=MAX_DIM).contains(n))
            .ok_or_else(|| missing("Rows"))?;
        let columns = count(object, tags::COLUMNS)
            .filter(|n| (1..=MAX_DIM).contains(n))
            .ok_or_else(|| missing("Columns"))?;
        let shared = first_item(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        let frames = object
            .get(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
            .and_then(|e| e.items())
            .unwrap_or_default();
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
        let normal = [
            o[1] * o[5] - o[2] * o[4],
            o[2] * o[3] - o[0] * o[5],
            o[0] * o[4] - o[1] * o[3],
        ];
        let along = |p: &[f64; 3]| (0..3).map(|i| p[i] * normal[i]).sum::<f64>();
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
        let bits = object
            .get(tags::PIXEL_DATA)
            .and_then(|e| e.to_bytes().ok())
            .ok_or_else(|| missing("PixelData"))?;
        let plane = rows * columns;
        if bits.len() * 8 < plane * frames.len() {
            return Err(refuse("PixelData is too short".into()));
        }
        let mut data = vec![0u8; plane * depth];
        for ((frame, _), k) in chosen.iter().zip(&slices) {
            for (v, voxel) in data[k * plane..][..plane].iter_mut().enumerate() {
                let bit = frame * plane + v;
                *voxel |= bits[bit / 8] >> (bit % 8) & 1;
            }
        }
        let length = normal.iter().map(|v| v * v).sum::<f64>().sqrt();
        Ok(Volume {
            data,
            dtype: DType::U8,
            dims: [columns, rows, depth],
            origin: chosen[0].1,
            spacing: [pixel[1], pixel[0], step],
            direction: std::array::from_fn(|r| [o[r], o[3 + r], normal[r] / length]),
            slice_offsets: Vec::new(),
            slopes: vec![1.0; depth],
            intercept: 0.0,
            padding: None,
        })
    }
}
