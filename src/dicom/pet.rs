//! PET attributes -> [`PetInfo`]: the facts, read but not judged.

use super::attributes::{
    Attributes, first_item, number, private, private_number, private_text, text, texts,
};
use super::instance::{Instance, radiopharmaceutical};
use super::time;
use crate::error::{Error, Result};
use crate::suv::{DecayCorrection, PetInfo, Sex, SliceTiming, SuvType, Units};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// PET Image Storage, and what converters make of its slices: Legacy Converted Enhanced PET Image Storage.
const PET_IMAGE_STORAGE: [&str; 2] = [
    "1.2.840.10008.5.1.4.1.1.128",
    "1.2.840.10008.5.1.4.1.1.128.1",
];
/// Enhanced PET Image Storage: the same facts in other attributes.
const ENHANCED_PET: &str = "1.2.840.10008.5.1.4.1.1.130";

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
    /// The tracer is FDG; `None` if nothing says.
    pub fdg: Option<bool>,
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
    pub fn read(facts: &impl Attributes, sop_class: &str) -> Self {
        let day = |tag| text(facts, tag).and_then(|t| time::date(&t));
        let clock = |tag| text(facts, tag).and_then(|t| time::time_of_day(&t));
        let moment = |tag| text(facts, tag).and_then(|t| time::date_time(&t));
        let manufacturer = text(facts, tags::MANUFACTURER)
            .unwrap_or_default()
            .to_ascii_uppercase();
        let drug = radiopharmaceutical(facts);
        let in_drug = |tag| drug.and_then(|d| number(d, tag));
        let philips = |element| {
            let vendor = manufacturer.contains("PHILIPS");
            private(facts, 0x7053, "Philips PET Private Group", element, vendor)
                .and_then(private_number)
        };
        let header = Self {
            units: text(facts, tags::UNITS),
            suv_type: text(facts, tags::SUV_TYPE),
            decay_correction: text(facts, tags::DECAY_CORRECTION),
            attenuation_corrected: texts(facts, tags::CORRECTED_IMAGE)
                .iter()
                .any(|v| v == "ATTN"),
            weight_kg: number(facts, tags::PATIENT_WEIGHT),
            height_m: number(facts, tags::PATIENT_SIZE),
            sex: text(facts, tags::PATIENT_SEX),
            dose_bq: in_drug(tags::RADIONUCLIDE_TOTAL_DOSE),
            half_life_s: in_drug(tags::RADIONUCLIDE_HALF_LIFE),
            f18_coded: drug.is_some_and(f18_coded),
            fdg: drug.and_then(fdg),
            injection: drug
                .and_then(|d| text(d, tags::RADIOPHARMACEUTICAL_START_DATE_TIME))
                .and_then(|t| time::date_time(&t)),
            injection_time_of_day: drug
                .and_then(|d| text(d, tags::RADIOPHARMACEUTICAL_START_TIME))
                .and_then(|t| time::time_of_day(&t)),
            series: time::combine(day(tags::SERIES_DATE), clock(tags::SERIES_TIME)),
            ge_scan_start: private(
                facts,
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
                acquisition: moment(tags::FRAME_ACQUISITION_DATE_TIME)
                    .or(time::combine(
                        day(tags::ACQUISITION_DATE),
                        clock(tags::ACQUISITION_TIME),
                    ))
                    .or(moment(tags::ACQUISITION_DATE_TIME)),
                frame_reference_ms: number(facts, tags::FRAME_REFERENCE_TIME),
                frame_duration_ms: number(facts, tags::ACTUAL_FRAME_DURATION)
                    .or(number(facts, tags::FRAME_ACQUISITION_DURATION)),
            },
        };
        if sop_class == ENHANCED_PET {
            header.of_enhanced(facts)
        } else {
            header
        }
    }

    /// Enhanced PET says units by a real-world value map, corrections by flags, and names the moment of the decay
    /// correction (PS3.3 C.8.22), which is what the series' time stands for in START.
    fn of_enhanced(mut self, facts: &impl Attributes) -> Self {
        let yes = |tag| text(facts, tag).map(|v| v == "YES");
        self.units = first_item(facts, tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE)
            .and_then(|map| first_item(map, tags::MEASUREMENT_UNITS_CODE_SEQUENCE))
            .and_then(|unit| text(unit, tags::CODE_VALUE))
            .and_then(|code| match code.as_str() {
                "Bq/ml" | "Bq/mL" => Some("BQML".into()),
                "{SUVbw}g/ml" | "g/ml{SUVbw}" => Some("GML".into()),
                _ => None,
            });
        self.attenuation_corrected = yes(tags::ATTENUATION_CORRECTED) == Some(true);
        self.decay_correction =
            yes(tags::DECAY_CORRECTED).map(|done| if done { "START" } else { "NONE" }.to_owned());
        self.series =
            text(facts, tags::DECAY_CORRECTION_DATE_TIME).and_then(|t| time::date_time(&t));
        self
    }
}

/// Whether the tracer is FDG, by its code or its name; `None` if neither is there.
fn fdg(drug: &InMemDicomObject) -> Option<bool> {
    let code = first_item(drug, tags::RADIOPHARMACEUTICAL_CODE_SEQUENCE);
    let coded = code.and_then(|c| text(c, tags::CODE_VALUE));
    let meaning = code.and_then(|c| text(c, tags::CODE_MEANING));
    // SNOMED RT and CT (PS3.16 CID 4021), and what GE wrote before there were codes.
    const CODES: [&str; 3] = ["C-B1031", "35321007", "Y-X1743"];
    let names = [meaning, text(drug, tags::RADIOPHARMACEUTICAL)];
    if coded.is_some_and(|c| CODES.contains(&c.as_str())) {
        return Some(true);
    }
    let mut names = names.iter().flatten().peekable();
    names.peek()?;
    Some(names.any(|name| {
        let name = name.to_ascii_lowercase();
        ["fdg", "fluorodeoxyglucose", "deoxyglucose"]
            .iter()
            .any(|known| name.contains(known))
    }))
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
    if headers.len() != slices.len() {
        return refuse("not a PET series".into());
    }
    let class = slices[0].sop_class.as_str();
    if !PET_IMAGE_STORAGE.contains(&class) && class != ENHANCED_PET {
        return refuse(format!("SOP class {class} is not PET Image Storage"));
    }
    if let Some(bad) = slices.iter().find(|s| s.intercept != 0.0) {
        return refuse(format!(
            "RescaleIntercept (0028,1052) is {} in {}, must be 0 for PET",
            bad.intercept,
            bad.name()
        ));
    }
    pet_info_of(&headers)
}

/// The facts of slices whose headers were read, in volume order; refuses slices that disagree.
pub fn pet_info_of(headers: &[&PetHeader]) -> Result<PetInfo> {
    let refuse = |why: String| Err(Error::Suv(why));
    let Some(first) = headers.first() else {
        return refuse("there are no slices".into());
    };
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
