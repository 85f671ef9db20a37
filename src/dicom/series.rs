//! Slices -> one volume: chosen by rule, sorted by position, checked, decoded on all cores.

use super::choose::{Candidate, choose};
use super::instance::Instance;
use super::pixels;
use crate::error::{Error, Result};
use crate::scorer::CancelToken;
use crate::suv::PetInfo;
use crate::volume::Volume;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Kind of series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modality {
    /// Computed tomography.
    Ct,
    /// Positron emission tomography.
    Pt,
}

impl Modality {
    /// Value of Modality (0008,0060).
    pub fn code(self) -> &'static str {
        match self {
            Modality::Ct => "CT",
            Modality::Pt => "PT",
        }
    }
}

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
    /// Frame of Reference UID.
    pub frame_of_reference: Option<String>,
    /// What a reader of the result should know.
    pub warnings: Vec<String>,
}

/// Told how many of how many slices are decoded; returns `false` to cancel.
pub type SliceProgress<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);

/// Choose the series of a modality, and decode it.
pub fn load(
    instances: &[Instance],
    modality: Modality,
    progress: SliceProgress,
    cancel: &CancelToken,
) -> Result<Series> {
    let (Candidate { slices, .. }, grid, mut warnings) = choose(instances, modality)?;
    if slices.iter().any(|s| pixels::is_lossy(&s.transfer_syntax)) {
        warnings.push(format!(
            "{}: the pixel data was compressed with loss",
            modality.code()
        ));
    }
    let pet_info = match modality {
        Modality::Pt => Some(super::pet::pet_info(&slices)?),
        Modality::Ct => None,
    };
    let dtype = pixels::dtype(slices[0])?;
    let data = decode_all(&slices, dtype.size(), progress, cancel)?;
    let same_padding = slices.iter().all(|s| s.padding == slices[0].padding);
    if !same_padding {
        warnings.push(format!(
            "{}: PixelPaddingValue differs between slices, the first one's is used",
            modality.code()
        ));
    }
    let volume = Volume {
        data,
        dtype,
        dims: [slices[0].columns, slices[0].rows, slices.len()],
        origin: grid.origin,
        spacing: grid.spacing,
        direction: grid.direction,
        slice_offsets: grid.slice_offsets,
        slopes: slices.iter().map(|s| s.slope).collect(),
        intercept: slices[0].intercept,
        padding: slices[0].padding,
    };
    Ok(Series {
        modality,
        uid: slices[0].series_uid.clone(),
        volume,
        pet_info,
        frame_of_reference: slices[0].frame_of_reference.clone(),
        warnings,
    })
}

/// Decode every slice into one buffer, on all cores; the threads end with the call.
fn decode_all(
    slices: &[&Instance],
    size: usize,
    progress: SliceProgress,
    cancel: &CancelToken,
) -> Result<Vec<u8>> {
    let slice_bytes = slices[0].rows * slices[0].columns * size;
    if slice_bytes == 0 || slices.len() > crate::volume::MAX_DIM {
        return Err(Error::DicomPixels {
            file: slices[0].name(),
            why: "rows or columns are 0, or too many slices".into(),
        });
    }
    let mut data = vec![0u8; slice_bytes * slices.len()];
    let work = Mutex::new(slices.iter().zip(data.chunks_exact_mut(slice_bytes)));
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    let done = AtomicUsize::new(0);
    let fail = |e: Error| {
        failure
            .lock()
            .unwrap_or_else(|p| p.into_inner())
            .get_or_insert(e);
    };
    let failed = || failure.lock().unwrap_or_else(|p| p.into_inner()).is_some();
    let worker = || {
        while !failed() {
            let Some((slice, out)) = work.lock().unwrap_or_else(|p| p.into_inner()).next() else {
                return;
            };
            if cancel.is_triggered() {
                return fail(Error::Cancelled);
            }
            match pixels::decode(slice) {
                Ok(values) => out.copy_from_slice(&values),
                Err(e) => return fail(e),
            }
            if !progress(done.fetch_add(1, Ordering::Relaxed) + 1, slices.len()) {
                return fail(Error::Cancelled);
            }
        }
    };
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(slices.len());
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(worker);
        }
        worker();
    });
    match failure.into_inner().unwrap_or_else(|p| p.into_inner()) {
        Some(e) => Err(e),
        None => Ok(data),
    }
}
