//! The models of a bundle: for each precision its graphs, and what stands in the place of the backbones for the kernels of
//! this library.

use super::checks::{printable, refuse};
use super::files::{BundleFile, ElementType, StoredTensor, listed, weights};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// A graph's values lie in files of their own; what is left is a page for each network.
const MAX_GRAPH_BYTES: u64 = 64 << 20;
/// Largest table of backbones.
const MAX_BACKBONES: usize = 64;
const MAX_LAYERS: usize = 256;

/// The networks of a bundle in one precision.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Arithmetic.
    pub precision: Precision,
    /// What ONNX Runtime and its providers compute by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Graph>,
    /// The same with one operator of this library in the place of the backbones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_graph: Option<Graph>,
    /// Input names by modality.
    pub inputs: Inputs,
    /// Output name: batch x heads.
    pub output: String,
    /// Largest allowed absolute difference of any head from the self-test vectors.
    pub tolerance: f64,
}

/// A graph in ONNX, and the files in which the values of its tensors lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// Name of its file.
    pub file: String,
    /// Names of the files of weights to which it refers.
    pub weights: Vec<String>,
}

/// Arithmetic of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Precision {
    /// Single.
    Fp32 = 1,
    /// Half: weights, activations and inputs.
    Fp16 = 2,
    /// Products of BF16 numbers summed up in single precision, by the library's kernels from weights in single precision.
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

/// Graph input names; named by modality, never by position. A network of one modality has one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Takes the PET tensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pet: Option<String>,
    /// Takes the CT tensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ct: Option<String>,
}

/// What the kernels of this library need to know about the backbones, in the order of their operator's inputs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backbones {
    /// The file of their weights and no others: `NAME.LAYER.w`, outputs x inputs x kernel x kernel, and `NAME.LAYER.b`.
    pub weights: String,
    /// The convolutions of each, in the order in which they run.
    pub layers: Vec<BackboneLayer>,
    /// Their names.
    pub names: Vec<String>,
}

/// A convolution of a backbone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackboneLayer {
    /// Name behind that of the backbone.
    pub name: String,
    /// Input channels.
    pub inputs: u64,
    /// Output channels.
    pub outputs: u64,
    /// Rows and columns of its kernel.
    pub kernel: u64,
    /// Pixels from one output to the next.
    pub stride: u64,
}

impl BackboneLayer {
    /// Names of its weights and its bias behind the backbone's, and their shapes without dimensions of 1.
    fn tensors(&self) -> [(String, Vec<u64>); 2] {
        let (name, kernel) = (&self.name, self.kernel);
        let weights = [self.outputs, self.inputs, kernel, kernel];
        [
            (format!("{name}.w"), significant(&weights)),
            (format!("{name}.b"), significant(&[self.outputs])),
        ]
    }
}

/// A shape without dimensions of 1: convolutions may be written as ones of volumes of one slice.
fn significant(shape: &[u64]) -> Vec<u64> {
    shape.iter().copied().filter(|d| *d != 1).collect()
}

/// Refuses models that do not fit the rest of the manifest, naming the field.
pub(super) fn validate(
    models: &[Model],
    backbones: Option<&Backbones>,
    files: &[BundleFile],
) -> Result<()> {
    if !models.iter().any(|m| m.precision == Precision::Fp32) {
        return refuse("models: none has precision fp32".into());
    }
    for (i, model) in models.iter().enumerate() {
        let field = format!("models[{i}]");
        if models[..i].iter().any(|m| m.precision == model.precision) {
            return refuse(format!(
                "{field}.precision: {:?} stands twice",
                model.precision
            ));
        }
        model.validate((backbones, files), &field)?;
        if model.inputs.modalities() != models[0].inputs.modalities() {
            return refuse(format!("{field}.inputs: other modalities than models[0]"));
        }
    }
    match backbones {
        Some(backbones) => backbones.validate(files),
        None => Ok(()),
    }
}

