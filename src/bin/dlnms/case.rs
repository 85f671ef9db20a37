//! The case from the command line, and what scores it; shared by `score` and `explain`.

use crate::input::{EngineArguments, QualityArguments, StudyArguments};
use crate::trust::AuditArguments;
use crate::tumour::{Lesion, TumourArguments, parse_point};
use dlnms::Result;
use dlnms::case::ReferenceRequest;
use dlnms::readers::dicom::Study;
use dlnms::runtime::RuntimeOptions;
use dlnms::scorer::{Case, LesionRequest, Scorer};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct CaseArguments {
    #[command(flatten)]
    pub study: StudyArguments,
    /// Model bundle
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    #[command(flatten)]
    pub tumour: TumourArguments,
    #[command(flatten)]
    quality: QualityArguments,
    #[command(flatten)]
    audit: AuditArguments,
    #[command(flatten)]
    pub engine: EngineArguments,
    /// A point in the right lobe of the liver, LPS millimetres, whose SUV is to be checked; looked for on CT if not said
    #[arg(long, value_name = "X,Y,Z", value_parser = parse_point, allow_hyphen_values = true)]
    liver: Option<[f64; 3]>,
    /// A point in the descending aorta, likewise
    #[arg(long, value_name = "X,Y,Z", value_parser = parse_point, allow_hyphen_values = true)]
    blood_pool: Option<[f64; 3]>,
}

impl CaseArguments {
    /// Opens the bundle; the scorer is not prepared yet.
    pub fn scorer(&self, runtime: &RuntimeOptions) -> Result<Scorer> {
        let audit = self.audit.options()?;
        let policy = self.quality.policy();
        self.engine
            .scorer_with(&self.bundle, runtime, policy, audit)
    }

    /// Returns the case of a lesion, whose measures, reference regions and digests are asked for.
    pub fn case<'a>(&'a self, lesion: &'a Lesion, study: &'a Study) -> Result<Case<'a>> {
        let mut case = lesion.case(study)?;
        self.audit.complete(&mut case);
        case.digests = true;
        case.lesion = Some(LesionRequest {
            delineation: self.tumour.threshold,
            radius_mm: self.tumour.radius,
        });
        case.references = Some(ReferenceRequest {
            liver: self.liver,
            blood_pool: self.blood_pool,
        });
        Ok(case)
    }
}
