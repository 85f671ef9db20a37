//! ROIs of an archive: what structure sets and segmentations hold, each laid on the grid it was drawn for.

use super::archive::Archive;
use super::choose::candidates;
use super::grid::Grid;
use super::rtstruct::StructureSet;
use super::series::Modality;
use crate::error::{Error, Result};
use crate::roi::Roi;
use crate::volume::{Geometry, Volume};
use serde::Serialize;

/// What an ROI is stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[repr(u32)]
pub enum RoiKind {
    /// Contours of an RT Structure Set.
    #[serde(rename = "RTSTRUCT")]
    Contours = 1,
    /// A segment of a DICOM Segmentation.
    #[serde(rename = "SEG")]
    Segment = 2,
}

/// One ROI.
#[derive(Clone, Debug, Serialize)]
pub struct RoiSummary {
    /// ROI Name or Segment Label.
    pub name: String,
    /// ROI Number or Segment Number.
    pub number: i64,
    /// Name of the file it is in.
    pub source: String,
    /// RTSTRUCT or SEG.
    pub kind: RoiKind,
    /// Voxels of its mask; `None` if it makes none.
    pub voxels: Option<usize>,
    /// Their volume.
    pub ml: Option<f64>,
    /// Their centroid, LPS mm.
    pub centroid_lps_mm: Option<[f64; 3]>,
    /// Why it makes no mask.
    pub refusal: Option<String>,
}

/// Where an ROI is in an archive.
enum Place {
    Contours(usize, usize),
    Segment(usize, usize),
}

impl Archive {
    /// All ROIs with their size and place, structure sets first.
    pub fn rois(&self) -> Vec<RoiSummary> {
        let mut rois = self.roi_names();
        for (roi, place) in rois.iter_mut().zip(self.places()) {
            match self.mask(&place, &[self]).and_then(|mask| measured(&mask)) {
                Ok((voxels, ml, centroid)) => {
                    (roi.voxels, roi.ml) = (Some(voxels), Some(ml));
                    roi.centroid_lps_mm = Some(centroid);
                }
                Err(e) => roi.refusal = Some(e.to_string()),
            }
        }
        rois
    }

    /// All ROIs by name and number, in the same order; nothing is measured.
    pub fn roi_names(&self) -> Vec<RoiSummary> {
        let places = self.places();
        places.iter().map(|place| self.name_of(place)).collect()
    }

    /// Mask of the ROI at this index of [`Archive::rois`]; contours are laid on the series they were drawn on, which
    /// is looked for among `images`.
    pub fn roi_mask(&self, index: usize, images: &[&Archive]) -> Result<Volume> {
        let places = self.places();
        let place = places
            .get(index)
            .ok_or_else(|| Error::RoiInvalid(format!("ROI {index}: there are {}", places.len())))?;
        self.mask(place, images)
    }

    fn places(&self) -> Vec<Place> {
        let contours = self.structure_sets.iter().enumerate();
        let contours =
            contours.flat_map(|(s, set)| (0..set.rois.len()).map(move |r| Place::Contours(s, r)));
        let segments = self.segmentations.iter().enumerate();
        let segments = segments.flat_map(|(s, segmentation)| {
            let numbers = segmentation.segments().into_iter();
            numbers.map(move |segment| Place::Segment(s, segment.number))
        });
        contours.chain(segments).collect()
    }

    fn name_of(&self, place: &Place) -> RoiSummary {
        match *place {
            Place::Contours(s, r) => {
                let set = &self.structure_sets[s];
                let roi = &set.rois[r];
                RoiSummary::new(
                    roi.name.clone(),
                    roi.number,
                    set.source.clone(),
                    RoiKind::Contours,
                )
            }
            Place::Segment(s, number) => {
                let segmentation = &self.segmentations[s];
                let mut segments = segmentation.segments().into_iter();
                let label = segments.find(|x| x.number == number).map(|x| x.label);
                RoiSummary::new(
                    label.unwrap_or_default(),
                    number as i64,
                    segmentation.source(),
                    RoiKind::Segment,
                )
            }
        }
    }

    fn mask(&self, place: &Place, images: &[&Archive]) -> Result<Volume> {
        match *place {
            Place::Segment(s, number) => self.segmentations[s].mask(number),
            Place::Contours(s, r) => {
                let set = &self.structure_sets[s];
                let (grid, dims) = drawn_on(set, images).ok_or_else(|| {
                    Error::RoiInvalid("the images that it was drawn on are not here".into())
                })?;
                set.rois[r].mask(&grid.geometry(dims))
            }
        }
    }
}

/// Grid of the series that contours were drawn on; failing that, of the largest in their frame of reference.
fn drawn_on(set: &StructureSet, images: &[&Archive]) -> Option<(Grid, [usize; 3])> {
    let mut fallback = None;
    for modality in [Modality::Ct, Modality::Pt] {
        for candidate in images.iter().flat_map(|a| candidates(&a.images, modality)) {
            let first = candidate.slices[0];
            let Ok(grid) = candidate.grid else { continue };
            let found = (grid, [first.columns, first.rows, candidate.slices.len()]);
            if set.drawn_on.contains(&first.series_uid) {
                return Some(found);
            }
            let same_frame = set.frame_of_reference.is_some()
                && first.frame_of_reference == set.frame_of_reference;
            if same_frame && fallback.is_none() {
                fallback = Some(found);
            }
        }
    }
    fallback
}

impl RoiSummary {
    fn new(name: String, number: i64, source: String, kind: RoiKind) -> Self {
        Self {
            name,
            number,
            source,
            kind,
            voxels: None,
            ml: None,
            centroid_lps_mm: None,
            refusal: None,
        }
    }
}

/// Voxels, millilitres and centroid of a mask of bytes.
fn measured(mask: &Volume) -> Result<(usize, f64, [f64; 3])> {
    let voxels = mask.data.iter().filter(|v| **v != 0).count();
    let centroid = Roi::Mask(mask.view("mask")?).center()?;
    let geometry: Geometry<'_> = mask.geometry();
    Ok((
        voxels,
        voxels as f64 * geometry.voxel_volume_mm3() / 1000.0,
        centroid,
    ))
}
