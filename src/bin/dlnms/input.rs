//! A study and a tumour from the command line; shared by `score` and `planes`.

use crate::terminal;
use dlnms::Result;
use dlnms::dicom::{Segmentation, Study, rtstruct};
use dlnms::petmetrics::Delineation;
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

/// Where the tumour is: one of four ways.
#[derive(clap::Args)]
#[group(skip)]
#[command(group(clap::ArgGroup::new("tumour").required(true)))]
pub struct TumourArguments {
    /// Centre of the tumour, LPS millimetres; write --center=-42.3,-14.6,-122.1
    #[arg(long, group = "tumour", value_name = "X,Y,Z", value_parser = parse_center, allow_hyphen_values = true)]
    center: Option<[f64; 3]>,
    /// Mask of the tumour on any grid; its centroid is the centre
    #[arg(long, group = "tumour", value_name = "FILE.nii.gz")]
    mask: Option<PathBuf>,
    /// RT Structure Set with the tumour's contours
    #[arg(long, group = "tumour", value_name = "FILE", requires = "roi")]
    rtstruct: Option<PathBuf>,
    /// Name or number of the ROI in --rtstruct
    #[arg(long, value_name = "NAME", requires = "rtstruct")]
    roi: Option<String>,
    /// DICOM Segmentation with the tumour
    #[arg(long, group = "tumour", value_name = "FILE", requires = "segment")]
    seg: Option<PathBuf>,
    /// Number of the segment in --seg
    #[arg(long, value_name = "N", requires = "seg")]
    segment: Option<usize>,
}

/// The tumour, read.
pub enum Tumour {
    Center([f64; 3]),
    Mask(Box<Volume>),
}

impl TumourArguments {
    /// Read what was named; contours are laid on the grid of the series they were drawn on.
    pub fn read(&self, study: &Study) -> Result<Tumour> {
        let mask = |volume| Ok(Tumour::Mask(Box::new(volume)));
        match self {
            Self {
                center: Some(center),
                ..
            } => Ok(Tumour::Center(*center)),
            Self {
                mask: Some(file), ..
            } => mask(dlnms::nifti::read(file)?),
            Self {
                rtstruct: Some(file),
                roi: Some(name),
                ..
            } => {
                let set = rtstruct::read(file)?;
                let on_pet =
                    set.drawn_on.contains(&study.pet.uid) && !set.drawn_on.contains(&study.ct.uid);
                let series = if on_pet { &study.pet } else { &study.ct };
                mask(set.find(name)?.mask(&series.volume.geometry())?)
            }
            Self {
                seg: Some(file),
                segment: Some(n),
                ..
            } => mask(Segmentation::open(file)?.mask(*n)?),
            _ => Err(dlnms::Error::invalid(
                "--center, --mask, --rtstruct or --seg",
                "one of them is needed",
            )),
        }
    }
}

impl Tumour {
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

/// `41%` of SUVmax, or a fixed SUV.
pub fn parse_delineation(text: &str) -> std::result::Result<Delineation, String> {
    let (number, percent) = text.strip_suffix('%').map_or((text, false), |n| (n, true));
    match number.trim().parse::<f64>() {
        Ok(v) if percent && v > 0.0 && v <= 100.0 => Ok(Delineation::Fraction(v / 100.0)),
        Ok(v) if !percent && v.is_finite() && v > 0.0 => Ok(Delineation::Fixed(v)),
        _ => Err("write 41% or 2.5".into()),
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
