//! `dlnms planes`.

use crate::input::StudyArguments;
use crate::terminal::say;
use crate::tumour::TumourArguments;
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
    let input = a.study.open()?;
    let lesions = a.tumour.read(&input)?;
    let case = input.study.case(lesions[0].roi()?)?;
    let planes = Planes::of(&bundle.manifest.preprocessing, &case)?;
    for (suffix, tensor) in [("_pet.npy", &planes.pet), ("_ct.npy", &planes.ct)] {
        let mut path = a.out.clone().into_os_string();
        path.push(suffix);
        npy::write(Path::new(&path), tensor)?;
        say!("{}", Path::new(&path).display());
    }
    Ok(())
}
