//! What is known of the patient and the tumour beyond the images; shared by `score` and `explain`.

use dlnms::explanation::PatientFacts;
use dlnms::imaging::suv::Sex;
use dlnms::readers::dicom::Study;
use dlnms::report::published::ClinicalFacts;
use dlnms::{Error, Result};

/// Nothing is computed from these: they decide which conditions of the published evidence are met, and which of the study's
/// population.
#[derive(clap::Args)]
pub struct FactArguments {
    /// Nodes clinically negative (cN0): a condition of the study, as the next one
    #[arg(long, value_name = "yes|no", value_parser = parse_yes)]
    cn0: Option<bool>,
    /// Non-small cell lung cancer
    #[arg(long, value_name = "yes|no", value_parser = parse_yes)]
    nsclc: Option<bool>,
    /// Age of the patient, years
    #[arg(long, value_name = "YEARS", value_parser = parse_age)]
    age: Option<f64>,
    /// Sex of the patient, for the page as the next ones
    #[arg(long, value_name = "male|female", value_parser = ["male", "female"])]
    sex: Option<String>,
    /// Clinical stage I
    #[arg(long, value_name = "yes|no", value_parser = parse_yes)]
    clinical_stage_i: Option<bool>,
    /// Pathological stage I
    #[arg(long, value_name = "yes|no", value_parser = parse_yes)]
    pathological_stage_i: Option<bool>,
    /// A nodal biopsy was made, or can be
    #[arg(long, value_name = "yes|no", value_parser = parse_yes)]
    nodal_biopsy: Option<bool>,
    /// The tumour is purely solid on CT
    #[arg(long, value_name = "yes|no", value_parser = parse_yes)]
    solid: Option<bool>,
    /// Lung of the tumour
    #[arg(long, value_name = "left|right", value_parser = ["left", "right"])]
    side: Option<String>,
    /// The tumour is central
    #[arg(long, value_name = "yes|no", value_parser = parse_yes)]
    central: Option<bool>,
}

impl FactArguments {
    /// Returns what the page wants to know of a patient.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] naming the option that contradicts another one or the headers of the study.
    pub fn clinical(&self, study: &Study) -> Result<ClinicalFacts> {
        // Stage I is N0 by definition.
        if self.clinical_stage_i == Some(true) && self.cn0 == Some(false) {
            let why = "stage I has no metastasis in a node, which --cn0 no contradicts";
            return Err(Error::invalid("--clinical-stage-i", why));
        }
        let male = self.sex.as_deref().map(|sex| sex == "male");
        let stated = study.pet.pet_info.as_ref().and_then(|info| info.sex);
        let contradicts = matches!(
            (male, stated),
            (Some(true), Some(Sex::Female)) | (Some(false), Some(Sex::Male))
        );
        if contradicts {
            let why = "contradicts PatientSex (0010,0040) of the PET";
            return Err(Error::invalid("--sex", why));
        }
        Ok(ClinicalFacts {
            clinical_n0: self.cn0,
            nsclc: self.nsclc,
            age_years: self.age,
            clinical_stage_i: self.clinical_stage_i,
            pathological_stage_i: self.pathological_stage_i,
            nodal_biopsy: self.nodal_biopsy,
            male,
            solid: self.solid,
            left: self.side.as_deref().map(|side| side == "left"),
            central: self.central,
        })
    }

    /// Returns what is compared with the study's population.
    pub fn patient(&self) -> PatientFacts {
        PatientFacts {
            clinical_n0: self.cn0,
            nsclc: self.nsclc,
            age_years: self.age,
        }
    }

    /// Refuses facts where nothing is written that shows them. `population`: the study's population is compared.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] naming the first option.
    pub fn require_shown(&self, population: bool, page: bool) -> Result<()> {
        let compared = [
            ("--cn0", self.cn0.is_some()),
            ("--nsclc", self.nsclc.is_some()),
            ("--age", self.age.is_some()),
        ];
        let of_page = [
            ("--sex", self.sex.is_some()),
            ("--clinical-stage-i", self.clinical_stage_i.is_some()),
            (
                "--pathological-stage-i",
                self.pathological_stage_i.is_some(),
            ),
            ("--nodal-biopsy", self.nodal_biopsy.is_some()),
            ("--solid", self.solid.is_some()),
            ("--side", self.side.is_some()),
            ("--central", self.central.is_some()),
        ];
        let compared = compared.into_iter().filter(|_| !population);
        let given = compared.chain(of_page).find(|(_, given)| *given);
        match given {
            Some((option, _)) if !page => {
                let why =
                    "is shown on the page alone, and none is written (--html, --png, --page-pdf)";
                Err(Error::invalid(option, why))
            }
            _ => Ok(()),
        }
    }
}

fn parse_yes(text: &str) -> std::result::Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("write yes or no".into()),
    }
}

fn parse_age(text: &str) -> std::result::Result<f64, String> {
    let age = text.parse().ok().filter(|age| (0.0..=130.0).contains(age));
    age.ok_or_else(|| "write a number of years, 0 to 130".into())
}
