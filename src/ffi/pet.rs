//! Section "PET attributes".

use super::error_object::{dlnms_error, dlnms_status};
use super::guard::guard;
use super::strings;
use super::structs::{self, Versioned, versioned};
use crate::error::{Error, Result};
use crate::imaging::suv::{
    Assumptions, DecayCorrection, PetInfo, Sex, SliceTiming, SuvType, Units,
};

/// Bq/ml.
pub const DLNMS_UNITS_BQML: u32 = 1;
/// g/ml: SUV of the kind that suv_type names.
pub const DLNMS_UNITS_GML: u32 = 2;
/// cm2/ml: SUV by body surface area.
pub const DLNMS_UNITS_CM2ML: u32 = 3;
/// Counts: usable with Philips' private factors only.
pub const DLNMS_UNITS_CNTS: u32 = 4;
/// Anything else; SUV is refused.
pub const DLNMS_UNITS_OTHER: u32 = 5;

/// SUV by body weight; also when the attribute is absent.
pub const DLNMS_SUV_BW: u32 = 1;
/// SUV by lean body mass.
pub const DLNMS_SUV_LBM: u32 = 2;
/// SUV by lean body mass, James with factor 128.
pub const DLNMS_SUV_LBMJAMES128: u32 = 3;
/// SUV by lean body mass, Janmahasatian.
pub const DLNMS_SUV_LBMJANMA: u32 = 4;
/// SUV by ideal body weight.
pub const DLNMS_SUV_IBW: u32 = 5;

/// Decay Correction is missing; SUV from activity is refused.
pub const DLNMS_DECAY_UNKNOWN: u32 = 0;
/// To the start of the series.
pub const DLNMS_DECAY_START: u32 = 1;
/// To the administration.
pub const DLNMS_DECAY_ADMIN: u32 = 2;
/// None was made.
pub const DLNMS_DECAY_NONE: u32 = 3;

/// Patient's Sex is missing.
pub const DLNMS_SEX_UNKNOWN: u32 = 0;
/// Male.
pub const DLNMS_SEX_MALE: u32 = 1;
/// Female.
pub const DLNMS_SEX_FEMALE: u32 = 2;
/// Other.
pub const DLNMS_SEX_OTHER: u32 = 3;

/// A reader took a weight above 1000 for grams (finding DLNMS_QC_WEIGHT_UNIT_ASSUMED).
pub const DLNMS_ASSUMED_WEIGHT_UNIT: u32 = 1;
/// A reader took a dose below 10,000 Bq for megabecquerel (finding DLNMS_QC_DOSE_UNIT_ASSUMED).
pub const DLNMS_ASSUMED_DOSE_UNIT: u32 = 2;
/// A date-time had a zone and the other times had none (finding DLNMS_QC_TIME_ZONE_ASSUMED).
pub const DLNMS_ASSUMED_TIME_ZONE: u32 = 4;

/// Attributes of a PET series that SUV depends on (DICOM PS3.3 C.8.9); fill with dlnms_pet_info_init().
///
/// Numbers that the header does not give are NaN. Times are seconds on any one clock, the same for all fields, on
/// which midnight is a multiple of 86400. No number is repaired: a weight above 1000 kg or a dose below 10,000 Bq is
/// refused with DLNMS_E_SUV.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_pet_info {
    /// Size of the struct in bytes, set by dlnms_pet_info_init().
    pub struct_size: u32,
    /// A DLNMS_UNITS_ constant: Units (0054,1001).
    pub units: u32,
    /// A DLNMS_SUV_ constant: SUV Type (0054,1006); read when units is DLNMS_UNITS_GML.
    pub suv_type: u32,
    /// A DLNMS_DECAY_ constant: Decay Correction (0054,1102).
    pub decay_correction: u32,
    /// 1 if Corrected Image (0028,0051) holds ATTN on every slice; 0 is refused.
    pub attenuation_corrected: u32,
    /// A DLNMS_SEX_ constant; for SUV by lean or ideal mass alone.
    pub sex: u32,
    /// 1 if the radionuclide is coded as F-18; then a missing half-life is known.
    pub f18_coded: u32,
    /// DLNMS_ASSUMED_ bits, set by the readers of this library: what they assumed to arrive at these numbers. 0 for
    /// numbers of the host's own.
    pub assumptions: u32,
    /// Patient's Weight (0010,1030), kg.
    pub weight_kg: f64,
    /// Patient's Size (0010,1020), m.
    pub height_m: f64,
    /// Radionuclide Total Dose (0018,1074), Bq.
    pub dose_bq: f64,
    /// Radionuclide Half Life (0018,1075), s.
    pub half_life_s: f64,
    /// Radiopharmaceutical Start Date Time (0018,1078).
    pub injection_time_s: f64,
    /// Radiopharmaceutical Start Time (0018,1072), s since midnight.
    pub injection_time_of_day_s: f64,
    /// Series Date and Time (0008,0021) (0008,0031).
    pub series_time_s: f64,
    /// GE private scan start (0009,xx0D), creator GEMS_PETD_01.
    pub ge_scan_start_time_s: f64,
    /// Slices of the PET volume; the length of each array below that is not NULL.
    pub n_slices: u64,
    /// Acquisition Date and Time of each slice, or NULL. Borrowed.
    pub acquisition_time_s: *const f64,
    /// Frame Reference Time (0054,1300) of each slice in ms, or NULL. Borrowed.
    pub frame_reference_time_ms: *const f64,
    /// Actual Frame Duration (0018,1242) of each slice in ms, or NULL. Borrowed.
    pub frame_duration_ms: *const f64,
    /// Philips private SUV factor (7053,xx00) of each slice, or NULL. Borrowed.
    pub philips_suv_factor: *const f64,
    /// Philips private activity factor (7053,xx09) of each slice, or NULL. Borrowed.
    pub philips_activity_factor: *const f64,
}

