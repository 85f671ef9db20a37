//! Who an image is of and what its series shares, as digests: two values can be told apart, neither can be read.

use super::attributes::{Attributes, first_item, text};
use super::tracer::radiopharmaceutical;
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
    pub fn read(attributes: &impl Attributes) -> Self {
        let digest_of = |tag| text(attributes, tag).map(|t| digest(&t));
        Self {
            id: digest_of(tags::PATIENT_ID),
            issuer: digest_of(tags::ISSUER_OF_PATIENT_ID),
            name: text(attributes, tags::PATIENT_NAME).map(|t| digest(&comparable_name(&t))),
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
        if self.id.is_some() != other.id.is_some() {
            Some(tags::PATIENT_ID)
        } else {
            self.difference(other)
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

/// Attributes that a PET series shares beyond what SUV is computed from, as digests: which tracer, which kind of series,
/// and the manufacturer, who decides what private attributes mean.
#[derive(Clone, Debug, PartialEq)]
pub struct PetConstants([(Tag, Option<u64>); 5]);

impl PetConstants {
    /// Reads the constants of a PET image.
    pub fn read(attributes: &impl Attributes) -> Self {
        let drug = radiopharmaceutical(attributes);
        let of = |tag| text(attributes, tag).map(|t| digest(&t));
        let name = drug.and_then(|d| text(d, tags::RADIOPHARMACEUTICAL));
        let coded = |tag| drug.and_then(|d| code(d, tag));
        Self([
            (tags::RADIOPHARMACEUTICAL, name.map(|t| digest(&t))),
            (
                tags::RADIOPHARMACEUTICAL_CODE_SEQUENCE,
                coded(tags::RADIOPHARMACEUTICAL_CODE_SEQUENCE),
            ),
            (
                tags::RADIONUCLIDE_CODE_SEQUENCE,
                coded(tags::RADIONUCLIDE_CODE_SEQUENCE),
            ),
            (tags::SERIES_TYPE, of(tags::SERIES_TYPE)),
            (tags::MANUFACTURER, of(tags::MANUFACTURER)),
        ])
    }

    /// Returns the first attribute in which two images differ; absent and present differ too.
    pub fn difference(&self, other: &Self) -> Option<Tag> {
        let mut pairs = self.0.iter().zip(&other.0);
        pairs.find(|(a, b)| a.1 != b.1).map(|(a, _)| a.0)
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
