//! RT Structure Set: named contours -> a mask on a grid (NUMERICS 5).

use super::attributes::{element_numbers, items, number, text};
use super::source::{DicomFile, Source};
use crate::error::{Error, Result};
use crate::volume::{DType, Geometry, Volume};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use std::path::Path;

/// One ROI of a structure set.
#[derive(Clone, Debug, PartialEq)]
pub struct Contours {
    /// ROI Number (3006,0022).
    pub number: i64,
    /// ROI Name (3006,0026).
    pub name: String,
    /// Closed planar contours, points in LPS mm.
    pub loops: Vec<Vec<[f64; 3]>>,
}

/// The contours of a file.
#[derive(Clone, Debug)]
pub struct StructureSet {
    /// File name.
    pub source: String,
    /// All ROIs, in the file's order; those without closed planar contours have no loops.
    pub rois: Vec<Contours>,
    /// Series Instance UIDs of the images they were drawn on.
    pub drawn_on: Vec<String>,
    /// Frame of Reference UID.
    pub frame_of_reference: Option<String>,
}

/// Read a file.
pub fn read(path: &Path) -> Result<StructureSet> {
    let source = Source::File(path.to_owned());
    StructureSet::of(&source, &DicomFile::read(&source)?)
}

/// Series Instance UIDs and Frame of Reference UID of the images a structure set was drawn on.
fn referenced(object: &InMemDicomObject) -> (Vec<String>, Option<String>) {
    let frames = items(object, tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE);
    let series = frames
        .iter()
        .flat_map(|f| items(f, tags::RT_REFERENCED_STUDY_SEQUENCE))
        .flat_map(|s| items(s, tags::RT_REFERENCED_SERIES_SEQUENCE))
        .filter_map(|s| text(s, tags::SERIES_INSTANCE_UID))
        .collect();
    let frame = frames
        .iter()
        .find_map(|f| text(f, tags::FRAME_OF_REFERENCE_UID))
        .or_else(|| text(object, tags::FRAME_OF_REFERENCE_UID));
    (series, frame)
}

impl StructureSet {
    /// The ROIs of a file that is open.
    pub(super) fn of(source: &Source, file: &DicomFile) -> Result<Self> {
        let object = &file.object;
        let roi = |item: &InMemDicomObject| {
            Some(Contours {
                number: number(item, tags::ROI_NUMBER)? as i64,
                name: text(item, tags::ROI_NAME).unwrap_or_default(),
                loops: Vec::new(),
            })
        };
        let named = items(object, tags::STRUCTURE_SET_ROI_SEQUENCE);
        let mut rois: Vec<Contours> = named.iter().filter_map(roi).collect();
        for drawn in items(object, tags::ROI_CONTOUR_SEQUENCE) {
            let of = number(drawn, tags::REFERENCED_ROI_NUMBER).map(|n| n as i64);
            let Some(roi) = rois.iter_mut().find(|r| Some(r.number) == of) else {
                continue;
            };
            for contour in items(drawn, tags::CONTOUR_SEQUENCE) {
                if text(contour, tags::CONTOUR_GEOMETRIC_TYPE).as_deref() != Some("CLOSED_PLANAR") {
                    continue;
                }
                let numbers = contour
                    .get(tags::CONTOUR_DATA)
                    .map(element_numbers)
                    .unwrap_or_default();
                let points: Vec<[f64; 3]> = numbers.as_chunks::<3>().0.to_vec();
                if points.len() >= 3 && points.iter().flatten().all(|v| v.is_finite()) {
                    roi.loops.push(points);
                }
            }
        }
        if rois.is_empty() {
            return Err(Error::DicomRead(
                "the file has no structure set ROIs".into(),
            ));
        }
        let (drawn_on, frame_of_reference) = referenced(object);
        Ok(Self {
            source: source.name(),
            rois,
            drawn_on,
            frame_of_reference,
        })
    }

    /// The ROI with this name or number.
    pub fn find(&self, wanted: &str) -> Result<&Contours> {
        let rois = &self.rois;
        let by_number = || {
            wanted
                .parse::<i64>()
                .ok()
                .and_then(|n| rois.iter().find(|r| r.number == n))
        };
        rois.iter()
            .find(|r| r.name == wanted)
            .or_else(by_number)
            .ok_or_else(|| {
                let names: Vec<_> = rois
                    .iter()
                    .map(|r| format!("{} {:?}", r.number, r.name))
                    .collect();
                Error::RoiInvalid(format!(
                    "{wanted:?} is none of the structure set's ROIs: {}",
                    names.join(", ")
                ))
            })
    }
}

impl Contours {
    /// Mask on a grid whose slices are parallel to the contours: a voxel is set if its centre lies inside by the
    /// even-odd rule, over all contours of its slice together, so that inner contours are holes.
    pub fn mask(&self, grid: &Geometry<'_>) -> Result<Volume> {
        let [nx, ny, nz] = grid.dims;
        let mut data = vec![0u8; nx * ny * nz];
        for points in &self.loops {
            let indices: Vec<[f64; 3]> = points
                .iter()
                .map(|p| grid.lps_to_index(*p).map(snap))
                .collect();
            let k = indices[0][2];
            if indices.iter().any(|p| (p[2] - k).abs() > 0.25) {
                return Err(Error::RoiInvalid(format!(
                    "ROI {}: its contours are not parallel to the slices",
                    self.number
                )));
            }
            let slice = k.round();
            if !(0.0..nz as f64).contains(&slice) {
                continue;
            }
            let at = slice as usize * nx * ny;
            toggle_inside(&indices, nx, &mut data[at..at + nx * ny]);
        }
        Ok(Volume {
            data,
            dtype: DType::U8,
            dims: grid.dims,
            origin: grid.origin,
            spacing: grid.spacing,
            direction: grid.direction,
            slice_offsets: grid.slice_offsets.map(<[f64]>::to_vec).unwrap_or_default(),
            slopes: vec![1.0; nz],
            intercept: 0.0,
            padding: None,
        })
    }
}

/// Drawn on voxel centres and written in decimals, a vertex is off by a millionth of a voxel to either side: put it back,
/// so that the tie rule below decides and not the rounding.
fn snap(index: f64) -> f64 {
    if (index - index.round()).abs() < 1e-5 {
        index.round()
    } else {
        index
    }
}

/// Flip every pixel of a slice whose centre lies inside the polygon.
fn toggle_inside(polygon: &[[f64; 3]], nx: usize, slice: &mut [u8]) {
    let mut crossings = Vec::new();
    for (j, row) in slice.chunks_exact_mut(nx).enumerate() {
        let y = j as f64;
        crossings.clear();
        for (a, b) in polygon.iter().zip(polygon.iter().cycle().skip(1)) {
            // Ties, as plastimatch breaks them: in y the lower edge belongs to the polygon, in x the upper one.
            if (a[1] <= y) != (b[1] <= y) {
                crossings.push(a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
            }
        }
        crossings.sort_by(f64::total_cmp);
        for pair in crossings.as_chunks::<2>().0 {
            let first = (pair[0].floor() + 1.0).max(0.0) as usize;
            let last = (pair[1].floor() + 1.0).min(nx as f64).max(0.0) as usize;
            for pixel in row.get_mut(first..last).unwrap_or_default() {
                *pixel ^= 1;
            }
        }
    }
}