versioned!(dlnms_pet_info, 144, { struct_size, units, suv_type, decay_correction, attenuation_corrected, sex, f18_coded, assumptions, weight_kg, height_m, dose_bq, half_life_s, injection_time_s, injection_time_of_day_s, series_time_s, ge_scan_start_time_s, n_slices, acquisition_time_s, frame_reference_time_ms, frame_duration_ms, philips_suv_factor, philips_activity_factor } reserved {});

/// Writes defaults into PET attributes: every number unknown (NaN), every array NULL.
///
/// # Safety
/// - `info`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_pet_info) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_pet_info_init(info: *mut dlnms_pet_info, struct_size: u32) {
    let null = std::ptr::null();
    let defaults = dlnms_pet_info {
        struct_size,
        units: DLNMS_UNITS_OTHER,
        suv_type: DLNMS_SUV_BW,
        decay_correction: DLNMS_DECAY_UNKNOWN,
        attenuation_corrected: 0,
        sex: DLNMS_SEX_UNKNOWN,
        f18_coded: 0,
        assumptions: 0,
        weight_kg: f64::NAN,
        height_m: f64::NAN,
        dose_bq: f64::NAN,
        half_life_s: f64::NAN,
        injection_time_s: f64::NAN,
        injection_time_of_day_s: f64::NAN,
        series_time_s: f64::NAN,
        ge_scan_start_time_s: f64::NAN,
        n_slices: 0,
        acquisition_time_s: null,
        frame_reference_time_ms: null,
        frame_duration_ms: null,
        philips_suv_factor: null,
        philips_activity_factor: null,
    };
    // SAFETY: handed on from the caller.
    unsafe { structs::init(info, struct_size, &defaults) };
}

/// Computes the SUVbw factor of each slice: SUVbw = physical value * factor. Nothing is kept.
///
/// # Safety
/// - `info`: initialised PET attributes, read during the call.
/// - `factors`: receives one factor for each slice; has room for `capacity` doubles. May be NULL if `capacity` is 0.
/// - `capacity`: number of doubles that `factors` has room for; 0 asks for the number alone.
/// - `needed`: receives the number of slices, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if `capacity` is not 0.
///
/// # Errors
/// DLNMS_E_SUV with the attribute at fault, DLNMS_E_INVALID_ARGUMENT, DLNMS_E_STRUCT_SIZE, DLNMS_E_BUFFER_TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_pet_info_suv_factors(
    info: *const dlnms_pet_info,
    factors: *mut f64,
    capacity: usize,
    needed: *mut usize,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        // SAFETY: handed on from the caller.
        let scale = unsafe { pet_info(info) }?.suv_scale()?;
        // SAFETY: handed on from the caller.
        unsafe { strings::fill(&scale.factors, factors, capacity, needed) }
    })
}

