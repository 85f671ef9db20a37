//! One case: validated, measured, sampled, scored.

use super::infer::Inference;
use super::input_digests::InputDigests;
use super::preprocess::{Buffers, ValidatedCase};
use super::scores::{Engine, Scores, Timings};
use super::shared::Scorer;
use crate::allocation;
use crate::cancel::CancelToken;
use crate::case::Case;
use crate::error::Result;
use crate::evidence::lesion::Lesion;
use crate::evidence::pictures::Pictures;
use crate::evidence::quality::Finding;
use crate::evidence::reference_region::References;
use crate::evidence::{lesion, pictures, quality, reference_region};
use crate::lock::lock;
use crate::risk::RiskGroups;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A validated case and what was measured of it without the network.
pub(super) struct MeasuredCase {
    pub validated: ValidatedCase,
    pub lesion: Option<std::result::Result<Lesion, String>>,
    pub references: Option<References>,
    pub quality: Vec<Finding>,
    pub pictures: Option<std::result::Result<Pictures, String>>,
    pub digests: Option<InputDigests>,
    /// How long the lesion, the references, the quality checks and the digests took.
    pub took: Duration,
}

impl MeasuredCase {
    /// Hashes what is scored, if the case asks for it.
    pub fn hash(
        &mut self,
        case: &Case<'_>,
        buffers: &Buffers,
        threads: usize,
        cancel: &CancelToken,
    ) -> Result<()> {
        if case.digests {
            let begun = Instant::now();
            let digests = InputDigests::new(case, &self.validated, buffers, threads, cancel)?;
            self.digests = Some(digests);
            self.took += begun.elapsed();
        }
        Ok(())
    }
}

/// How long the parts of a call took that came before the last.
pub(super) struct Times {
    pub prepare: Duration,
    pub preprocess: Duration,
    pub evidence: Duration,
    pub infer: Duration,
}

/// Memory that looking for the reference regions takes: a copy of the CT at a coarse step, and the marks of lung and liver.
const REFERENCES_BYTES: usize = 64 << 20;

impl Scorer {
    /// Scores one case. Prepares first if nobody has; the timings say so. The token ends the call within 100 ms, also while
    /// the network runs.
    ///
    /// # Errors
    /// Those of [`Scorer::prepare`]; whatever the case is refused for; [`Error::VoxelRange`](crate::Error::VoxelRange) if the network's output for it is
    /// no probability while the provider answers the self-test; [`Error::Resources`](crate::Error::Resources) if memory for the run is short.
    pub fn score(&self, case: &Case<'_>, cancel: &CancelToken) -> Result<Scores> {
        let mut outcomes = [self.score_unrecorded(case, cancel)];
        self.record(std::slice::from_ref(case), &mut outcomes);
        let [outcome] = outcomes;
        outcome
    }

    /// Scores one case, of which nobody hears yet.
    pub(super) fn score_unrecorded(&self, case: &Case<'_>, cancel: &CancelToken) -> Result<Scores> {
        let start = Instant::now();
        cancel.check()?;
        let mut prepared = start;
        if self.active_engine().is_none() {
            // Bad input should fail before half a second is spent on a session for it.
            ValidatedCase::new(case)?;
            self.prepare(None, cancel)?;
            prepared = Instant::now();
        }

        let mut measured = self.measure(case, self.threads(), cancel)?;
        let mut buffers = self.buffers()?;
        let spec = &self.bundle.manifest.preprocessing;
        let filled = buffers
            .fill(spec, case, &measured.validated)
            .and_then(|()| measured.hash(case, &buffers, self.threads(), cancel));
        let preprocessed = Instant::now();
        let outcome = filled.and_then(|()| {
            cancel.check()?;
            self.infer([&buffers.pet, &buffers.ct], cancel)
        });
        lock(&self.buffers).push(buffers);
        let inference = outcome?;
        let times = Times {
            prepare: prepared - start + inference.lost,
            preprocess: (preprocessed - prepared).saturating_sub(measured.took),
            evidence: measured.took,
            infer: inference.took,
        };
        let Inference { engine, heads, .. } = inference;
        Ok(self.finish(case, measured, engine, heads, times))
    }

