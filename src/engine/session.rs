//! What runs a model: the first way that the policy allows and that answers the bundle's test vectors.

use super::batch_size::BatchSize;
use super::cache::CacheOutcome;
use super::loaded_model::LoadedModel;
use super::model_loader::ModelLoader;
use super::pooled::Pooled;
use super::session_config::SessionConfig;
use crate::bundle::{Bundle, Precision};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::runtime::provider::{
    InstructionSet, Kernels, Placement, Policy, Provider, ProviderConfig, SkippedProvider,
};

/// A model ready to run: loaded once, and a second time for batches if the host asked for that.
pub struct Session {
    models: Vec<LoadedModel>,
    /// The provider the session was built for.
    pub provider: Provider,
    /// Its arithmetic.
    pub precision: Precision,
    /// Threads of a run, the calling thread among them.
    pub threads: usize,
    /// Whose code computes the backbones.
    pub kernels: Kernels,
    /// Its instructions, where it is this library's.
    pub instruction_set: Option<InstructionSet>,
    /// How far scores may be off, by the manifest.
    pub tolerance: f64,
    /// Largest deviation from the self-test vectors.
    pub self_test_max_difference: f64,
    /// Attempts before it.
    pub skipped_providers: Vec<SkippedProvider>,
    /// Where the nodes really are.
    pub placement: Vec<Placement>,
    /// What the cache did.
    pub cache: CacheOutcome,
}

/// From eight cases on there is little left to share, and their activations are another 100 MB.
const CPU_BATCH: usize = 8;

/// Refuses a session whose answers are wrong; returns the largest deviation of one that is accepted.
pub type TryOut<'a> = &'a dyn Fn(&Session) -> Result<f64>;

impl Session {
    /// Build a session for the first entry of the policy that takes a model of the bundle and answers its test vectors.
    pub fn build(config: &SessionConfig<'_>, try_out: TryOut<'_>) -> Result<Self> {
        let mut skipped_providers = config.given_up.to_vec();
        let mut last = Error::ProviderUnavailable("the policy is empty".into());
        let attempts = attempts(config.policy, config.bundle).skip(config.given_up.len());
        for attempt in attempts {
            match Self::attempt(config, try_out, attempt) {
                Ok(mut session) => {
                    session.skipped_providers = skipped_providers;
                    return Ok(session);
                }
                // A manifest mismatch fails on every provider, and whoever cancelled wants no other. What the system refuses
                // now it may grant later: a slower provider would stay for as long as the scorer lives.
                Err(
                    e @ (Error::BundleModel { .. }
                    | Error::BundleAltered { .. }
                    | Error::BundleMissing { .. }
                    | Error::Resources(_)
                    | Error::OutOfMemory { .. }
                    | Error::Cancelled),
                ) => return Err(e),
                Err(e) => {
                    config.interrupt.check()?;
                    let provider = attempt.entry.provider.name();
                    let reason = match attempt.instruction_set {
                        None => reason(&e),
                        Some(set) => format!("kernels of dlnms:{}: {}", set.name(), reason(&e)),
                    };
                    log::info!(target: "dlnms::runtime", "provider {provider} passed over: {reason}");
                    skipped_providers.push(SkippedProvider {
                        provider,
                        precision: attempt.precision,
                        reason,
                    });
                    last = e;
                }
            }
        }
        if let Error::SelfTest { .. } = last {
            return Err(last); // the last resort answers wrongly: that is the news
        }
        let reasons: Vec<_> = skipped_providers
            .iter()
            .map(|p| format!("{} {}: {}", p.provider, p.precision.name(), p.reason))
            .collect();
        Err(if reasons.is_empty() {
            last
        } else {
            Error::ProviderUnavailable(reasons.join("; "))
        })
    }

    fn attempt(
        config: &SessionConfig<'_>,
        try_out: TryOut<'_>,
        attempt: Attempt<'_>,
    ) -> Result<Self> {
        let Attempt {
            entry,
            precision,
            kernels,
            instruction_set,
        } = attempt;
        let model = config.bundle.manifest.model(precision).ok_or_else(|| {
            let name = precision.name();
            Error::ProviderUnavailable(format!("the bundle has no model of precision {name}"))
        })?;
        let single = match entry.provider {
            Provider::Cpu => BatchSize::UpTo(CPU_BATCH),
            _ => BatchSize::Exactly(1),
        };
        let load = |cases| {
            let loader = ModelLoader {
                config,
                entry,
                model,
                instruction_set,
                cases,
            };
            let loaded = loader.load()?;
            let cache = loaded.cache.clone();
            let of = (
                &config.bundle.manifest,
                model,
                loader.graph()?.file.as_str(),
            );
            let model = LoadedModel::new(loaded, of, entry.provider, cases)?;
            Ok::<_, Error>((model, cache))
        };
        let (first, cache) = load(single)?;
        let placement = first.placement()?;
        let mut models = vec![first];
        if let Some(n) = entry.batch {
            models.push(load(BatchSize::Exactly(n))?.0);
        }
        let mut session = Self {
            models,
            provider: entry.provider,
            precision,
            threads: entry.threads.unwrap_or(config.threads),
            kernels,
            instruction_set,
            tolerance: model.tolerance,
            self_test_max_difference: 0.0,
            skipped_providers: Vec::new(),
            placement,
            cache,
        };
        session.self_test_max_difference = try_out(&session)?;
        Ok(session)
    }

    /// BatchSize that one run of the network has at most.
    pub fn max_batch(&self) -> usize {
        let most = self.models.iter().map(|g| g.share(usize::MAX)).max();
        most.unwrap_or(1)
    }

    /// BatchSize that an engine of their own was built for.
    pub fn engine_batch(&self) -> Option<usize> {
        self.models.get(1).map(|g| g.share(usize::MAX))
    }

