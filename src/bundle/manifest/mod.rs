//! `manifest.json`, format version 2.

mod checks;
mod evidence;
mod files;
mod models;
mod reference;

pub use evidence::{Evidence, EvidenceSource, OwnStatement};
pub use files::{BundleFile, ElementType, StoredTensor};
pub use models::{BackboneLayer, Backbones, Graph, Inputs, Model, Precision};
pub use reference::{PERCENTILES, ReferenceHead, TrainingReference};

use crate::error::{Error, Result};
use crate::imaging::sampler::PreprocessSpec;
use checks::{printable, refuse, stated};
use serde::{Deserialize, Serialize};

/// More heads than any network of this kind has.
const MAX_HEADS: usize = 256;

/// Format version that this library reads.
pub const FORMAT_VERSION: u64 = 2;

/// Where the weights come from; decides `DLNMS_FLAG_NOT_TRAINED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// Trained on patients.
    Trained,
    /// Pseudo-random from a seed: the scores mean nothing.
    Seeded,
    /// Trained on phantoms: the scores mean nothing for patients.
    Phantom,
}

impl Weights {
    /// As in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Weights::Trained => "trained",
            Weights::Seeded => "seeded",
            Weights::Phantom => "phantom",
        }
    }
}

/// Cut-offs of the two scores; the authors' were 0.362 and 0.356, the maximum Youden index on their training set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cutoffs {
    /// Occult N1 disease.
    pub n1: f64,
    /// Occult N2 disease.
    pub n2: f64,
}

/// The whole manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// 2.
    pub format_version: u64,
    /// Name of the model, for example `dlnms-seeded-42`.
    pub id: String,
    /// Version of the model.
    pub version: String,
    /// What it may be used for.
    pub intended_use: String,
    /// Origin of the weights.
    pub weights: Weights,
    /// Model card: a few lines for the people who read a report.
    pub card: String,
    /// Members of an ensemble. Reserved: 1.
    pub members: u64,
    /// Name of the output that is the spread of the members' scores. Reserved: null.
    #[serde(deserialize_with = "Option::deserialize")]
    pub spread: Option<String>,
    /// Columns of the output, in order; `n1` and `n2` are required.
    pub heads: Vec<String>,
    /// Cut-offs of the risk groups; without them there are none.
    #[serde(deserialize_with = "Option::deserialize")]
    pub cutoffs: Option<Cutoffs>,
    /// NUMERICS 1 as data.
    pub preprocessing: PreprocessSpec,
    /// How the scores were calibrated; the weights already are.
    #[serde(deserialize_with = "Option::deserialize")]
    pub calibration: Option<Calibration>,
    /// Where these numbers come from.
    pub sources: Sources,
    /// What may be said about results of trained weights beside the scores; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Every file of the bundle but the manifest.
    pub files: Vec<BundleFile>,
    /// One for each precision.
    pub models: Vec<Model>,
    /// For the kernels of this library, if the bundle has graphs for them.
    #[serde(deserialize_with = "Option::deserialize")]
    pub backbones: Option<Backbones>,
    /// Known answers.
    pub self_test: SelfTest,
    /// Statistics of the training cases; absent if nobody made them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<TrainingReference>,
}

/// Calibration of the scores n1 and n2, each as sigma(a logit + b) of the network as it was trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Of n1.
    #[serde(deserialize_with = "Option::deserialize")]
    pub n1: Option<Platt>,
    /// Of n2.
    #[serde(deserialize_with = "Option::deserialize")]
    pub n2: Option<Platt>,
}

/// Platt's calibration of one score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platt {
    /// Slope, positive.
    pub a: f64,
    /// Intercept.
    pub b: f64,
    /// Cases that it was fitted on.
    pub n: u64,
    /// Share of positive ones among them.
    pub prevalence: f64,
}

/// Where numbers of the manifest come from, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// Of `preprocessing`.
    pub preprocessing: String,
    /// Of `cutoffs`, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutoffs: Option<String>,
    /// Of `calibration`, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<String>,
}

/// Inputs with answers computed in double precision by code that shares nothing with the graphs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTest {
    /// File of float32 little-endian: for each case the PET tensor, then the CT tensor.
    pub file: String,
    /// For each case one value per head, in the order of `heads`.
    pub expected: Vec<Vec<f64>>,
}

impl Manifest {
    /// Reads a manifest and checks everything that needs no other file.
    ///
    /// # Errors
    /// [`Error::BundleVersion`] for another format version; [`Error::BundleManifest`] naming the field for all else.
    pub fn parse(text: &[u8]) -> Result<Self> {
        // The version first, by itself: a newer format should say so, not name a field it added.
        #[derive(Deserialize)]
        struct Version {
            format_version: u64,
        }
        let malformed = |e: serde_json::Error| Error::BundleManifest(e.to_string());
        let Version { format_version } = serde_json::from_slice(text).map_err(malformed)?;
        if format_version != FORMAT_VERSION {
            return Err(Error::BundleVersion {
                found: format_version,
                supported: FORMAT_VERSION,
            });
        }
        let manifest: Manifest = serde_json::from_slice(text).map_err(malformed)?;
        manifest.validate()?;
        Ok(manifest)
    }

