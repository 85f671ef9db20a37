//! A result with everything it rests on: as JSON, and as a page for people (feature `report`). Holds nothing a patient could be
//! known by.

#[cfg(feature = "report")]
pub mod page;
pub mod published;

use crate::bundle::{Manifest, Precision, Signature, Weights};
use crate::evidence::reference_region::{Reference, References};
use crate::explanation::Explanation;
use crate::risk::{PAPER_FINDING, RESEARCH_USE_ONLY};
use crate::runtime::Runtime;
use crate::scorer::{Engine, Scorer, Scores, Timings};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The weights were not trained on patients: the scores mean nothing about one.
pub const FLAG_NOT_TRAINED: u32 = 1;
/// Set in every result.
pub const FLAG_RESEARCH_USE_ONLY: u32 = 2;
/// The call had to prepare the scorer first.
pub const FLAG_PREPARED_IN_CALL: u32 = 4;
/// The bundle has no cut-offs, hence no risk groups.
pub const FLAG_NO_CUTOFFS: u32 = 8;

/// Version of the JSON's layout; keys are only ever added under the same number.
pub const SCHEMA_VERSION: u32 = 1;

/// Returns the flags of a result.
pub fn flags(scores: &Scores) -> u32 {
    let mut flags = FLAG_RESEARCH_USE_ONLY;
    if scores.engine.manifest.weights != Weights::Trained {
        flags |= FLAG_NOT_TRAINED;
    }
    if !scores.timings.prepare.is_zero() {
        flags |= FLAG_PREPARED_IN_CALL;
    }
    if scores.decision.is_none() {
        flags |= FLAG_NO_CUTOFFS;
    }
    flags
}

fn flag_names(flags: u32) -> Vec<&'static str> {
    [
        (FLAG_NOT_TRAINED, "not_trained"),
        (FLAG_RESEARCH_USE_ONLY, "research_use_only"),
        (FLAG_PREPARED_IN_CALL, "prepared_in_call"),
        (FLAG_NO_CUTOFFS, "no_cutoffs"),
    ]
    .into_iter()
    .filter(|(bit, _)| flags & bit != 0)
    .map(|(_, name)| name)
    .collect()
}

/// Returns the report of one result, from the result alone. `warnings` are those of reading the input, put before the
/// result's own.
pub fn report(scores: &Scores, warnings: &[String]) -> Value {
    let engine = &*scores.engine;
    let manifest = &*engine.manifest;
    let flags = flags(scores);
    let heads: Map<String, Value> = manifest
        .heads
        .iter()
        .zip(&scores.heads)
        .map(|(name, v)| (name.clone(), json!(v)))
        .collect();
    let mut all_warnings: Vec<String> = warnings.to_vec();
    if let Some(suv) = &scores.suv {
        all_warnings.extend(suv.warnings.iter().map(|w| format!("SUV: {w}")));
    }
    if flags & FLAG_NOT_TRAINED != 0 {
        all_warnings.push(format!(
            "the weights are {}: the scores mean nothing about a patient",
            manifest.weights.name()
        ));
    }
    if flags & FLAG_NO_CUTOFFS != 0 {
        all_warnings.push("the bundle has no cut-offs: there are no risk groups".into());
    }
    let lesion = match &scores.lesion {
        Some(Ok(lesion)) => Some(lesion),
        Some(Err(why)) => {
            all_warnings.push(format!("the lesion was not measured: {why}"));
            None
        }
        None => None,
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "research_use_only": true,
        "notice": RESEARCH_USE_ONLY,
        "scores": { "n1": scores.n1, "n2": scores.n2 },
        "heads": heads,
        "risk": scores.decision,
        "cutoffs": manifest.cutoffs,
        "evidence": PAPER_FINDING,
        "evidence_statements": evidence_statements(scores),
        "center_lps_mm": scores.center,
        "roi": { "kind": scores.roi_kind },
        "suv": scores.suv.as_ref().map(|s| json!({
            "factor": s.factors.first(),
            "factor_range": range(&s.factors),
            "rule": s.rule,
            "dt_s": s.dt_s,
            "steps": s.steps,
        })),
        "correlation_id": scores.correlation_id,
        "input": scores.digests,
        "audit": scores.audit.as_ref().map(|a| json!({ "line": a.line, "sha256": a.sha256 })),
        "qc": scores.quality,
        "pet_metrics": lesion.map(|l| &l.pet),
        "suv_references": scores.references.as_ref().map(references),
        "ct_diameters": lesion.and_then(|l| l.ct.as_ref()),
        "flags": flag_names(flags),
        "warnings": all_warnings,
        "provider": engine.provider.name(),
        "timings_ms": timings_ms(&scores.timings),
        "model": model_of(manifest, &engine.manifest_sha256, engine.signature.as_ref(), engine.precision),
        "runtime": runtime_of(engine.runtime, engine.threads, Some(engine)),
        "preprocessing": manifest.preprocessing,
        "library": library(),
    })
}

