//! A study from the command line; shared by `score`, `planes` and `texture`.

use crate::terminal;
use crate::trust::TrustArguments;
use dlnms::audit::AuditOptions;
use dlnms::bundle::Precision;
use dlnms::evidence::quality::QualityPolicy;
use dlnms::readers::dicom::{Archive, Modality, Series, SeriesChoice, Study, pet_info_from_file};
use dlnms::reading::ReadOptions;
use dlnms::runtime::provider::{InstructionSet, Kernels, Policy, Provider, ProviderConfig};
use dlnms::runtime::{Runtime, RuntimeOptions};
use dlnms::scorer::{CancelToken, Scorer, ScorerOptions};
use dlnms::{Error, Result, readers};
use std::path::{Path, PathBuf};

/// Where the study is.
#[derive(clap::Args)]
pub struct StudyArguments {
    /// Files and folders that hold the CT and the PET, and structure sets; searched recursively
    #[arg(value_name = "PATH", required_unless_present_all = ["ct", "pet"])]
    paths: Vec<PathBuf>,
    /// The CT alone: a folder, a file, or a volume in HU (.nii, .nii.gz, .nrrd)
    #[arg(long, value_name = "PATH")]
    ct: Option<PathBuf>,
    /// The PET alone: a folder, a file, or a volume (.nii, .nii.gz, .nrrd), in SUVbw unless --pet-tags says more
    #[arg(long, value_name = "PATH")]
    pet: Option<PathBuf>,
    /// SUV tags of a PET volume that is not DICOM, as JSON of DICOM keywords [default: the volume's name with .json]
    #[arg(long, value_name = "FILE", requires = "pet")]
    pet_tags: Option<PathBuf>,
    /// Series Instance UID of the CT [default: the largest regular one that shares a frame of reference with the PET]
    #[arg(long, value_name = "UID")]
    ct_series: Option<String>,
    /// Series Instance UID of the PET [default: the largest attenuation-corrected one with an SUV that shares a frame of reference with the CT]
    #[arg(long, value_name = "UID")]
    pet_series: Option<String>,
    #[command(flatten)]
    pub read: ReadArguments,
}

/// What reading may cost, and what it may say; shared by everything that reads a study.
#[derive(Clone, clap::Args)]
pub struct ReadArguments {
    /// Name files inside folders in messages and JSON [default: "file 17", line 17 of `find -L PATH -type f | LC_ALL=C sort`]
    #[arg(long)]
    verbose_names: bool,
    /// Megabytes that the CT, the PET and a mask may take when they are decoded [default: 8192]
    #[arg(long, value_name = "MB")]
    study_limit: Option<u64>,
}

impl ReadArguments {
    /// As the library wants them, with this many threads; 0 leaves it to the library.
    pub fn options(&self, threads: usize) -> ReadOptions {
        let default = ReadOptions::default();
        let limit = self.study_limit.map(|mb| mb.saturating_mul(1 << 20));
        ReadOptions {
            threads,
            max_study_bytes: limit.unwrap_or(default.max_study_bytes),
            verbose_names: self.verbose_names,
        }
    }
}

/// A study, decoded, and the archives it came from, which may hold ROIs.
pub struct Input {
    pub study: Study,
    pub archives: Vec<Archive>,
    /// What it was read with; masks and files of ROIs are read with it too.
    pub options: ReadOptions,
}

impl StudyArguments {
    /// Read both series on this many threads.
    pub fn open(&self, threads: usize) -> Result<Input> {
        let bar = terminal::bar("reading");
        let tell = |done: usize, of: usize| {
            terminal::advance(&bar, done as f64 / of as f64);
            true
        };
        let input = self.read(&self.read.options(threads), &tell);
        bar.finish_and_clear();
        input
    }

    /// Reads both series without a bar.
    pub fn open_quietly(&self, threads: usize) -> Result<Input> {
        self.read(&self.read.options(threads), &|_, _| true)
    }

