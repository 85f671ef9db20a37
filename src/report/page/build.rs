//! A finished result becomes a page.

use super::canvas::number;
use super::content::{FindingRow, Page, PageOptions, Row, ScoreBar, ScoreSpread};
use super::contributions::ContributionBars;
use super::images::Images;
use super::population::PopulationLines;
use super::words::clean;
use crate::bundle::Weights;
use crate::case::CaseMetadata;
use crate::evidence::lesion::Lesion;
use crate::evidence::pictures::{GridSummary, Pictures};
use crate::evidence::reference_region::Reference;
use crate::explanation::Explanation;
use crate::report::published::published;
use crate::risk::Risk;
use crate::scorer::Scores;
use sha2::{Digest, Sha256};

/// What the row of the durations is called.
const DURATIONS: &str = "Time";

impl Page {
    /// Makes the page of a finished result. `warnings` are those of reading the input.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) if a picture cannot be written.
    pub fn new(scores: &Scores, warnings: &[String], options: &PageOptions) -> crate::Result<Self> {
        let manifest = &*scores.engine.manifest;
        let text = |of: &Option<String>| of.as_deref().map(clean).filter(|t| !t.is_empty());
        let images = match &scores.pictures {
            Some(Ok(pictures)) => Ok(Images::new(pictures, manifest, options.ct_window)?),
            Some(Err(why)) => Err(clean(why)),
            None => Err("the case did not ask for them".into()),
        };
        let mut findings: Vec<FindingRow> = scores
            .quality
            .iter()
            .map(|f| FindingRow {
                severity: f.severity,
                code: f.code.name(),
                message: clean(&f.message),
            })
            .collect();
        findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
        let suv_warnings = scores.suv.iter().flat_map(|suv| &suv.warnings);
        let warnings = warnings.iter().chain(suv_warnings).map(|w| clean(w));
        let pictures = scores.pictures.as_ref().and_then(|p| p.as_ref().ok());
        Ok(Self {
            lesion: text(&options.lesion),
            identity_line: text(&options.identity_line),
            content_time: text(&options.content_time),
            not_trained: (manifest.weights != Weights::Trained).then(|| manifest.weights.name()),
            scores: score_bars(scores),
            combined: scores.decision.map(|d| d.combined),
            images,
            measures: measures(scores, pictures, options),
            findings,
            unchecked: unchecked(&scores.metadata),
            warnings: warnings.collect(),
            population: None,
            contributions: None,
            evidence: published(scores, &options.facts),
            provenance: provenance(scores),
        })
    }

    /// Returns the page without how long the call took: nothing on it differs between two runs of one case then.
    pub fn without_durations(mut self) -> Self {
        self.provenance.retain(|row| row.name != DURATIONS);
        self
    }

    /// Makes the page of an explained result, with what each plane contributed.
    ///
    /// # Errors
    /// Those of [`Page::new`].
    pub fn explained(
        explanation: &Explanation,
        warnings: &[String],
        options: &PageOptions,
    ) -> crate::Result<Self> {
        let mut page = Self::new(&explanation.scores, warnings, options)?;
        if let Some(stability) = &explanation.stability {
            let changed = stability.group_changed.map(|c| [c.n1, c.n2]);
            let spreads = [&stability.scores.n1, &stability.scores.n2];
            for (n, (bar, spread)) in page.scores.iter_mut().zip(spreads).enumerate() {
                bar.stability = Some(ScoreSpread {
                    p5: spread.p5,
                    p95: spread.p95,
                    group_changed: changed.map(|c| c[n]),
                    of: stability.changes,
                });
            }
        }
        page.population = Some(PopulationLines::new(&explanation.population));
        page.contributions = explanation
            .contributions
            .as_ref()
            .map(ContributionBars::new);
        Ok(page)
    }
}

fn score_bars(scores: &Scores) -> [ScoreBar; 2] {
    let manifest = &scores.engine.manifest;
    let head = |name: &str| {
        let value = manifest.head(name).and_then(|i| scores.heads.get(i));
        value.map(|v| f64::from(*v))
    };
    let groups = scores.decision.zip(manifest.cutoffs);
    let bar = |name, score: f32, group: Option<(Risk, f64)>, alone: [&str; 2]| ScoreBar {
        name,
        score: f64::from(score),
        group,
        pet_alone: head(alone[0]),
        ct_alone: head(alone[1]),
        stability: None,
    };
    [
        bar(
            "N1",
            scores.n1,
            groups.map(|(g, c)| (g.n1, c.n1)),
            ["n1_pet", "n1_ct"],
        ),
        bar(
            "N2",
            scores.n2,
            groups.map(|(g, c)| (g.n2, c.n2)),
            ["n2_pet", "n2_ct"],
        ),
    ]
}

fn row(name: &'static str, value: impl Into<String>) -> Row {
    Row {
        name,
        value: value.into(),
    }
}

