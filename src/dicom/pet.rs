//! PET attributes -> [`PetInfo`]: the facts, read but not judged.

use super::attributes::{first_item, number, private, private_number, private_text, text, texts};
use super::instance::{Instance, radiopharmaceutical};
use super::time;
use crate::error::{Error, Result};
use crate::suv::{DecayCorrection, PetInfo, Sex, SliceTiming, SuvType, Units};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// SOP class of PET Image Storage; the multi-frame classes are other objects.
const PET_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.128";

/// SUV-related attributes of one slice. Times are seconds on the scanner's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct PetHeader {
    units: Option<String>,
    suv_type: Option<String>,
    decay_correction: Option<String>,
    attenuation_corrected: bool,
    weight_kg: Option<f64>,
    height_m: Option<f64>,
    sex: Option<String>,
    dose_bq: Option<f64>,
    half_life_s: Option<f64>,
    f18_coded: bool,
    injection: Option<f64>,
    injection_time_of_day: Option<f64>,
    series: Option<f64>,
    ge_scan_start: Option<f64>,
    philips_suv_factor: Option<f64>,
    philips_activity_factor: Option<f64>,
    timing: SliceTiming,
}

impl PetHeader {
    /// Read every attribute that SUV may need.
    pub fn read(object: &InMemDicomObject) -> Self {
        let day = |tag| text(object, tag).and_then(|t| time::date(&t));
        let clock = |tag| text(object, tag).and_then(|t| time::time_of_day(&t));
        let manufacturer = text(object, tags::MANUFACTURER)
            .unwrap_or_default()
            .to_ascii_uppercase();
        let drug = radiopharmaceutical(object);
        let in_drug = |tag| drug.and_then(|d| number(d, tag));
        let philips = |element| {
            let vendor = manufacturer.contains("PHILIPS");
            private(object, 0x7053, "Philips PET Private Group", element, vendor)
                .and_then(private_number)
        };
        let acquisition =
            text(object, tags::ACQUISITION_DATE_TIME).and_then(|t| time::date_time(&t));
        Self {
            units: text(object, tags::UNITS),
            suv_type: text(object, tags::SUV_TYPE),
            decay_correction: text(object, tags::DECAY_CORRECTION),
            attenuation_corrected: texts(object, tags::CORRECTED_IMAGE)
                .iter()
                .any(|v| v == "ATTN"),
            weight_kg: number(object, tags::PATIENT_WEIGHT),
            height_m: number(object, tags::PATIENT_SIZE),
            sex: text(object, tags::PATIENT_SEX),
            dose_bq: in_drug(tags::RADIONUCLIDE_TOTAL_DOSE),
            half_life_s: in_drug(tags::RADIONUCLIDE_HALF_LIFE),
            f18_coded: drug.is_some_and(f18_coded),
            injection: drug
                .and_then(|d| text(d, tags::RADIOPHARMACEUTICAL_START_DATE_TIME))
                .and_then(|t| time::date_time(&t)),
            injection_time_of_day: drug
                .and_then(|d| text(d, tags::RADIOPHARMACEUTICAL_START_TIME))
                .and_then(|t| time::time_of_day(&t)),
            series: time::combine(day(tags::SERIES_DATE), clock(tags::SERIES_TIME)),
            ge_scan_start: private(
                object,
                0x0009,
                "GEMS_PETD_01",
                0x0D,
                manufacturer.contains("GE MEDICAL"),
            )
            .and_then(private_text)
            .and_then(|t| time::date_time(&t)),
            philips_suv_factor: philips(0x00),
            philips_activity_factor: philips(0x09),
            timing: SliceTiming {
                acquisition: time::combine(
                    day(tags::ACQUISITION_DATE),
                    clock(tags::ACQUISITION_TIME),
                )
                .or(acquisition),
                frame_reference_ms: number(object, tags::FRAME_REFERENCE_TIME),
                frame_duration_ms: number(object, tags::ACTUAL_FRAME_DURATION),
            },
        }
    }
}

/// Whether the radionuclide is coded as F-18 (DCM C-111A1 / SCT 77004003, or UMLS C0016330 in old objects).
fn f18_coded(drug: &InMemDicomObject) -> bool {
    first_item(drug, tags::RADIONUCLIDE_CODE_SEQUENCE)
        .and_then(|code| text(code, tags::CODE_VALUE))
        .is_some_and(|value| matches!(value.as_str(), "C-111A1" | "77004003" | "C0016330"))
}