    /// The pooled features that [`Session::run_pooled`] returns; `None` if this session's runs return scores alone.
    pub fn pooled(&self) -> Option<&Pooled> {
        let first = self.models.first()?.pooled()?;
        let all = self.models.iter().all(|m| m.pooled() == Some(first));
        all.then_some(first)
    }

    /// Runs cases, each a PET and a CT tensor; `scores` gets one value per head of each, whatever the network makes of them:
    /// see [`are_probabilities`]. From any number of threads at once: they share weights and thread pool, each run has
    /// its own activations.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the token was triggered before the end, which terminates ONNX Runtime between nodes;
    /// [`Error::Resources`] if memory was short; [`Error::Runtime`] for whatever else fails.
    pub fn run(
        &self,
        cases: &[[&[f32]; 2]],
        scores: &mut [f32],
        cancel: &CancelToken,
    ) -> Result<()> {
        self.run_pooled(cases, scores, &mut [], cancel)
    }

    /// Runs cases as [`Session::run`] does; `pooled` gets the pooled features of each unless it is empty.
    ///
    /// # Errors
    /// Those of [`Session::run`].
    pub fn run_pooled(
        &self,
        cases: &[[&[f32]; 2]],
        scores: &mut [f32],
        pooled: &mut [f32],
        cancel: &CancelToken,
    ) -> Result<()> {
        let n = scores.len();
        if cases.is_empty() || !n.is_multiple_of(cases.len()) {
            let cases = cases.len();
            return Err(Error::Internal(format!("{cases} cases, {n} scores")));
        }
        let (heads, values) = (n / cases.len(), pooled.len() / cases.len());
        let (mut cases, mut left, mut left_pooled) = (cases, scores, pooled);
        while !cases.is_empty() {
            // As many at once as any of them takes; the first always takes one.
            let shares = self.models.iter().map(|g| (g, g.share(cases.len())));
            let (model, n) = shares
                .max_by_key(|(_, share)| *share)
                .ok_or_else(|| Error::Internal("nothing to run with".into()))?;
            let (now, later) = cases.split_at(n);
            let (of_now, of_later) = left.split_at_mut(n * heads);
            let (pooled_now, pooled_later) = left_pooled.split_at_mut(n * values);
            model.run(now, of_now, pooled_now, cancel)?;
            (cases, left, left_pooled) = (later, of_later, pooled_later);
        }
        Ok(())
    }
}

/// Returns whether scores are finite and within 0 to 1.
pub fn are_probabilities(scores: &[f32]) -> bool {
    scores.iter().all(|v| (0.0..=1.0).contains(v))
}

/// One way to run a model.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// With this provider,
    pub entry: &'a ProviderConfig,
    /// in this arithmetic,
    pub precision: Precision,
    /// by these kernels,
    pub kernels: Kernels,
    /// with these instructions, where they are this library's.
    pub instruction_set: Option<InstructionSet>,
}

/// Everything a policy allows with a bundle, in order.
pub fn attempts<'a>(policy: &'a Policy, bundle: &'a Bundle) -> impl Iterator<Item = Attempt<'a>> {
    let of = |entry| {
        let by = move |precision| {
            let with = move |&instruction_set: &Option<InstructionSet>| Attempt {
                entry,
                precision,
                kernels: instruction_set.map_or(Kernels::OnnxRuntime, |_| Kernels::Dlnms),
                instruction_set,
            };
            instruction_sets(entry, precision).iter().map(with)
        };
        precisions(entry, bundle).iter().copied().flat_map(by)
    };
    policy.entries.iter().flat_map(of)
}

/// Precisions to try for an entry: on a GPU the bundle's FP16 comes first unless the host said otherwise.
fn precisions(entry: &ProviderConfig, bundle: &Bundle) -> &'static [Precision] {
    let has_half = bundle.manifest.model(Precision::Fp16).is_some();
    match entry.precision {
        Some(Precision::Fp32) => &[Precision::Fp32],
        Some(Precision::Fp16) => &[Precision::Fp16],
        Some(Precision::Bf16) => &[Precision::Bf16],
        None if entry.provider.is_gpu() && has_half => &[Precision::Fp16, Precision::Fp32],
        None => &[Precision::Fp32],
    }
}

/// Instruction sets of this library's kernels to try, the fastest first, and `None` for ONNX Runtime's kernels. One that
/// the processor lacks is tried too: its refusal is the reason why a slower one runs.
fn instruction_sets(
    entry: &ProviderConfig,
    precision: Precision,
) -> &'static [Option<InstructionSet>] {
    use InstructionSet::{Avx2, Avx512, Avx512Bf16, Scalar};
    match (entry.kernels, entry.instruction_set, precision) {
        (_, Some(Scalar), _) => &[Some(Scalar)],
        (_, Some(Avx2), _) => &[Some(Avx2)],
        (_, Some(Avx512), _) => &[Some(Avx512)],
        (_, Some(Avx512Bf16), _) => &[Some(Avx512Bf16)],
        (Some(Kernels::OnnxRuntime), ..) => &[None],
        (None, ..) if entry.provider != Provider::Cpu => &[None],
        (_, _, Precision::Bf16) => &[Some(Avx512Bf16)],
        (Some(Kernels::Dlnms), ..) => &[Some(Avx512), Some(Avx2)],
        (None, _, Precision::Fp32) => &[Some(Avx512), Some(Avx2), None],
        (None, _, Precision::Fp16) => &[None],
    }
}

/// The reason without the frame around it.
fn reason(error: &Error) -> String {
    match error {
        Error::Runtime { why, .. } | Error::ProviderUnavailable(why) => why.clone(),
        other => other.to_string(),
    }
}
