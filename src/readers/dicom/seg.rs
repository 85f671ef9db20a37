//! DICOM Segmentation: one segment -> a mask on the grid of its frames.

use super::attributes::{count, first_item, items, number, numbers, text};
use super::dataset::PixelLayout;
use super::frame_layout::{Frame, FrameLayout};
use super::roi_mask::RoiMask;
use super::source::{DicomFile, Source};
use crate::allocation;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::imaging::{DType, MAX_DIM, Volume};
use crate::reading::Failure;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use std::path::Path;

/// A segmentation object, opened.
pub struct Segmentation {
    source: Source,
    uid: Option<String>,
    file: DicomFile,
    kind: Kind,
}

/// What the frames hold.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// One bit a voxel.
    Binary,
    /// A byte a voxel: a share of this maximum; a voxel belongs from one half on.
    Fractional(usize),
}

impl Kind {
    /// Returns 1 if a voxel of the pixel data belongs to the segment, else 0.
    fn voxel(self, pixels: &[u8], at: usize) -> Result<u8, String> {
        match self {
            Kind::Binary => Ok(pixels[at / 8] >> (at % 8) & 1),
            Kind::Fractional(full) => match usize::from(pixels[at]) {
                value if value > full => Err(format!(
                    "the pixel data holds {value}, above MaximumFractionalValue (0062,000E) {full}"
                )),
                value => Ok(u8::from(value * 2 >= full)),
            },
        }
    }
}

/// One segment, as listed in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Segment Number (0062,0004).
    pub number: usize,
    /// Segment Label (0062,0005).
    pub label: String,
}

fn missing(frame: usize, what: &str) -> String {
    format!("{what} of frame {} is missing or no number", frame + 1)
}

fn wrong(frame: usize, what: &str) -> String {
    format!("{what} of frame {} is not a positive number", frame + 1)
}

/// A length that may be absent, but not anything else than positive.
fn positive(object: &InMemDicomObject, tag: Tag) -> Result<Option<f64>, ()> {
    if text(object, tag).is_none() {
        return Ok(None);
    }
    match number(object, tag) {
        Some(v) if v > 0.0 && v.is_finite() => Ok(Some(v)),
        _ => Err(()),
    }
}

/// Frames are packed bits; a file that asks for more than this is not a segmentation.
const MAX_VOXELS: usize = 1 << 29;