    fn read(
        &self,
        options: &ReadOptions,
        tell: &(dyn Fn(usize, usize) -> bool + Sync),
    ) -> Result<Input> {
        let cancel = CancelToken::default();
        let choice = SeriesChoice {
            ct: self.ct_series.as_deref(),
            pet: self.pet_series.as_deref(),
        };
        let is_volume = |path: &Option<PathBuf>| path.as_deref().is_some_and(readers::is_volume);
        let mut archives = Vec::new();
        if !self.paths.is_empty() {
            archives.push(Archive::open_with(&self.paths, options, &cancel)?);
        }
        let mut place = |path: &Option<PathBuf>| match path {
            Some(path) if !readers::is_volume(path) => {
                let paths = std::slice::from_ref(path);
                archives.push(Archive::open_with(paths, options, &cancel)?);
                Ok(archives.len() - 1)
            }
            _ => Ok::<_, Error>(0),
        };
        let (ct, pet) = (place(&self.ct)?, place(&self.pet)?);
        let study = if is_volume(&self.ct) || is_volume(&self.pet) {
            let series = |path: &Option<PathBuf>, archive, modality, uid| match path {
                Some(path) if readers::is_volume(path) => self.volume(path, modality, options),
                _ => Archive::series(archive, modality, uid, tell, &cancel),
            };
            // An index that is out of range belongs to a volume, which needs no archive.
            let fallback = Archive::default();
            let archive = |n: usize| archives.get(n).unwrap_or(&fallback);
            Study::new(
                series(&self.ct, archive(ct), Modality::Ct, choice.ct)?,
                series(&self.pet, archive(pet), Modality::Pt, choice.pet)?,
            )
        } else {
            Study::load(&archives[ct], &archives[pet], choice, tell, &cancel)?
        };
        Ok(Input {
            study,
            archives,
            options: options.clone(),
        })
    }

    fn volume(&self, path: &Path, modality: Modality, options: &ReadOptions) -> Result<Series> {
        let volume = readers::read_with(path, options, &CancelToken::default())?;
        let tags = match (modality, &self.pet_tags) {
            (Modality::Ct, _) => None,
            (Modality::Pt, Some(file)) => Some(file.clone()),
            (Modality::Pt, None) => Some(beside(path)).filter(|file| file.exists()),
        };
        let info = match tags {
            None => None,
            Some(file) => Some(pet_info_from_file(&file, volume.dims[2])?),
        };
        Ok(Series::from_volume(modality, volume, info))
    }
}

/// The side-car of a volume: its name with .json.
fn beside(volume: &Path) -> PathBuf {
    let name = volume.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    volume.with_file_name(format!("{stem}.json"))
}

/// What is done about findings of the quality checks; shared by `score` and `planes`.
#[derive(Clone, Copy, clap::Args)]
pub struct QualityArguments {
    /// Quality checks that refuse a case: default, different patients alone; strict, everything after which the scores are
    /// probably wrong. Other findings are warnings
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = Quality::Default)]
    quality: Quality,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Quality {
    Default,
    Strict,
}

impl QualityArguments {
    /// Returns the name of the policy.
    pub fn name(self) -> &'static str {
        match self.quality {
            Quality::Default => "default",
            Quality::Strict => "strict",
        }
    }

    /// Returns the policy that was named.
    pub fn policy(self) -> QualityPolicy {
        match self.quality {
            Quality::Default => QualityPolicy::default(),
            Quality::Strict => QualityPolicy::strict(),
        }
    }
}

