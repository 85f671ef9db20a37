//! SUV-related attributes of one slice, read but not judged: what cannot be parsed is kept as such and is refused where
//! the series' SUV depends on it.

use super::attributes::{
    Attributes, Stated, decimal, named, parsed, private, private_text, text, texts,
};
use super::real_world_value;
use super::time::{self, Moment};
use super::tracer::Tracer;
use dicom_core::header::HasLength;
use dicom_core::{PrimitiveValue, Tag};
use dicom_dictionary_std::tags;
use dicom_object::mem::InMemElement;

/// SUV-related attributes of one slice.
#[derive(Clone, Debug, PartialEq)]
pub struct PetHeader {
    pub(super) units: Stated<String>,
    /// A Real World Value Map turns stored values into SUVbw, by a slope and an intercept of its own.
    pub(super) suv_by_map: bool,
    pub(super) suv_type: Option<String>,
    pub(super) decay_correction: Option<String>,
    pub(super) attenuation_corrected: bool,
    /// DECY is among the values of Corrected Image; `None` if it has none.
    pub(super) decay_corrected: Option<bool>,
    pub(super) weight_kg: Stated<f64>,
    pub(super) height_m: Stated<f64>,
    pub(super) sex: Option<String>,
    pub(super) tracer: Tracer,
    /// The tracer is FDG; `None` if nothing says.
    pub fdg: Option<bool>,
    /// Timezone Offset From UTC, s.
    pub(super) zone: Stated<f64>,
    pub(super) series: Stated<Moment>,
    pub(super) ge_scan_start: Stated<Moment>,
    pub(super) philips_suv_factor: Stated<f64>,
    pub(super) philips_activity_factor: Stated<f64>,
    pub(super) acquisition: Stated<Moment>,
    pub(super) frame_reference_ms: Stated<f64>,
    pub(super) frame_duration_ms: Stated<f64>,
}

impl PetHeader {
    /// Reads every attribute that SUV may need.
    pub fn read(attributes: &impl Attributes, sop_class: &str) -> Self {
        let manufacturer = text(attributes, tags::MANUFACTURER)
            .unwrap_or_default()
            .to_ascii_uppercase();
        let philips = |element, name: &str| {
            let vendor = manufacturer.contains("PHILIPS");
            private(
                attributes,
                0x7053,
                "Philips PET Private Group",
                element,
                vendor,
            )
            .map_or(Ok(None), |e| private_decimal(e, name))
        };
        let ge = manufacturer.contains("GE MEDICAL");
        let tracer = Tracer::read(attributes);
        let corrected = texts(attributes, tags::CORRECTED_IMAGE);
        let header = Self {
            units: Ok(text(attributes, tags::UNITS)),
            suv_by_map: false,
            suv_type: text(attributes, tags::SUV_TYPE),
            decay_correction: text(attributes, tags::DECAY_CORRECTION),
            attenuation_corrected: corrected.iter().any(|v| v == "ATTN"),
            decay_corrected: (!corrected.is_empty()).then(|| corrected.iter().any(|v| v == "DECY")),
            weight_kg: decimal(attributes, tags::PATIENT_WEIGHT),
            height_m: decimal(attributes, tags::PATIENT_SIZE),
            sex: text(attributes, tags::PATIENT_SEX),
            fdg: tracer.fdg,
            tracer,
            zone: parsed(attributes, tags::TIMEZONE_OFFSET_FROM_UTC, time::offset),
            series: day_and_time(attributes, tags::SERIES_DATE, tags::SERIES_TIME),
            ge_scan_start: private(attributes, 0x0009, "GEMS_PETD_01", 0x0D, ge).map_or(
                Ok(None),
                |e| match private_text(e) {
                    None => Ok(None),
                    Some(text) => time::date_time(&text).map(Some).ok_or_else(|| {
                        "the GE private scan start (0009,xx0D) is not a date-time".into()
                    }),
                },
            ),
            philips_suv_factor: philips(0x00, "SUV factor (7053,xx00)"),
            philips_activity_factor: philips(0x09, "activity factor (7053,xx09)"),
            acquisition: acquisition(attributes),
            frame_reference_ms: decimal(attributes, tags::FRAME_REFERENCE_TIME),
            frame_duration_ms: decimal(attributes, tags::ACTUAL_FRAME_DURATION).and_then(
                |duration| match duration {
                    None => decimal(attributes, tags::FRAME_ACQUISITION_DURATION),
                    some => Ok(some),
                },
            ),
        };
        if sop_class == real_world_value::ENHANCED_PET {
            header.of_enhanced(attributes)
        } else {
            header
        }
    }

    /// Enhanced PET says units by a real-world value map, corrections by flags, and names the moment of the decay
    /// correction (PS3.3 C.8.22), which is what the series' time stands for in START.
    fn of_enhanced(mut self, attributes: &impl Attributes) -> Self {
        let flag = |tag| text(attributes, tag);
        let unit = real_world_value::pet_unit(attributes);
        self.suv_by_map = unit == Ok(Some("GML"));
        self.units = unit.map(|u| u.map(str::to_owned));
        self.suv_type = None;
        self.attenuation_corrected = flag(tags::ATTENUATION_CORRECTED).as_deref() == Some("YES");
        self.decay_corrected = None;
        self.decay_correction = match flag(tags::DECAY_CORRECTED).as_deref() {
            Some("YES") => Some("START".into()),
            Some("NO") => Some("NONE".into()),
            _ => None,
        };
        self.series = parsed(
            attributes,
            tags::DECAY_CORRECTION_DATE_TIME,
            time::date_time,
        );
        self
    }
}

