//! Statistics of the training cases: how the heads' hidden activations lie, so that a case far from them is noticed.

use super::checks::{refuse, stated};
use super::files::{BundleFile, ElementType, StoredTensor, weights};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Percentiles of the distances that a manifest states, in order.
pub const PERCENTILES: [u32; 4] = [50, 90, 95, 99];

/// Statistics of the training cases, made by `dlnms_model reference`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingReference {
    /// The file of the tensors `HEAD.mean`, `HEAD.axes` (axes x units) and `HEAD.sd`, all float32.
    pub file: String,
    /// Training cases.
    pub cases: u64,
    /// Those of them that the percentiles were taken from, and nothing else.
    pub held_out: u64,
    /// Where the cases come from.
    pub source: String,
    /// One entry for each of `n1` and `n2`.
    pub heads: Vec<ReferenceHead>,
}

/// Distances of the held-out cases of one head, at the [`PERCENTILES`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceHead {
    /// Its name.
    pub head: String,
    /// Distance from the mean along the axes, in standard deviations (Mahalanobis).
    pub distance: [f64; 4],
    /// Length of what is left beside the axes.
    pub residual: [f64; 4],
}

/// Heads that need statistics.
const HEADS: [&str; 2] = ["n1", "n2"];

impl TrainingReference {
    /// Refuses statistics that contradict themselves or their file, naming the field.
    pub(super) fn validate(&self, files: &[BundleFile]) -> Result<()> {
        stated("reference.source", &self.source)?;
        if self.held_out == 0 || self.held_out >= self.cases {
            return refuse(format!(
                "reference.held_out: {} of {} cases",
                self.held_out, self.cases
            ));
        }
        let tensors = weights(files, "reference.file", &self.file)?;
        let names: Vec<&str> = self.heads.iter().map(|h| h.head.as_str()).collect();
        if names != HEADS {
            return refuse(format!("reference.heads: {names:?}, needs {HEADS:?}"));
        }
        for (n, head) in self.heads.iter().enumerate() {
            let field = format!("reference.heads[{n}]");
            for (name, values) in [("distance", head.distance), ("residual", head.residual)] {
                let ascending = values.is_sorted() && values.iter().all(|v| v.is_finite());
                if !(ascending && values[0] >= 0.0) {
                    return refuse(format!(
                        "{field}.{name}: must be ascending and not negative"
                    ));
                }
            }
            head.validate(tensors, &field)?;
        }
        Ok(())
    }
}

impl ReferenceHead {
    /// Refuses mean, axes and standard deviations whose shapes do not belong together.
    fn validate(&self, tensors: &[StoredTensor], field: &str) -> Result<()> {
        let shape = |part: &str| {
            let name = format!("{}.{part}", self.head);
            let found = tensors.iter().find(|t| t.name == name);
            match found {
                Some(t) if t.element == ElementType::Float32 => Ok(t.shape.as_slice()),
                _ => refuse(format!(
                    "{field}: its file has no tensor {name:?} of float32"
                )),
            }
        };
        match (shape("mean")?, shape("axes")?, shape("sd")?) {
            ([units], [axes, of], [deviations]) if units == of && axes == deviations => Ok(()),
            (mean, axes, sd) => refuse(format!(
                "{field}: shapes {mean:?}, {axes:?} and {sd:?} do not belong together"
            )),
        }
    }
}
