//! The heads of a bundle's networks in double precision: pooled features in, log-odds out.
//!
//! A head is a linear layer, ReLU, a linear layer with two outputs, and softmax over them. The probability of metastasis is
//! the sigmoid of the difference of the two outputs, which is the log-odds. The first layer is linear in its inputs, so its
//! sums are kept apart by modality, and those of any PET are added to those of any CT.

use super::model_file::read_verified;
use super::pooled::Pooled;
use crate::allocation;
use crate::bundle::{Bundle, Precision, StoredTensor};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};

/// The heads of a bundle.
pub struct Heads {
    pooled: Pooled,
    heads: Vec<Head>,
}

/// One head: `second * relu(first * features + first_bias) + second_bias`.
struct Head {
    /// Hidden units x values of its tensors.
    first: Vec<f32>,
    first_bias: Vec<f32>,
    /// Two rows: no metastasis, metastasis.
    second: Vec<f32>,
    second_bias: Vec<f32>,
}

/// Sums of a head's first layer over the features of one modality, one for each hidden unit.
pub type HiddenSums = Vec<f64>;

/// Independent sums of a dot product, so that they can be computed side by side.
const LANES: usize = 8;

impl Heads {
    /// Reads the weights of the heads, once, and compares the file with the manifest.
    ///
    /// # Errors
    /// [`Error::BundleModel`] if a weight is not there or has another shape; [`Error::BundleMissing`],
    /// [`Error::BundleAltered`], [`Error::Cancelled`], [`Error::OutOfMemory`].
    pub fn read(bundle: &Bundle, pooled: &Pooled, cancel: &CancelToken) -> Result<Self> {
        let manifest = &bundle.manifest;
        let graph = manifest.model(Precision::Fp32);
        let graph = graph.and_then(|m| m.kernel_graph.as_ref().or(m.graph.as_ref()));
        let names = graph.map_or(&[][..], |g| &g.weights);
        let mut heads: Vec<[Vec<f32>; 4]> = Vec::new();
        heads.resize_with(manifest.heads.len(), Default::default);
        for name in names {
            let file = manifest.listed("models", name)?;
            let parts = |tensor: &StoredTensor| part_of(&tensor.name, &manifest.heads);
            let tensors = file.tensors.as_deref().unwrap_or_default();
            if !tensors.iter().any(|t| parts(t).is_some()) {
                continue;
            }
            let content = read_verified(bundle, file, cancel)?;
            for tensor in tensors {
                let bytes = content.get(tensor.offset as usize..tensor.end() as usize);
                let (Some((head, part)), Some(bytes)) = (parts(tensor), bytes) else {
                    continue;
                };
                let values = bytes.as_chunks::<4>().0;
                let mut weights = allocation::with_capacity(values.len(), "the heads")?;
                weights.extend(values.iter().map(|b| f32::from_le_bytes(*b)));
                heads[head][part] = weights;
            }
        }
        let mut read = Vec::new();
        for ((weights, tensors), name) in heads.into_iter().zip(&pooled.heads).zip(&manifest.heads)
        {
            let [first, first_bias, second, second_bias] = weights;
            let columns = tensors.len() * pooled.width;
            let hidden = first_bias.len();
            let whole = hidden > 0
                && first.len() == hidden * columns
                && (second.len(), second_bias.len()) == (2 * hidden, 2);
            if !whole {
                return Err(Error::BundleModel {
                    file: names.join(", "),
                    why: format!(
                        "the weights of head {name:?} are not there, or have other shapes"
                    ),
                });
            }
            read.push(Head {
                first,
                first_bias,
                second,
                second_bias,
            });
        }
        Ok(Self {
            pooled: pooled.clone(),
            heads: read,
        })
    }

    /// Returns the sums of a head's first layer over the features of a modality (0 for PET, 1 for CT), for each of some cases,
    /// whose pooled features are as a run returns them. All zero for a modality that the head does not read.
    #[must_use]
    pub fn hidden_sums(&self, head: usize, modality: usize, cases: &[&[f32]]) -> Vec<HiddenSums> {
        let Pooled { tensors, width, .. } = &self.pooled;
        let of_head = &self.heads[head];
        let mut sums = vec![vec![0.0; of_head.first_bias.len()]; cases.len()];
        let inputs = &self.pooled.heads[head];
        let columns = inputs.len() * width;
        for (slot, tensor) in inputs.iter().enumerate() {
            if tensors[*tensor].modality != modality {
                continue;
            }
            let (from, at) = (slot * width, tensor * width);
            for (unit, row) in of_head.first.chunks_exact(columns).enumerate() {
                let weights = &row[from..from + width];
                for (case, sums) in cases.iter().zip(&mut sums) {
                    sums[unit] += dot(weights, &case[at..at + width]);
                }
            }
        }
        sums
    }

    /// Returns the hidden activations of a head for the sums of a PET and of a CT.
    #[must_use]
    pub fn activations(&self, head: usize, pet: &[f64], ct: &[f64]) -> Vec<f64> {
        let bias = &self.heads[head].first_bias;
        let units = pet.iter().zip(ct).zip(bias);
        units
            .map(|((pet, ct), bias)| (pet + ct + f64::from(*bias)).max(0.0))
            .collect()
    }

    /// Returns the log-odds of a head for the sums of a PET and of a CT.
    #[must_use]
    pub fn log_odds(&self, head: usize, pet: &[f64], ct: &[f64]) -> f64 {
        let Head {
            first_bias,
            second,
            second_bias,
            ..
        } = &self.heads[head];
        let (no, yes) = second.split_at(first_bias.len());
        let units = pet.iter().zip(ct).zip(first_bias).zip(no.iter().zip(yes));
        let sum: f64 = units
            .map(|(((pet, ct), bias), (no, yes))| {
                (pet + ct + f64::from(*bias)).max(0.0) * (f64::from(*yes) - f64::from(*no))
            })
            .sum();
        sum + (f64::from(second_bias[1]) - f64::from(second_bias[0]))
    }
}

/// Returns the probability for log-odds.
#[must_use]
pub fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Returns which head a tensor is a weight of, and which weight.
fn part_of(tensor: &str, heads: &[String]) -> Option<(usize, usize)> {
    heads.iter().enumerate().find_map(|(n, head)| {
        let part = tensor.strip_prefix(head.as_str())?;
        let parts = [".fc1.w", ".fc1.b", ".fc2.w", ".fc2.b"];
        Some((n, parts.iter().position(|p| *p == part)?))
    })
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0f64; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f64::from(*a) * f64::from(*b);
        }
    }
    let rest: f64 = a_rest
        .iter()
        .zip(b_rest)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum();
    sums.iter().sum::<f64>() + rest
}