    fn validate(&self) -> Result<()> {
        for (field, text) in [
            ("id", &self.id),
            ("version", &self.version),
            ("intended_use", &self.intended_use),
        ] {
            stated(field, text)?;
        }
        // Lines may end in a card, nowhere else.
        printable("card", &self.card.replace(['\n', '\t'], " "))?;
        if self.members != 1 {
            let members = self.members;
            return refuse(format!("members: {members}, this library scores 1 network"));
        }
        if self.spread.is_some() {
            return refuse("spread: is reserved for ensembles".into());
        }
        self.preprocessing.validate()?;
        self.validate_heads()?;
        self.validate_numbers()?;
        self.evidence.iter().try_for_each(Evidence::validate)?;
        files::validate(&self.files)?;
        models::validate(&self.models, self.backbones.as_ref(), &self.files)?;
        if let Some(reference) = &self.reference {
            reference.validate(&self.files)?;
        }
        self.validate_self_test()
    }

    fn validate_heads(&self) -> Result<()> {
        let heads = &self.heads;
        if heads.len() > MAX_HEADS {
            let found = heads.len();
            return refuse(format!("heads: {found}, allowed at most {MAX_HEADS}"));
        }
        for head in ["n1", "n2"] {
            if !heads.iter().any(|h| h == head) {
                return refuse(format!("heads: {head:?} is missing"));
            }
        }
        for (i, head) in heads.iter().enumerate() {
            if head.is_empty() || heads[..i].contains(head) {
                return refuse(format!("heads[{i}]: {head:?} is empty or stands twice"));
            }
            printable(&format!("heads[{i}]"), head)?;
        }
        Ok(())
    }

    /// Cut-offs, calibration and where they come from.
    fn validate_numbers(&self) -> Result<()> {
        if let Some(Cutoffs { n1, n2 }) = self.cutoffs {
            for (field, v) in [("n1", n1), ("n2", n2)] {
                if !(0.0..=1.0).contains(&v) {
                    return refuse(format!("cutoffs.{field}: {v} is not in 0..1"));
                }
            }
        }
        if let Some(Calibration { n1, n2 }) = self.calibration {
            for (field, platt) in [("n1", n1), ("n2", n2)] {
                let Some(Platt {
                    a,
                    b,
                    n,
                    prevalence,
                }) = platt
                else {
                    continue;
                };
                let plausible = a.is_finite() && a > 0.0 && b.is_finite() && n > 0;
                if !plausible || !(0.0..=1.0).contains(&prevalence) {
                    return refuse(format!(
                        "calibration.{field}: a and n must be positive, b finite, prevalence in 0..1"
                    ));
                }
            }
        }
        let Sources {
            preprocessing,
            cutoffs,
            calibration,
        } = &self.sources;
        stated("sources.preprocessing", preprocessing)?;
        for (field, source, there) in [
            ("cutoffs", cutoffs, self.cutoffs.is_some()),
            ("calibration", calibration, self.calibration.is_some()),
        ] {
            match source {
                Some(source) => stated(&format!("sources.{field}"), source)?,
                None if there => return refuse(format!("sources.{field} is missing")),
                None => {}
            }
            if source.is_some() && !there {
                return refuse(format!("sources.{field}: {field} is null"));
            }
        }
        Ok(())
    }

    fn validate_self_test(&self) -> Result<()> {
        let SelfTest { file, expected } = &self.self_test;
        let file = self.listed("self_test.file", file)?;
        if !(1..=64).contains(&expected.len()) {
            let cases = expected.len();
            return refuse(format!(
                "self_test.expected: {cases} cases, allowed 1 to 64"
            ));
        }
        for (i, case) in expected.iter().enumerate() {
            if case.len() != self.heads.len() || !case.iter().all(|v| (0.0..=1.0).contains(v)) {
                return refuse(format!(
                    "self_test.expected[{i}]: needs one score in 0..1 for each head"
                ));
            }
        }
        let bytes = expected.len() as u64 * 2 * self.preprocessing.tensor_len() as u64 * 4;
        if file.bytes != bytes {
            return refuse(format!(
                "self_test.file: has {} bytes, these cases have {bytes}",
                file.bytes
            ));
        }
        Ok(())
    }

    /// Returns the model of a precision, if the bundle has it.
    pub fn model(&self, precision: Precision) -> Option<&Model> {
        self.models.iter().find(|m| m.precision == precision)
    }

    /// Returns the file of this name.
    pub fn file(&self, name: &str) -> Option<&BundleFile> {
        self.files.iter().find(|f| f.name == name)
    }

    /// Returns the file that a field of the manifest names.
    ///
    /// # Errors
    /// [`Error::BundleManifest`] naming the field if there is none.
    pub(crate) fn listed(&self, field: &str, name: &str) -> Result<&BundleFile> {
        files::listed(&self.files, field, name)
    }

    /// Returns the position of a head in the output.
    pub fn head(&self, name: &str) -> Option<usize> {
        self.heads.iter().position(|h| h == name)
    }
}
