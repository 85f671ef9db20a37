//! What every object shares: the modules of patient, study, series, equipment and SOP instance, and their UIDs.

use super::codes;
use super::content_time::ContentTime;
use super::elements::Build;
use super::identity::Identity;
use super::observer;
use super::product;
use super::source::{Source, WriteOptions};
use super::uid::{sha256, uid};
use crate::bundle::Weights;
use crate::error::{Error, Result};
use crate::evidence::lesion::Lesion;
use crate::scorer::Scores;
use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// What sets one kind of object apart from the others.
pub struct ObjectKind {
    /// Enters its UIDs.
    pub name: &'static str,
    /// SOP Class UID.
    pub class: &'static str,
    /// Modality.
    pub modality: &'static str,
    /// Series Number.
    pub series_number: u16,
    /// What the series description begins with.
    pub title: &'static str,
}

/// A result that is being written.
pub struct Context<'a> {
    /// What it is made of.
    pub source: Source<'a>,
    /// When.
    pub time: ContentTime,
    /// Number of the lesion, from 1.
    pub lesion_number: u32,
    /// Digest of what was scored: the lesion's voxels, or the centre.
    region: String,
    salt: &'a str,
}

impl<'a> Context<'a> {
    /// Prepares a result for writing.
    pub fn new(source: &Source<'a>, options: &'a WriteOptions) -> Result<Self> {
        let time = options.content_time.clone();
        let time = time.unwrap_or_else(|| ContentTime::now(source.identity.time_zone()));
        let region = match &source.scores.lesion {
            Some(Ok(lesion)) => sha256(&lesion.mask.to_bytes()),
            _ => sha256(&source.scores.center.map(f64::to_le_bytes).concat()),
        };
        Ok(Self {
            source: *source,
            time,
            lesion_number: options.lesion.max(1),
            region,
            salt: &options.uid_salt,
        })
    }

    /// Returns the result.
    pub fn scores(&self) -> &'a Scores {
        self.source.scores
    }

    /// Returns whose it is.
    pub fn identity(&self) -> &'a Identity {
        self.source.identity
    }

    /// Returns the lesion that was measured.
    ///
    /// # Errors
    /// [`Error::DicomWrite`] with the reason if there is none.
    pub fn lesion(&self) -> Result<&'a Lesion> {
        let refuse = |why: &str| {
            Err(Error::DicomWrite(format!(
                "there is no lesion to refer to: {why}"
            )))
        };
        match &self.scores().lesion {
            Some(Ok(lesion)) => Ok(lesion),
            Some(Err(why)) => refuse(why),
            None => refuse("it was not measured"),
        }
    }

    /// Returns whether the weights were trained on patients.
    pub fn is_trained(&self) -> bool {
        self.scores().engine.manifest.weights == Weights::Trained
    }

    /// Returns what the lesion is called.
    pub fn tracking_identifier(&self) -> String {
        format!("Lesion {}", self.lesion_number)
    }

    /// Returns the UID of the lesion, which is the same for every model that scores it.
    pub fn tracking_uid(&self) -> String {
        let pet = self.identity().pet.series_uid.as_bytes();
        uid(
            "lesion",
            &[pet, self.region.as_bytes(), self.salt.as_bytes()],
        )
    }

    /// Returns the UID of the series of a kind: of one model and one pair of images, whatever the version of this library.
    pub fn series_uid(&self, kind: &ObjectKind) -> String {
        let [pet, ct, model] = self.origin();
        uid(
            &format!("series of {}", kind.name),
            &[pet, ct, model, self.salt.as_bytes()],
        )
    }

    /// Returns the UID of an object with this content.
    pub fn instance_uid(&self, kind: &ObjectKind, content: &[u8]) -> String {
        let [pet, ct, model] = self.origin();
        let number = self.lesion_number.to_le_bytes();
        let digest = sha256(content);
        let (version, region) = (product::VERSION.as_bytes(), self.region.as_bytes());
        let parts = [
            pet,
            ct,
            model,
            version,
            region,
            &number,
            digest.as_bytes(),
            self.salt.as_bytes(),
        ];
        uid(kind.name, &parts)
    }

    fn origin(&self) -> [&'a [u8]; 3] {
        let identity = self.identity();
        let model = &self.scores().engine.manifest_sha256;
        [&identity.pet.series_uid, &identity.ct.series_uid, model].map(|text| text.as_bytes())
    }

    /// Returns an object of a kind with everything that all kinds share.
    pub fn object(&self, kind: &ObjectKind, instance_uid: &str) -> InMemDicomObject {
        let engine = &self.scores().engine;
        let mut o = InMemDicomObject::new_empty();
        self.identity().copy_into(&mut o);
        observer::put_equipment(&mut o, engine);
        observer::put_model(&mut o, engine);
        let note = if self.is_trained() {
            ""
        } else {
            ", WEIGHTS NOT TRAINED"
        };
        let description = format!("{}{note} (research use only)", kind.title);
        let (date, time) = (&self.time.date, &self.time.time);
        for (tag, vr, text) in [
            (tags::SOP_CLASS_UID, VR::UI, kind.class),
            (tags::SOP_INSTANCE_UID, VR::UI, instance_uid),
            (tags::MODALITY, VR::CS, kind.modality),
            (tags::SERIES_INSTANCE_UID, VR::UI, &self.series_uid(kind)),
            (tags::SERIES_NUMBER, VR::IS, &kind.series_number.to_string()),
            (tags::SERIES_DESCRIPTION, VR::LO, &description),
            (tags::SERIES_DATE, VR::DA, date),
            (tags::SERIES_TIME, VR::TM, time),
            (tags::INSTANCE_CREATION_DATE, VR::DA, date),
            (tags::INSTANCE_CREATION_TIME, VR::TM, time),
            (tags::CONTENT_DATE, VR::DA, date),
            (tags::CONTENT_TIME, VR::TM, time),
            (
                tags::INSTANCE_NUMBER,
                VR::IS,
                &self.lesion_number.to_string(),
            ),
        ] {
            o.text(tag, vr, text);
        }
        let scheme = codes::private_scheme();
        o.item(tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE, scheme);
        o
    }
}