/// How the network is run; shared by `score`, `info` and `bench`.
#[derive(Clone, clap::Args)]
pub struct EngineArguments {
    /// Execution provider: auto, cpu, cuda, tensorrt, tensorrt-rtx, openvino; repeat for an order; one alone is strict
    #[arg(long, value_name = "NAME")]
    provider: Vec<String>,
    /// Library of a plugin provider (tensorrt-rtx, openvino) or its folder [default: beside this program or ONNX Runtime]
    #[arg(long, value_name = "PATH")]
    plugin: Option<PathBuf>,
    /// Arithmetic: auto, fp32, fp16, bf16 (CPUs with AVX512-BF16, less exact, some 0.6 of the time); auto is FP16 on a GPU where the
    /// bundle has it and the self-test passes, else FP32
    #[arg(long, value_name = "NAME", value_parser = parse_precision, default_value = "auto")]
    precision: Wanted<Precision>,
    /// Whose kernels compute on the CPU: auto, onnxruntime, dlnms, or dlnms with an instruction set: dlnms:avx512bf16 (BF16),
    /// dlnms:avx512, dlnms:avx2, dlnms:scalar (any processor, slow); auto is dlnms with the fastest that the processor has,
    /// else onnxruntime
    #[arg(long, value_name = "NAME", value_parser = parse_kernels, default_value = "auto")]
    kernels: WantedKernels,
    /// Build a second engine for runs of exactly so many cases, for batches on a GPU
    #[arg(long, value_name = "N")]
    engine_batch: Option<usize>,
    /// Index of the GPU
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    device: i32,
    /// Megabytes of GPU memory for activations (cuda)
    #[arg(long, value_name = "MB")]
    memory_limit: Option<u64>,
    /// Megabytes of GPU memory that a build may use (tensorrt, tensorrt-rtx)
    #[arg(long, value_name = "MB")]
    workspace: Option<u64>,
    /// Record the GPU's kernels once and replay them
    #[arg(long)]
    cuda_graph: bool,
    /// Threads of the network, and of reading the study [default: min(4, cores)]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Let its threads spin instead of sleeping: some hundredths faster on the CPU, a tenth with ONNX Runtime's kernels, at the price of the cores
    #[arg(long)]
    spin: bool,
    /// Keep what the provider makes of the model in this folder, for a faster next start
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    pub trust: TrustArguments,
}

impl EngineArguments {
    /// Threads that were asked for; 0 leaves it to the library.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Returns the same with an equal share of the default threads for each of several studies, unless a number was given.
    pub fn with_default_threads(&self, studies: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = (cores / studies).clamp(1, 4);
        Self {
            threads: if self.threads == 0 {
                share
            } else {
                self.threads
            },
            ..self.clone()
        }
    }

    /// Give another process the same, but for the cache.
    pub fn repeat(&self, command: &mut std::process::Command) {
        for name in &self.provider {
            command.arg("--provider").arg(name);
        }
        if let Some(plugin) = &self.plugin {
            command.arg("--plugin").arg(plugin);
        }
        for (flag, value) in [
            ("--threads", Some(self.threads as u64)),
            ("--device", Some(self.device as u64)),
            ("--memory-limit", self.memory_limit),
            ("--engine-batch", self.engine_batch.map(|n| n as u64)),
            ("--workspace", self.workspace),
        ] {
            if let Some(value) = value {
                command.arg(flag).arg(value.to_string());
            }
        }
        if let Wanted(Some(precision)) = self.precision {
            command.arg("--precision").arg(precision.name());
        }
        if let Some(kernels) = self.kernels.name() {
            command.arg("--kernels").arg(kernels);
        }
        self.trust.repeat(command);
        for (set, flag) in [(self.cuda_graph, "--cuda-graph"), (self.spin, "--spin")] {
            if set {
                command.arg(flag);
            }
        }
    }

    /// The same with another provider: `PROVIDER[:PRECISION[:KERNELS]]`.
    pub fn instead(&self, name: &str) -> Result<Self> {
        let refuse = |why| Error::invalid("--against", why);
        let mut parts = name.splitn(3, ':');
        let mut next = || parts.next().unwrap_or("auto");
        Ok(Self {
            provider: vec![next().into()],
            precision: parse_precision(next()).map_err(refuse)?,
            kernels: parse_kernels(next()).map_err(refuse)?,
            engine_batch: None, // single calls are compared
            ..self.clone()
        })
    }

    /// Open a bundle.
    pub fn scorer(&self, bundle: &Path, runtime: &RuntimeOptions) -> Result<Scorer> {
        self.scorer_with(bundle, runtime, QualityPolicy::default(), None)
    }

    /// Opens a bundle with a quality policy, and an audit log if one is to be written.
    pub fn scorer_with(
        &self,
        bundle: &Path,
        runtime: &RuntimeOptions,
        quality: QualityPolicy,
        audit: Option<AuditOptions>,
    ) -> Result<Scorer> {
        let options = ScorerOptions {
            policy: self.policy()?,
            threads: self.threads,
            spin: self.spin,
            cache: self.cache.clone(),
            pins: self.trust.pins()?,
            quality,
            audit,
            ..ScorerOptions::default()
        };
        Scorer::new(Runtime::load_with(runtime)?, bundle, options)
    }

