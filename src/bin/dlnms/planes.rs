//! `dlnms planes`.

use crate::input::{StudyArguments, TumourArguments};
use crate::terminal::say;
use crate::{Failure, npy};
use dlnms::bundle::Bundle;
use dlnms::scorer::Planes;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    study: StudyArguments,
    #[command(flatten)]
    tumour: TumourArguments,
    /// Writes PREFIX_pet.npy and PREFIX_ct.npy: float32, 3 x 112 x 112 with the default preprocessing
    #[arg(long, value_name = "PREFIX")]
    out: PathBuf,
}

pub fn run(a: &Arguments) -> Result<(), Failure> {
    let bundle = Bundle::open(&a.study.bundle)?;
    let study = a.study.open()?;
    let tumour = a.tumour.read(&study)?;
    let planes = Planes::of(&bundle.manifest.preprocessing, &study.case(tumour.roi()?)?)?;
    for (suffix, tensor) in [("_pet.npy", &planes.pet), ("_ct.npy", &planes.ct)] {
        let mut path = a.out.clone().into_os_string();
        path.push(suffix);
        npy::write(Path::new(&path), tensor)?;
        say!("{}", Path::new(&path).display());
    }
    Ok(())
}
