//! One ONNX Runtime session: built for one provider, checked against the manifest, run on borrowed tensors.
#![allow(unsafe_code)]

use super::Runtime;
use super::cache::CacheOutcome;
use super::provider::{PassedOver, Placement, Policy, Provider};
use super::request::{Request, failed};
use crate::bundle::{Bundle, Model};
use crate::error::{Error, Result};
use ort::AsPointer;
use ort::value::{TensorElementType, TensorRef, TensorRefMut, ValueType};
use std::ffi::{CStr, CString, c_char};
use std::path::Path;

/// Elements of one case in each input: channels, rows, columns.
pub type TensorShape = [usize; 3];

/// A session for one model file.
pub struct Session {
    inner: ort::session::Session,
    shape: TensorShape,
    names: [CString; 3],
    heads: usize,
    /// The provider the session was built for.
    pub provider: Provider,
    /// Providers tried before it.
    pub passed_over: Vec<PassedOver>,
    /// Where the nodes really are.
    pub placement: Vec<Placement>,
    /// What the cache did.
    pub cache: CacheOutcome,
}

/// From eight cases on there is little left to share, and their activations are another 100 MB.
const CPU_BATCH: usize = 8;

impl Session {
    /// Build a session for the first provider of `policy` that takes the model.
    pub fn build(
        runtime: Runtime,
        bundle: &Bundle,
        model: &Model,
        policy: &Policy,
        threads: usize,
        cache: Option<&Path>,
    ) -> Result<Self> {
        let mut passed_over = Vec::new();
        for &provider in &policy.providers {
            let request = Request {
                runtime,
                bundle,
                model,
                provider,
                device: policy.device,
                plugin: policy.plugin.as_deref(),
                threads,
            };
            match Self::with_provider(&request, cache) {
                Ok(mut session) => {
                    session.passed_over = passed_over;
                    return Ok(session);
                }
                // A model that is not its manifest's is it nowhere.
                Err(
                    e @ (Error::BundleModel { .. }
                    | Error::BundleAltered { .. }
                    | Error::BundleMissing { .. }),
                ) => return Err(e),
                Err(e) => {
                    log::info!(target: "dlnms::runtime", "provider {} passed over: {e}", provider.name());
                    passed_over.push(PassedOver {
                        provider: provider.name(),
                        reason: reason(&e),
                    });
                }
            }
        }
        let reasons: Vec<_> = passed_over
            .iter()
            .map(|p| format!("{}: {}", p.provider, p.reason))
            .collect();
        Err(Error::ProviderUnavailable(if reasons.is_empty() {
            "the policy is empty".into()
        } else {
            reasons.join("; ")
        }))
    }

    fn with_provider(request: &Request<'_>, cache: Option<&Path>) -> Result<Self> {
        let Request { bundle, model, .. } = *request;
        let (inner, cache) = request.load(cache)?;
        let manifest = &bundle.manifest;
        let side = manifest.preprocessing.output;
        let mut session = Self {
            shape: [manifest.preprocessing.channels.len(), side, side],
            names: [
                c_name(&model.inputs.pet)?,
                c_name(&model.inputs.ct)?,
                c_name(&model.output)?,
            ],
            heads: manifest.heads.len(),
            provider: request.provider,
            passed_over: Vec::new(),
            placement: Vec::new(),
            cache,
            inner,
        };
        session.check(&model.file)?;
        session.placement = session.read_placement()?;
        Ok(session)
    }