/// Returns the moment at which the acquisition of an image began; refuses two statements that contradict each other.
fn acquisition(attributes: &impl Attributes) -> Stated<Moment> {
    if let Some(frame) = parsed(
        attributes,
        tags::FRAME_ACQUISITION_DATE_TIME,
        time::date_time,
    )? {
        return Ok(Some(frame));
    }
    let apart = day_and_time(attributes, tags::ACQUISITION_DATE, tags::ACQUISITION_TIME)?;
    let together = parsed(attributes, tags::ACQUISITION_DATE_TIME, time::date_time)?;
    if let (Some(apart), Some(together)) = (apart, together) {
        // An offset that cannot be read is the refusal of what needs it.
        let zone = parsed(attributes, tags::TIMEZONE_OFFSET_FROM_UTC, time::offset).unwrap_or(None);
        // The clock of a date and a time without an offset is not known; one of a date-time may be another.
        let known = together.zone.is_none() || zone.is_some();
        let off = together.on_clock(zone) - apart.on_clock(zone);
        if known && off.abs() > SAME_MOMENT_S {
            return Err(format!(
                "{} contradicts {} with {}",
                named(tags::ACQUISITION_DATE_TIME),
                named(tags::ACQUISITION_DATE),
                named(tags::ACQUISITION_TIME)
            ));
        }
    }
    Ok(apart.or(together))
}

/// Times that differ by no more are the same: some are written without a fraction, s.
const SAME_MOMENT_S: f64 = 1.0;

/// Returns a date and a time as one moment; without either of them there is none.
fn day_and_time(attributes: &impl Attributes, day: Tag, clock: Tag) -> Stated<Moment> {
    let day = parsed(attributes, day, time::date)?;
    let clock = parsed(attributes, clock, time::time_of_day)?;
    Ok(day.zip(clock).map(|(day, clock)| Moment {
        local: day + clock,
        zone: None,
    }))
}

/// Returns the number of a private element, which came as text, as a binary float, or as UN with the bytes of either.
fn private_decimal(element: &InMemElement, name: &str) -> Stated<f64> {
    if element.is_empty() {
        return Ok(None);
    }
    let of_text = |text: &str| text.trim_matches([' ', '\0']).parse().ok();
    let value = match element.value().primitive() {
        Some(PrimitiveValue::U8(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) if text.trim_matches([' ', '\0']).is_empty() => return Ok(None),
            Ok(text)
                if !text
                    .trim_end_matches('\0')
                    .contains(|c: char| c.is_control()) =>
            {
                of_text(text)
            }
            _ => float(bytes),
        },
        Some(value @ (PrimitiveValue::Str(_) | PrimitiveValue::Strs(_))) => {
            let text = value.to_str();
            if text.trim_matches([' ', '\0']).is_empty() {
                return Ok(None);
            }
            of_text(&text)
        }
        Some(value) => match value.to_multi_float64().as_deref() {
            Ok([one]) => Some(*one),
            _ => None,
        },
        None => None,
    };
    match value.filter(|v| v.is_finite()) {
        Some(value) => Ok(Some(value)),
        None => Err(format!("the Philips private {name} is not a number")),
    }
}

fn float(bytes: &[u8]) -> Option<f64> {
    if let Ok(four) = bytes.try_into() {
        return Some(f64::from(f32::from_le_bytes(four)));
    }
    bytes.try_into().ok().map(f64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_core::{DataElement, VR};

    fn read(vr: VR, value: PrimitiveValue) -> Stated<f64> {
        private_decimal(&DataElement::new(Tag(0x7053, 0x1000), vr, value), "factor")
    }

    #[test]
    fn a_private_number_is_read_as_text_as_a_float_and_as_the_bytes_of_either() {
        let bytes = |bytes: &[u8]| read(VR::UN, PrimitiveValue::U8(bytes.into()));
        assert_eq!(read(VR::DS, "1.25 ".into()), Ok(Some(1.25)));
        assert_eq!(read(VR::FD, 2.5_f64.into()), Ok(Some(2.5)));
        assert_eq!(bytes(b"0.75\0"), Ok(Some(0.75)));
        assert_eq!(bytes(&1.5_f32.to_le_bytes()), Ok(Some(1.5)));
        // The bytes of 2 are those of a text with zeros in it.
        assert_eq!(bytes(&2.0_f32.to_le_bytes()), Ok(Some(2.0)));
        assert_eq!(bytes(&0.1_f64.to_le_bytes()), Ok(Some(0.1)));
        assert_eq!(bytes(b" \0"), Ok(None));
        assert_eq!(read(VR::DS, "".into()), Ok(None));
    }

    #[test]
    fn a_private_number_that_is_none_or_several_is_refused_by_name() {
        for value in [
            PrimitiveValue::from("SUV"),
            PrimitiveValue::F64([1.0, 2.0].as_slice().into()),
            PrimitiveValue::from(f64::NAN),
            PrimitiveValue::U8([0xff, 0xff, 0xff].as_slice().into()),
        ] {
            let error = read(VR::UN, value).unwrap_err();
            assert_eq!(error, "the Philips private factor is not a number");
        }
    }

    #[test]
    fn enhanced_pet_says_by_a_flag_whether_decay_was_corrected() {
        for (flag, correction) in [("YES", Some("START")), ("NO", Some("NONE")), ("", None)] {
            let mut object = super::super::synthetic::Object::new_empty();
            super::super::synthetic::put(&mut object, tags::DECAY_CORRECTED, VR::CS, flag);
            let header = PetHeader::read(&object, real_world_value::ENHANCED_PET);
            assert_eq!(header.decay_correction.as_deref(), correction, "{flag}");
        }
    }
}