/// The series' facts from its slices, in volume order; refuses slices that disagree.
pub fn pet_info(slices: &[&Instance]) -> Result<PetInfo> {
    let refuse = |why: String| Err(Error::Suv(why));
    let headers: Vec<&PetHeader> = slices.iter().filter_map(|s| s.pet.as_ref()).collect();
    let Some(first) = headers.first().filter(|_| headers.len() == slices.len()) else {
        return refuse("not a PET series".into());
    };
    let class = slices[0].sop_class.as_str();
    if class != PET_IMAGE_STORAGE {
        return refuse(format!("SOP class {class} is not PET Image Storage"));
    }
    if let Some(bad) = slices.iter().find(|s| s.intercept != 0.0) {
        return refuse(format!(
            "RescaleIntercept (0028,1052) is {} in {}, must be 0 for PET",
            bad.intercept,
            bad.name()
        ));
    }
    for (name, same) in [
        (
            "Units",
            headers
                .iter()
                .all(|h| h.units == first.units && h.suv_type == first.suv_type),
        ),
        (
            "DecayCorrection",
            headers
                .iter()
                .all(|h| h.decay_correction == first.decay_correction),
        ),
        (
            "PatientWeight",
            headers.iter().all(|h| h.weight_kg == first.weight_kg),
        ),
        (
            "RadionuclideTotalDose",
            headers.iter().all(|h| h.dose_bq == first.dose_bq),
        ),
        (
            "RadionuclideHalfLife",
            headers.iter().all(|h| h.half_life_s == first.half_life_s),
        ),
    ] {
        if !same {
            return refuse(format!("{name} differs between the slices of the series"));
        }
    }
    let every = |value: fn(&PetHeader) -> Option<f64>| -> Vec<f64> {
        headers
            .iter()
            .map(|h| value(h))
            .collect::<Option<Vec<f64>>>()
            .unwrap_or_default()
    };
    let suv_type = match first.suv_type.as_deref() {
        None | Some("BW") => SuvType::Bw,
        Some("LBM") => SuvType::Lbm,
        Some("LBMJAMES128") => SuvType::LbmJames128,
        Some("LBMJANMA") => SuvType::LbmJanma,
        Some("IBW") => SuvType::Ibw,
        Some("BSA") if first.units.as_deref() == Some("CM2ML") => SuvType::Bw,
        Some(_) => return refuse("SUVType (0054,1006) is unknown".into()),
    };
    Ok(PetInfo {
        units: match first.units.as_deref() {
            Some("BQML") => Units::Bqml,
            Some("GML") => Units::Gml,
            Some("CM2ML") => Units::Cm2ml,
            Some("CNTS") => Units::Cnts,
            Some(other) if other.chars().all(|c| c.is_ascii_alphanumeric()) => {
                return refuse(format!("Units (0054,1001) {other} are not convertible"));
            }
            _ => Units::Other,
        },
        suv_type,
        decay_correction: match first.decay_correction.as_deref() {
            Some("START") => Some(DecayCorrection::Start),
            Some("ADMIN") => Some(DecayCorrection::Admin),
            Some("NONE") => Some(DecayCorrection::None),
            _ => None,
        },
        attenuation_corrected: headers.iter().all(|h| h.attenuation_corrected),
        weight_kg: first.weight_kg,
        height_m: first.height_m,
        sex: match first.sex.as_deref() {
            Some("M") => Some(Sex::Male),
            Some("F") => Some(Sex::Female),
            Some("O") => Some(Sex::Other),
            _ => None,
        },
        dose_bq: first.dose_bq,
        half_life_s: first.half_life_s,
        f18_coded: first.f18_coded,
        injection: first.injection,
        injection_time_of_day: first.injection_time_of_day,
        series: first.series,
        ge_scan_start: first.ge_scan_start,
        philips_suv_factor: every(|h| h.philips_suv_factor),
        philips_activity_factor: every(|h| h.philips_activity_factor),
        slices: headers.iter().map(|h| h.timing).collect(),
    })
}