/// # Safety
/// `ptr` is NULL or an initialised struct whose arrays have `n_slices` readable doubles.
pub(super) unsafe fn pet_info(ptr: *const dlnms_pet_info) -> Result<PetInfo> {
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    let unknown = |field: &str, value: u32| {
        Error::invalid(format!("pet_info.{field}"), format!("{value} is unknown"))
    };
    let n = usize::try_from(raw.n_slices)
        .ok()
        .filter(|n| (1..=crate::imaging::MAX_DIM).contains(n));
    let n = n.ok_or_else(|| {
        Error::invalid(
            "pet_info.n_slices",
            format!("{} is not in 1..65536", raw.n_slices),
        )
    })?;
    let arrays = [
        ("acquisition_time_s", raw.acquisition_time_s),
        ("frame_reference_time_ms", raw.frame_reference_time_ms),
        ("frame_duration_ms", raw.frame_duration_ms),
        ("philips_suv_factor", raw.philips_suv_factor),
        ("philips_activity_factor", raw.philips_activity_factor),
    ];
    let all = DLNMS_ASSUMED_WEIGHT_UNIT | DLNMS_ASSUMED_DOSE_UNIT | DLNMS_ASSUMED_TIME_ZONE;
    if raw.assumptions & !all != 0 {
        return Err(unknown("assumptions", raw.assumptions));
    }
    let assumed = |bit| raw.assumptions & bit != 0;
    if let Some((field, _)) = arrays
        .iter()
        .find(|(_, at)| !at.is_null() && !at.is_aligned())
    {
        return Err(Error::invalid(
            format!("pet_info.{field}"),
            "is not aligned to 8 bytes",
        ));
    }
    let [
        acquisition,
        reference,
        duration,
        suv_factor,
        activity_factor,
    ] = arrays.map(|(_, at)| {
        if at.is_null() {
            &[][..]
        } else {
            // SAFETY: not NULL and aligned; the header asks for n_slices readable doubles.
            unsafe { std::slice::from_raw_parts(at, n) }
        }
    });
    let known = |v: f64| (!v.is_nan()).then_some(v);
    let at = |array: &[f64], i: usize| array.get(i).copied().and_then(known);
    let flag = |field, v: u32| {
        if v <= 1 {
            Ok(v == 1)
        } else {
            Err(unknown(field, v))
        }
    };
    Ok(PetInfo {
        units: match raw.units {
            DLNMS_UNITS_BQML => Units::Bqml,
            DLNMS_UNITS_GML => Units::Gml,
            DLNMS_UNITS_CM2ML => Units::Cm2ml,
            DLNMS_UNITS_CNTS => Units::Cnts,
            DLNMS_UNITS_OTHER => Units::Other,
            v => return Err(unknown("units", v)),
        },
        suv_type: match raw.suv_type {
            DLNMS_SUV_BW => SuvType::Bw,
            DLNMS_SUV_LBM => SuvType::Lbm,
            DLNMS_SUV_LBMJAMES128 => SuvType::LbmJames128,
            DLNMS_SUV_LBMJANMA => SuvType::LbmJanma,
            DLNMS_SUV_IBW => SuvType::Ibw,
            v => return Err(unknown("suv_type", v)),
        },
        decay_correction: match raw.decay_correction {
            DLNMS_DECAY_UNKNOWN => None,
            DLNMS_DECAY_START => Some(DecayCorrection::Start),
            DLNMS_DECAY_ADMIN => Some(DecayCorrection::Admin),
            DLNMS_DECAY_NONE => Some(DecayCorrection::None),
            v => return Err(unknown("decay_correction", v)),
        },
        attenuation_corrected: flag("attenuation_corrected", raw.attenuation_corrected)?,
        weight_kg: known(raw.weight_kg),
        height_m: known(raw.height_m),
        sex: match raw.sex {
            DLNMS_SEX_UNKNOWN => None,
            DLNMS_SEX_MALE => Some(Sex::Male),
            DLNMS_SEX_FEMALE => Some(Sex::Female),
            DLNMS_SEX_OTHER => Some(Sex::Other),
            v => return Err(unknown("sex", v)),
        },
        dose_bq: known(raw.dose_bq),
        half_life_s: known(raw.half_life_s),
        f18_coded: flag("f18_coded", raw.f18_coded)?,
        injection: known(raw.injection_time_s),
        injection_time_of_day: known(raw.injection_time_of_day_s),
        series: known(raw.series_time_s),
        ge_scan_start: known(raw.ge_scan_start_time_s),
        philips_suv_factor: suv_factor.to_vec(),
        philips_activity_factor: activity_factor.to_vec(),
        slices: (0..n)
            .map(|i| SliceTiming {
                acquisition: at(acquisition, i),
                frame_reference_ms: at(reference, i),
                frame_duration_ms: at(duration, i),
            })
            .collect(),
        assumptions: Assumptions {
            weight_unit: assumed(DLNMS_ASSUMED_WEIGHT_UNIT),
            dose_unit: assumed(DLNMS_ASSUMED_DOSE_UNIT),
            time_zone: assumed(DLNMS_ASSUMED_TIME_ZONE),
        },
    })
}

/// Acquisition, frame reference and duration of each slice as the C struct wants them: NaN for what is not known.
#[cfg(feature = "dicom")]
pub(super) fn slice_times(info: &PetInfo) -> [Vec<f64>; 3] {
    let times = |value: fn(&SliceTiming) -> Option<f64>| -> Vec<f64> {
        let values = info.slices.iter().map(value);
        values.map(|v| v.unwrap_or(f64::NAN)).collect()
    };
    [
        times(|s| s.acquisition),
        times(|s| s.frame_reference_ms),
        times(|s| s.frame_duration_ms),
    ]
}

