//! `manifest.json`, format version 1.

use crate::error::{Error, Result};
use crate::imaging::sampler::PreprocessSpec;
use serde::{Deserialize, Serialize};

/// What protocol buffers hold.
const MAX_MODEL_BYTES: u64 = i32::MAX as u64;

/// More heads than any network of this kind has.
const MAX_HEADS: usize = 256;

/// Format version that this library reads.
pub const FORMAT_VERSION: u64 = 1;

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

/// Cut-offs of the two scores (maximum Youden index on the authors' training set: 0.362 and 0.356).
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
    /// 1.
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
    /// One ONNX file for each precision; `fp32` first.
    pub models: Vec<Model>,
    /// Columns of the output, in order; `n1` and `n2` are required.
    pub heads: Vec<String>,
    /// Cut-offs of the risk groups.
    pub cutoffs: Cutoffs,
    /// NUMERICS 1 as data.
    pub preprocessing: PreprocessSpec,
    /// Known answers.
    pub self_test: SelfTest,
}

/// One ONNX file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// `fp32`, `fp16`, or `bf16`: then the file is the one of `fp32`.
    pub precision: Precision,
    /// File name inside the bundle.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest, lower-case hexadecimal.
    pub sha256: String,
    /// Input names by modality.
    pub inputs: Inputs,
    /// Output name: batch x heads.
    pub output: String,
    /// Largest allowed absolute difference of any head from the self-test vectors.
    pub tolerance: f64,
}

/// Arithmetic of a model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Precision {
    /// Single.
    Fp32 = 1,
    /// Half: weights, activations and inputs.
    Fp16 = 2,
    /// Products of BF16 numbers summed up in single precision, made of a model in single precision.
    Bf16 = 3,
}

impl Precision {
    /// All there are.
    pub const ALL: [Precision; 3] = [Precision::Fp32, Precision::Fp16, Precision::Bf16];

    /// The precision with this number in the C ABI.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|p| *p as u32 == code)
    }

    /// Name in the manifest and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Fp32 => "fp32",
            Precision::Fp16 => "fp16",
            Precision::Bf16 => "bf16",
        }
    }
}

/// Graph input names; named by modality, never by position.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Takes the PET tensor.
    pub pet: String,
    /// Takes the CT tensor.
    pub ct: String,
}

/// Inputs with answers computed in double precision by code that shares nothing with the graph.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTest {
    /// File of float32 little-endian: for each case the PET tensor, then the CT tensor.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest.
    pub sha256: String,
    /// For each case one value per head, in the order of `heads`.
    pub expected: Vec<Vec<f64>>,
}

impl Manifest {
    /// Parse and check everything that needs no other file.
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
        let refuse = |why: String| Err(Error::BundleManifest(why));
        for (field, text) in [
            ("id", &self.id),
            ("version", &self.version),
            ("intended_use", &self.intended_use),
        ] {
            if text.trim().is_empty() {
                return refuse(format!("{field} is empty"));
            }
            printable(field, text)?;
        }
        // Lines may end in a card, nowhere else.
        printable("card", &self.card.replace(['\n', '\t'], " "))?;
        self.preprocessing.validate()?;
        if self.heads.len() > MAX_HEADS {
            return refuse(format!(
                "heads: {}, allowed at most {MAX_HEADS}",
                self.heads.len()
            ));
        }
        for head in ["n1", "n2"] {
            if !self.heads.iter().any(|h| h == head) {
                return refuse(format!("heads: {head:?} is missing"));
            }
        }
        for (i, head) in self.heads.iter().enumerate() {
            if head.is_empty() || self.heads[..i].contains(head) {
                return refuse(format!("heads[{i}]: {head:?} is empty or stands twice"));
            }
            printable(&format!("heads[{i}]"), head)?;
        }
        for (field, v) in [("n1", self.cutoffs.n1), ("n2", self.cutoffs.n2)] {
            if !(0.0..=1.0).contains(&v) {
                return refuse(format!("cutoffs.{field}: {v} is not in 0..1"));
            }
        }
        if self.model(Precision::Fp32).is_none() {
            return refuse("models: none has precision fp32".into());
        }
        for (i, model) in self.models.iter().enumerate() {
            plain_name(&format!("models[{i}].file"), &model.file)?;
            digest(&format!("models[{i}].sha256"), &model.sha256)?;
            if model.bytes > MAX_MODEL_BYTES {
                return refuse(format!(
                    "models[{i}].bytes: {}, a serialised model has at most {MAX_MODEL_BYTES}",
                    model.bytes
                ));
            }
            if self.models[..i]
                .iter()
                .any(|m| m.precision == model.precision)
            {
                return refuse(format!(
                    "models[{i}].precision: {:?} stands twice",
                    model.precision
                ));
            }
            if !(model.tolerance.is_finite() && model.tolerance > 0.0 && model.tolerance <= 0.1) {
                return refuse(format!(
                    "models[{i}].tolerance: {} is not in 0..0.1",
                    model.tolerance
                ));
            }
            for name in [&model.inputs.pet, &model.inputs.ct, &model.output] {
                if name.is_empty() {
                    return refuse(format!("models[{i}]: an input or output name is empty"));
                }
                printable(&format!("models[{i}]: an input or output name"), name)?;
            }
            if model.inputs.pet == model.inputs.ct {
                return refuse(format!("models[{i}].inputs: pet and ct are the same input"));
            }
        }
        plain_name("self_test.file", &self.self_test.file)?;
        digest("self_test.sha256", &self.self_test.sha256)?;
        let cases = &self.self_test.expected;
        if cases.is_empty() || cases.len() > 64 {
            return refuse(format!(
                "self_test.expected: {} cases, allowed 1 to 64",
                cases.len()
            ));
        }
        for (i, case) in cases.iter().enumerate() {
            if case.len() != self.heads.len() || !case.iter().all(|v| (0.0..=1.0).contains(v)) {
                return refuse(format!(
                    "self_test.expected[{i}]: needs one score in 0..1 for each head"
                ));
            }
        }
        let bytes = cases.len() as u64 * 2 * self.preprocessing.tensor_len() as u64 * 4;
        if self.self_test.bytes != bytes {
            return refuse(format!(
                "self_test.bytes: is {}, these cases have {bytes}",
                self.self_test.bytes
            ));
        }
        Ok(())
    }

    /// The model of a precision, if the bundle has it.
    pub fn model(&self, precision: Precision) -> Option<&Model> {
        self.models.iter().find(|m| m.precision == precision)
    }

    /// Position of a head in the output.
    pub fn head(&self, name: &str) -> Option<usize> {
        self.heads.iter().position(|h| h == name)
    }
}

/// A file name, not a path: a manifest must not reach out of its folder.
fn plain_name(field: &str, name: &str) -> Result<()> {
    let path = std::path::Path::new(name);
    let plain = path.file_name().is_some_and(|f| f == path.as_os_str()) && !name.contains('\\');
    if !plain {
        return Err(Error::BundleManifest(format!(
            "{field}: {name:?} is not a plain file name"
        )));
    }
    printable(field, name)
}

/// These texts go into logs, reports and terminals: a line of them stays one line, and controls nothing.
fn printable(field: &str, text: &str) -> Result<()> {
    match text.chars().any(char::is_control) {
        true => Err(Error::BundleManifest(format!(
            "{field}: {text:?} holds a control character"
        ))),
        false => Ok(()),
    }
}

fn digest(field: &str, hex: &str) -> Result<()> {
    if hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(())
    } else {
        Err(Error::BundleManifest(format!(
            "{field}: is not a lower-case sha256"
        )))
    }
}
