//! The numbers of a result as content items: scores, risk groups, measures of the lesion, and how they came about.

use super::codes::{self, Code};
use super::content::{self, Item, Number, Relationship};
use super::elements::decimals;
use super::modules::Context;
use super::observer;
use super::product;
use super::uid::sha256;
use crate::evidence::lesion::Lesion;
use crate::risk::{RESEARCH_USE_ONLY, Risk, RiskGroups};
use crate::scorer::Scores;
use dicom_object::InMemDicomObject;

/// What the scores are computed by.
const ALGORITHM: &str = "DLNMS occult nodal metastasis signature";

/// One of the two scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Station {
    /// Occult N1 metastasis.
    N1,
    /// Occult N2 metastasis.
    N2,
}

/// The codes of one score.
struct StationCodes {
    score: Code,
    cutoff: Code,
    pet: Code,
    ct: Code,
    heads: [&'static str; 2],
}

impl Station {
    /// Both.
    pub const ALL: [Station; 2] = [Station::N1, Station::N2];

    fn codes(self) -> StationCodes {
        match self {
            Station::N1 => StationCodes {
                score: codes::N1_SCORE,
                cutoff: codes::N1_CUTOFF,
                pet: codes::N1_SCORE_PET,
                ct: codes::N1_SCORE_CT,
                heads: ["n1_pet", "n1_ct"],
            },
            Station::N2 => StationCodes {
                score: codes::N2_SCORE,
                cutoff: codes::N2_CUTOFF,
                pet: codes::N2_SCORE_PET,
                ct: codes::N2_SCORE_CT,
                heads: ["n2_pet", "n2_ct"],
            },
        }
    }

    fn score(self, scores: &Scores) -> f32 {
        match self {
            Station::N1 => scores.n1,
            Station::N2 => scores.n2,
        }
    }