impl Segmentation {
    /// SOP Instance UID.
    pub(super) fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }

    /// Reads the segmentation of a file.
    pub fn open(path: &Path) -> Result<Self> {
        let source = Source::File(path.to_owned());
        let file = DicomFile::read(&source)?;
        Self::from_file(source, file)
    }

    /// Returns the segmentation of a file whose attributes were read.
    pub(super) fn from_file(source: Source, file: DicomFile) -> Result<Self> {
        if text(&file.object, tags::MODALITY).as_deref() != Some("SEG") {
            return Err(Error::DicomRead("the file is not a segmentation".into()));
        }
        let kind = match text(&file.object, tags::SEGMENTATION_TYPE).as_deref() {
            Some("BINARY") => Kind::Binary,
            Some("FRACTIONAL") => Kind::Fractional(
                count(&file.object, tags::MAXIMUM_FRACTIONAL_VALUE)
                    .filter(|v| (1..=255).contains(v))
                    .ok_or_else(|| {
                        Error::DicomRead(format!(
                            "{}: MaximumFractionalValue (0062,000E) is missing or not in 1 to 255",
                            source.name()
                        ))
                    })?,
            ),
            _ => {
                return Err(Error::Unsupported(
                    "segmentations that are neither BINARY nor FRACTIONAL".into(),
                ));
            }
        };
        let bits = match kind {
            Kind::Binary => 1,
            Kind::Fractional(_) => 8,
        };
        if count(&file.object, tags::BITS_ALLOCATED) != Some(bits) {
            return Err(Error::DicomRead(format!(
                "{}: BitsAllocated (0028,0100) of this segmentation is not {bits}",
                source.name()
            )));
        }
        let uid = text(&file.object, tags::SOP_INSTANCE_UID);
        Ok(Self {
            source,
            uid,
            file,
            kind,
        })
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

    /// Returns the mask of one segment on the grid of its frames: frames lie where their positions say, and slices without
    /// a frame are empty. A voxel of a fractional segmentation belongs from half of the maximum on.
    ///
    /// # Errors
    /// [`Error::RoiInvalid`] if no segment or two have this number, or its frames do not make one grid without contradiction;
    /// [`Error::RoiEmpty`] if it has no frame; [`Error::OutOfMemory`], [`Error::Cancelled`].
    pub fn mask(&self, segment: usize, cancel: &CancelToken) -> Result<RoiMask> {
        let refuse = |why: String| Error::RoiInvalid(format!("segment {segment}: {why}"));
        let object = &self.file.object;
        let segments = self.segments();
        let same = segments.iter().filter(|s| s.number == segment).count();
        if same > 1 {
            return Err(refuse(format!(
                "ambiguous, {same} segments of {} have this number",
                self.source()
            )));
        }
        let side = |tag, name| {
            let side = count(object, tag).filter(|n| (1..=MAX_DIM).contains(n));
            side.ok_or_else(|| refuse(format!("{name} is missing")))
        };
        let rows = side(tags::ROWS, "Rows (0028,0010)")?;
        let columns = side(tags::COLUMNS, "Columns (0028,0011)")?;
        let all = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).len();
        if count(object, tags::NUMBER_OF_FRAMES).is_some_and(|n| n != all) {
            return Err(refuse(format!(
                "NumberOfFrames (0028,0008) contradicts the {all} frames that are described"
            )));
        }
        let frames = self.frames(segment).map_err(refuse)?;
        if frames.is_empty() && same == 0 {
            let numbers: Vec<String> = segments.iter().map(|s| s.number.to_string()).collect();
            return Err(refuse(format!(
                "{} has no segment of this number, but {}",
                self.source(),
                if numbers.is_empty() {
                    "none at all".into()
                } else {
                    numbers.join(", ")
                }
            )));
        }
        if frames.is_empty() {
            return Err(Error::RoiEmpty);
        }
        let layout = FrameLayout::new(&frames, [columns, rows]).map_err(refuse)?;
        let [nx, ny, nz] = layout.dims;
        let plane = rows * columns;
        let voxels = nx.saturating_mul(ny).saturating_mul(nz);
        let stored = plane.saturating_mul(all);
        if layout.dims.iter().any(|n| *n > MAX_DIM) || voxels.max(stored) > MAX_VOXELS {
            return Err(refuse(format!("{nx} x {ny} x {nz} voxels are too many")));
        }
        let pixels = self.pixels(plane, all, cancel);
        let pixels = pixels.map_err(|why| why.into_error(refuse))?;
        let mut data = allocation::zeros_until(voxels, "the mask of a segment", cancel)?;
        for (frame, [i, j, k]) in frames.iter().zip(&layout.places) {
            cancel.check()?;
            for row in 0..rows {
                let from = frame.index * plane + row * columns;
                let to = (k * ny + j + row) * nx + i;
                for (n, voxel) in data[to..to + columns].iter_mut().enumerate() {
                    *voxel |= self.kind.voxel(&pixels, from + n).map_err(refuse)?;
                }
            }
        }
        let [between_rows, between_columns] = frames[0].spacing;
        let o = frames[0].orientation;
        Ok(RoiMask {
            volume: Volume {
                data,
                dtype: DType::U8,
                dims: layout.dims,
                origin: layout.origin,
                spacing: [between_columns, between_rows, layout.step],
                direction: std::array::from_fn(|r| [o[r], o[3 + r], layout.normal[r]]),
                slice_offsets: layout.slice_offsets,
                slopes: vec![1.0; nz],
                intercept: 0.0,
                padding: None,
            },
            contours_overlap: false,
            frame_of_reference: text(object, tags::FRAME_OF_REFERENCE_UID),
        })
    }

    /// Returns the frames of a segment as they are described, in the file's order.
    fn frames(&self, segment: usize) -> std::result::Result<Vec<Frame>, String> {
        let object = &self.file.object;
        let shared = first_item(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        // A functional group stands in the frame or, the same for all, in the shared item.
        let group =
            |frame, tag| first_item(frame, tag).or_else(|| shared.and_then(|s| first_item(s, tag)));
        let frames = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
        let mut chosen = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let of = group(frame, tags::SEGMENT_IDENTIFICATION_SEQUENCE);
            let of = of.and_then(|s| count(s, tags::REFERENCED_SEGMENT_NUMBER));
            // A frame of nobody may be one of this segment.
            let of = of.ok_or_else(|| missing(index, "ReferencedSegmentNumber (0062,000B)"))?;
            if of != segment {
                continue;
            }
            let measures = group(frame, tags::PIXEL_MEASURES_SEQUENCE)
                .ok_or_else(|| missing(index, "PixelMeasuresSequence (0028,9110)"))?;
            chosen.push(Frame {
                index,
                position: group(frame, tags::PLANE_POSITION_SEQUENCE)
                    .and_then(|g| numbers(g, tags::IMAGE_POSITION_PATIENT))
                    .ok_or_else(|| missing(index, "ImagePositionPatient (0020,0032)"))?,
                orientation: group(frame, tags::PLANE_ORIENTATION_SEQUENCE)
                    .and_then(|g| numbers(g, tags::IMAGE_ORIENTATION_PATIENT))
                    .ok_or_else(|| missing(index, "ImageOrientationPatient (0020,0037)"))?,
                spacing: numbers(measures, tags::PIXEL_SPACING)
                    .filter(|s: &[f64; 2]| s.iter().all(|v| *v > 0.0))
                    .ok_or_else(|| missing(index, "PixelSpacing (0028,0030)"))?,
                between: positive(measures, tags::SPACING_BETWEEN_SLICES)
                    .map_err(|()| wrong(index, "SpacingBetweenSlices (0018,0088)"))?,
                thickness: positive(measures, tags::SLICE_THICKNESS)
                    .map_err(|()| wrong(index, "SliceThickness (0018,0050)"))?,
            });
        }
        Ok(chosen)
    }

    /// The pixel data of all frames: packed bits, or a byte a voxel.
    fn pixels(
        &self,
        plane: usize,
        frames: usize,
        cancel: &CancelToken,
    ) -> std::result::Result<Vec<u8>, Failure> {
        let needed = match self.kind {
            Kind::Binary => (plane * frames).div_ceil(8),
            Kind::Fractional(_) => plane * frames,
        };
        match self.file.pixels {
            // One byte of padding makes the length even (PS3.5 7.1).
            Some(PixelLayout::Native { at, bytes })
                if bytes == needed as u64 || bytes == needed as u64 + needed as u64 % 2 =>
            {
                self.source.open(cancel)?.0.part(at, needed as u64)
            }
            Some(PixelLayout::Native { bytes, .. }) => Err(format!(
                "PixelData (7FE0,0010) has {bytes} bytes, its frames make {needed}"
            )
            .into()),
            Some(PixelLayout::Encapsulated { .. }) => {
                Err("compressed segments are not read".into())
            }
            None => Err("PixelData is missing".into()),
        }
    }
}

#[cfg(test)]
mod tests;
