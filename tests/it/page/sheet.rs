//! The sheet's SVG as text, to the last character.

use crate::support::root;
use dlnms::evidence::quality::Severity;
use dlnms::report::page::{
    ContributionBars, ContributionRow, FindingRow, Images, Page, PlaneImages, PopulationLines, Row,
    ScoreBar, ScoreSpread,
};
use dlnms::risk::Risk;

fn contribution(name: &str, share: [f64; 2], agree: [bool; 2], modality: bool) -> ContributionRow {
    ContributionRow {
        name: name.into(),
        share,
        agree,
        modality,
    }
}

/// A page with fixed numbers.
fn fixed() -> Page {
    let plane = |plane, letters| PlaneImages {
        plane,
        letters,
        png: [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()],
        lesion: vec![vec![[0.45, 0.45], [0.55, 0.45], [0.5, 0.55], [0.45, 0.45]]],
        roi: vec![vec![[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.4]]],
        center: [0.5015625; 2],
        network: Some([[0.0890625; 2], [0.9140625; 2]]),
    };
    let row = |name, value: &str| Row {
        name,
        value: value.into(),
    };
    let score = |name, score, risk, cutoff| ScoreBar {
        name,
        score,
        group: Some((risk, cutoff)),
        pet_alone: Some(0.25),
        ct_alone: Some(0.75),
        stability: Some(ScoreSpread {
            p5: score - 0.05,
            p95: score + 0.05,
            group_changed: Some(3),
            of: 42,
        }),
    };
    Page {
        lesion: Some("GTV & <node>".into()),
        identity_line: None,
        content_time: Some("2026-01-02 03:04".into()),
        not_trained: Some("seeded"),
        scores: [
            score("N1", 0.859, Risk::High, 0.362),
            score("N2", 0.1, Risk::Low, 0.356),
        ],
        combined: Some(Risk::High),
        images: Ok(Images {
            planes: [
                plane("axial", ['R', 'L', 'A', 'P']),
                plane("coronal", ['R', 'L', 'S', 'I']),
                plane("sagittal", ['A', 'P', 'S', 'I']),
            ],
            side_mm: 160.0,
            captions: ["fused".into(), "CT".into(), "PET".into()],
        }),
        measures: vec![
            row("SUVmax", "42.22"),
            row(
                "Delineation",
                "41% of SUVmax, SUV 17.31, 191 voxels, and so on",
            ),
        ],
        findings: vec![FindingRow {
            severity: Severity::Warning,
            code: "slice_thickness",
            message: "slices of the PET are thicker than 5 mm: 6".into(),
        }],
        unchecked: vec!["whether the tracer is FDG"],
        warnings: vec!["a warning of reading".into()],
        population: Some(PopulationLines {
            findings: vec!["warning: suv_max is 42.2".into()],
            measures: vec!["suv_max 42.2".into()],
            unknown: vec!["age: nobody said".into()],
        }),
        contributions: Some(ContributionBars {
            baseline: "no uptake and air",
            second_baseline: "the plane, blurred",
            base: [0.748, 0.2],
            rows: vec![
                contribution("PET axial", [0.083, -0.02], [true, true], false),
                contribution("CT coronal", [-0.031, 0.0], [false, true], false),
                contribution("PET", [0.181, 0.01], [true, true], true),
            ],
        }),
        evidence: Err("No evidence statement: the weights are seeded.".into()),
        provenance: vec![row("Model", "dlnms 1.0.0")],
    }
}

#[test]
fn the_sheet_is_the_golden_one() {
    let svg = fixed().svg();
    let golden = root().join("tests/page/sheet.svg");
    if std::env::var_os("DLNMS_BLESS").is_some() {
        std::fs::write(&golden, &svg).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    let differs = svg.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert_eq!(differs, None, "DLNMS_BLESS=1 writes the golden sheet anew");
    assert_eq!(svg, expected);
}

#[test]
fn findings_beyond_the_room_are_counted() {
    let mut page = fixed();
    page.findings = vec![page.findings[0].clone(); 60];
    let svg = page.svg();
    let shown = svg.matches("warning - slice_thickness").count();
    let left = 60 + 5 - shown;
    assert!(
        svg.contains(&format!(
            "... and {left} more, in the JSON and the HTML page"
        )),
        "{shown}"
    );
    assert_eq!(page.html().matches("<td>slice_thickness</td>").count(), 60);
}