    fn cutoff(self, scores: &Scores) -> Option<f64> {
        let cutoffs = scores.engine.manifest.cutoffs.as_ref()?;
        Some(match self {
            Station::N1 => cutoffs.n1,
            Station::N2 => cutoffs.n2,
        })
    }
}

fn plain(name: Code, value: Number) -> Item {
    content::number(Relationship::Contains, name, value, codes::NO_UNITS)
}

/// Returns a score, with the model that computed it, and its cut-off.
pub fn score_and_cutoff(context: &Context<'_>, station: Station) -> Vec<Item> {
    let (scores, names) = (context.scores(), station.codes());
    let manifest = &scores.engine.manifest;
    let cutoff = station.cutoff(scores);
    let mut parameters = vec![
        weights(context),
        format!("model_sha256={}", scores.engine.manifest_sha256),
        format!(
            "center_lps_mm={}",
            decimals(&scores.center).replace('\\', ",")
        ),
    ];
    parameters.extend(cutoff.map(|c| format!("cutoff={c} (score >= cutoff is high)")));
    let version = format!("{} {}", manifest.id, manifest.version);
    let score = plain(names.score, Number::Single(station.score(scores)));
    let mut items = vec![content::with(
        score,
        observer::algorithm(ALGORITHM, &version, &parameters),
    )];
    items.extend(cutoff.map(|c| plain(names.cutoff, Number::Double(c))));
    items
}

/// Returns the scores of the PET and of the CT alone, if the model has them.
pub fn scores_of_modalities(context: &Context<'_>, station: Station) -> Vec<Item> {
    let (scores, names) = (context.scores(), station.codes());
    let value = |head: &str| {
        let place = scores.engine.manifest.head(head)?;
        scores.heads.get(place).copied()
    };
    let pairs = names.heads.into_iter().zip([names.pet, names.ct]);
    pairs
        .filter_map(|(head, name)| Some(plain(name, Number::Single(value(head)?))))
        .collect()
}

/// Returns the risk groups; none if the model has no cut-offs.
pub fn risk_groups(scores: &Scores) -> Vec<Item> {
    let groups = scores.decision.iter().flat_map(|g: &RiskGroups| {
        [
            (codes::N1_RISK, g.n1),
            (codes::N2_RISK, g.n2),
            (codes::RISK, g.combined),
        ]
    });
    let item = |(name, group)| {
        let value = match group {
            Risk::High => codes::HIGH_RISK,
            Risk::Low => codes::LOW_RISK,
        };
        content::code(Relationship::Contains, name, value)
    };
    groups.map(item).collect()
}

/// Returns one SUV of the lesion.
fn suv(value: f64, derivation: Code) -> Item {
    let number = Number::Double(value);
    let item = content::number(
        Relationship::Contains,
        codes::SUV_BW,
        number,
        codes::GRAM_PER_ML_SUV,
    );
    let kind = content::code(Relationship::ConceptModifier, codes::DERIVATION, derivation);
    content::with(item, vec![kind])
}

/// Returns SUVmax of the lesion.
pub fn suv_max(lesion: &Lesion) -> Item {
    suv(lesion.pet.suv_max, codes::MAXIMUM)
}

/// Returns the measures of the lesion on the PET.
pub fn pet_metrics(lesion: &Lesion) -> Vec<Item> {
    let measure = |name, value, unit| {
        content::number(Relationship::Contains, name, Number::Double(value), unit)
    };
    let method = content::code(
        Relationship::ConceptModifier,
        codes::MEASUREMENT_METHOD,
        codes::SUM_OF_VOXELS,
    );
    let volume = measure(
        codes::METABOLIC_VOLUME,
        lesion.pet.mtv_ml,
        codes::CUBIC_CENTIMETER,
    );
    vec![
        suv_max(lesion),
        suv(lesion.pet.suv_mean, codes::MEAN),
        suv(lesion.pet.suv_peak, codes::PEAK),
        content::with(volume, vec![method]),
        measure(codes::TOTAL_LESION_GLYCOLYSIS, lesion.pet.tlg, codes::GRAM),
    ]
}

/// Returns the diameters of the lesion on the CT, if it was measured there. `slice` makes a reference to a slice of the CT.
pub fn diameters(lesion: &Lesion, slice: impl Fn(usize) -> Option<InMemDicomObject>) -> Vec<Item> {
    let Some(ct) = &lesion.ct else {
        return Vec::new();
    };
    let axis = |name, mm| {
        let item = content::number(
            Relationship::Contains,
            name,
            Number::Double(mm),
            codes::MILLIMETER,
        );
        let image = |image| {
            content::image(
                Relationship::InferredFrom,
                codes::SOURCE_OF_MEASUREMENT,
                image,
            )
        };
        content::with(item, slice(ct.slice).map(image).into_iter().collect())
    };
    vec![
        axis(codes::LONG_AXIS, ct.longest_mm),
        axis(codes::PERPENDICULAR_AXIS, ct.perpendicular_mm),
    ]
}

fn weights(context: &Context<'_>) -> String {
    let name = context.scores().engine.manifest.weights.name();
    if context.is_trained() {
        format!("weights={name}")
    } else {
        format!("weights={name}: NOT TRAINED, the scores mean nothing about a patient")
    }
}

/// Returns how the numbers of a report came about (TID 1500, row 6): the notice first, then one parameter a line.
pub fn provenance(context: &Context<'_>) -> Vec<Item> {
    let scores = context.scores();
    let engine = &scores.engine;
    let mut parameters = vec![RESEARCH_USE_ONLY.to_owned(), weights(context)];
    if let Some(Ok(lesion)) = &scores.lesion {
        parameters.push(format!("delineation={}", lesion.pet.method));
    }
    parameters.push(format!("tumour={}", scores.roi_kind));
    if let Some(suv) = &scores.suv {
        parameters.push(format!("suv_rule={}", suv.rule));
        parameters.extend(suv.factors.first().map(|f| format!("suv_factor={f}")));
    }
    let preprocessing = serde_json::to_vec(&engine.manifest.preprocessing).unwrap_or_default();
    parameters.extend([
        format!("library={} {}", product::MODEL, product::VERSION),
        format!("onnxruntime={}", engine.runtime.version()),
        format!("provider={}", engine.provider.name()),
        format!("precision={}", engine.precision.name()),
        format!("kernels={}", engine.kernels_name()),
        format!("preprocessing_sha256={}", sha256(&preprocessing)),
    ]);
    observer::algorithm(product::MODEL, product::VERSION, &parameters)
}

/// Returns what people read: the notice, one line with all numbers, warnings and what the quality checks found.
pub fn comments(context: &Context<'_>) -> Item {
    let scores = context.scores();
    let mut lines = vec![RESEARCH_USE_ONLY.to_owned(), summary(scores)];
    if !context.is_trained() {
        lines.push(format!("WARNING: {}", weights(context)));
    }
    lines.extend(context.source.warnings.iter().cloned());
    if let Some(suv) = &scores.suv {
        lines.extend(suv.warnings.iter().map(|w| format!("SUV: {w}")));
    }
    lines.extend(
        scores
            .quality
            .iter()
            .map(|f| format!("{}: {}", f.code.name(), f.message)),
    );
    let comment = |line: &String| content::text(Relationship::Contains, codes::COMMENT, line);
    content::container(
        codes::QUALITATIVE_EVALUATIONS,
        lines.iter().map(comment).collect(),
    )
}

/// Returns the result in one line.
fn summary(scores: &Scores) -> String {
    let mut line = String::new();
    for (station, name) in Station::ALL.into_iter().zip(["N1", "N2"]) {
        line += &format!("{name} score {:.3}", station.score(scores));
        let group = scores.decision.map(|g| match station {
            Station::N1 => g.n1,
            Station::N2 => g.n2,
        });
        if let Some((cutoff, group)) = station.cutoff(scores).zip(group) {
            let group = if group == Risk::High { "high" } else { "low" };
            line += &format!(" (cut-off {cutoff}, {group})");
        }
        line += if station == Station::N1 { ", " } else { "." };
    }
    if let Some(Ok(lesion)) = &scores.lesion {
        let m = &lesion.pet;
        line += &format!(
            " SUVmax {:.2}, SUVmean {:.2}, SUVpeak {:.2}, MTV {:.1} ml, TLG {:.0} ({}).",
            m.suv_max, m.suv_mean, m.suv_peak, m.mtv_ml, m.tlg, m.method
        );
        if let Some(ct) = &lesion.ct {
            line += &format!(" CT {:.0} x {:.0} mm.", ct.longest_mm, ct.perpendicular_mm);
        }
    }
    line
}