impl Model {
    fn validate(
        &self,
        (backbones, files): (Option<&Backbones>, &[BundleFile]),
        field: &str,
    ) -> Result<()> {
        let precision = self.precision;
        match (&self.graph, precision) {
            (None, Precision::Fp32 | Precision::Fp16) => {
                return refuse(format!("{field}.graph is missing"));
            }
            (Some(_), Precision::Bf16) => {
                return refuse(format!("{field}.graph: BF16 is for kernel_graph alone"));
            }
            _ => {}
        }
        match (&self.kernel_graph, precision) {
            (None, Precision::Bf16) => {
                return refuse(format!("{field}.kernel_graph is missing"));
            }
            (Some(_), Precision::Fp16) => {
                return refuse(format!("{field}.kernel_graph: no kernels are for FP16"));
            }
            (Some(_), _) if backbones.is_none() => {
                return refuse(format!("{field}.kernel_graph: backbones is null"));
            }
            _ => {}
        }
        if let Some(graph) = &self.graph {
            graph.validate(files, &format!("{field}.graph"))?;
        }
        if let Some(graph) = &self.kernel_graph {
            graph.validate(files, &format!("{field}.kernel_graph"))?;
        }
        if !(self.tolerance.is_finite() && self.tolerance > 0.0 && self.tolerance <= 0.1) {
            return refuse(format!(
                "{field}.tolerance: {} is not in 0..0.1",
                self.tolerance
            ));
        }
        let Inputs { pet, ct } = &self.inputs;
        for name in [pet, ct, &Some(self.output.clone())].into_iter().flatten() {
            if name.is_empty() {
                return refuse(format!("{field}: an input or output name is empty"));
            }
            printable(&format!("{field}: an input or output name"), name)?;
        }
        match (pet, ct) {
            (None, None) => refuse(format!("{field}.inputs: names neither pet nor ct")),
            (Some(pet), Some(ct)) if pet == ct => {
                refuse(format!("{field}.inputs: pet and ct are the same input"))
            }
            _ => Ok(()),
        }
    }
}

impl Inputs {
    /// Names in the order PET, CT; `None` for a modality that the network does not see.
    pub fn by_modality(&self) -> [Option<&str>; 2] {
        [self.pet.as_deref(), self.ct.as_deref()]
    }

    fn modalities(&self) -> [bool; 2] {
        self.by_modality().map(|name| name.is_some())
    }
}

impl Graph {
    fn validate(&self, files: &[BundleFile], field: &str) -> Result<()> {
        let file = listed(files, &format!("{field}.file"), &self.file)?;
        if file.tensors.is_some() || file.bytes > MAX_GRAPH_BYTES {
            return refuse(format!(
                "{field}.file: {:?} holds weights or more than {MAX_GRAPH_BYTES} bytes",
                self.file
            ));
        }
        let mut names = std::collections::HashSet::new();
        for (i, name) in self.weights.iter().enumerate() {
            let field = format!("{field}.weights[{i}]");
            if self.weights[..i].contains(name) {
                return refuse(format!("{field}: {name:?} stands twice"));
            }
            for tensor in weights(files, &field, name)? {
                if !names.insert(&tensor.name) {
                    return refuse(format!(
                        "{field}: tensor {:?} lies in two files",
                        tensor.name
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Backbones {
    /// Compares the table with the tensors of its file, each of which has to be one that it names.
    fn validate(&self, files: &[BundleFile]) -> Result<()> {
        for (field, found, most) in [
            ("names", self.names.len(), MAX_BACKBONES),
            ("layers", self.layers.len(), MAX_LAYERS),
        ] {
            if !(1..=most).contains(&found) {
                return refuse(format!("backbones.{field}: {found}, allowed 1 to {most}"));
            }
        }
        let names = self.names.iter().map(|name| ("names", name));
        let layers = self.layers.iter().map(|layer| ("layers", &layer.name));
        for (field, name) in names.chain(layers) {
            super::checks::stated(&format!("backbones.{field}"), name)?;
        }
        let tensors = weights(files, "backbones.weights", &self.weights)?;
        let mut by_name: std::collections::HashMap<&str, &StoredTensor> =
            tensors.iter().map(|t| (t.name.as_str(), t)).collect();
        for backbone in &self.names {
            for (part, shape) in self.layers.iter().flat_map(BackboneLayer::tensors) {
                let name = format!("{backbone}.{part}");
                let Some(tensor) = by_name.remove(name.as_str()) else {
                    return refuse(format!(
                        "backbones: {:?} lacks the tensor {name:?}",
                        self.weights
                    ));
                };
                if significant(&tensor.shape) != shape || tensor.element != ElementType::Float32 {
                    return refuse(format!(
                        "backbones: tensor {name:?} has shape {:?} of {:?}, its layer needs {shape:?} of float32",
                        tensor.shape, tensor.element
                    ));
                }
            }
        }
        match by_name.keys().min() {
            Some(name) => refuse(format!("backbones: tensor {name:?} is of no layer")),
            None => Ok(()),
        }
    }
}
