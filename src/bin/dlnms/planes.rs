//! `dlnms planes`.

use crate::input::{QualityArguments, StudyArguments};
use crate::terminal::say;
use crate::trust::TrustArguments;
use crate::tumour::TumourArguments;
use crate::{Failure, npy, terminal};
use dlnms::bundle::Bundle;
use dlnms::evidence::quality;
use dlnms::scorer::InputTensors;
use ndarray::Array3;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    study: StudyArguments,
    /// Model bundle, whose preprocessing is used
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    tumour: TumourArguments,
    #[command(flatten)]
    quality: QualityArguments,
    /// Writes PREFIX_pet.npy and PREFIX_ct.npy: float32, 3 x 112 x 112 with the default preprocessing
    #[arg(long, value_name = "PREFIX")]
    out: PathBuf,
    /// Writes cubes of N samples a side too, PREFIX_pet_cube.npy and PREFIX_ct_cube.npy: float32, SUVbw and HU, axes to superior, posterior and
    /// left, the centre at index N/2; for training
    #[arg(long, value_name = "N")]
    cube: Option<usize>,
}

pub fn run(a: &Arguments) -> Result<(), Failure> {
    let bundle = Bundle::open(&a.bundle, &a.trust.pins()?)?;
    let input = a.study.open(0)?;
    let lesions = a.tumour.read_alone(&input)?;
    let case = lesions[0].case(&input.study)?;
    let spec = &bundle.manifest.preprocessing;
    let planes = InputTensors::new(spec, &case)?;
    let (suv, policy) = (planes.suv.as_ref(), a.quality.policy());
    let findings = quality::check(&case, &planes.roi, suv, None, spec, &policy)?;
    for warning in &input.study.warnings {
        terminal::warning(warning);
    }
    for warning in suv.iter().flat_map(|suv| &suv.warnings) {
        terminal::warning(&format!("SUV: {warning}"));
    }
    terminal::findings("", &findings);
    let mut tensors = vec![("_pet.npy", planes.pet), ("_ct.npy", planes.ct)];
    if let Some(edge) = a.cube {
        let (center, factors) = (planes.roi.center, suv.map_or(&[][..], |s| &s.factors));
        let pet = spec.cube(&case.pet, factors, &spec.pet, center, edge)?;
        let ct = spec.cube(&case.ct, &[], &spec.ct, center, edge)?;
        tensors.extend([("_pet_cube.npy", pet), ("_ct_cube.npy", ct)]);
    }
    tensors
        .iter()
        .try_for_each(|(suffix, tensor)| write(&a.out, suffix, tensor))
}

fn write(prefix: &Path, suffix: &str, tensor: &Array3<f32>) -> Result<(), Failure> {
    let mut path = prefix.as_os_str().to_owned();
    path.push(suffix);
    npy::write(Path::new(&path), tensor)?;
    say!("{}", Path::new(&path).display());
    Ok(())
}
