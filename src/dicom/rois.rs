//! ROIs of an archive: what structure sets and segmentations hold, each laid on the grid it was drawn for.

use super::archive::Archive;
use super::choose::candidates;
use super::grid::Grid;
use super::pixels;
use super::rtstruct::{Contours, StructureSet};
use super::seg::{Segment, Segmentation};
use super::series::Modality;
use crate::cancel::CancelToken;
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
enum Place<'a> {
    Contours(&'a StructureSet, &'a Contours),
    Segment(&'a Segmentation, Segment),
}

/// A grid, and the voxels along its axes.
type SeriesGrid = (Grid, [usize; 3]);

impl Archive {
    /// All ROIs with their size and place, structure sets first.
    pub fn rois(&self) -> Vec<RoiSummary> {
        // A token that nobody triggers: it cannot fail.
        self.rois_until(&CancelToken::default()).unwrap_or_default()
    }

    /// As [`Archive::rois`]; ends soon after `cancel` is triggered.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn rois_until(&self, cancel: &CancelToken) -> Result<Vec<RoiSummary>> {
        let contours = self.structure_sets.iter().flat_map(|set| {
            // One grid for all ROIs of a set.
            let grid = drawn_on(set, &[self]);
            let lay = move |roi| self.lay(roi, grid.as_ref());
            set.rois.iter().map(lay)
        });
        let segments = self.segmentations.iter().flat_map(|segmentation| {
            let segments = segmentation.segments().into_iter();
            segments.map(|segment| segmentation.mask(segment.number))
        });
        let mut rois = self.roi_names();
        for (roi, mask) in rois.iter_mut().zip(contours.chain(segments)) {
            match mask.and_then(|mask| measured(&mask)) {
                Ok((voxels, ml, centroid)) => {
                    (roi.voxels, roi.ml) = (Some(voxels), Some(ml));
                    roi.centroid_lps_mm = Some(centroid);
                }
                Err(e) => roi.refusal = Some(e.to_string()),
            }
            cancel.check()?;
        }
        Ok(rois)
    }

    /// All ROIs by name and number, in the same order; nothing is measured.
    pub fn roi_names(&self) -> Vec<RoiSummary> {
        let named = |place| match place {
            Place::Contours(set, roi) => RoiSummary::new(
                roi.name.clone(),
                roi.number,
                set.source.clone(),
                RoiKind::Contours,
            ),
            Place::Segment(segmentation, segment) => RoiSummary::new(
                segment.label,
                segment.number as i64,
                segmentation.source(),
                RoiKind::Segment,
            ),
        };
        self.places().map(named).collect()
    }

    /// Mask of the ROI at this index of [`Archive::rois`]; contours are laid on the series they were drawn on, which
    /// is looked for among `images`.
    pub fn roi_mask(&self, index: usize, images: &[&Archive]) -> Result<Volume> {
        match self.places().nth(index) {
            Some(Place::Contours(set, roi)) => self.lay(roi, drawn_on(set, images).as_ref()),
            Some(Place::Segment(segmentation, segment)) => segmentation.mask(segment.number),
            None => Err(Error::RoiInvalid(format!(
                "ROI {index}: there are {}",
                self.places().count()
            ))),
        }
    }

    /// Lays contours on the grid they were drawn on.
    fn lay(&self, roi: &Contours, grid: Option<&SeriesGrid>) -> Result<Volume> {
        let absent = || Error::RoiInvalid("the images that it was drawn on are not here".into());
        let (grid, dims) = grid.ok_or_else(absent)?;
        let bytes = dims.iter().fold(1u64, |n, d| n.saturating_mul(*d as u64));
        self.options
            .check_study_bytes(bytes, "the mask of an ROI")?;
        roi.mask(&grid.geometry(*dims))
    }

    fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let of_set = |set| move |roi| Place::Contours(set, roi);
        let contours = self.structure_sets.iter();
        let contours = contours.flat_map(move |set| set.rois.iter().map(of_set(set)));
        let segments = self.segmentations.iter().flat_map(|s| {
            let segments = s.segments().into_iter();
            segments.map(move |segment| Place::Segment(s, segment))
        });
        contours.chain(segments)
    }
}

/// Grid of the series that contours were drawn on; failing that, of the largest in their frame of reference.
fn drawn_on(set: &StructureSet, images: &[&Archive]) -> Option<SeriesGrid> {
    let mut fallback = None;
    for modality in [Modality::Ct, Modality::Pt] {
        for candidate in images.iter().flat_map(|a| candidates(&a.images, modality)) {
            let first = candidate.slices[0];
            // Headers that claim what no pixel data bears out make no grid either.
            if pixels::plausible_bytes(&candidate.slices).is_err() {
                continue;
            }
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
