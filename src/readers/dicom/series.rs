//! Slices -> one volume: chosen by rule, sorted by position, checked, decoded on all cores.

use super::identity::Patient;
use super::instance::Instance;
use super::modality::Modality;
use super::series_selection::{Chosen, SeriesChoice, choose, choose_pair};
use super::series_source::SeriesSource;
use super::slice_grid::SliceGrid;
use super::slice_progress::SliceProgress;
use super::{decode, pixels};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::imaging::Volume;
use crate::imaging::suv::PetInfo;
use crate::reading::ReadOptions;

/// A decoded series.
#[derive(Clone, Debug)]
pub struct Series {
    /// Kind.
    pub modality: Modality,
    /// Series Instance UID.
    pub uid: String,
    /// Voxels with geometry.
    pub volume: Volume,
    /// PET only: what SUV needs.
    pub pet_info: Option<PetInfo>,
    /// What quality checks want to know; `None` for a volume that is not DICOM.
    pub metadata: Option<SeriesMetadata>,
    /// The objects that it was read from; `None` for a volume that is not DICOM.
    pub source: Option<SeriesSource>,
    /// What a reader of the result should know.
    pub warnings: Vec<String>,
}

impl Series {
    /// Returns a series of a volume that is not DICOM: CT in HU, or PET in the units of `pet_info`, SUVbw without it.
    pub fn from_volume(modality: Modality, volume: Volume, pet_info: Option<PetInfo>) -> Self {
        Self {
            modality,
            uid: String::new(),
            volume,
            pet_info,
            metadata: None,
            source: None,
            warnings: Vec::new(),
        }
    }
}

/// What the headers of a series say beyond geometry and SUV.
#[derive(Clone, Debug)]
pub struct SeriesMetadata {
    /// Frame of Reference UID.
    pub frame_of_reference: Option<String>,
    /// Study Instance UID; `None` if no one study is stated.
    pub study_uid: Option<String>,
    /// Tells two patients apart without knowing either.
    pub(super) patient: Patient,
    /// Manufacturer and model of the scanner, as the first slice states them.
    pub scanner: Option<String>,
    /// Patient's Age or Birth Date is there.
    pub age_known: bool,
    /// Modality is stated on every image.
    pub modality_stated: bool,
    /// A CT's values are said to be HU, or nothing is said, which means HU; not so where Rescale Type is "unspecified".
    pub hounsfield_stated: bool,
    /// Largest Slice Thickness, mm.
    pub slice_thickness: Option<f64>,
    /// Compressed with loss, now or before.
    pub lossy: bool,
    /// Image Type says DERIVED.
    pub derived: bool,
    /// The tracer is FDG; `None` for CT, or if nothing says.
    pub fdg: Option<bool>,
}

impl SeriesMetadata {
    pub(super) fn from_slices(slices: &[&Instance]) -> Self {
        let first = slices[0];
        Self {
            frame_of_reference: first.frame_of_reference.clone(),
            study_uid: Some(&first.study_uid)
                .filter(|uid| !uid.is_empty() && slices.iter().all(|s| s.study_uid == **uid))
                .cloned(),
            patient: first.patient,
            scanner: first.scanner.clone(),
            age_known: slices.iter().all(|s| s.age_known),
            modality_stated: slices.iter().all(|s| s.modality_stated),
            hounsfield_stated: !slices.iter().any(|s| s.unit_unspecified),
            slice_thickness: slices
                .iter()
                .filter_map(|s| s.slice_thickness)
                .reduce(f64::max),
            lossy: slices.iter().any(|s| s.lossy),
            derived: slices.iter().any(|s| s.derived),
            fdg: first.pet.as_ref().and_then(|p| p.fdg),
        }
    }
}

/// A series that was chosen and checked, before a pixel is read.
pub struct SeriesLoader<'a> {
    modality: Modality,
    slices: Vec<&'a Instance>,
    grid: SliceGrid,
    pet_info: Option<PetInfo>,
    warnings: Vec<String>,
}

impl<'a> SeriesLoader<'a> {
    /// Chooses the series of one modality, by rule or by its UID.
    ///
    /// # Errors
    /// The reason why no series can be used.
    pub fn choose(
        instances: &'a [Instance],
        modality: Modality,
        uid: Option<&str>,
    ) -> Result<Self> {
        let chosen = choose(instances, modality, uid)?;
        let study = chosen.candidate.study.as_ref().err().map(Error::to_string);
        let mut loader = Self::from_chosen(chosen, modality)?;
        // Without a partner it matters to the host alone.
        loader.warnings.extend(study);
        Ok(loader)
    }

    /// Chooses a CT and a PET that belong together, by rule or by UID.
    ///
    /// # Errors
    /// The reason why no pair of series can be used.
    pub fn choose_pair(
        ct: &'a [Instance],
        pet: &'a [Instance],
        choice: SeriesChoice<'_>,
    ) -> Result<[Self; 2]> {
        let [ct, pet] = choose_pair(ct, pet, choice)?;
        Ok([
            Self::from_chosen(ct, Modality::Ct)?,
            Self::from_chosen(pet, Modality::Pt)?,
        ])
    }

    fn from_chosen(chosen: Chosen<'a>, modality: Modality) -> Result<Self> {
        let (slices, mut warnings) = (chosen.candidate.slices, chosen.notes);
        let code = modality.code();
        if slices.iter().any(|s| s.lossy) {
            warnings.push(format!("{code}: the pixel data was compressed with loss"));
        }
        if slices.iter().any(|s| s.unit_unspecified) {
            warnings.push(format!(
                "{code}: RescaleType (0028,1054) is US, unspecified: the values were taken for HU"
            ));
        }
        // Chosen, it has an SUV if it is a PET.
        let pet_info = chosen.candidate.suv.transpose()?.map(|(info, _)| info);
        Ok(Self {
            modality,
            slices,
            grid: chosen.grid,
            pet_info,
            warnings,
        })
    }

    /// Returns how many slices there are to decode.
    pub fn slices(&self) -> usize {
        self.slices.len()
    }

    /// Returns the bytes of the decoded pixels, if the headers are plausible.
    pub fn bytes(&self) -> Result<u64> {
        pixels::plausible_bytes(&self.slices)
    }

    /// Decodes the pixels.
    pub fn load(
        self,
        options: &ReadOptions,
        progress: SliceProgress,
        cancel: &CancelToken,
    ) -> Result<Series> {
        let data = decode::slices(&self.slices, options, progress, cancel)?;
        self.into_series(data, cancel)
    }

    /// Returns the series with a volume that has its grid and its rescaling, but no voxels.
    pub fn headers(self) -> Result<Series> {
        self.into_series(Vec::new(), &CancelToken::default())
    }

    fn into_series(self, data: Vec<u8>, cancel: &CancelToken) -> Result<Series> {
        let first = self.slices[0];
        let volume = Volume {
            data,
            dtype: pixels::dtype(first)?,
            dims: [first.columns, first.rows, self.slices.len()],
            origin: self.grid.origin,
            spacing: self.grid.spacing,
            direction: self.grid.direction,
            slice_offsets: self.grid.slice_offsets,
            slopes: self.slices.iter().map(|s| s.slope).collect(),
            intercept: first.intercept,
            padding: first.padding,
        };
        Ok(Series {
            modality: self.modality,
            uid: first.series_uid.clone(),
            volume,
            pet_info: self.pet_info,
            metadata: Some(SeriesMetadata::from_slices(&self.slices)),
            source: Some(SeriesSource::new(&self.slices, cancel)?),
            warnings: self.warnings,
        })
    }
}

#[cfg(test)]
mod tests;