    /// Each provider that was named, with those options that mean something to it; `auto` takes what it can use.
    fn policy(&self) -> Result<Policy> {
        let auto = self.provider.is_empty() || self.provider.iter().any(|n| n == "auto");
        let mut policy = if auto {
            Policy::auto()
        } else {
            Policy::new(
                &self
                    .provider
                    .iter()
                    .map(known)
                    .collect::<Result<Vec<_>>>()?,
            )
        };
        let bytes = |megabytes: Option<u64>| megabytes.map(|mb| mb.saturating_mul(1 << 20));
        let (memory, space) = (bytes(self.memory_limit), bytes(self.workspace));
        let changes: [&dyn Fn(&mut ProviderConfig); 5] = [
            &|e| {
                e.device = if e.provider == Provider::Cpu {
                    0
                } else {
                    self.device
                }
            },
            &|e| e.memory_limit = memory,
            &|e| e.workspace = space,
            &|e| e.cuda_graph = self.cuda_graph,
            &|e| {
                e.kernels = self.kernels.kernels;
                e.instruction_set = self.kernels.instruction_set;
            },
        ];
        let several = policy.entries.len() > 1;
        for entry in &mut policy.entries {
            entry.precision = self.precision.0;
            entry.plugin = self.plugin.clone();
            entry.batch = self.engine_batch;
            for change in changes {
                let before = entry.clone();
                change(entry);
                // One provider alone is told what it cannot do; of several each takes what it can.
                if several && entry.validate().is_err() {
                    *entry = before;
                }
            }
        }
        Ok(policy)
    }
}

/// One of several, or `auto`.
#[derive(Clone, Copy)]
pub struct Wanted<T>(Option<T>);

fn parse_precision(text: &str) -> std::result::Result<Wanted<Precision>, String> {
    one_of(text, Precision::ALL, Precision::name)
}

/// Kernels of the CPU, and the instructions of this library's; `None` leaves it to the library.
#[derive(Clone, Copy)]
pub struct WantedKernels {
    kernels: Option<Kernels>,
    instruction_set: Option<InstructionSet>,
}

impl WantedKernels {
    /// Returns what `--kernels` takes for it.
    fn name(self) -> Option<String> {
        let kernels = self.kernels?.name();
        Some(match self.instruction_set {
            Some(set) => format!("{kernels}:{}", set.name()),
            None => kernels.into(),
        })
    }
}

fn parse_kernels(text: &str) -> std::result::Result<WantedKernels, String> {
    if let Some(set) = text.strip_prefix("dlnms:") {
        let set = InstructionSet::ALL.into_iter().find(|s| s.name() == set);
        let unknown = || {
            let names = InstructionSet::ALL.map(InstructionSet::name).join(", ");
            format!("the instruction sets of dlnms are {names}")
        };
        return Ok(WantedKernels {
            kernels: Some(Kernels::Dlnms),
            instruction_set: Some(set.ok_or_else(unknown)?),
        });
    }
    let Wanted(kernels) = one_of(text, Kernels::ALL, Kernels::name)?;
    Ok(WantedKernels {
        kernels,
        instruction_set: None,
    })
}

fn one_of<T: Copy, const N: usize>(
    text: &str,
    all: [T; N],
    name: impl Fn(T) -> &'static str,
) -> std::result::Result<Wanted<T>, String> {
    match all.into_iter().find(|v| name(*v) == text) {
        Some(v) => Ok(Wanted(Some(v))),
        None if text == "auto" => Ok(Wanted(None)),
        None => Err(format!("write auto, {}", all.map(name).join(" or "))),
    }
}

fn known(name: &String) -> Result<Provider> {
    Provider::from_name(name).ok_or_else(|| {
        Error::invalid(
            "--provider",
            format!(
                "{name:?} is unknown; known: auto, cpu, cuda, tensorrt, tensorrt-rtx, openvino"
            ),
        )
    })
}