fn measures(scores: &Scores, pictures: Option<&Pictures>, options: &PageOptions) -> Vec<Row> {
    let mut rows = match &scores.lesion {
        Some(Ok(lesion)) => lesion_rows(lesion),
        Some(Err(why)) => vec![row("Lesion", format!("not measured: {}", clean(why)))],
        None => vec![row("Lesion", "not measured: the case did not ask for it")],
    };
    let reference = |reference: &Result<Reference, String>| match reference {
        Ok(r) => format!("SUVmean {:.2}, SD {:.2}", r.suv_mean, r.suv_sd),
        Err(why) => format!("not measured: {}", clean(why)),
    };
    match &scores.references {
        Some(references) => {
            rows.push(row("Liver", reference(&references.liver)));
            rows.push(row("Blood pool", reference(&references.blood_pool)));
        }
        None => rows.push(row(
            "Liver, blood pool",
            "not measured: the case did not ask for it",
        )),
    }
    match &scores.suv {
        Some(suv) => {
            let factor = suv.factors.first().copied().unwrap_or(f64::NAN);
            rows.push(row(
                "SUV factor",
                format!("{} ({})", factor_text(factor), clean(&suv.rule)),
            ));
            if suv.dt_s > 0.0 {
                let minutes = suv.dt_s / 60.0;
                rows.push(row(
                    "Decay time",
                    format!("{minutes:.0} min from injection"),
                ));
            }
        }
        None => rows.push(row("SUV factor", "none: the host gave SUVbw")),
    }
    let [x, y, z] = scores.center;
    rows.push(row(
        "Centre, LPS",
        format!("{x:.1}, {y:.1}, {z:.1} mm ({})", scores.roi_kind),
    ));
    if let Some(pictures) = pictures {
        let thickness = |mm: Option<f64>| match mm {
            Some(mm) => format!(", slices of {} mm", number(mm)),
            None => String::new(),
        };
        let m = &scores.metadata;
        let (ct, pet) = (grid(&pictures.ct_grid), grid(&pictures.pet_grid));
        rows.push(row("CT", ct + &thickness(m.ct_slice_thickness_mm)));
        rows.push(row("PET", pet + &thickness(m.pet_slice_thickness_mm)));
    }
    let scanner = options.scanner.as_deref().map(clean);
    rows.push(row(
        "Scanner",
        scanner.unwrap_or_else(|| "not stated".into()),
    ));
    rows
}

fn lesion_rows(lesion: &Lesion) -> Vec<Row> {
    let pet = &lesion.pet;
    let mut rows = vec![
        row("SUVmax", format!("{:.2}", pet.suv_max)),
        row("SUVmean", format!("{:.2}", pet.suv_mean)),
        row("SUVpeak", format!("{:.2}", pet.suv_peak)),
        row("MTV", format!("{:.2} ml", pet.mtv_ml)),
        row("TLG", format!("{:.1} g", pet.tlg)),
        row(
            "Delineation",
            format!(
                "{}, SUV {:.2}, {} voxels",
                pet.method, pet.threshold, pet.voxels
            ),
        ),
    ];
    rows.push(match &lesion.ct {
        Some(d) => row(
            "Size on CT",
            format!(
                "{:.1} x {:.1} mm in slice {} (by {})",
                d.longest_mm, d.perpendicular_mm, d.slice, d.outlined_by
            ),
        ),
        None => row("Size on CT", "no CT voxel belongs to the lesion"),
    });
    rows
}

/// A factor with seven digits.
fn factor_text(factor: f64) -> String {
    if (1e-2..1e4).contains(&factor) {
        format!("{factor:.6}")
    } else {
        format!("{factor:.6e}")
    }
}

fn grid(g: &GridSummary) -> String {
    let [nx, ny, nz] = g.dims;
    let [dx, dy, dz] = g.spacing;
    format!("{nx} x {ny} x {nz} voxels of {dx:.2} x {dy:.2} x {dz:.2} mm")
}

/// What the quality checks asked and nobody answered.
fn unchecked(m: &CaseMetadata) -> Vec<&'static str> {
    [
        (
            m.same_patient.is_none(),
            "whether PET and CT show one patient",
        ),
        (m.same_study.is_none(), "whether they belong to one study"),
        (
            m.same_frame_of_reference.is_none(),
            "whether they share a frame of reference",
        ),
        (
            m.ct_slice_thickness_mm.is_none() || m.pet_slice_thickness_mm.is_none(),
            "slice thickness",
        ),
        (m.lossy.is_none(), "compression with loss"),
        (m.derived.is_none(), "derived images"),
        (m.fdg.is_none(), "whether the tracer is FDG"),
        (m.age_known.is_none(), "whether the age is known"),
    ]
    .into_iter()
    .filter_map(|(unknown, what)| unknown.then_some(what))
    .collect()
}

fn provenance(scores: &Scores) -> Vec<Row> {
    let engine = &*scores.engine;
    let manifest = &*engine.manifest;
    let short = |digest: &str| digest.chars().take(12).collect::<String>();
    let spec = serde_json::to_vec(&manifest.preprocessing).unwrap_or_default();
    let spec: String = Sha256::digest(&spec)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let ms = |d: std::time::Duration| d.as_secs_f64() * 1e3;
    let t = &scores.timings;
    vec![
        row(
            "Model",
            format!("{} {}", clean(&manifest.id), clean(&manifest.version)),
        ),
        row("Weights", manifest.weights.name()),
        row("Manifest SHA-256", short(&engine.manifest_sha256)),
        row("Preprocessing SHA-256", short(&spec)),
        row(
            "Provider",
            format!("{}, {}", engine.provider.name(), engine.precision.name()),
        ),
        row(
            "Kernels",
            format!("{}, {} threads", engine.kernels_name(), engine.threads),
        ),
        row(
            "Self-test",
            format!("differs by {:.1e}", engine.self_test_max_difference),
        ),
        row("ONNX Runtime", clean(engine.runtime.version())),
        row(
            "Library",
            format!(
                "dlnms {}, ABI {}",
                env!("CARGO_PKG_VERSION"),
                crate::ABI_VERSION
            ),
        ),
        row(
            DURATIONS,
            format!(
                "planes {:.1}, evidence {:.1}, network {:.1}, all {:.1} ms",
                ms(t.preprocess),
                ms(t.evidence),
                ms(t.infer),
                ms(t.total())
            ),
        ),
    ]
}
