//! One ONNX Runtime session: built for one provider, checked against the manifest, run on tensors that stay.

use super::cache::CacheOutcome;
use super::interrupt::Interrupt;
use super::lane::{Lane, Signature};
use super::provider::{Entry, Kernels, PassedOver, Placement, Policy, Provider};
use super::request::Request;
use super::{Runtime, backbones, placement};
use crate::bundle::{Bundle, Precision};
use crate::error::{Error, Result};
use ort::value::{TensorElementType, ValueType};
use std::ffi::CString;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

/// What a session is to be built from and for.
pub struct Plan<'a> {
    /// The process's ONNX Runtime.
    pub runtime: Runtime,
    /// Model files and what they promise.
    pub bundle: &'a Bundle,
    /// Providers in order.
    pub policy: &'a Policy,
    /// Threads of the pool.
    pub threads: usize,
    /// The pool's threads spin between operators.
    pub spin: bool,
    /// Folder of the cache.
    pub cache: Option<&'a Path>,
    /// Attempts that are not to be made again, and why.
    pub given_up: &'a [PassedOver],
    /// Ends the building.
    pub interrupt: &'a Interrupt,
    /// Hears that ONNX Runtime begins to build.
    pub building: &'a dyn Fn(),
    /// Refuses a session whose answers are wrong; returns their largest deviation.
    pub try_out: &'a dyn Fn(&Session) -> Result<f64>,
}

/// A session for one model file.
pub struct Session {
    // Lanes go before the session they are bound to.
    lanes: Mutex<Vec<Lane>>,
    inner: ort::session::Session,
    signature: Signature,
    /// The provider the session was built for.
    pub provider: Provider,
    /// Its arithmetic.
    pub precision: Precision,
    /// Whose code computes the backbones.
    pub kernels: Kernels,
    /// How far scores may be off, by the manifest.
    pub tolerance: f64,
    /// Largest deviation from the self-test vectors.
    pub self_test_max_difference: f64,
    /// Attempts before it.
    pub passed_over: Vec<PassedOver>,
    /// Where the nodes really are.
    pub placement: Vec<Placement>,
    /// What the cache did.
    pub cache: CacheOutcome,
}

/// From eight cases on there is little left to share, and their activations are another 100 MB.
const CPU_BATCH: usize = 8;

impl Session {
    /// Build a session for the first entry of the policy that takes a model of the bundle and answers its test vectors.
    pub fn build(plan: &Plan<'_>) -> Result<Self> {
        let mut passed_over = plan.given_up.to_vec();
        let mut last = Error::ProviderUnavailable("the policy is empty".into());
        let attempts = attempts(plan.policy, plan.bundle).skip(plan.given_up.len());
        for attempt in attempts {
            match Self::attempt(plan, attempt) {
                Ok(mut session) => {
                    session.passed_over = passed_over;
                    return Ok(session);
                }
                // A model that is not its manifest's is it nowhere; and who stopped this wants no other.
                Err(
                    e @ (Error::BundleModel { .. }
                    | Error::BundleAltered { .. }
                    | Error::BundleMissing { .. }
                    | Error::Cancelled),
                ) => return Err(e),
                Err(e) => {
                    plan.interrupt.check()?;
                    let provider = attempt.entry.provider.name();
                    log::info!(target: "dlnms::runtime", "provider {provider} passed over: {e}");
                    passed_over.push(PassedOver {
                        provider,
                        precision: attempt.precision,
                        reason: match attempt.kernels {
                            Kernels::OnnxRuntime => reason(&e),
                            Kernels::Dlnms => format!("kernels of dlnms: {}", reason(&e)),
                        },
                    });
                    last = e;
                }
            }
        }
        if let Error::SelfTest { .. } = last {
            return Err(last); // the last resort answers wrongly: that is the news
        }
        let reasons: Vec<_> = passed_over
            .iter()
            .map(|p| format!("{} {}: {}", p.provider, p.precision.name(), p.reason))
            .collect();
        Err(match reasons.is_empty() {
            true => last,
            false => Error::ProviderUnavailable(reasons.join("; ")),
        })
    }

