//! What the audit log says of a case: who asked, with which model and engine, what was found, and the result.

use super::scores::Scores;
use super::shared::Scorer;
use super::single::log_outcome;
use crate::audit::AuditLog;
use crate::case::Case;
use crate::error::{Error, Result};
use serde_json::{Map, Value, json};

impl Scorer {
    /// Writes the outcomes of cases into the log and the audit log. A result that cannot be recorded is no result.
    pub(super) fn record(&self, cases: &[Case<'_>], outcomes: &mut [Result<Scores>]) {
        for (case, outcome) in cases.iter().zip(&*outcomes) {
            log_outcome(case, outcome);
        }
        let Some(audit) = &self.audit else { return };
        let pairs = cases.iter().zip(&*outcomes);
        let records = pairs.map(|(case, outcome)| self.audit_record(audit, case, outcome));
        match audit.append(records.collect()) {
            Ok(entries) => {
                for (outcome, entry) in outcomes.iter_mut().zip(entries) {
                    if let Ok(scores) = outcome {
                        scores.audit = Some(entry);
                    }
                }
            }
            Err(e) => {
                log::error!(target: "dlnms::audit", "{e}");
                for outcome in outcomes.iter_mut().filter(|o| o.is_ok()) {
                    *outcome = Err(match &e {
                        Error::AuditAltered(why) => Error::AuditAltered(why.clone()),
                        Error::AuditUnavailable(why) => Error::AuditUnavailable(why.clone()),
                        other => Error::AuditUnavailable(other.to_string()),
                    });
                }
            }
        }
    }

    /// Refuses a case of which an audit log could not say who asked.
    pub(super) fn require_actor(&self, case: &Case<'_>) -> Result<()> {
        if self.audit.is_some() && case.context.actor.is_none() {
            let why = "is needed, because an audit log is kept";
            return Err(Error::invalid("context.actor", why));
        }
        Ok(())
    }

    fn audit_record(
        &self,
        audit: &AuditLog,
        case: &Case<'_>,
        outcome: &Result<Scores>,
    ) -> Map<String, Value> {
        let context = &case.context;
        let hidden = |uid: Option<&str>| uid.map(|uid| audit.hidden(uid));
        let scores = outcome.as_ref().ok();
        let engine = scores.map(|s| &*s.engine);
        let manifest = &self.bundle.manifest;
        let result = scores.map(|s| {
            json!({ "n1": s.n1, "n2": s.n2, "risk": s.decision, "center_lps_mm": s.center, "roi": s.roi_kind })
        });
        let findings = scores.map(|s| s.quality.iter().map(|f| f.code.name()).collect::<Vec<_>>());
        let status = outcome.as_ref().err().map_or(0, Error::status);
        let record = json!({
            "event": "score",
            "actor": context.actor,
            "correlation_id": context.correlation_id,
            "study": hidden(context.study_uid),
            "ct_series": hidden(context.ct_series_uid),
            "pet_series": hidden(context.pet_series_uid),
            "model": {
                "id": manifest.id,
                "version": manifest.version,
                "manifest_sha256": self.bundle.manifest_sha256,
                "key_id": self.bundle.signature.as_ref().map(|s| &s.key_id),
            },
            "engine": engine.map(|e| json!({
                "provider": e.provider.name(),
                "precision": e.precision,
                "kernels": e.kernels_name(),
            })),
            "onnxruntime": { "version": self.runtime.version(), "sha256": self.runtime.sha256() },
            "library": env!("CARGO_PKG_VERSION"),
            "input": scores.and_then(|s| s.digests.as_ref()),
            "findings": findings,
            // The number and its fixed words: a message may name a region of the patient's study.
            "status": status,
            "error": (status != 0).then(|| crate::error::status::text(status).to_string_lossy()),
            "result": result,
        });
        match record {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}
