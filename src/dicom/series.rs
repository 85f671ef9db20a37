//! Slices -> one volume: chosen by rule, sorted by position, checked, decoded on all cores.

use super::instance::Instance;
use super::pixels;
use crate::error::{Error, Result};
use crate::scorer::CancelToken;
use crate::suv::PetInfo;
use crate::volume::Volume;
use std::collections::BTreeMap;
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

/// Choose the series of a modality, by the rule in [`choose`], and decode it.
pub fn load(
    instances: &[Instance],
    modality: Modality,
    progress: SliceProgress,
    cancel: &CancelToken,
) -> Result<Series> {
    let (mut slices, mut warnings) = choose(instances, modality)?;
    let grid = Grid::of(&mut slices, modality)?;
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
        volume,
        pet_info,
        frame_of_reference: slices[0].frame_of_reference.clone(),
        warnings,
    })
}

/// CT: not a localizer, the series with most voxels. PET: attenuation corrected and convertible to SUV, most voxels.
fn choose(instances: &[Instance], modality: Modality) -> Result<(Vec<&Instance>, Vec<String>)> {
    let mut groups: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
    let (mut localizers, mut others) = (0, 0);
    for instance in instances {
        if instance.modality != modality.code() {
            others += 1;
        } else if instance.localizer {
            localizers += 1;
        } else {
            groups
                .entry(&instance.series_uid)
                .or_default()
                .push(instance);
        }
    }
    let mut warnings = Vec::new();
    let mut refusals = Vec::new();
    let mut usable: Vec<Vec<&Instance>> = Vec::new();
    for (_, slices) in groups {
        let n = slices.len();
        let verdict = match modality {
            Modality::Ct => Ok(()),
            Modality::Pt => {
                super::pet::pet_info(&slices).and_then(|info| info.suv_scale().map(drop))
            }
        };
        match verdict {
            Ok(()) => usable.push(slices),
            Err(e) => refusals.push((n, e)),
        }
    }
    usable.sort_by_key(|s| std::cmp::Reverse(s.iter().map(|i| i.rows * i.columns).sum::<usize>()));
    if !usable.is_empty() {
        for (n, why) in &refusals {
            warnings.push(format!(
                "{}: passed over a series of {n} slices: {why}",
                modality.code()
            ));
        }
        for other in &usable[1..] {
            warnings.push(format!(
                "{}: passed over a series of {} slices, smaller than the chosen one",
                modality.code(),
                other.len()
            ));
        }
    }
    if let Some(slices) = usable.into_iter().next() {
        return Ok((slices, warnings));
    }
    let no_series = |why| {
        Err(Error::DicomNoSeries {
            modality: modality.code(),
            why,
        })
    };
    match refusals.len() {
        0 => no_series(format!(
            "found {localizers} localizer images and {others} images of other modalities"
        )),
        // One series refused: its own reason and code say more than "no series".
        1 => Err(refusals.remove(0).1),
        _ => no_series(
            refusals
                .iter()
                .map(|(n, e)| format!("a series of {n} slices: {e}"))
                .collect::<Vec<_>>()
                .join("; "),
        ),
    }
}

/// Geometry of sorted slices.
struct Grid {
    origin: [f64; 3],
    spacing: [f64; 3],
    direction: [[f64; 3]; 3],
    slice_offsets: Vec<f64>,
}

/// Steps that differ by less are even: positions are written with few digits.
const EVEN_STEP_MM: f64 = 1e-3;
/// Cosines that differ by less are the same orientation.
const SAME_ORIENTATION: f64 = 1e-4;