    fn attempt(plan: &Plan<'_>, attempt: Attempt<'_>) -> Result<Self> {
        let Attempt {
            entry,
            precision,
            kernels,
        } = attempt;
        let model = plan.bundle.manifest.model(precision).ok_or_else(|| {
            let name = precision.name();
            Error::ProviderUnavailable(format!("the bundle has no model of precision {name}"))
        })?;
        let request = Request {
            plan,
            entry,
            model,
            kernels,
        };
        let (inner, cache) = request.load()?;
        let manifest = &plan.bundle.manifest;
        let side = manifest.preprocessing.output;
        let mut session = Self {
            lanes: Mutex::new(Vec::new()),
            signature: Signature {
                names: [
                    c_name(&model.inputs.pet)?,
                    c_name(&model.inputs.ct)?,
                    c_name(&model.output)?,
                ],
                image: [manifest.preprocessing.channels.len(), side, side],
                heads: manifest.heads.len(),
                half_inputs: false,
                pinned: entry.provider.is_gpu(),
            },
            provider: entry.provider,
            precision,
            kernels,
            tolerance: model.tolerance,
            self_test_max_difference: 0.0,
            passed_over: Vec::new(),
            placement: placement::of(&inner)?,
            cache,
            inner,
        };
        session.signature.half_inputs = session.check(&model.file)?;
        session.self_test_max_difference = (plan.try_out)(&session)?;
        Ok(session)
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
        let image = of(&signature.image);
        let inputs = [(&signature.names[0], &image), (&signature.names[1], &image)];
        if self.inner.inputs().len() != inputs.len() || self.inner.outputs().len() != 1 {
            return refuse(format!(
                "it has {} inputs and {} outputs, the manifest names 2 and 1",
                self.inner.inputs().len(),
                self.inner.outputs().len()
            ));
        }
        let heads = of(&[signature.heads]);
        let wanted = inputs.into_iter().chain([(&signature.names[2], &heads)]);
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
                // The first dimension is the batch; it was fixed to 1 or is symbolic.
                ValueType::Tensor { ty, shape, .. }
                    if shape.get(1..) == Some(dims.as_slice()) && matches!(shape[0], -1 | 1) =>
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
            2 => Ok(true),
            _ => refuse("one input is float16 and the other float32".into()),
        }
    }

    /// Cases that one run may have: on the CPU several, which then share the reading of the weights; elsewhere shapes are
    /// fixed.
    pub fn max_batch(&self) -> usize {
        match self.provider {
            Provider::Cpu => CPU_BATCH,
            _ => 1,
        }
    }

    /// Run cases, each a PET and a CT tensor; `scores` gets one value per head of each. From any number of threads at
    /// once: they share weights and thread pool, each run has its own activations.
    pub fn run(&self, cases: &[[&[f32]; 2]], scores: &mut [f32]) -> Result<()> {
        let n = cases.len();
        let len: usize = self.signature.image.iter().product();
        let fits = (1..=self.max_batch()).contains(&n)
            && scores.len() == n * self.signature.heads
            && cases.iter().flatten().all(|tensor| tensor.len() == len);
        if !fits {
            return Err(Error::Internal(format!(
                "{n} cases, {} scores",
                scores.len()
            )));
        }
        let mut lane = self.lane(n)?;
        let ran = lane.run(&self.inner, cases, scores);
        self.lanes().push(lane);
        ran?;
        if !scores.iter().all(|v| (0.0..=1.0).contains(v)) {
            return Err(Error::Runtime {
                doing: "run the model",
                why: format!("its scores are not probabilities: {scores:?}"),
            });
        }
        Ok(())
    }

    /// A lane for so many cases, used before if there is one.
    fn lane(&self, cases: usize) -> Result<Lane> {
        let mut lanes = self.lanes();
        match lanes.iter().position(|l| l.cases == cases) {
            Some(n) => Ok(lanes.swap_remove(n)),
            None => {
                drop(lanes);
                Lane::new(&self.inner, &self.signature, cases)
            }
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// One way to run a model.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// With this provider,
    pub entry: &'a Entry,
    /// in this arithmetic,
    pub precision: Precision,
    /// by these kernels.
    pub kernels: Kernels,
}

/// Everything a policy allows with a bundle, in order.
pub fn attempts<'a>(policy: &'a Policy, bundle: &'a Bundle) -> impl Iterator<Item = Attempt<'a>> {
    let of = |entry| {
        let by = move |precision| {
            let with = move |kernels| Attempt {
                entry,
                precision,
                kernels,
            };
            kernels(entry, precision).iter().copied().map(with)
        };
        precisions(entry, bundle).iter().copied().flat_map(by)
    };
    policy.entries.iter().flat_map(of)
}

/// Precisions to try for an entry: on a GPU the bundle's FP16 comes first unless the host said otherwise.
fn precisions(entry: &Entry, bundle: &Bundle) -> &'static [Precision] {
    let has_half = bundle.manifest.model(Precision::Fp16).is_some();
    match entry.precision {
        Some(Precision::Fp32) => &[Precision::Fp32],
        Some(Precision::Fp16) => &[Precision::Fp16],
        Some(Precision::Bf16) => &[Precision::Bf16],
        None if entry.provider.is_gpu() && has_half => &[Precision::Fp16, Precision::Fp32],
        None => &[Precision::Fp32],
    }
}

/// Kernels to try: this library's where the processor can run them, for they are faster.
fn kernels(entry: &Entry, precision: Precision) -> &'static [Kernels] {
    match (entry.kernels, precision) {
        (Some(Kernels::OnnxRuntime), _) => &[Kernels::OnnxRuntime],
        (Some(Kernels::Dlnms), _) => &[Kernels::Dlnms],
        (None, _) if entry.provider != Provider::Cpu => &[Kernels::OnnxRuntime],
        (None, Precision::Bf16) => &[Kernels::Dlnms],
        (None, Precision::Fp32) if backbones::supported(precision) => {
            &[Kernels::Dlnms, Kernels::OnnxRuntime]
        }
        (None, _) => &[Kernels::OnnxRuntime],
    }
}

fn c_name(name: &str) -> Result<CString> {
    CString::new(name).map_err(|_| Error::BundleManifest(format!("{name:?} holds a NUL")))
}

/// The reason without the frame around it.
fn reason(error: &Error) -> String {
    match error {
        Error::Runtime { why, .. } | Error::ProviderUnavailable(why) => why.clone(),
        other => other.to_string(),
    }
}