/// Returns the report of an explained result: that of the result, with the explanation beside it.
pub fn explanation(explanation: &Explanation, warnings: &[String]) -> Value {
    let mut report = report(&explanation.scores, warnings);
    report["explanation"] = json!(explanation);
    report
}

/// What was reported of cases like this one, or why nothing is said.
fn evidence_statements(scores: &Scores) -> Value {
    match published::published(scores, &published::ClinicalFacts::default()) {
        Ok(evidence) => json!(evidence),
        Err(why) => json!({ "statements": [], "reason": why }),
    }
}

/// A reference, or null with the reason.
fn references(references: &References) -> Value {
    let one = |r: &Result<Reference, String>| match r {
        Ok(reference) => json!(reference),
        Err(why) => json!({ "suv_mean": null, "reason": why }),
    };
    json!({ "liver": one(&references.liver), "blood_pool": one(&references.blood_pool) })
}

fn range(values: &[f64]) -> Option<[f64; 2]> {
    let low = values.iter().copied().min_by(f64::total_cmp)?;
    let high = values.iter().copied().max_by(f64::total_cmp)?;
    Some([low, high])
}

/// Returns the identity of a scorer's model: in the precision that runs, or before prepare in the one that would on a CPU.
pub fn model(scorer: &Scorer) -> Value {
    let precision = scorer.engine().map_or(Precision::Fp32, |e| e.precision);
    let bundle = scorer.bundle();
    model_of(
        &bundle.manifest,
        &bundle.manifest_sha256,
        bundle.signature.as_ref(),
        precision,
    )
}

fn model_of(
    manifest: &Manifest,
    manifest_sha256: &str,
    signature: Option<&Signature>,
    precision: Precision,
) -> Value {
    json!({
        "id": manifest.id,
        "version": manifest.version,
        "weights": manifest.weights,
        "intended_use": manifest.intended_use,
        "card": manifest.card,
        "manifest_sha256": manifest_sha256,
        "signature": signature,
        "precision": manifest.model(precision).map(|m| m.precision),
        "calibration": manifest.calibration,
        "sources": manifest.sources,
        "heads": manifest.heads,
    })
}

/// Returns a scorer's ONNX Runtime and, once it is prepared, its engine.
pub fn runtime(scorer: &Scorer) -> Value {
    let engine = scorer.engine();
    let threads = engine.as_ref().map_or(scorer.threads(), |e| e.threads);
    runtime_of(scorer.runtime(), threads, engine.as_deref())
}

fn runtime_of(runtime: Runtime, threads: usize, engine: Option<&Engine>) -> Value {
    json!({
        "onnxruntime": { "version": runtime.version(), "path": runtime.path().display().to_string(), "sha256": runtime.sha256() },
        "threads": threads,
        "provider": engine.map(|e| e.provider.name()),
        "precision": engine.map(|e| e.precision),
        "kernels": engine.map(|e| e.kernels),
        "instruction_set": engine.and_then(|e| e.instruction_set),
        "placement": engine.map(|e| &e.placement),
        "skipped_providers": engine.map(|e| &e.skipped_providers),
        "cache": engine.map(|e| &e.cache),
        "self_test_max_difference": engine.map(|e| e.self_test_max_difference),
    })
}

fn timings_ms(t: &Timings) -> Value {
    let ms = |d: Duration| d.as_nanos() as f64 / 1e6;
    json!({
        "prepare": ms(t.prepare),
        "preprocess": ms(t.preprocess),
        "evidence": ms(t.evidence),
        "infer": ms(t.infer),
        "finish": ms(t.finish),
        "total": ms(t.total()),
    })
}

/// A scorer without a case: what it would use.
pub fn scorer_info(scorer: &Scorer) -> Value {
    let manifest = &scorer.bundle().manifest;
    json!({
        "schema_version": SCHEMA_VERSION,
        "research_use_only": true,
        "notice": RESEARCH_USE_ONLY,
        "model": model(scorer),
        "cutoffs": manifest.cutoffs,
        "preprocessing": manifest.preprocessing,
        "runtime": runtime(scorer),
        "library": library(),
    })
}

/// This library's versions.
pub fn library() -> Value {
    json!({ "name": "dlnms", "version": env!("CARGO_PKG_VERSION"), "abi_version": crate::ABI_VERSION })
}
