//! A model loaded for one provider: compared with the manifest, run on tensors that stay.

use super::batch_size::BatchSize;
use super::bound_tensors::{BoundTensors, Signature};
use super::model_loader::LoadedSession;
use super::placement;
use super::pooled::Pooled;
use crate::bundle::{Manifest, Model};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::lock::lock;
use crate::runtime::provider;
use crate::runtime::provider::Placement;
use ort::value::{TensorElementType, ValueType};
use std::ffi::CString;
use std::sync::{Mutex, MutexGuard};

/// An ONNX Runtime session and its tensors.
pub struct LoadedModel {
    // Dropped before the session that they are bound to.
    idle: Mutex<Vec<BoundTensors>>,
    inner: ort::session::Session,
    signature: Signature,
    batch_size: BatchSize,
    pooled: Option<Pooled>,
}

impl LoadedModel {
    /// [`Error::BundleModel`] if the graph is not the manifest's.
    pub fn new(
        LoadedSession {
            session: inner,
            pooled,
            ..
        }: LoadedSession,
        (manifest, model, file): (&Manifest, &Model, &str),
        provider: provider::Provider,
        batch_size: BatchSize,
    ) -> Result<Self> {
        let side = manifest.preprocessing.output;
        let [pet, ct] = model.inputs.by_modality();
        let tensors = pooled.iter().flat_map(|p| &p.tensors);
        let names = tensors.map(|t| c_name(Some(&t.name)));
        let names = names.collect::<Result<Vec<_>>>()?;
        let mut loaded = Self {
            idle: Mutex::new(Vec::new()),
            signature: Signature {
                inputs: [c_name(pet)?, c_name(ct)?],
                output: c_name(Some(&model.output))?.unwrap_or_default(),
                image: [manifest.preprocessing.channels.len(), side, side],
                heads: manifest.heads.len(),
                pooled: names.into_iter().flatten().collect(),
                pooled_width: pooled.as_ref().map_or(0, |p| p.width),
                half_inputs: false,
                pinned: provider.is_gpu(),
            },
            inner,
            batch_size,
            pooled,
        };
        loaded.signature.half_inputs = loaded.check(file)?;
        Ok(loaded)
    }

    /// Where its nodes are.
    pub fn placement(&self) -> Result<Vec<Placement>> {
        placement::read(&self.inner)
    }

    /// Compare the graph's inputs and output with the manifest; whether inputs are float16.
    fn check(&self, file: &str) -> Result<bool> {
        let refuse = |why: String| {
            Err(Error::BundleModel {
                file: file.into(),
                why,
            })
        };
        let of = |dims: &[usize]| dims.iter().map(|&d| d as i64).collect::<Vec<_>>();
        let signature = &self.signature;
        let fixed = match self.batch_size {
            BatchSize::UpTo(_) => 1,
            BatchSize::Exactly(n) => n as i64,
        };
        let image = of(&signature.image);
        let inputs: Vec<_> = signature.inputs.iter().flatten().collect();
        let of_graph = (self.inner.inputs().len(), self.inner.outputs().len());
        let added = signature.pooled.len();
        if of_graph != (inputs.len(), 1 + added) {
            let (found, outputs) = (of_graph.0, of_graph.1.saturating_sub(added));
            let named = inputs.len();
            return refuse(format!(
                "it has {found} inputs and {outputs} outputs, the manifest names {named} and 1"
            ));
        }
        let heads = of(&[signature.heads]);
        let named = inputs.len();
        let wanted = inputs.into_iter().map(|name| (name, &image));
        let wanted = wanted.chain([(&signature.output, &heads)]);
        let found: Vec<_> = self
            .inner
            .inputs()
            .iter()
            .chain(self.inner.outputs())
            .collect();
        let mut halves = 0;
        for (name, dims) in wanted {
            let Some(outlet) = found
                .iter()
                .find(|o| o.name().as_bytes() == name.as_bytes())
            else {
                return refuse(format!("{name:?} is not one of its inputs or outputs"));
            };
            let is_input = dims.len() > 1;
            match outlet.dtype() {
                // The first dimension is the batch; it was fixed or is symbolic.
                ValueType::Tensor { ty, shape, .. }
                    if shape.get(1..) == Some(dims.as_slice())
                        && [-1, fixed].contains(&shape[0]) =>
                {
                    match ty {
                        TensorElementType::Float32 => {}
                        TensorElementType::Float16 if is_input => halves += 1,
                        _ => return refuse(format!("{name:?} holds {ty}")),
                    }
                }
                other => {
                    return refuse(format!(
                        "{name:?} is {other}, expected float32 batch x {dims:?}"
                    ));
                }
            }
        }
        match halves {
            0 => Ok(false),
            n if n == named => Ok(true),
            _ => refuse("one input is float16 and the other float32".into()),
        }
    }

    /// How many of so many cases a run takes; 0 if it would want more.
    pub fn share(&self, of: usize) -> usize {
        match self.batch_size {
            BatchSize::UpTo(most) => of.min(most),
            BatchSize::Exactly(n) if of >= n => n,
            BatchSize::Exactly(_) => 0,
        }
    }

    /// The pooled features that a run can return beside the scores.
    pub fn pooled(&self) -> Option<&Pooled> {
        self.pooled.as_ref()
    }

    /// Runs cases, each a PET and a CT tensor; `scores` gets one value per head of each, and `pooled` the pooled features of
    /// each unless it is empty. The token terminates the run.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the token was triggered before the end; [`Error::Runtime`], [`Error::Resources`].
    pub fn run(
        &self,
        cases: &[[&[f32]; 2]],
        scores: &mut [f32],
        pooled: &mut [f32],
        cancel: &CancelToken,
    ) -> Result<()> {
        let n = cases.len();
        let pooled_values = self.pooled.as_ref().map_or(0, Pooled::values);
        let len: usize = self.signature.image.iter().product();
        let fits = n > 0
            && self.share(n) == n
            && scores.len() == n * self.signature.heads
            && [0, n * pooled_values].contains(&pooled.len())
            && cases.iter().flatten().all(|tensor| tensor.len() == len);
        if !fits {
            let scores = scores.len();
            return Err(Error::Internal(format!("{n} cases, {scores} scores")));
        }
        let mut tensors = self.tensors(n, !pooled.is_empty())?;
        let ran = tensors.run(&self.inner, cases, (scores, pooled), cancel);
        self.idle().push(tensors);
        ran
    }

    /// Tensors for so many cases, with or without their pooled features: idle ones if there are any.
    fn tensors(&self, cases: usize, pooled: bool) -> Result<BoundTensors> {
        let mut idle = self.idle();
        let fits = |t: &BoundTensors| (t.cases, t.has_pooled()) == (cases, pooled);
        match idle.iter().position(fits) {
            Some(n) => Ok(idle.swap_remove(n)),
            None => {
                drop(idle);
                BoundTensors::new(&self.inner, &self.signature, cases, pooled)
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<BoundTensors>> {
        lock(&self.idle)
    }
}

fn c_name(name: Option<&str>) -> Result<Option<CString>> {
    let refuse = |name| Error::BundleManifest(format!("{name:?} holds a NUL"));
    let name = name.map(|name| CString::new(name).map_err(|_| refuse(name)));
    name.transpose()
}