/// Returns the C struct of a series' attributes; `times` are its slices' acquisition, frame reference and duration, NaN for unknown.
/// Its pointers lead into both.
#[cfg(feature = "dicom")]
pub(super) fn raw_pet_info(info: &PetInfo, times: &[Vec<f64>; 3]) -> dlnms_pet_info {
    let number = |v: Option<f64>| v.unwrap_or(f64::NAN);
    let array = |v: &[f64]| {
        if v.is_empty() {
            std::ptr::null()
        } else {
            v.as_ptr()
        }
    };
    let mut raw = std::mem::MaybeUninit::<dlnms_pet_info>::uninit();
    // SAFETY: init writes every byte of a struct of this size.
    let mut raw = unsafe {
        dlnms_pet_info_init(raw.as_mut_ptr(), size_of::<dlnms_pet_info>() as u32);
        raw.assume_init()
    };
    raw.units = info.units as u32;
    raw.suv_type = info.suv_type as u32;
    raw.decay_correction = info.decay_correction.map_or(0, |d| d as u32);
    raw.attenuation_corrected = u32::from(info.attenuation_corrected);
    raw.sex = info.sex.map_or(0, |s| s as u32);
    raw.f18_coded = u32::from(info.f18_coded);
    let Assumptions {
        weight_unit,
        dose_unit,
        time_zone,
    } = info.assumptions;
    raw.assumptions = [
        (weight_unit, DLNMS_ASSUMED_WEIGHT_UNIT),
        (dose_unit, DLNMS_ASSUMED_DOSE_UNIT),
        (time_zone, DLNMS_ASSUMED_TIME_ZONE),
    ]
    .iter()
    .map(|(set, bit)| u32::from(*set) * bit)
    .sum();
    raw.weight_kg = number(info.weight_kg);
    raw.height_m = number(info.height_m);
    raw.dose_bq = number(info.dose_bq);
    raw.half_life_s = number(info.half_life_s);
    raw.injection_time_s = number(info.injection);
    raw.injection_time_of_day_s = number(info.injection_time_of_day);
    raw.series_time_s = number(info.series);
    raw.ge_scan_start_time_s = number(info.ge_scan_start);
    raw.n_slices = info.slices.len() as u64;
    raw.acquisition_time_s = array(&times[0]);
    raw.frame_reference_time_ms = array(&times[1]);
    raw.frame_duration_ms = array(&times[2]);
    raw.philips_suv_factor = array(&info.philips_suv_factor);
    raw.philips_activity_factor = array(&info.philips_activity_factor);
    raw
}

const _: () = {
    assert!(DLNMS_UNITS_OTHER == Units::Other as u32 && DLNMS_SUV_IBW == SuvType::Ibw as u32);
    assert!(DLNMS_DECAY_NONE == DecayCorrection::None as u32);
    assert!(DLNMS_SEX_OTHER == Sex::Other as u32);
    let wide = cfg!(target_pointer_width = "64");
    assert!(!wide || size_of::<dlnms_pet_info>() == <dlnms_pet_info as Versioned>::V1_SIZE);
};

#[cfg(all(test, feature = "dicom"))]
mod tests {
    use super::*;

    #[test]
    fn the_facts_of_a_series_survive_the_c_struct() {
        for bits in 0..8 {
            let set = |bit: u32| bits & bit != 0;
            let info = PetInfo {
                units: Units::Bqml,
                decay_correction: Some(DecayCorrection::Start),
                weight_kg: Some(70.0),
                dose_bq: Some(370e6),
                f18_coded: true,
                series: Some(39_600.0),
                injection_time_of_day: Some(36_000.0),
                slices: vec![
                    SliceTiming {
                        acquisition: Some(39_600.0),
                        ..Default::default()
                    };
                    2
                ],
                assumptions: Assumptions {
                    weight_unit: set(DLNMS_ASSUMED_WEIGHT_UNIT),
                    dose_unit: set(DLNMS_ASSUMED_DOSE_UNIT),
                    time_zone: set(DLNMS_ASSUMED_TIME_ZONE),
                },
                ..PetInfo::already_suv(2)
            };
            let times = slice_times(&info);
            let mut raw = raw_pet_info(&info, &times);
            assert_eq!(raw.assumptions, bits);
            // SAFETY: its pointers lead into `info` and `times`.
            assert_eq!(unsafe { pet_info(&raw) }.unwrap(), info);
            raw.assumptions |= 8;
            // SAFETY: as above.
            let error = unsafe { pet_info(&raw) }.unwrap_err();
            assert!(
                error.to_string().contains("pet_info.assumptions"),
                "{error}"
            );
        }
    }
}