    /// Everything that can be refused, found or computed without sampling, on at most so many threads.
    pub(super) fn measure(
        &self,
        case: &Case<'_>,
        threads: usize,
        cancel: &CancelToken,
    ) -> Result<MeasuredCase> {
        let copy = usize::from(case.references.is_some()) * REFERENCES_BYTES;
        allocation::headroom(copy, "what is measured of a case")?;
        case.context.validate()?;
        self.require_actor(case)?;
        let mut validated = ValidatedCase::new(case)?;
        let begun = Instant::now();
        let lesion = case.lesion.as_ref().map(|request| {
            lesion::measure(case, &validated.roi, validated.factors(), request)
                .map_err(|e| e.to_string())
        });
        if let Some(Ok(lesion)) = &lesion {
            let missed = &mut validated.roi.lesion_missed_by_mm;
            *missed = missed.or(lesion.missed_by_mm);
        }
        if lesion.is_some() {
            cancel.check()?;
        }
        let request = case.references.as_ref();
        let references = request
            .map(|r| reference_region::measure(case, validated.factors(), r, threads, cancel));
        if references.is_some() {
            cancel.check()?; // what a cancelled search did not find is not known
        }
        let quality = quality::check(
            case,
            &validated.roi,
            validated.suv.as_ref(),
            references.as_ref(),
            &self.bundle.manifest.preprocessing,
            &self.options.quality,
        )?;
        let pictures = case.pictures.then(|| {
            pictures::sample(case, &validated.roi, validated.factors()).map_err(|e| e.to_string())
        });
        Ok(MeasuredCase {
            validated,
            lesion,
            references,
            quality,
            pictures,
            digests: None,
            took: begun.elapsed(),
        })
    }

    pub(super) fn finish(
        &self,
        case: &Case<'_>,
        measured: MeasuredCase,
        engine: Arc<Engine>,
        heads: Vec<f32>,
        times: Times,
    ) -> Scores {
        let begun = Instant::now();
        let MeasuredCase {
            validated,
            lesion,
            references,
            quality,
            pictures,
            digests,
            took: _,
        } = measured;
        let manifest = &self.bundle.manifest;
        let head = |name| manifest.head(name).and_then(|i| heads.get(i).copied());
        let [n1, n2] = ["n1", "n2"].map(|name| head(name).unwrap_or(f32::NAN));
        Scores {
            n1,
            n2,
            heads,
            decision: manifest
                .cutoffs
                .map(|cutoffs| RiskGroups::new(n1, n2, &cutoffs)),
            center: validated.roi.center,
            roi_kind: case.roi.kind(),
            suv: validated.suv,
            quality,
            lesion,
            references,
            pictures,
            metadata: case.metadata,
            correlation_id: case.context.correlation_id.map(str::to_owned),
            digests,
            audit: None,
            engine,
            timings: Timings {
                prepare: times.prepare,
                preprocess: times.preprocess,
                evidence: times.evidence,
                infer: times.infer,
                finish: begun.elapsed(),
            },
        }
    }
}

/// Writes the one line of a case into the log; nothing of its patient or its files.
pub(super) fn log_outcome(case: &Case<'_>, outcome: &Result<Scores>) {
    let id = case.context.correlation_id;
    let call = id.map_or_else(String::new, |id| format!(", call {id:?}"));
    match outcome {
        Ok(scores) => {
            let engine = &scores.engine;
            log::info!(
                target: "dlnms::scorer",
                "case scored by {} in {} with kernels of {} in {:.1} ms, {} findings{call}",
                engine.provider.name(),
                engine.precision.name(),
                engine.kernels_name(),
                scores.timings.total().as_secs_f64() * 1e3,
                scores.quality.len()
            );
        }
        Err(e) => log::info!(target: "dlnms::scorer", "case refused{call}: {e}"),
    }
}
