//! A study from the command line; shared by `score` and `planes`.

use crate::terminal;
use dlnms::dicom::{Archive, Modality, Series, SeriesChoice, Study, pet_info_from_file};
use dlnms::quality::QualityPolicy;
use dlnms::runtime::Runtime;
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::scorer::{CancelToken, Scorer, ScorerOptions};
use dlnms::{Error, Result, files};
use std::path::{Path, PathBuf};

/// Where the study is.
#[derive(clap::Args)]
pub struct StudyArguments {
    /// Files and folders that hold the CT and the PET, and structure sets; searched recursively
    #[arg(value_name = "PATH", required_unless_present_all = ["ct", "pet"])]
    paths: Vec<PathBuf>,
    /// Model bundle
    #[arg(long, value_name = "DIR")]
    pub bundle: PathBuf,
    /// The CT alone: a folder, a file, or a volume in HU (.nii, .nii.gz, .nrrd)
    #[arg(long, value_name = "PATH")]
    ct: Option<PathBuf>,
    /// The PET alone: a folder, a file, or a volume (.nii, .nii.gz, .nrrd), in SUVbw unless --pet-tags says more
    #[arg(long, value_name = "PATH")]
    pet: Option<PathBuf>,
    /// SUV tags of a PET volume that is not DICOM, as JSON of DICOM keywords [default: the volume's name with .json]
    #[arg(long, value_name = "FILE", requires = "pet")]
    pet_tags: Option<PathBuf>,
    /// Series Instance UID of the CT [default: the largest regular one]
    #[arg(long, value_name = "UID")]
    ct_series: Option<String>,
    /// Series Instance UID of the PET [default: the largest attenuation-corrected one with an SUV]
    #[arg(long, value_name = "UID")]
    pet_series: Option<String>,
}

/// A study, decoded, and the archives it came from, which may hold ROIs.
pub struct Input {
    pub study: Study,
    pub archives: Vec<Archive>,
}

impl StudyArguments {
    /// Read both series.
    pub fn open(&self) -> Result<Input> {
        let bar = terminal::bar("reading");
        let tell = |done: usize, of: usize| {
            terminal::advance(&bar, done as f64 / of as f64);
            true
        };
        let input = self.read(&tell);
        bar.finish_and_clear();
        input
    }

    fn read(&self, tell: &(dyn Fn(usize, usize) -> bool + Sync)) -> Result<Input> {
        let cancel = CancelToken::default();
        let choice = SeriesChoice {
            ct: self.ct_series.as_deref(),
            pet: self.pet_series.as_deref(),
        };
        let is_volume = |path: &Option<PathBuf>| path.as_deref().is_some_and(files::is_volume);
        let mut archives = Vec::new();
        if !self.paths.is_empty() {
            archives.push(Archive::open(&self.paths, &cancel)?);
        }
        let mut place = |path: &Option<PathBuf>| match path {
            Some(path) if !files::is_volume(path) => {
                archives.push(Archive::open(std::slice::from_ref(path), &cancel)?);
                Ok(archives.len() - 1)
            }
            _ => Ok::<_, Error>(0),
        };
        let (ct, pet) = (place(&self.ct)?, place(&self.pet)?);
        let study = if is_volume(&self.ct) || is_volume(&self.pet) {
            let series = |path: &Option<PathBuf>, archive, modality, uid| match path {
                Some(path) if files::is_volume(path) => self.volume(path, modality),
                _ => Archive::series(archive, modality, uid, tell, &cancel),
            };
            // An index that is out of range belongs to a volume, which needs no archive.
            let fallback = Archive::default();
            let archive = |n: usize| archives.get(n).unwrap_or(&fallback);
            Study::of(
                series(&self.ct, archive(ct), Modality::Ct, choice.ct)?,
                series(&self.pet, archive(pet), Modality::Pt, choice.pet)?,
            )
        } else {
            Study::load(&archives[ct], &archives[pet], choice, tell, &cancel)?
        };
        Ok(Input { study, archives })
    }

    fn volume(&self, path: &Path, modality: Modality) -> Result<Series> {
        let volume = files::read(path)?;
        let tags = match (modality, &self.pet_tags) {
            (Modality::Ct, _) => None,
            (Modality::Pt, Some(file)) => Some(file.clone()),
            (Modality::Pt, None) => Some(beside(path)).filter(|file| file.exists()),
        };
        let info = match tags {
            None => None,
            Some(file) => Some(pet_info_from_file(&file, volume.dims[2])?),
        };
        Ok(Series::of_volume(modality, volume, info))
    }
}

/// The side-car of a volume: its name with .json.
fn beside(volume: &Path) -> PathBuf {
    let name = volume.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    volume.with_file_name(format!("{stem}.json"))
}

/// How the network is run; shared by `score`, `info` and `bench`.
#[derive(clap::Args)]
pub struct EngineArguments {
    /// Execution provider: auto, cpu, cuda, tensorrt, tensorrt-rtx, openvino; repeat for an order; one alone is strict
    #[arg(long, value_name = "NAME")]
    provider: Vec<String>,
    /// Library of a plugin provider (tensorrt-rtx, openvino) or its folder [default: beside this program or ONNX Runtime]
    #[arg(long, value_name = "PATH")]
    plugin: Option<PathBuf>,
    /// Threads of the network [default: min(4, cores)]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Keep what the provider makes of the model in this folder, for a faster next start
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

impl EngineArguments {
    /// Give another process the same, but for the cache.
    pub fn repeat(&self, command: &mut std::process::Command) {
        for name in &self.provider {
            command.arg("--provider").arg(name);
        }
        if let Some(plugin) = &self.plugin {
            command.arg("--plugin").arg(plugin);
        }
        command.arg("--threads").arg(self.threads.to_string());
    }

    /// Open a bundle.
    pub fn scorer(&self, bundle: &Path, runtime: Option<&Path>) -> Result<Scorer> {
        let options = ScorerOptions {
            policy: Policy {
                plugin: self.plugin.clone(),
                ..policy(&self.provider)?
            },
            threads: self.threads,
            quality: QualityPolicy::default(),
            cache: self.cache.clone(),
        };
        Scorer::new(Runtime::load(runtime)?, bundle, options)
    }
}

/// `auto` or providers in order.
fn policy(names: &[String]) -> Result<Policy> {
    if names.is_empty() || names.iter().any(|n| n == "auto") {
        return Ok(Policy::auto());
    }
    let known = |n: &String| {
        Provider::from_name(n).ok_or_else(|| {
            Error::invalid(
                "--provider",
                format!(
                    "{n:?} is unknown; known: auto, cpu, cuda, tensorrt, tensorrt-rtx, openvino"
                ),
            )
        })
    };
    Ok(Policy {
        providers: names.iter().map(known).collect::<Result<_>>()?,
        ..Policy::auto()
    })
}
