//! ROIs of an archive: the masks of structure sets and segmentations, each on the grid that it was drawn for.

use super::archive::Archive;
use super::modality::Modality;
use super::pixels;
use super::roi_mask::RoiMask;
use super::rtstruct::{Contours, StructureSet};
use super::seg::{Segment, Segmentation};
use super::series_selection::candidates;
use super::slice_grid::SliceGrid;
use super::study::Study;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::imaging::roi::mask_center_until;
use crate::imaging::{ImageGrid, Volume};
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

impl RoiKind {
    fn plural(self) -> &'static str {
        match self {
            RoiKind::Contours => "ROIs",
            RoiKind::Segment => "segments",
        }
    }
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
    /// Contours of one plane overlap in part and were joined.
    pub contours_overlap: bool,
    /// Why it makes no mask.
    pub refusal: Option<String>,
}

/// Where an ROI is in an archive.
enum Place<'a> {
    Contours(&'a StructureSet, &'a Contours),
    Segment(&'a Segmentation, Segment),
}

impl Archive {
    /// Returns all ROIs with their size and place, structure sets first.
    pub fn rois(&self) -> Vec<RoiSummary> {
        // A token that nobody triggers: it cannot fail.
        self.rois_until(&CancelToken::default()).unwrap_or_default()
    }

