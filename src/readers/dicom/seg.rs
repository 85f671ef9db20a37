//! DICOM Segmentation: one segment -> a mask on the grid of its frames.

use super::attributes::{count, first_item, items, number, numbers, text};
use super::dataset::PixelLayout;
use super::frame_layout::{Frame, FrameLayout};
use super::roi_mask::RoiMask;
use super::source::{DicomFile, Source};
use crate::allocation;
use crate::error::{Error, Result};
use crate::imaging::{DType, MAX_DIM, Volume};
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
    /// [`Error::RoiInvalid`] if two segments have this number, or its frames do not make one grid without contradiction;
    /// [`Error::RoiEmpty`] if it has no frame.
    pub fn mask(&self, segment: usize) -> Result<RoiMask> {
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
        let pixels = self.pixels(plane, all).map_err(refuse)?;
        let mut data = allocation::zeros::<u8>(voxels, "the mask of a segment")?;
        for (frame, [i, j, k]) in frames.iter().zip(&layout.places) {
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
    fn pixels(&self, plane: usize, frames: usize) -> std::result::Result<Vec<u8>, String> {
        let needed = match self.kind {
            Kind::Binary => (plane * frames).div_ceil(8),
            Kind::Fractional(_) => plane * frames,
        };
        match self.file.pixels {
            // One byte of padding makes the length even (PS3.5 7.1).
            Some(PixelLayout::Native { at, bytes })
                if bytes == needed as u64 || bytes == needed as u64 + needed as u64 % 2 =>
            {
                Ok(self.source.data_set()?.0.part(at, needed as u64)?)
            }
            Some(PixelLayout::Native { bytes, .. }) => Err(format!(
                "PixelData (7FE0,0010) has {bytes} bytes, its frames make {needed}"
            )),
            Some(PixelLayout::Encapsulated { .. }) => {
                Err("compressed segments are not read".into())
            }
            None => Err("PixelData is missing".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{Object, frame, open, put, put_number, seg};
    use super::*;
    use dicom_core::VR;

    const BETWEEN: [&str; 2] = ["3", "3"];

    fn opened(object: &Object) -> Result<Segmentation> {
        let (source, file) = open(object);
        Segmentation::from_file(source, file)
    }

    /// Frames of segment 1 at these z, each with one voxel more than the one before.
    fn at(measures: [&str; 2], positions: &[[f64; 3]]) -> Object {
        let frames = positions.iter().map(|p| frame(1, *p)).collect();
        let mut bits = vec![0u8; (positions.len() * 6).div_ceil(8)];
        for n in 0..positions.len() {
            for v in 0..=n {
                bits[(n * 6 + v) / 8] |= 1 << ((n * 6 + v) % 8);
            }
        }
        seg("1.9", "1.5", &[1, 2], measures, frames, (true, bits))
    }

    fn z(offsets: &[f64]) -> Vec<[f64; 3]> {
        offsets.iter().map(|z| [10.0, 20.0, 30.0 + z]).collect()
    }

    fn mask(object: &Object) -> Result<Volume> {
        opened(object)?.mask(1).map(|m| m.volume)
    }

    /// Voxels of each slice.
    fn counts(volume: &Volume) -> Vec<usize> {
        let [nx, ny, _] = volume.dims;
        let slices = volume.data.chunks(nx * ny);
        slices
            .map(|s| s.iter().filter(|v| **v == 1).count())
            .collect()
    }

    fn why(object: &Object) -> String {
        mask(object).unwrap_err().to_string()
    }

    #[test]
    fn frames_lie_where_their_positions_say() {
        let object = at(BETWEEN, &z(&[3.0, 0.0, 6.0]));
        let segmentation = opened(&object).unwrap();
        assert_eq!(segmentation.uid(), Some("1.9"));
        assert_eq!(segmentation.source(), "buffer 0");
        let listed = segmentation.segments();
        assert_eq!(listed.iter().map(|s| s.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(listed[0].label, "S");
        let found = segmentation.mask(1).unwrap();
        assert_eq!(found.frame_of_reference.as_deref(), Some("1.5"));
        assert!(!found.contours_overlap);
        let volume = found.volume;
        assert_eq!(volume.dims, [3, 2, 3]);
        assert_eq!(volume.origin, [10.0, 20.0, 30.0]);
        assert_eq!(volume.spacing, [1.0, 2.0, 3.0]);
        assert_eq!(volume.direction, crate::imaging::IDENTITY);
        assert_eq!(volume.slopes, [1.0; 3]);
        assert!(volume.slice_offsets.is_empty());
        #[rustfmt::skip]
        assert_eq!(volume.data, [1, 1, 0, 0, 0, 0,  1, 0, 0, 0, 0, 0,  1, 1, 1, 0, 0, 0]);
        assert!(matches!(segmentation.mask(2), Err(Error::RoiEmpty)));
        assert!(matches!(segmentation.mask(99), Err(Error::RoiEmpty)));
    }

    #[test]
    fn slices_without_a_frame_are_empty() {
        let volume = mask(&at(BETWEEN, &z(&[0.0, 9.0, 12.0]))).unwrap();
        assert_eq!(counts(&volume), [1, 0, 0, 2, 3]);
        // Spacing Between Slices says that frames are left out, though none is next to another.
        let volume = mask(&at(BETWEEN, &z(&[0.0, 6.0, 12.0]))).unwrap();
        assert_eq!(
            (counts(&volume), volume.spacing[2]),
            (vec![1, 0, 2, 0, 3], 3.0)
        );
        // Without it the smallest gap is the step.
        let volume = mask(&at(["", "3"], &z(&[0.0, 6.0, 18.0]))).unwrap();
        assert_eq!(
            (counts(&volume), volume.spacing[2]),
            (vec![1, 2, 0, 3], 6.0)
        );
        // A single frame has Spacing Between Slices, or its thickness; with neither it has none.
        for (measures, thick) in [(["4", "3"], 4.0), (["", "3"], 3.0)] {
            assert_eq!(mask(&at(measures, &z(&[0.0]))).unwrap().spacing[2], thick);
        }
        assert!(why(&at(["", ""], &z(&[0.0]))).contains("says how thick it is"));
        // Steps a little uneven are kept as they are, those of slices without a frame shared out.
        let volume = mask(&at(BETWEEN, &z(&[0.0, 3.0, 9.2]))).unwrap();
        assert_eq!(counts(&volume), [1, 2, 0, 3]);
        let offsets = &volume.slice_offsets;
        assert!(
            offsets
                .iter()
                .zip([0.0, 3.0, 6.1, 9.2])
                .all(|(a, b)| (a - b).abs() < 1e-9),
            "{offsets:?}"
        );
    }

    #[test]
    fn frames_that_are_shifted_in_the_plane_are_put_where_they_belong() {
        // One column to the left and two rows down.
        let volume = mask(&at(BETWEEN, &[[10.0, 20.0, 30.0], [9.0, 24.0, 33.0]])).unwrap();
        assert_eq!((volume.dims, volume.origin), ([4, 4, 2], [9.0, 20.0, 30.0]));
        assert_eq!(volume.data.iter().filter(|v| **v == 1).count(), 3);
        let set = |i: usize, j: usize, k: usize| volume.data[(k * 4 + j) * 4 + i];
        assert_eq!([set(1, 0, 0), set(0, 2, 1), set(1, 2, 1)], [1, 1, 1]);
        // Beside each other in one slice.
        let volume = mask(&at(BETWEEN, &[[10.0, 20.0, 30.0], [13.0, 20.0, 30.0]])).unwrap();
        assert_eq!(
            (volume.dims, volume.data.clone()),
            ([6, 2, 1], vec![1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0])
        );
        for (shift, words) in [
            ([0.4, 0.0, 3.0], "0.40 columns"),
            ([0.0, 0.6, 3.0], "0.30 rows"),
        ] {
            let moved = std::array::from_fn(|a| [10.0, 20.0, 30.0][a] + shift[a]);
            let text = why(&at(BETWEEN, &[[10.0, 20.0, 30.0], moved]));
            assert!(
                text.contains("segment 1: ImagePositionPatient (0020,0032) of frame 2"),
                "{text}"
            );
            assert!(text.contains(words) && text.contains("frame 1"), "{text}");
        }
    }

    #[test]
    fn contradictions_between_frames_are_refused_by_name() {
        for (measures, positions, words) in [
            (
                BETWEEN,
                z(&[0.0, 3.0, 7.5]),
                "frame 3 lies 2.50 steps between slices",
            ),
            (
                BETWEEN,
                z(&[0.0, 0.0, 3.0]),
                "frames 1 and 2 lie at the same position",
            ),
            (
                ["2", "3"],
                z(&[0.0, 3.0]),
                "is 2 mm, its frames lie 3.000 mm apart",
            ),
            (
                ["1.5", "3"],
                z(&[0.0, 3.0]),
                "is 1.5 mm, its frames lie 3.000 mm apart",
            ),
            (
                ["6", "3"],
                z(&[0.0, 3.0]),
                "is 6 mm, its frames lie 3.000 mm apart",
            ),
            (
                ["0", "3"],
                z(&[0.0, 3.0]),
                "SpacingBetweenSlices (0018,0088) of frame 1",
            ),
            (
                ["3", "-3"],
                z(&[0.0, 3.0]),
                "SliceThickness (0018,0050) of frame 1",
            ),
            (
                ["3,0", "3"],
                z(&[0.0, 3.0]),
                "SpacingBetweenSlices (0018,0088) of frame 1",
            ),
            (
                BETWEEN,
                z(&[0.0, 3.0, 300_000.0]),
                "frame 3 lies 100000.00 steps",
            ),
        ] {
            let text = why(&at(measures, &positions));
            assert!(text.contains(words), "{text}");
        }
        let good = at(BETWEEN, &z(&[0.0, 3.0]));
        let edited = |edit: &dyn Fn(&mut Object)| {
            let mut object = good.clone();
            edit(&mut object);
            why(&object)
        };
        for (text, words) in [
            (
                edited(&|o| put(o, tags::NUMBER_OF_FRAMES, VR::IS, "3")),
                "NumberOfFrames (0028,0008) contradicts the 2 frames",
            ),
            (
                edited(&|o| put_number(o, tags::ROWS, 3)),
                "has 2 bytes, its frames make 3",
            ),
            (
                edited(&|o| put_number(o, tags::ROWS, 0)),
                "Rows (0028,0010)",
            ),
            (
                edited(&|o| put_number(o, tags::COLUMNS, 0)),
                "Columns (0028,0011)",
            ),
            (
                edited(&|o| put_number(o, tags::BITS_ALLOCATED, 8)),
                "BitsAllocated (0028,0100)",
            ),
        ] {
            assert!(text.contains(words), "{text}");
        }
        // Numbers that occur twice.
        let frames = vec![frame(1, [0.0; 3])];
        let twice = seg("1.9", "1.5", &[1, 2, 1], BETWEEN, frames, (true, vec![1]));
        let text = why(&twice);
        assert!(
            text.contains("segment 1: ambiguous, 2 segments of buffer 0"),
            "{text}"
        );
        // Frames of different size or orientation.
        for (tag, other, words) in [
            (
                tags::PIXEL_MEASURES_SEQUENCE,
                (tags::PIXEL_SPACING, "1\\1"),
                "frames 1 and 2 have different pixel spacings",
            ),
            (
                tags::PLANE_ORIENTATION_SEQUENCE,
                (tags::IMAGE_ORIENTATION_PATIENT, "0\\1\\0\\1\\0\\0"),
                "different orientations",
            ),
        ] {
            let mut second = frame(1, [0.0, 0.0, 3.0]);
            let mut group = Object::new_empty();
            put(&mut group, other.0, VR::DS, other.1);
            super::super::synthetic::put_items(&mut second, tag, vec![group]);
            let frames = vec![frame(1, [0.0; 3]), second];
            let text = why(&seg(
                "1.9",
                "1.5",
                &[1],
                ["", ""],
                frames,
                (true, vec![1, 0]),
            ));
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn a_voxel_of_a_fraction_belongs_from_one_half_on() {
        let frames = || vec![frame(1, [0.0; 3])];
        let shares = |values: [u8; 6]| {
            seg(
                "1.9",
                "1.5",
                &[1],
                BETWEEN,
                frames(),
                (false, values.to_vec()),
            )
        };
        let object = shares([0, 49, 50, 51, 100, 1]);
        assert_eq!(mask(&object).unwrap().data, [0, 0, 1, 1, 1, 0]);
        let text = why(&shares([0, 49, 50, 51, 101, 1]));
        assert!(
            text.contains("holds 101, above MaximumFractionalValue (0062,000E) 100"),
            "{text}"
        );
        let mut odd = object.clone();
        put_number(&mut odd, tags::MAXIMUM_FRACTIONAL_VALUE, 101);
        assert_eq!(mask(&odd).unwrap().data, [0, 0, 0, 1, 1, 0]);
        for value in [0, 256] {
            put_number(&mut odd, tags::MAXIMUM_FRACTIONAL_VALUE, value);
            assert!(why(&odd).contains("MaximumFractionalValue (0062,000E)"));
        }
        odd.remove_element(tags::MAXIMUM_FRACTIONAL_VALUE);
        assert!(why(&odd).contains("MaximumFractionalValue (0062,000E)"));
        put(&mut odd, tags::SEGMENTATION_TYPE, VR::CS, "LABELMAP");
        assert!(matches!(mask(&odd), Err(Error::Unsupported(_))));
        put(&mut odd, tags::MODALITY, VR::CS, "CT");
        assert!(why(&odd).contains("not a segmentation"));
    }
}
