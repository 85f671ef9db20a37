//! `dlnms`: score a PET/CT study, look at what the network sees, check an installation, make a synthetic study.

mod atomic_file;
mod audit;
mod batch;
mod bench;
mod case;
mod explain;
mod facts;
mod info;
mod input;
mod inspect;
mod npy;
mod nrrd;
mod objects;
mod page;
mod phantom;
mod planes;
mod score;
mod terminal;
mod texture;
mod trust;
mod tumour;
mod verify;
mod whole_file;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use dlnms::error::status;
use std::path::PathBuf;
use std::process::ExitCode;

/// A lack of memory is an error message, as in the libraries for C.
#[cfg(not(feature = "memory-reserve"))]
#[global_allocator]
static ALLOCATOR: dlnms::memory_reserve::MemoryReserve = dlnms::memory_reserve::MemoryReserve;

/// DLNMS on PET/CT: scores for occult N1 and N2 nodal metastasis of a clinically node-negative lung tumour.
///
/// RESEARCH USE ONLY. Not a medical device; not for diagnosis or treatment decisions.
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    runtime: trust::RuntimeArguments,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "Examples:
  dlnms inspect study
  dlnms score --bundle bundle study --center=-42.3,-14.6,-122.1 --html report.html
  dlnms score --bundle bundle study --rtstruct rs.dcm --roi GTV --json result.json
  dlnms score --bundle bundle study --seed=-42.3,-14.6,-122.1 --threshold 41%
  dlnms score --bundle bundle --ct ct.nii.gz --pet suv.nii.gz --mask tumours.nii.gz --lesions all
  dlnms explain --bundle bundle study --rtstruct rs.dcm --roi GTV --json explained.json
  dlnms texture study --seed=-42.3,-14.6,-122.1 --json texture.json
  dlnms batch studies.csv --bundle bundle --out scores --workers 2
  dlnms verify result.json study --bundle bundle
  dlnms info --bundle bundle

Exit codes: 0 done; 1 the input was refused or a file could not be written; 2 wrong usage;
3 the bundle or ONNX Runtime is at fault; 4 `verify` found a difference; 70 a defect in dlnms.";

#[derive(Subcommand)]
enum Command {
    /// Score a tumour of a PET/CT study
    Score(Box<score::Arguments>),
    /// Score a tumour, and show what moved the scores
    Explain(Box<explain::Arguments>),
    /// Score many studies: one line of JSON for each, restartable
    Batch(Box<batch::Arguments>),
    /// List the series of files and folders: which would be used, why not the others, SUV
    Inspect(inspect::Arguments),
    /// Write the two input tensors of the network as .npy
    Planes(planes::Arguments),
    /// Measure IBSI texture features of a lesion on PET and CT
    Texture(texture::Arguments),
    /// Show versions, ONNX Runtime, devices; check a bundle
    Info(info::Arguments),
    /// Score a study again and compare with a result that was kept: digests of what was scored, and scores
    Verify(Box<verify::Arguments>),
    /// Verify an audit log
    #[command(subcommand)]
    Audit(audit::Arguments),
    /// Measure latency and throughput here, beside bare ONNX Runtime
    Bench(bench::Arguments),
    /// Write a synthetic PET/CT study as DICOM: a thorax with a tumour
    Phantom(phantom::Arguments),
}

/// What went wrong, for a person.
pub enum Failure {
    /// The library refused.
    Library(dlnms::Error),
    /// `verify`: something is not what it was; the first difference.
    Different(String),
    /// A file could not be written.
    Output(PathBuf, std::io::Error),
}

impl From<dlnms::Error> for Failure {
    fn from(error: dlnms::Error) -> Self {
        Failure::Library(error)
    }
}

impl Failure {
    /// Blame a file for an I/O error.
    pub fn output(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |e| Failure::Output(path, e)
    }
}

fn main() -> ExitCode {
    // A result holds the centre of the tumour, so that `verify` need not be told.
    let command = Cli::command().mut_subcommand("verify", |verify| {
        verify.mut_group("tumour", |tumour| tumour.required(false))
    });
    let cli = Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|e| e.exit());
    let runtime = &cli.runtime.options();
    let outcome = match &cli.command {
        Command::Score(a) => score::run(a, runtime),
        Command::Explain(a) => explain::run(a, runtime),
        Command::Batch(a) => batch::run(a, runtime),
        Command::Inspect(a) => inspect::run(a),
        Command::Planes(a) => planes::run(a),
        Command::Texture(a) => texture::run(a),
        Command::Info(a) => info::run(a, runtime),
        Command::Verify(a) => verify::run(a, runtime),
        Command::Audit(a) => audit::run(a),
        Command::Bench(a) => bench::run(a, runtime),
        Command::Phantom(a) => phantom::run(a),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Output(path, e)) => {
            terminal::error(&format!("cannot write {}: {e}", path.display()));
            ExitCode::from(1)
        }
        Err(Failure::Different(what)) => {
            terminal::error(&what);
            ExitCode::from(4)
        }
        Err(Failure::Library(e)) => {
            terminal::error(&e.to_string());
            ExitCode::from(match e.status() {
                status::DLNMS_E_INTERNAL => 70,
                100..=299 => 3,
                _ => 1,
            })
        }
    }
}
