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
use crate::imaging::roi::Roi;
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
            Place::Contours(set, roi) => self.rasterize(set, roi, &images),
            Place::Segment(segmentation, segment) => {
                self.segment(segmentation, segment.number, &[self])
            }
        };
        let mut rois = self.roi_names();
        for (roi, mask) in rois.iter_mut().zip(self.places().map(mask)) {
            cancel.check()?;
            let measured = mask.and_then(|mask| {
                roi.contours_overlap = mask.contours_overlap;
                measured(&mask.volume)
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
    /// is looked for among `images`.
    pub fn roi_mask(&self, index: usize, images: &[&Archive]) -> Result<RoiMask> {
        match self.places().nth(index) {
            Some(Place::Contours(set, roi)) => {
                self.rasterize(set, roi, &Images::from_archives(images))
            }
            Some(Place::Segment(segmentation, segment)) => {
                self.segment(segmentation, segment.number, images)
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
    ) -> Result<RoiMask> {
        let refuse = |why: &str| Err(Error::RoiInvalid(format!("ROI {}: {why}", roi.number)));
        let frame = set.frame_of(roi);
        let drawn_on = |i: &&Images<'_>| set.drawn_on.iter().any(|uid| uid == i.uid);
        let may_share = |i: &&Images<'_>| frame.is_none() || i.frame.is_none() || i.frame == frame;
        let shares = |i: &&Images<'_>| frame.is_some() && i.frame == frame;
        let chosen = images.iter().find(|i| drawn_on(i) && may_share(i));
        let Some(chosen) = chosen.or_else(|| images.iter().find(shares)) else {
            return refuse(match images.iter().any(|i| drawn_on(&i)) {
                true => "its frame of reference is not that of the images that it was drawn on",
                false => "the images that it was drawn on are not here",
            });
        };
        let bytes = chosen
            .dims
            .iter()
            .fold(1u64, |n, d| n.saturating_mul(*d as u64));
        self.options
            .check_study_bytes(bytes, "the mask of an ROI")?;
        let mut mask = roi.mask(&chosen.grid.geometry(chosen.dims))?;
        mask.frame_of_reference = frame.or(chosen.frame).map(str::to_owned);
        Ok(mask)
    }

    /// Returns the mask of a segment, if a study may have as much.
    fn segment(
        &self,
        segmentation: &Segmentation,
        number: usize,
        images: &[&Archive],
    ) -> Result<RoiMask> {
        let mask = segment_mask(segmentation, number, images)?;
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
        let facts = [&study.ct.facts, &study.pet.facts];
        let frames = facts.into_iter().flatten();
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
) -> Result<RoiMask> {
    let mask = segmentation.mask(number)?;
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
/// [`Error::RoiInvalid`] if there is none, if several have that name or number, or one makes no mask.
pub fn find_rois(
    archives: &[&Archive],
    images: &[&Archive],
    kind: RoiKind,
    wanted: Option<&str>,
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
                let entry = (roi, archive.object_uid(n), archive.roi_mask(n, images));
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
fn measured(mask: &Volume) -> Result<(usize, f64, [f64; 3])> {
    let voxels = mask.data.iter().filter(|v| **v != 0).count();
    let centroid = Roi::Mask(mask.view("mask")?).center()?;
    let geometry: ImageGrid<'_> = mask.geometry();
    Ok((
        voxels,
        voxels as f64 * geometry.voxel_volume_mm3() / 1000.0,
        centroid,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{Object, bytes, contour, ct, frame, rtstruct, seg, square};
    use super::*;

    fn archive(objects: &[Object]) -> Archive {
        let buffers = objects.iter().map(bytes).collect();
        Archive::from_buffers(buffers, &CancelToken::default()).unwrap()
    }

    /// A square of `side` voxels on each of three slices.
    fn cube(side: usize) -> Vec<Object> {
        let square = |z| square(0.5, side as f64 + 0.5, z);
        let slices = [2.0, 4.0, 6.0].map(|z| contour("CLOSED_PLANAR", &square(z)));
        slices.to_vec()
    }

    fn find(
        archives: &[&Archive],
        kind: RoiKind,
        wanted: Option<&str>,
    ) -> Result<Vec<(i64, String, usize)>> {
        let found = find_rois(archives, archives, kind, wanted)?;
        let voxels = |m: &RoiMask| m.volume.data.iter().filter(|v| **v == 1).count();
        Ok(found
            .into_iter()
            .map(|(r, m)| (r.number, r.name, voxels(&m)))
            .collect())
    }

    fn why(archives: &[&Archive], kind: RoiKind, wanted: &str) -> String {
        find(archives, kind, Some(wanted)).unwrap_err().to_string()
    }

    #[test]
    fn rois_are_measured_on_the_series_they_were_drawn_on() {
        let overlapping = vec![
            contour("CLOSED_PLANAR", &square(0.5, 3.5, 2.0)),
            contour("CLOSED_PLANAR", &square(2.5, 5.5, 2.0)),
        ];
        let rois = [
            ("3", "GTV", cube(2)),
            ("4", "Joined", overlapping),
            ("5", "Empty", vec![]),
        ];
        let mut objects = ct("1.4", "1.5", 5, 2.0);
        objects.push(rtstruct("1.7", "1.5", "1.4", &rois));
        let all = archive(&objects);
        let listed = all.rois();
        let gtv = &listed[0];
        assert_eq!((gtv.number, gtv.voxels, gtv.ml), (3, Some(12), Some(0.024)));
        assert_eq!(gtv.centroid_lps_mm, Some([1.5, 1.5, 4.0]));
        assert_eq!(
            (gtv.kind, gtv.source.as_str(), gtv.refusal.clone()),
            (RoiKind::Contours, "buffer 5", None)
        );
        assert_eq!(
            (listed[0].contours_overlap, listed[1].contours_overlap),
            (false, true)
        );
        assert_eq!(listed[1].voxels, Some(17));
        assert_eq!(
            listed[2].refusal.as_deref(),
            Some("roi: ROI 5: it has no contours")
        );
        assert_eq!((listed[2].voxels, listed[2].ml), (None, None));
        let mask = all.roi_mask(1, &[&all]).unwrap();
        assert!(mask.contours_overlap);
        assert_eq!(mask.frame_of_reference.as_deref(), Some("1.5"));
        assert!(
            all.roi_mask(3, &[&all])
                .unwrap_err()
                .to_string()
                .contains("ROI 3: there are 3")
        );
        assert_eq!(
            find(&[&all], RoiKind::Contours, Some("GTV")).unwrap(),
            [(3, "GTV".into(), 12)]
        );
        assert_eq!(
            find(&[&all], RoiKind::Contours, Some("4")).unwrap()[0].2,
            17
        );
        assert!(
            why(&[&all], RoiKind::Contours, "x")
                .contains("\"x\" is none of the ROIs: 3 \"GTV\", 4 \"Joined\"")
        );
        assert!(why(&[&all], RoiKind::Segment, "3").contains("is none of the ROIs"));
    }

    #[test]
    fn a_name_or_number_that_several_have_is_ambiguous() {
        let set = |uid: &str, rois: &[(&str, &str, Vec<Object>)]| rtstruct(uid, "1.5", "1.4", rois);
        let mut objects = ct("1.4", "1.5", 5, 2.0);
        let first = set(
            "1.7",
            &[
                ("3", "GTV", cube(2)),
                ("4", "GTV", cube(3)),
                ("6", "Node", cube(2)),
            ],
        );
        objects.push(first.clone());
        let one = archive(&objects);
        let text = why(&[&one], RoiKind::Contours, "GTV");
        assert!(
            text.contains("\"GTV\" is ambiguous: ROIs 3 of buffer 5, 4 of buffer 5"),
            "{text}"
        );
        assert_eq!(
            find(&[&one], RoiKind::Contours, Some("6")).unwrap().len(),
            1
        );
        assert_eq!(find(&[&one], RoiKind::Contours, None).unwrap().len(), 3);
        // In another file of the study; one that makes no mask is as good a name.
        objects.push(set("1.8", &[("9", "Node", vec![])]));
        let two = archive(&objects);
        let text = why(&[&two], RoiKind::Contours, "Node");
        assert!(text.contains("ROIs 6 of buffer 5, 9 of buffer 6"), "{text}");
        // The same file twice is one.
        objects.pop();
        objects.push(first.clone());
        let copies = archive(&objects);
        assert_eq!(
            find(&[&copies], RoiKind::Contours, Some("Node"))
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            find(&[&one, &one], RoiKind::Contours, Some("Node"))
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            find(&[&one, &one], RoiKind::Contours, None).unwrap().len(),
            3
        );
        // Copies that differ are not.
        objects.pop();
        objects.push(set("1.7", &[("6", "Node", cube(1))]));
        assert!(why(&[&archive(&objects)], RoiKind::Contours, "Node").contains("ambiguous"));
        objects.pop();
        objects.push(set("1.7", &[("7", "Node", cube(2))]));
        assert!(why(&[&archive(&objects)], RoiKind::Contours, "Node").contains("ambiguous"));
        objects.pop();
        objects.push(set("1.8", &[("6", "Node", cube(2))]));
        assert!(why(&[&archive(&objects)], RoiKind::Contours, "Node").contains("ambiguous"));
    }

    fn one_segment(uid: &str, frame_of_reference: &str, bits: u8) -> Object {
        let frames = vec![frame(1, [0.0; 3])];
        seg(
            uid,
            frame_of_reference,
            &[1],
            ["2", "2"],
            frames,
            (true, vec![bits]),
        )
    }

    #[test]
    fn segments_are_found_by_number_alone_and_their_frame_of_reference_is_compared() {
        let mut objects = ct("1.4", "1.5", 5, 2.0);
        objects.push(one_segment("1.7", "1.5", 0b111));
        let one = archive(&objects);
        assert_eq!(
            find(&[&one], RoiKind::Segment, Some("1")).unwrap(),
            [(1, "S".into(), 3)]
        );
        assert!(why(&[&one], RoiKind::Segment, "S").contains("none of the ROIs"));
        assert_eq!(one.rois()[0].voxels, Some(3));
        objects.push(one_segment("1.8", "1.5", 0b1));
        let text = why(&[&archive(&objects)], RoiKind::Segment, "1");
        assert!(
            text.contains("\"1\" is ambiguous: segments 1 of buffer 5, 1 of buffer 6"),
            "{text}"
        );
        // Another frame of reference than every image; without images nothing is known.
        let mut objects = ct("1.4", "1.5", 5, 2.0);
        objects.push(one_segment("1.7", "1.6", 0b111));
        let other = archive(&objects);
        let words = "segment 1: its frame of reference is not that of the images";
        assert!(why(&[&other], RoiKind::Segment, "1").contains(words));
        assert!(other.rois()[0].refusal.as_deref().unwrap().contains(words));
        let alone = archive(&[one_segment("1.7", "1.6", 0b111)]);
        assert_eq!(alone.rois()[0].voxels, Some(3));
    }

    #[test]
    fn contours_are_laid_on_their_own_series_or_one_of_their_frame_of_reference() {
        let laid = |objects: Vec<Object>| archive(&objects).roi_mask(0, &[&archive(&objects)]);
        let with = |frame: &str, series: &str, images: &[Vec<Object>]| {
            let mut objects = images.concat();
            objects.push(rtstruct("1.7", frame, series, &[("3", "GTV", cube(2))]));
            laid(objects)
        };
        let fine = ct("1.41", "1.5", 9, 1.0);
        let coarse = ct("1.42", "1.5", 5, 2.0);
        let elsewhere = ct("1.43", "1.6", 12, 1.0);
        let images = [fine, coarse, elsewhere];
        // Drawn on the smaller one.
        assert_eq!(with("1.5", "1.42", &images).unwrap().volume.dims, [8, 8, 5]);
        // Drawn on one that is not here: the largest in the frame of reference.
        let mask = with("1.5", "1.49", &images).unwrap();
        assert_eq!(
            (mask.volume.dims, mask.frame_of_reference.as_deref()),
            ([8, 8, 9], Some("1.5"))
        );
        // Drawn on a series whose frame of reference is another.
        let text = with("1.7", "1.43", &images).unwrap_err().to_string();
        assert!(
            text.contains(
                "ROI 3: its frame of reference is not that of the images that it was drawn on"
            ),
            "{text}"
        );
        assert_eq!(with("1.5", "1.43", &images).unwrap().volume.dims, [8, 8, 9]);
        let text = with("1.7", "1.49", &images).unwrap_err().to_string();
        assert!(
            text.contains("the images that it was drawn on are not here"),
            "{text}"
        );
    }

    #[test]
    fn a_mask_in_another_frame_of_reference_than_the_study_is_refused() {
        let objects = ct("1.4", "1.5", 5, 2.0);
        let all = archive(&objects);
        let series = |modality| {
            let cancel = CancelToken::default();
            let mut series = all
                .series(Modality::Ct, None, &|_, _| true, &cancel)
                .unwrap();
            series.modality = modality;
            series
        };
        let study = Study::new(series(Modality::Ct), series(Modality::Pt));
        let mask = |frame: Option<&str>| RoiMask {
            volume: study.ct.volume.clone(),
            contours_overlap: false,
            frame_of_reference: frame.map(str::to_owned),
        };
        assert!(mask(Some("1.5")).require_frame_of(&study).is_ok());
        assert!(mask(None).require_frame_of(&study).is_ok());
        let text = mask(Some("1.6"))
            .require_frame_of(&study)
            .unwrap_err()
            .to_string();
        assert_eq!(
            text,
            "roi: the ROI: its frame of reference is not that of the images"
        );
    }

    #[test]
    fn frames_of_reference_that_are_stated_must_agree() {
        let check =
            |frame, images: &[Option<&str>]| require_frame(frame, images.iter().copied()).is_ok();
        assert!(check(Some("a"), &[Some("b"), Some("a")]));
        assert!(!check(Some("a"), &[Some("b"), None]));
        assert!(check(Some("a"), &[None, None]));
        assert!(check(Some("a"), &[]));
        assert!(check(None, &[Some("b")]));
    }
}
