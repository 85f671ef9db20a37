//! The slices of a PET series -> [`PetInfo`]: compared with each other, put on one clock, and in the units of the model.

use super::attributes::Stated;
use super::instance::Instance;
use super::pet::PetHeader;
use super::real_world_value::ENHANCED_PET;
use super::time::Moment;
use crate::error::{Error, Result};
use crate::imaging::suv::{DecayCorrection, PetInfo, Sex, SliceTiming, SuvType, Units};

/// PET Image Storage, and what converters make of its slices: Legacy Converted Enhanced PET Image Storage.
const PET_IMAGE_STORAGE: [&str; 2] = [
    "1.2.840.10008.5.1.4.1.1.128",
    "1.2.840.10008.5.1.4.1.1.128.1",
];
/// A half-life that differs by more from that of the coded nuclide belongs to another one, or has another unit.
const HALF_LIFE_TOLERANCE: f64 = 0.02;

fn refuse<T>(why: impl Into<String>) -> Result<T> {
    Err(Error::Suv(why.into()))
}

/// Returns the PET attributes of a series from its slices, in volume order; refuses slices that disagree.
pub fn pet_info(slices: &[&Instance]) -> Result<PetInfo> {
    let headers: Vec<&PetHeader> = slices.iter().filter_map(|s| s.pet.as_ref()).collect();
    if headers.len() != slices.len() || slices.is_empty() {
        return refuse("not a PET series");
    }
    let class = slices[0].sop_class.as_str();
    if !PET_IMAGE_STORAGE.contains(&class) && class != ENHANCED_PET {
        return refuse(format!("SOP class {class} is not PET Image Storage"));
    }
    let shifted =
        |s: &&&Instance| s.intercept != 0.0 && s.pet.as_ref().is_some_and(|p| !p.suv_by_map);
    if let Some(bad) = slices.iter().find(shifted) {
        return refuse(format!(
            "RescaleIntercept (0028,1052) is {} in {}, must be 0 for PET",
            bad.intercept,
            bad.name()
        ));
    }
    pet_info_of(&headers, &|slice| slices[slice].name())
}

/// Returns the PET attributes of slices whose headers were read, in volume order; refuses slices that disagree. `name` gives
/// the file of a slice for messages.
pub fn pet_info_of(headers: &[&PetHeader], name: &dyn Fn(usize) -> String) -> Result<PetInfo> {
    let Some(first) = headers.first() else {
        return refuse("there are no slices");
    };
    let series = SeriesHeaders {
        headers,
        first,
        name,
    };
    series.compare()?;
    series.info()
}

/// What SUV depends on besides the units.
struct Needs {
    /// Size and sex: another normalisation than body weight.
    body: bool,
    weight: bool,
    dose: bool,
    decay: bool,
    times: bool,
}

impl Needs {
    fn new(units: Units, suv_type: SuvType, decay: Option<DecayCorrection>, factors: bool) -> Self {
        let activity = units == Units::Bqml || (units == Units::Cnts && !factors);
        let body = units == Units::Cm2ml || (units == Units::Gml && suv_type != SuvType::Bw);
        Self {
            body,
            weight: body || activity,
            dose: activity,
            decay: activity,
            times: activity
                && matches!(decay, Some(DecayCorrection::Start | DecayCorrection::None)),
        }
    }
}

struct SeriesHeaders<'a> {
    headers: &'a [&'a PetHeader],
    first: &'a PetHeader,
    name: &'a dyn Fn(usize) -> String,
}

