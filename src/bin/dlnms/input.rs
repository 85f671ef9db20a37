//! A study and a tumour from the command line; shared by `score` and `planes`.

use crate::terminal;
use dlnms::Result;
use dlnms::dicom::Study;
use dlnms::roi::Roi;
use dlnms::runtime::Runtime;
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::scorer::{CancelToken, Scorer, ScorerOptions};
use dlnms::volume::Volume;
use std::path::{Path, PathBuf};

/// Where the study is.
#[derive(clap::Args)]
pub struct StudyArguments {
    /// Model bundle
    #[arg(long, value_name = "DIR")]
    pub bundle: PathBuf,
    /// Folder (or file) with the CT; searched recursively
    #[arg(long, value_name = "DIR")]
    pub ct: PathBuf,
    /// Folder (or file) with the PET; searched recursively
    #[arg(long, value_name = "DIR")]
    pub pet: PathBuf,
}

impl StudyArguments {
    /// Read both series.
    pub fn open(&self) -> Result<Study> {
        let bar = terminal::bar("reading DICOM");
        // CT and PET are read one after the other, so the bar fills twice.
        let tell = |done: usize, of: usize| {
            terminal::advance(&bar, done as f64 / of as f64);
            true
        };
        let study = Study::open(
            std::slice::from_ref(&self.ct),
            std::slice::from_ref(&self.pet),
            &tell,
            &CancelToken::default(),
        );
        bar.finish_and_clear();
        study
    }

    /// Open the bundle.
    pub fn scorer(&self, runtime: Option<&Path>, policy: Policy, threads: usize) -> Result<Scorer> {
        Scorer::new(
            Runtime::load(runtime)?,
            &self.bundle,
            ScorerOptions { policy, threads },
        )
    }
}

/// Where the tumour is.
pub enum Tumour {
    Center([f64; 3]),
    Mask(Box<Volume>),
}

impl Tumour {
    /// From `--center` or `--mask`, of which clap lets exactly one through.
    pub fn read(center: Option<[f64; 3]>, mask: Option<&Path>) -> Result<Self> {
        match (center, mask) {
            (Some(center), _) => Ok(Tumour::Center(center)),
            (None, Some(mask)) => Ok(Tumour::Mask(Box::new(dlnms::nifti::read(mask)?))),
            (None, None) => Err(dlnms::Error::invalid(
                "--center or --mask",
                "one of them is needed",
            )),
        }
    }

    /// As the library wants it.
    pub fn roi(&self) -> Result<Roi<'_>> {
        Ok(match self {
            Tumour::Center(center) => Roi::Point(*center),
            Tumour::Mask(volume) => Roi::Mask(volume.view("mask")?),
        })
    }
}

/// `X,Y,Z` in millimetres.
pub fn parse_center(text: &str) -> std::result::Result<[f64; 3], String> {
    let values: Vec<f64> = text
        .split(',')
        .map(|s| {
            s.trim()
                .parse::<f64>()
                .map_err(|_| format!("{s:?} is not a number"))
        })
        .collect::<std::result::Result<_, _>>()?;
    let point: [f64; 3] = values
        .try_into()
        .map_err(|_| "three numbers X,Y,Z are needed".to_owned())?;
    if point.iter().all(|v| v.is_finite()) {
        Ok(point)
    } else {
        Err("the numbers must be finite".into())
    }
}

/// `auto` or providers in order.
pub fn policy(names: &[String]) -> Result<Policy> {
    if names.is_empty() || names.iter().any(|n| n == "auto") {
        return Ok(Policy::auto());
    }
    let known = |n: &String| {
        Provider::from_name(n).ok_or_else(|| {
            dlnms::Error::invalid(
                "--provider",
                format!("{n:?} is unknown; known: auto, cpu, cuda, tensorrt, tensorrt-rtx"),
            )
        })
    };
    Ok(Policy {
        providers: names.iter().map(known).collect::<Result<_>>()?,
        device: 0,
    })
}