    /// Compare the graph's inputs and output with the manifest.
    fn check(&self, file: &str) -> Result<()> {
        let refuse = |why: String| {
            Err(Error::BundleModel {
                file: file.into(),
                why,
            })
        };
        let of = |dims: &[usize]| dims.iter().map(|&d| d as i64).collect::<Vec<_>>();
        let image = of(&self.shape);
        let inputs = [(&self.names[0], &image), (&self.names[1], &image)];
        if self.inner.inputs().len() != inputs.len() || self.inner.outputs().len() != 1 {
            return refuse(format!(
                "it has {} inputs and {} outputs, the manifest names 2 and 1",
                self.inner.inputs().len(),
                self.inner.outputs().len()
            ));
        }
        let heads = of(&[self.heads]);
        let wanted = inputs.into_iter().chain([(&self.names[2], &heads)]);
        let found: Vec<_> = self
            .inner
            .inputs()
            .iter()
            .chain(self.inner.outputs())
            .collect();
        for (name, dims) in wanted {
            let Some(outlet) = found
                .iter()
                .find(|o| o.name().as_bytes() == name.as_bytes())
            else {
                return refuse(format!("{name:?} is not one of its inputs or outputs"));
            };
            match outlet.dtype() {
                // The first dimension is the batch; it was fixed to 1 or is symbolic.
                ValueType::Tensor {
                    ty: TensorElementType::Float32,
                    shape,
                    ..
                } if shape.get(1..) == Some(dims.as_slice()) && matches!(shape[0], -1 | 1) => {}
                other => {
                    return refuse(format!(
                        "{name:?} is {other}, expected float32 batch x {dims:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Cases that one run may have: on the CPU several, which then share the reading of the weights; elsewhere shapes are
    /// fixed.
    pub fn max_batch(&self) -> usize {
        match self.provider {
            Provider::Cpu => CPU_BATCH,
            _ => 1,
        }
    }

    /// Run one case, or several one after the other in memory; `pet` and `ct` are read in place, `scores` gets one value
    /// per head of each. From any number of threads at once: they share weights and thread pool, each run has its own activations.
    pub fn run(&self, pet: &[f32], ct: &[f32], scores: &mut [f32]) -> Result<()> {
        let run = failed("run the model");
        let n = scores.len() / self.heads;
        if n == 0 || n > self.max_batch() || !scores.len().is_multiple_of(self.heads) {
            return Err(Error::Internal(format!("room for {} scores", scores.len())));
        }
        let shape = [n, self.shape[0], self.shape[1], self.shape[2]];
        let pet = TensorRef::from_array_view((shape, pet)).map_err(&run)?;
        let ct = TensorRef::from_array_view((shape, ct)).map_err(&run)?;
        let out =
            TensorRefMut::from_array_view_mut(([n, self.heads], &mut *scores)).map_err(&run)?;
        let [pet_name, ct_name, output_name] = self.names.each_ref().map(|n| n.as_ptr());
        let (inputs, mut output) = ([pet.ptr(), ct.ptr()], out.ptr().cast_mut());
        // SAFETY: the session and all values live through the call; names are NUL-terminated and as many as values; the
        // output is a tensor of the shape that check() found, which ONNX Runtime fills in place. Run may be called
        // concurrently on one session (onnxruntime_c_api.h), which is why ort's exclusive reference is not needed.
        let status = unsafe {
            (ort::api().Run)(
                self.inner.ptr().cast_mut(),
                std::ptr::null(),
                [pet_name, ct_name].as_ptr(),
                inputs.as_ptr(),
                inputs.len(),
                &output_name,
                1,
                &mut output,
            )
        };
        // SAFETY: the status is Run's own, taken over once.
        unsafe { ort::Error::result_from_status(status) }.map_err(failed("run the model"))?;
        drop(out);
        if !scores.iter().all(|v| (0.0..=1.0).contains(v)) {
            return Err(Error::Runtime {
                doing: "run the model",
                why: format!("its scores are not probabilities: {scores:?}"),
            });
        }
        Ok(())
    }

    /// Nodes by provider, from ONNX Runtime itself.
    fn read_placement(&self) -> Result<Vec<Placement>> {
        let api = ort::api();
        let ask = failed("report node placement");
        let mut subgraphs = std::ptr::null();
        let mut count = 0usize;
        // SAFETY: the session is alive for the whole function; ORT fills pointer and count of an array that it owns
        // and keeps for the session's life (Session_GetEpGraphAssignmentInfo, API 24).
        unsafe {
            ort::Error::result_from_status((api.Session_GetEpGraphAssignmentInfo)(
                self.inner.ptr(),
                &mut subgraphs,
                &mut count,
            ))
        }
        .map_err(&ask)?;
        let mut placement: Vec<Placement> = Vec::new();
        for i in 0..count {
            let mut name: *const c_char = std::ptr::null();
            let mut nodes = std::ptr::null();
            let mut n_nodes = 0usize;
            // SAFETY: i < count, so the element is a valid subgraph of the array above; name and nodes are owned by it.
            unsafe {
                let subgraph = *subgraphs.add(i);
                ort::Error::result_from_status((api.EpAssignedSubgraph_GetEpName)(
                    subgraph, &mut name,
                ))
                .map_err(&ask)?;
                ort::Error::result_from_status((api.EpAssignedSubgraph_GetNodes)(
                    subgraph,
                    &mut nodes,
                    &mut n_nodes,
                ))
                .map_err(&ask)?;
            }
            let name = match name.is_null() {
                true => "?".into(),
                // SAFETY: a NUL-terminated name owned by the subgraph.
                false => unsafe { CStr::from_ptr(name) }.to_string_lossy(),
            };
            match placement.iter_mut().find(|p| p.provider == name) {
                Some(p) => p.nodes += n_nodes,
                None => placement.push(Placement {
                    provider: name.into_owned(),
                    nodes: n_nodes,
                }),
            }
        }
        Ok(placement)
    }
}

fn c_name(name: &str) -> Result<CString> {
    CString::new(name).map_err(|_| Error::BundleManifest(format!("{name:?} holds a NUL")))
}

/// The reason without the frame around it.
fn reason(error: &Error) -> String {
    match error {
        Error::Runtime { why, .. } => why.clone(),
        other => other.to_string(),
    }
}
