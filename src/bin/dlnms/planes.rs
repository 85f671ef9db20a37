//! `dlnms planes`.

use crate::input::{StudyArguments, Tumour, parse_center};
use crate::{Failure, npy};
use dlnms::bundle::Bundle;
use dlnms::scorer::Planes;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    study: StudyArguments,
    /// Centre of the tumour, LPS millimetres; write --center=-42.3,-14.6,-122.1
    #[arg(long, value_name = "X,Y,Z", value_parser = parse_center, required_unless_present = "mask", conflicts_with = "mask", allow_hyphen_values = true)]
    center: Option<[f64; 3]>,
    /// Mask of the tumour on any grid; its centroid is the centre
    #[arg(long, value_name = "FILE.nii.gz")]
    mask: Option<PathBuf>,
    /// Writes PREFIX_pet.npy and PREFIX_ct.npy: float32, 3 x 112 x 112 with the default preprocessing
    #[arg(long, value_name = "PREFIX")]
    out: PathBuf,
}

pub fn run(a: &Arguments) -> Result<(), Failure> {
    let bundle = Bundle::open(&a.study.bundle)?;
    let tumour = Tumour::read(a.center, a.mask.as_deref())?;
    let study = a.study.open()?;
    let planes = Planes::of(&bundle.manifest.preprocessing, &study.case(tumour.roi()?)?)?;
    for (suffix, tensor) in [("_pet.npy", &planes.pet), ("_ct.npy", &planes.ct)] {
        let mut path = a.out.clone().into_os_string();
        path.push(suffix);
        npy::write(Path::new(&path), tensor)?;
        println!("{}", Path::new(&path).display());
    }
    Ok(())
}
