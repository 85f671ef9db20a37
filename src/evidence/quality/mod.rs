//! Quality checks of a case: findings with stable codes, and a policy that says which of them refuse it.
//!
//! Everything is cheap enough for every call: nearest voxels at every few millimetres, no pass over a volume. Only the
//! reference regions are not, so they are measured when a case asks for them.

mod center;
mod checks;
mod code;
mod finding;
mod outline;
mod policy;
mod suv_checks;
mod window;

pub use code::{Code, Severity};
pub use finding::Finding;
pub use outline::outline_shift;
pub use policy::{Action, QualityPolicy};

use crate::case::{Case, CaseMetadata};
use crate::error::{Error, Result};
use crate::evidence::reference_region::References;
use crate::imaging::roi::Extent;
use crate::imaging::sampler::PreprocessSpec;
use crate::imaging::suv::{PetInfo, SuvScale};
use finding::Findings;
use suv_checks::check_suv_inputs;
use window::Window;

/// Returns what is found in a case whose ROI, SUV factors and, if asked for, references are known.
///
/// # Errors
/// [`Error::Quality`] with all findings that the policy refuses; [`Error::InvalidArgument`] for a slice thickness that is
/// not a positive number.
pub fn check(
    case: &Case<'_>,
    roi: &Extent,
    suv: Option<&SuvScale>,
    references: Option<&References>,
    spec: &PreprocessSpec,
    policy: &QualityPolicy,
) -> Result<Vec<Finding>> {
    checks::require_thickness(&case.metadata)?;
    let mut findings = Findings {
        policy,
        found: Vec::new(),
    };
    checks::metadata(&case.metadata, &mut findings);
    checks::thickness(
        &case.metadata,
        [case.ct.grid.spacing[2], case.pet.grid.spacing[2]],
        &mut findings,
    );
    checks::acquisition(case, suv, &mut findings);
    suv_checks::assumptions(case, suv, &mut findings);
    checks::region(case, roi, spec, &mut findings);
    checks::lesion(case, roi, &mut findings);
    let factors = suv.map_or(&[][..], |s| &s.factors);
    let window = Window::sample(case, roi.center, factors, spec);
    window.check_padding(&mut findings);
    if let Some(references) = references {
        checks::plausible_references(references, &case.metadata, &mut findings);
    }
    // Voxels of the other modality would make every check below speak of what is not there.
    if !window.check_modalities(case, &mut findings) {
        let tissue = window.check_suv(case, factors, &mut findings);
        center::check(case, roi.center, factors, tissue, &mut findings);
        checks::alignment(case, roi.center, factors, tissue, &mut findings);
    }
    let refused = |f: &&Finding| policy.action(f.code) == Action::Refuse;
    let refused: Vec<_> = findings.found.iter().filter(refused).collect();
    if refused.is_empty() {
        Ok(findings.found)
    } else {
        let reason = |f: &Finding| (f.code.name(), f.message.clone());
        Err(Error::Quality(refused.into_iter().map(reason).collect()))
    }
}

/// Returns what the headers of a CT and a PET say against them before there is a tumour; nothing is refused. `metadata` is
/// those of both, `suv` those of the PET with the factors they give; a score checks more.
pub fn check_headers(
    metadata: Option<&CaseMetadata>,
    suv: Option<&(PetInfo, SuvScale)>,
) -> Vec<Finding> {
    let of_both = metadata.map_or_else(Vec::new, check_metadata);
    let of_pet = suv.map_or_else(Vec::new, |(info, scale)| check_suv_inputs(info, scale));
    [of_both, of_pet].concat()
}

fn check_metadata(of: &CaseMetadata) -> Vec<Finding> {
    let policy = QualityPolicy::default();
    let mut findings = Findings {
        policy: &policy,
        found: Vec::new(),
    };
    checks::metadata(of, &mut findings);
    checks::thickness(of, [0.0; 2], &mut findings);
    findings.found
}

#[cfg(test)]
mod tests;