impl SeriesHeaders<'_> {
    /// Refuses a series in which a value that all slices must share differs, naming both files.
    fn compare(&self) -> Result<()> {
        type Same = fn(&PetHeader, &PetHeader) -> bool;
        let shared: [(&str, Same); 16] = [
            ("Units (0054,1001)", |a, b| {
                (&a.units, a.suv_by_map) == (&b.units, b.suv_by_map)
            }),
            ("SUVType (0054,1006)", |a, b| a.suv_type == b.suv_type),
            ("DecayCorrection (0054,1102)", |a, b| {
                a.decay_correction == b.decay_correction
            }),
            ("ATTN in CorrectedImage (0028,0051)", |a, b| {
                a.attenuation_corrected == b.attenuation_corrected
            }),
            ("DECY in CorrectedImage (0028,0051)", |a, b| {
                a.decay_corrected == b.decay_corrected
            }),
            ("PatientWeight (0010,1030)", |a, b| {
                a.weight_kg == b.weight_kg
            }),
            ("PatientSize (0010,1020)", |a, b| a.height_m == b.height_m),
            ("PatientSex (0010,0040)", |a, b| a.sex == b.sex),
            ("RadionuclideTotalDose (0018,1074)", |a, b| {
                a.tracer.dose_bq == b.tracer.dose_bq
            }),
            ("RadionuclideHalfLife (0018,1075)", |a, b| {
                a.tracer.half_life_s == b.tracer.half_life_s
            }),
            ("RadiopharmaceuticalStartDateTime (0018,1078)", |a, b| {
                a.tracer.injection == b.tracer.injection
            }),
            ("RadiopharmaceuticalStartTime (0018,1072)", |a, b| {
                a.tracer.injection_time_of_day == b.tracer.injection_time_of_day
            }),
            (
                "RadiopharmaceuticalInformationSequence (0054,0016)",
                |a, b| {
                    let of = |h: &PetHeader| (h.tracer.items, h.fdg, h.tracer.nuclide.clone());
                    of(a) == of(b)
                },
            ),
            ("TimezoneOffsetFromUTC (0008,0201)", |a, b| a.zone == b.zone),
            (
                "SeriesDate (0008,0021) with SeriesTime (0008,0031)",
                |a, b| a.series == b.series,
            ),
            ("the GE private scan start (0009,xx0D)", |a, b| {
                a.ge_scan_start == b.ge_scan_start
            }),
        ];
        for (what, same) in shared {
            let other = self.headers.iter().position(|h| !same(self.first, h));
            if let Some(other) = other {
                let (a, b) = ((self.name)(0), (self.name)(other));
                return refuse(format!(
                    "{what} differs between the slices of the series: {a} and {b}"
                ));
            }
        }
        Ok(())
    }

    /// Returns a value that SUV depends on; refuses one that cannot be read.
    fn value<T: Clone>(&self, stated: &Stated<T>, slice: usize, needed: bool) -> Result<Option<T>> {
        match stated {
            Ok(value) => Ok(value.clone()),
            Err(why) if needed => refuse(format!("{why} in {}", (self.name)(slice))),
            Err(_) => Ok(None),
        }
    }

    /// Returns a value of every slice; empty if one has none.
    fn each(&self, of: fn(&PetHeader) -> &Stated<f64>, needed: bool) -> Result<Vec<f64>> {
        let values: Result<Vec<_>> = (0..self.headers.len())
            .map(|slice| self.value(of(self.headers[slice]), slice, needed))
            .collect();
        Ok(values?
            .into_iter()
            .collect::<Option<Vec<f64>>>()
            .unwrap_or_default())
    }

    fn info(&self) -> Result<PetInfo> {
        let first = self.first;
        if first.tracer.items > 1 {
            return refuse(format!(
                "RadiopharmaceuticalInformationSequence (0054,0016) has {} items in {}: more than one tracer or injection",
                first.tracer.items,
                (self.name)(0)
            ));
        }
        let units = self.units()?;
        let suv_type = self.suv_type()?;
        let decay_correction = match first.decay_correction.as_deref() {
            Some("START") => Some(DecayCorrection::Start),
            Some("ADMIN") => Some(DecayCorrection::Admin),
            Some("NONE") => Some(DecayCorrection::None),
            _ => None,
        };
        let counts = units == Units::Cnts;
        let philips_suv_factor = self.each(|h| &h.philips_suv_factor, counts)?;
        let has_factors = philips_suv_factor.iter().all(|f| *f > 0.0);
        let has_factors = has_factors && !philips_suv_factor.is_empty();
        let philips_activity_factor =
            self.each(|h| &h.philips_activity_factor, counts && !has_factors)?;
        let needs = Needs::new(units, suv_type, decay_correction, has_factors);
        if needs.decay {
            self.check_decay(decay_correction)?;
        }
        let mut info = PetInfo {
            units,
            suv_type,
            decay_correction,
            attenuation_corrected: first.attenuation_corrected,
            weight_kg: self.value(&first.weight_kg, 0, needs.weight)?,
            height_m: self.value(&first.height_m, 0, needs.body)?,
            sex: match first.sex.as_deref() {
                Some("M") => Some(Sex::Male),
                Some("F") => Some(Sex::Female),
                Some("O") => Some(Sex::Other),
                _ => None,
            },
            dose_bq: self.value(&first.tracer.dose_bq, 0, needs.dose)?,
            half_life_s: self.value(&first.tracer.half_life_s, 0, needs.dose)?,
            philips_suv_factor,
            philips_activity_factor,
            ..PetInfo::already_suv(self.headers.len())
        };
        info.f18_coded = self.check_nuclide(info.half_life_s, needs.dose)?;
        self.refuse_missing(&info, &needs)?;
        self.read_clocks(&mut info, needs.times)?;
        assume_units(&mut info);
        Ok(info)
    }

    /// Refuses a series of which one attribute says that decay was corrected for, and another one that it was not.
    fn check_decay(&self, decay_correction: Option<DecayCorrection>) -> Result<()> {
        let corrected = decay_correction.map(|d| d != DecayCorrection::None);
        match (corrected, self.first.decay_corrected) {
            (Some(true), Some(false)) | (Some(false), Some(true)) => refuse(format!(
                "CorrectedImage (0028,0051) {} DECY, but DecayCorrection (0054,1102) is {} in {}",
                if corrected == Some(true) {
                    "lacks"
                } else {
                    "has"
                },
                self.first.decay_correction.as_deref().unwrap_or_default(),
                (self.name)(0)
            )),
            _ => Ok(()),
        }
    }

    /// Refuses what SUV depends on and the header does not say, naming tag and file.
    fn refuse_missing(&self, info: &PetInfo, needs: &Needs) -> Result<()> {
        let tracer = &self.first.tracer;
        let positive = |v: Option<f64>| v.is_some_and(|v| v > 0.0);
        let administered = tracer.injection != Ok(None) || tracer.injection_time_of_day != Ok(None);
        for (needed, present, tag) in [
            (
                needs.weight,
                positive(info.weight_kg),
                "PatientWeight (0010,1030) is missing or not positive",
            ),
            (
                needs.body,
                positive(info.height_m),
                "PatientSize (0010,1020) is missing or not positive, and this kind of SUV needs it,",
            ),
            (
                needs.dose,
                positive(info.dose_bq),
                "RadionuclideTotalDose (0018,1074) is missing or not positive",
            ),
            (
                needs.decay,
                info.decay_correction.is_some(),
                "DecayCorrection (0054,1102) is missing or unknown",
            ),
            (
                needs.times,
                info.half_life_s.is_some() || info.f18_coded,
                "RadionuclideHalfLife (0018,1075) is missing and the tracer is not coded as F-18",
            ),
            (
                needs.times,
                administered,
                "RadiopharmaceuticalStartDateTime (0018,1078) and RadiopharmaceuticalStartTime (0018,1072) are missing",
            ),
        ] {
            if needed && !present {
                return refuse(format!("{tag} in {}", (self.name)(0)));
            }
        }
        Ok(())
    }

    fn units(&self) -> Result<Units> {
        let units = self.value(&self.first.units, 0, true)?;
        Ok(match units.as_deref() {
            Some("BQML") => Units::Bqml,
            Some("GML") => Units::Gml,
            Some("CM2ML") => Units::Cm2ml,
            Some("CNTS") => Units::Cnts,
            Some(other) if other.chars().all(|c| c.is_ascii_alphanumeric()) => {
                return refuse(format!("Units (0054,1001) {other} are not convertible"));
            }
            _ => Units::Other,
        })
    }

    fn suv_type(&self) -> Result<SuvType> {
        Ok(match self.first.suv_type.as_deref() {
            None | Some("BW") => SuvType::Bw,
            Some("LBM") => SuvType::Lbm,
            Some("LBMJAMES128") => SuvType::LbmJames128,
            Some("LBMJANMA") => SuvType::LbmJanma,
            Some("IBW") => SuvType::Ibw,
            Some("BSA") if self.first.units == Ok(Some("CM2ML".into())) => SuvType::Bw,
            Some(_) => return refuse("SUVType (0054,1006) is unknown"),
        })
    }

    /// Returns whether the nuclide is coded as F-18; refuses a half-life that is not the coded nuclide's.
    fn check_nuclide(&self, half_life_s: Option<f64>, needed: bool) -> Result<bool> {
        let nuclide = self.value(&self.first.tracer.nuclide, 0, needed)?;
        let (Some(nuclide), Some(stated)) = (nuclide, half_life_s) else {
            return Ok(nuclide.is_some_and(|n| n.is_f18()));
        };
        let known = nuclide.half_life_s;
        if (stated - known).abs() > HALF_LIFE_TOLERANCE * known {
            return refuse(format!(
                "RadionuclideHalfLife (0018,1075) is {stated} s, but RadionuclideCodeSequence (0054,0300) names {} with {known} s, in {}",
                nuclide.name,
                (self.name)(0)
            ));
        }
        Ok(nuclide.is_f18())
    }

    /// Puts all times on one clock: local time in Timezone Offset From UTC, or, where every time has a suffix, the
    /// clock of the first. Otherwise local parts are compared as they are written, which is kept as an assumption.
    fn read_clocks(&self, info: &mut PetInfo, needed: bool) -> Result<()> {
        let first = self.first;
        let zone = self.value(&first.zone, 0, needed)?;
        let series = self.value(&first.series, 0, needed)?;
        let ge = self.value(&first.ge_scan_start, 0, needed)?;
        let injection = self.value(&first.tracer.injection, 0, needed)?;
        info.injection_time_of_day = self.value(&first.tracer.injection_time_of_day, 0, needed)?;
        let mut acquired = Vec::with_capacity(self.headers.len());
        for (slice, header) in self.headers.iter().enumerate() {
            let value = |stated: &Stated<f64>| self.value(stated, slice, needed);
            acquired.push(self.value(&header.acquisition, slice, needed)?);
            info.slices[slice] = SliceTiming {
                acquisition: None,
                frame_reference_ms: value(&header.frame_reference_ms)?,
                frame_duration_ms: value(&header.frame_duration_ms)?,
            };
        }
        if needed && let Some(slice) = acquired.iter().position(Option::is_none) {
            return refuse(format!(
                "AcquisitionDate (0008,0022) and AcquisitionTime (0008,0032) are missing in {}: no reference time",
                (self.name)(slice)
            ));
        }
        let moments = || {
            [series, ge, injection]
                .into_iter()
                .chain(acquired.iter().copied())
        };
        let has_suffix = |m: Moment| m.zone.is_some();
        let absolute = injection.is_some() && moments().flatten().all(has_suffix);
        let clock = if absolute {
            zone.or(injection.and_then(|m| m.zone))
        } else {
            zone
        };
        info.assumptions.time_zone =
            needed && clock.is_none() && moments().flatten().any(has_suffix);
        let on_clock = |m: Option<Moment>| m.map(|m| m.on_clock(clock));
        info.series = on_clock(series);
        info.ge_scan_start = on_clock(ge);
        info.injection = on_clock(injection);
        for (timing, moment) in info.slices.iter_mut().zip(&acquired) {
            timing.acquisition = on_clock(*moment);
        }
        Ok(())
    }
}

/// Takes a weight above 1000 for grams and a dose below 10,000 Bq for megabecquerel, as scanners write them, and keeps
/// that as an assumption. A rule of readers alone: [`PetInfo::suv_scale`] refuses such numbers.
fn assume_units(info: &mut PetInfo) {
    if let Some(weight) = info.weight_kg.as_mut().filter(|w| **w > 1000.0) {
        *weight /= 1000.0;
        info.assumptions.weight_unit = true;
    }
    if let Some(dose) = info.dose_bq.as_mut().filter(|d| **d > 0.0 && **d < 1e4) {
        *dose *= 1e6;
        info.assumptions.dose_unit = true;
    }
}

#[cfg(test)]
mod tests;