    /// As [`Archive::rois`]; ends soon after `cancel` is triggered.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn rois_until(&self, cancel: &CancelToken) -> Result<Vec<RoiSummary>> {
        let images = Images::from_archives(&[self]);
        let mask = |place: Place<'_>| match place {
            Place::Contours(set, roi) => self.rasterize(set, roi, &images, cancel),
            Place::Segment(segmentation, segment) => {
                self.segment(segmentation, segment.number, &[self], cancel)
            }
        };
        let mut rois = self.roi_names();
        for (roi, mask) in rois.iter_mut().zip(self.places().map(mask)) {
            cancel.check()?;
            let measured = mask.and_then(|mask| {
                roi.contours_overlap = mask.contours_overlap;
                measured(&mask.volume, cancel)
            });
            match measured {
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

    /// Returns all ROIs by name and number, in the order of [`Archive::rois`], without measuring them.
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

    /// Returns the mask of the ROI at this index of [`Archive::rois`]; contours are drawn on the grid of their series, which
    /// is looked for among `images`. Ends soon after `cancel` is triggered.
    ///
    /// # Errors
    /// [`Error::RoiInvalid`], [`Error::RoiEmpty`], [`Error::OutOfMemory`], [`Error::Cancelled`].
    pub fn roi_mask(
        &self,
        index: usize,
        images: &[&Archive],
        cancel: &CancelToken,
    ) -> Result<RoiMask> {
        match self.places().nth(index) {
            Some(Place::Contours(set, roi)) => {
                self.rasterize(set, roi, &Images::from_archives(images), cancel)
            }
            Some(Place::Segment(segmentation, segment)) => {
                self.segment(segmentation, segment.number, images, cancel)
            }
            None => Err(Error::RoiInvalid(format!(
                "ROI {index}: there are {}",
                self.places().count()
            ))),
        }
    }

    /// Returns the mask of an ROI on the grid of the series it was drawn on, or else of the first series in its frame of
    /// reference.
    fn rasterize(
        &self,
        set: &StructureSet,
        roi: &Contours,
        images: &[Images<'_>],
        cancel: &CancelToken,
    ) -> Result<RoiMask> {
        let refuse = |why: &str| Err(Error::RoiInvalid(format!("ROI {}: {why}", roi.number)));
        let frame = set.frame_of(roi);
        let drawn_on = |i: &&Images<'_>| set.drawn_on.iter().any(|uid| uid == i.uid);
        let may_share = |i: &&Images<'_>| frame.is_none() || i.frame.is_none() || i.frame == frame;
        let shares = |i: &&Images<'_>| frame.is_some() && i.frame == frame;
        let chosen = images.iter().find(|i| drawn_on(i) && may_share(i));
        let Some(chosen) = chosen.or_else(|| images.iter().find(shares)) else {
            return refuse(if images.iter().any(|i| drawn_on(&i)) {
                "its frame of reference is not that of the images that it was drawn on"
            } else {
                "the images that it was drawn on are not here"
            });
        };
        let bytes = chosen
            .dims
            .iter()
            .fold(1u64, |n, d| n.saturating_mul(*d as u64));
        self.options
            .check_study_bytes(bytes, "the mask of an ROI")?;
        let mut mask = roi.mask(&chosen.grid.image_grid(chosen.dims), cancel)?;
        mask.frame_of_reference = frame.or(chosen.frame).map(str::to_owned);
        Ok(mask)
    }

    /// Returns the mask of a segment, if a study may have as much.
    fn segment(
        &self,
        segmentation: &Segmentation,
        number: usize,
        images: &[&Archive],
        cancel: &CancelToken,
    ) -> Result<RoiMask> {
        let mask = segment_mask(segmentation, number, images, cancel)?;
        let bytes = mask.volume.data.len() as u64;
        self.options
            .check_study_bytes(bytes, "the mask of an ROI")?;
        Ok(mask)
    }

    /// Returns the SOP Instance UID of the object that holds the ROI at an index.
    fn object_uid(&self, index: usize) -> Option<&str> {
        match self.places().nth(index)? {
            Place::Contours(set, _) => set.uid.as_deref(),
            Place::Segment(segmentation, _) => segmentation.uid(),
        }
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

impl RoiMask {
    /// Refuses a mask in another frame of reference than both series of a study: its place in them is not known.
    ///
    /// # Errors
    /// [`Error::RoiInvalid`].
    pub fn require_frame_of(&self, study: &Study) -> Result<()> {
        let metadata = [&study.ct.metadata, &study.pet.metadata];
        let frames = metadata.into_iter().flatten();
        let frames = frames.map(|f| f.frame_of_reference.as_deref());
        require_frame(self.frame_of_reference.as_deref(), frames)
            .map_err(|why| Error::RoiInvalid(format!("the ROI: {why}")))
    }
}

/// Refuses a frame of reference that is none of those stated; nothing is known of one that is not stated.
fn require_frame<'a>(
    frame: Option<&str>,
    images: impl Iterator<Item = Option<&'a str>>,
) -> std::result::Result<(), &'static str> {
    let mut stated = images.flatten().peekable();
    match frame {
        Some(frame) if stated.peek().is_some() && !stated.any(|f| f == frame) => {
            Err("its frame of reference is not that of the images")
        }
        _ => Ok(()),
    }
}

/// A series that contours may be laid on.
struct Images<'a> {
    uid: &'a str,
    frame: Option<&'a str>,
    grid: SliceGrid,
    dims: [usize; 3],
}

impl<'a> Images<'a> {
    /// Returns the CT and PET series of archives that make a grid, CT before PET, the largest first.
    fn from_archives(archives: &[&'a Archive]) -> Vec<Self> {
        let mut all = Vec::new();
        for modality in [Modality::Ct, Modality::Pt] {
            for candidate in archives
                .iter()
                .flat_map(|a| candidates(&a.images, modality))
            {
                let first = candidate.slices[0];
                // Headers that claim what no pixel data bears out make no grid either.
                if pixels::plausible_bytes(&candidate.slices).is_err() {
                    continue;
                }
                let Ok(grid) = candidate.grid else { continue };
                all.push(Self {
                    uid: &first.series_uid,
                    frame: first.frame_of_reference.as_deref(),
                    dims: [first.columns, first.rows, candidate.slices.len()],
                    grid,
                });
            }
        }
        all
    }
}

/// Returns the mask of a segment, if its frame of reference is that of an image in the archives or nothing is known.
fn segment_mask(
    segmentation: &Segmentation,
    number: usize,
    images: &[&Archive],
    cancel: &CancelToken,
) -> Result<RoiMask> {
    let mask = segmentation.mask(number, cancel)?;
    let images = images.iter().flat_map(|a| &a.images);
    let images = images.filter(|i| {
        [Modality::Ct, Modality::Pt]
            .iter()
            .any(|m| m.code() == i.modality)
    });
    let frames = images.map(|i| i.frame_of_reference.as_deref());
    require_frame(mask.frame_of_reference.as_deref(), frames)
        .map_err(|why| Error::RoiInvalid(format!("segment {number}: {why}")))?;
    Ok(mask)
}

/// Returns the ROI of a kind that is wanted, by its number or, for contours, its name, or all of that kind. ROIs are looked
/// for in `archives`; contours are laid on series of `images`. A file that is there several times counts once.
///
/// # Errors
/// [`Error::RoiInvalid`] if there is none, if several have that name or number, or one makes no mask;
/// [`Error::Cancelled`].
pub fn find_rois(
    archives: &[&Archive],
    images: &[&Archive],
    kind: RoiKind,
    wanted: Option<&str>,
    cancel: &CancelToken,
) -> Result<Vec<(RoiSummary, RoiMask)>> {
    let is = |roi: &RoiSummary, wanted: &str| {
        roi.number.to_string() == wanted || (kind == RoiKind::Contours && roi.name == wanted)
    };
    let mut known = Vec::new();
    let mut found: Vec<(RoiSummary, Option<&str>, Result<RoiMask>)> = Vec::new();
    for archive in archives {
        for (n, roi) in archive.roi_names().into_iter().enumerate() {
            if roi.kind != kind {
                continue;
            }
            known.push(format!("{} {:?}", roi.number, roi.name));
            if wanted.is_none_or(|wanted| is(&roi, wanted)) {
                let mask = archive.roi_mask(n, images, cancel);
                let entry = (roi, archive.object_uid(n), mask);
                if !found.iter().any(|other| are_copies(&entry, other)) {
                    found.push(entry);
                }
            }
        }
    }
    if let (Some(wanted), true) = (wanted, found.len() > 1) {
        let all = found
            .iter()
            .map(|(r, ..)| format!("{} of {}", r.number, r.source));
        return Err(Error::RoiInvalid(format!(
            "{wanted:?} is ambiguous: {} {}",
            kind.plural(),
            all.collect::<Vec<_>>().join(", ")
        )));
    }
    if found.is_empty() {
        return Err(Error::RoiInvalid(format!(
            "{} is none of the ROIs: {}",
            wanted.map_or("that".into(), |w| format!("{w:?}")),
            known.join(", ")
        )));
    }
    let found = found.into_iter().map(|(roi, _, mask)| Ok((roi, mask?)));
    found.collect()
}

/// Returns whether two ROIs are one ROI of an object that was read twice.
fn are_copies(
    a: &(RoiSummary, Option<&str>, Result<RoiMask>),
    b: &(RoiSummary, Option<&str>, Result<RoiMask>),
) -> bool {
    let same_mask = match (&a.2, &b.2) {
        (Ok(a), Ok(b)) => a.volume.dims == b.volume.dims && a.volume.data == b.volume.data,
        _ => false,
    };
    a.1.is_some() && a.1 == b.1 && a.0.number == b.0.number && same_mask
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
            contours_overlap: false,
            refusal: None,
        }
    }
}

/// Returns how many voxels of a mask are set, their volume in ml and their centroid in LPS mm.
fn measured(mask: &Volume, cancel: &CancelToken) -> Result<(usize, f64, [f64; 3])> {
    let mut voxels = 0;
    for slice in mask.data.chunks((mask.dims[0] * mask.dims[1]).max(1)) {
        cancel.check()?;
        voxels += slice.iter().filter(|v| **v != 0).count();
    }
    let centroid = mask_center_until(&mask.view("mask")?, cancel)?;
    let grid: ImageGrid<'_> = mask.grid();
    Ok((
        voxels,
        voxels as f64 * grid.voxel_volume_mm3() / 1000.0,
        centroid,
    ))
}

#[cfg(test)]
mod tests;
