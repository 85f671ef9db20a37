//! Who an image is of and what its series shares, as digests: two values can be told apart, neither can be read.

use super::attributes::{Attributes, first_item, named, private, private_text, text, texts};
use super::instance::radiopharmaceutical;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Patient of an image. Each part is a digest, `None` where the attribute is absent or empty.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Patient {
    id: Option<u64>,
    issuer: Option<u64>,
    name: Option<u64>,
    birth_date: Option<u64>,
}

impl Patient {
    /// Reads the identity of an image's patient.
    pub fn read(facts: &impl Attributes) -> Self {
        let digest_of = |tag| text(facts, tag).map(|t| digest(&t));
        Self {
            id: digest_of(tags::PATIENT_ID),
            issuer: digest_of(tags::ISSUER_OF_PATIENT_ID),
            name: text(facts, tags::PATIENT_NAME).map(|t| digest(&comparable_name(&t))),
            birth_date: digest_of(tags::PATIENT_BIRTH_DATE),
        }
    }

    /// Returns the first attribute that both images state, differently.
    pub fn difference(&self, other: &Self) -> Option<Tag> {
        let parts = |p: &Self| [p.id, p.issuer, p.name, p.birth_date];
        let tags = [
            tags::PATIENT_ID,
            tags::ISSUER_OF_PATIENT_ID,
            tags::PATIENT_NAME,
            tags::PATIENT_BIRTH_DATE,
        ];
        let pairs = parts(self).into_iter().zip(parts(other)).zip(tags);
        let differs = |(a, b): (Option<u64>, Option<u64>)| a.zip(b).is_some_and(|(a, b)| a != b);
        pairs.into_iter().find(|(p, _)| differs(*p)).map(|(_, t)| t)
    }

    /// Returns the first attribute that differs between two images of one series, where an ID that only one of them
    /// has is a difference too.
    pub fn difference_in_series(&self, other: &Self) -> Option<Tag> {
        match self.id.is_some() == other.id.is_some() {
            false => Some(tags::PATIENT_ID),
            true => self.difference(other),
        }
    }

    /// Returns whether two images are of one patient; `None` if they have no attribute in common that could say so.
    pub fn same(&self, other: &Self) -> Option<bool> {
        if self.difference(other).is_some() {
            return Some(false);
        }
        let both = self.id.is_some() && other.id.is_some();
        let named = self.name.is_some() && other.name.is_some();
        (both || named).then_some(true)
    }
}

/// A person's name without what writers add or leave out: empty components, doubled blanks, capitals.
fn comparable_name(name: &str) -> String {
    let alphabetic = name.split('=').next().unwrap_or_default();
    let parts = alphabetic.split(['^', ' ']).filter(|p| !p.is_empty());
    parts.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Attributes that a PET series shares and that SUV or the choice of the tracer depends on, as digests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PetConstants(Vec<(Constant, Option<u64>)>);

/// An attribute of the object, one in its radiopharmaceutical item, or the scan start that GE writes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Constant {
    Of(Tag),
    OfTracer(Tag),
    GeScanStart,
}

const OF_SERIES: [Tag; 14] = [
    tags::UNITS,
    tags::SUV_TYPE,
    tags::DECAY_CORRECTION,
    tags::DECAY_CORRECTED,
    tags::DECAY_CORRECTION_DATE_TIME,
    tags::ATTENUATION_CORRECTED,
    tags::PATIENT_WEIGHT,
    tags::PATIENT_SIZE,
    tags::PATIENT_SEX,
    tags::SERIES_DATE,
    tags::SERIES_TIME,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::SERIES_TYPE,
    tags::MANUFACTURER,
];
const OF_TRACER: [Tag; 6] = [
    tags::RADIOPHARMACEUTICAL,
    tags::RADIONUCLIDE_TOTAL_DOSE,
    tags::RADIONUCLIDE_HALF_LIFE,
    tags::RADIOPHARMACEUTICAL_START_DATE_TIME,
    tags::RADIOPHARMACEUTICAL_START_TIME,
    tags::RADIONUCLIDE_POSITRON_FRACTION,
];
const TRACER_CODES: [Tag; 2] = [
    tags::RADIOPHARMACEUTICAL_CODE_SEQUENCE,
    tags::RADIONUCLIDE_CODE_SEQUENCE,
];

impl PetConstants {
    /// Reads the constants of a PET image.
    pub fn read(facts: &impl Attributes) -> Self {
        let drug = radiopharmaceutical(facts);
        let of = OF_SERIES.map(|t| (Constant::Of(t), text(facts, t).map(|v| digest_numbers(&v))));
        let in_drug = |tag| drug.and_then(|d| text(d, tag)).map(|v| digest_numbers(&v));
        let of_tracer = OF_TRACER.map(|t| (Constant::OfTracer(t), in_drug(t)));
        let codes = TRACER_CODES.map(|t| (Constant::OfTracer(t), drug.and_then(|d| code(d, t))));
        let vendor = text(facts, tags::MANUFACTURER).unwrap_or_default();
        let by_ge = vendor.to_ascii_uppercase().contains("GE MEDICAL");
        let ge = private(facts, 0x0009, "GEMS_PETD_01", 0x0D, by_ge).and_then(private_text);
        let mut corrections = texts(facts, tags::CORRECTED_IMAGE);
        corrections.sort();
        let mut all = of.to_vec();
        all.extend(of_tracer);
        all.extend(codes);
        all.push((Constant::GeScanStart, ge.map(|v| digest(&v))));
        let corrections = Some(digest(&corrections.join("\\")));
        all.push((Constant::Of(tags::CORRECTED_IMAGE), corrections));
        Self(all)
    }

    /// Returns the name of the first attribute in which two images differ; absent and present differ too.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let pairs = self.0.iter().zip(&other.0);
        let mut differing = pairs.filter(|(a, b)| a.1 != b.1);
        differing.next().map(|((constant, _), _)| match constant {
            Constant::Of(tag) | Constant::OfTracer(tag) => named(*tag),
            Constant::GeScanStart => "GE scan start (0009,xx0D)".into(),
        })
    }
}

/// Digest of the code value in a code sequence.
fn code(item: &InMemDicomObject, sequence: Tag) -> Option<u64> {
    let code = first_item(item, sequence)?;
    text(code, tags::CODE_VALUE).map(|t| digest(&t))
}

/// Digest of a text.
pub fn digest(value: &str) -> u64 {
    let mut hash = DefaultHasher::new();
    value.hash(&mut hash);
    hash.finish()
}

/// Digest of a list of numbers, so that "7" equals "7.0", or of the text if it is none. Leading zeros mean something in
/// dates and times.
fn digest_numbers(value: &str) -> u64 {
    let number = |part: &str| {
        let decimal = !part.starts_with('0') || part.starts_with("0.");
        part.trim().parse::<f64>().ok().filter(|_| decimal)
    };
    let numbers: Option<Vec<u64>> = value
        .split('\\')
        .map(|part| number(part).map(f64::to_bits))
        .collect();
    let mut hash = DefaultHasher::new();
    match numbers {
        Some(numbers) => numbers.hash(&mut hash),
        None => value.hash(&mut hash),
    }
    hash.finish()
}
