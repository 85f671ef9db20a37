//! `dlnms texture`.

use crate::input::StudyArguments;
use crate::terminal::say;
use crate::tumour::TumourArguments;
use crate::{Failure, atomic_file, terminal};
use dlnms::evidence::texture::{Texture, TextureRequest};
use dlnms::risk::RESEARCH_USE_ONLY;
use dlnms::scorer::{self, LesionRequest};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Features are those of the Image Biomarker Standardisation Initiative, with the names of its tables of reference values.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    study: StudyArguments,
    #[command(flatten)]
    tumour: TumourArguments,
    /// Distance of the points that PET and CT are sampled at, mm
    #[arg(long, value_name = "MM", default_value_t = TextureRequest::default().spacing_mm)]
    spacing: f64,
    /// Width of a gray level of the PET, SUVbw
    #[arg(long, value_name = "SUV", default_value_t = TextureRequest::default().pet_bin_suv)]
    pet_bin: f64,
    /// Width of a gray level of the CT, HU
    #[arg(long, value_name = "HU", default_value_t = TextureRequest::default().ct_bin_hu)]
    ct_bin: f64,
    /// Write the features of every lesion; - is standard output, without the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub fn run(a: &Arguments) -> Result<(), Failure> {
    let request = TextureRequest {
        spacing_mm: a.spacing,
        pet_bin_suv: a.pet_bin,
        ct_bin_hu: a.ct_bin,
    };
    let cut_out = LesionRequest {
        delineation: a.tumour.threshold,
        radius_mm: a.tumour.radius,
    };
    let input = a.study.open(0)?;
    let mut lesions = Vec::new();
    for lesion in a.tumour.read_alone(&input)? {
        let texture = scorer::texture(&lesion.case(&input.study)?, &cut_out, &request)?;
        for (modality, measured) in [("PET", &texture.pet), ("CT", &texture.ct)] {
            if measured.points_without_value > 0 {
                let n = measured.points_without_value;
                terminal::warning(&format!(
                    "{}: {n} points have no {modality} value",
                    lesion.name
                ));
            }
        }
        lesions.push((lesion.name, texture));
    }
    for warning in &input.study.warnings {
        terminal::warning(warning);
    }
    let report = json!({
        "research_use_only": true,
        "notice": RESEARCH_USE_ONLY,
        "lesions": lesions.iter().map(|(name, texture)| entry(name, texture)).collect::<Vec<_>>(),
    });
    match a.json.as_deref() {
        Some(path) if path == Path::new("-") => say!("{report:#}"),
        json => {
            if let Some(path) = json {
                atomic_file::write(path, format!("{report:#}\n").as_bytes())?;
            }
            lesions
                .iter()
                .for_each(|(name, texture)| print_table(name, texture));
            say!("{RESEARCH_USE_ONLY}");
        }
    }
    Ok(())
}

fn entry(name: &str, texture: &Texture) -> Value {
    let mut entry = json!(texture);
    entry["name"] = name.into();
    entry
}

fn print_table(name: &str, texture: &Texture) {
    let (pet, ct) = (&texture.pet, &texture.ct);
    say!(
        "{name}: {} points on PET, {} on CT, outlined by {}",
        pet.points,
        ct.points,
        texture.outlined_by
    );
    say!("{:32} {:>14} {:>14}", "feature", "PET", "CT");
    let text = |value: Option<f64>| value.map_or("undefined".into(), |v| format!("{v:.6}"));
    for (pet, ct) in pet.features.iter().zip(&ct.features) {
        say!(
            "{:32} {:>14} {:>14}",
            pet.name,
            text(pet.value),
            text(ct.value)
        );
    }
}