impl Grid {
    /// Sort the slices along the normal and derive their grid, or name the slice that does not fit.
    fn of(slices: &mut [&Instance], modality: Modality) -> Result<Self> {
        let refuse = |why: String| {
            Err(Error::DicomSeries {
                modality: modality.code(),
                why,
            })
        };
        let first = slices[0];
        for s in slices.iter() {
            let missing = [
                ("ImagePositionPatient", s.position.is_none()),
                ("ImageOrientationPatient", s.orientation.is_none()),
                ("PixelSpacing", s.pixel_spacing.is_none()),
            ];
            if let Some((name, _)) = missing.iter().find(|(_, absent)| *absent) {
                return refuse(format!("{name} is missing in {}", s.name()));
            }
            if (s.rows, s.columns, s.signed, s.bits_allocated)
                != (
                    first.rows,
                    first.columns,
                    first.signed,
                    first.bits_allocated,
                )
            {
                return refuse(format!(
                    "{} has another matrix or pixel type than {}",
                    s.name(),
                    first.name()
                ));
            }
            if s.intercept != first.intercept {
                return refuse(format!(
                    "{} has another RescaleIntercept than {}",
                    s.name(),
                    first.name()
                ));
            }
            if distance(
                &s.pixel_spacing.unwrap_or_default(),
                &first.pixel_spacing.unwrap_or_default(),
            ) > SAME_ORIENTATION
            {
                return refuse(format!(
                    "{} has another PixelSpacing than {}",
                    s.name(),
                    first.name()
                ));
            }
            if distance(
                &s.orientation.unwrap_or_default(),
                &first.orientation.unwrap_or_default(),
            ) > SAME_ORIENTATION
            {
                return refuse(format!(
                    "{} has another orientation than {}",
                    s.name(),
                    first.name()
                ));
            }
        }
        let o = first.orientation.unwrap_or_default();
        let (row, column) = ([o[0], o[1], o[2]], [o[3], o[4], o[5]]);
        let normal: [f64; 3] = std::array::from_fn(|i| {
            row[(i + 1) % 3] * column[(i + 2) % 3] - row[(i + 2) % 3] * column[(i + 1) % 3]
        });
        let length = normal.iter().map(|v| v * v).sum::<f64>().sqrt();
        if length.is_nan() || length <= 0.99 {
            return refuse(format!(
                "ImageOrientationPatient of {} is not a pair of unit vectors at right angles",
                first.name()
            ));
        }
        let normal = normal.map(|v| v / length);
        let along = |s: &Instance| {
            s.position
                .unwrap_or_default()
                .iter()
                .zip(&normal)
                .map(|(p, n)| p * n)
                .sum::<f64>()
        };
        slices.sort_by(|a, b| along(a).total_cmp(&along(b)));
        let origin = slices[0].position.unwrap_or_default();
        let offsets: Vec<f64> = slices.iter().map(|s| along(s) - along(slices[0])).collect();
        let step = Self::check_steps(slices, &offsets, modality)?;
        for (s, offset) in slices.iter().zip(&offsets) {
            let position = s.position.unwrap_or_default();
            let on_axis: [f64; 3] = std::array::from_fn(|i| origin[i] + normal[i] * offset);
            // 1 % of the way is far below any gantry tilt and far above rounding.
            if distance(&position, &on_axis) > 0.05 + 0.01 * offset {
                return refuse(format!(
                    "gantry tilt or shifted slices: {} does not lie on the normal through the first slice",
                    s.name()
                ));
            }
        }
        let uneven = offsets
            .iter()
            .enumerate()
            .any(|(k, z)| (z - k as f64 * step).abs() > EVEN_STEP_MM);
        let [between_rows, between_columns] = first.pixel_spacing.unwrap_or([1.0; 2]);
        Ok(Self {
            origin,
            spacing: [between_columns, between_rows, step],
            direction: std::array::from_fn(|r| [row[r], column[r], normal[r]]),
            slice_offsets: if uneven { offsets } else { Vec::new() },
        })
    }

    /// Mean step, after duplicates and gaps were refused.
    fn check_steps(slices: &[&Instance], offsets: &[f64], modality: Modality) -> Result<f64> {
        let refuse = |why: String| {
            Err(Error::DicomSeries {
                modality: modality.code(),
                why,
            })
        };
        if offsets.len() < 2 {
            return refuse("one slice is not a volume".into());
        }
        let steps: Vec<f64> = offsets.windows(2).map(|w| w[1] - w[0]).collect();
        let mut sorted = steps.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[sorted.len() / 2];
        for (i, step) in steps.iter().enumerate() {
            let (a, b) = (slices[i].name(), slices[i + 1].name());
            if *step < 0.01 {
                return refuse(format!("{a} and {b} lie at the same position"));
            }
            if *step > 1.5 * median || *step < 0.5 * median {
                return refuse(format!(
                    "{step:.3} mm between {a} and {b}, {median:.3} mm elsewhere: missing slices or a variable gap"
                ));
            }
        }
        Ok(offsets[offsets.len() - 1] / steps.len() as f64)
    }
}

fn distance<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(x, y)| (x - y).abs())
        .fold(0.0, f64::max)
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
