//! Evidence by risk group: every figure stands in the paper, no word is advice, and nothing is shown of weights that it does not
//! belong to.

use super::Volumes;
use crate::support::{root, runtime, shared, tiny_bundle};
use dlnms::Result;
use dlnms::imaging::IDENTITY;
use dlnms::imaging::roi::Roi;
use dlnms::report::page::{Page, PageOptions};
use dlnms::report::published::{ClinicalFacts, Condition, PublishedEvidence, published};
use dlnms::scorer::{CancelToken, Scorer, ScorerOptions, Scores};
use serde_json::{Value, json};

fn paper_data() -> Value {
    let file = root().join("src/report/published/zhong2023.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Numbers of a text; N1, N2 and I are names.
fn numbers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = ' ';
    let mut number = String::new();
    for c in text.chars().chain([' ']) {
        let starts = c.is_ascii_digit() && number.is_empty() && !before.is_alphanumeric();
        let goes_on = !number.is_empty() && (c.is_ascii_digit() || c == '.');
        if starts || goes_on {
            number.push(c);
        } else if !number.is_empty() {
            found.push(std::mem::take(&mut number).trim_end_matches('.').to_owned());
        }
        before = c;
    }
    found
}

/// Texts of the data with the lines that their numbers stand on.
fn cited(value: &Value, found: &mut Vec<(String, Vec<usize>)>) {
    let lines = |key: &str| -> Vec<usize> {
        let lines = value[key].as_array().into_iter().flatten();
        lines.map(|l| l.as_u64().unwrap() as usize).collect()
    };
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let of = match key.as_str() {
                    "population" => "population_lines",
                    "note" => "note_lines",
                    _ => "lines",
                };
                match inner {
                    Value::String(text) if !["id", "source", "fact", "group"].contains(&&**key) => {
                        found.push((text.clone(), lines(of)));
                    }
                    Value::Number(number) => found.push((number.to_string(), lines(of))),
                    Value::Array(texts) if ["n1", "n2"].contains(&&**key) => {
                        let texts = texts.iter().filter_map(Value::as_str);
                        found.extend(texts.map(|t| (t.to_owned(), lines(of))));
                    }
                    _ => cited(inner, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|v| cited(v, found)),
        _ => {}
    }
}

#[test]
fn every_figure_stands_on_its_line_of_the_paper() {
    let Some(paper) = shared("paper/000_506ce925c634b739.txt") else {
        return;
    };
    let paper = std::fs::read_to_string(paper).unwrap();
    let paper: Vec<&str> = paper.lines().collect();
    let mut texts = Vec::new();
    cited(&paper_data(), &mut texts);
    let mut count = 0;
    for (text, lines) in &texts {
        for number in numbers(text) {
            let there = lines
                .iter()
                .any(|l| numbers_of_line(paper[l - 1]).contains(&number));
            assert!(there, "{number} of {text:?} is not on lines {lines:?}");
            count += 1;
        }
    }
    assert_eq!(count, 216, "figures");
    assert_eq!(
        numbers("N1 0.958 [0.923, 0.992], n 383, p < 0.001; 3-year 98.1 and 97.4 %.").len(),
        8
    );
}

/// Numbers of a line of the paper, which writes them against words and signs as well.
fn numbers_of_line(line: &str) -> Vec<String> {
    let parts = line.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    parts
        .map(|p| p.trim_matches('.').to_owned())
        .filter(|p| !p.is_empty())
        .collect()
}

#[test]
fn no_statement_is_advice() {
    let mut texts = Vec::new();
    cited(&paper_data(), &mut texts);
    assert!(texts.len() > 50);
    let words = [
        "should",
        "must",
        "recommend",
        "indicated",
        "advise",
        "spare",
        "sparing",
        "mandatory",
        "need",
    ];
    for (text, _) in &texts {
        let lower = text.to_lowercase();
        assert_eq!(words.iter().find(|w| lower.contains(**w)), None, "{text}");
    }
}

/// The tiny bundle, as if it were trained, with this evidence.
fn scored(edit: impl FnOnce(&mut Value)) -> Result<Scores> {
    let folder = tempfile::tempdir().unwrap();
    for entry in tiny_bundle().read_dir().unwrap().flatten() {
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let path = folder.path().join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    edit(&mut manifest);
    std::fs::write(&path, manifest.to_string()).unwrap();
    let scorer = Scorer::new(runtime(), folder.path(), ScorerOptions::default())?;
    let volumes = Volumes::new(IDENTITY);
    scorer.score(&volumes.case(Roi::Point([0.0; 3])), &CancelToken::default())
}

fn authors(manifest: &mut Value) {
    manifest["weights"] = json!("trained");
    manifest["evidence"] = json!({ "source": "zhong2023-authors" });
}

fn refused(edit: impl FnOnce(&mut Value)) -> String {
    let scores = scored(edit).unwrap();
    published(&scores, &ClinicalFacts::default()).unwrap_err()
}

#[test]
fn evidence_belongs_to_trained_weights_with_a_declared_source() {
    let seeded = refused(|m| {
        authors(m);
        m["weights"] = json!("seeded");
    });
    assert_eq!(seeded, "No evidence statement: the weights are seeded.");
    let undeclared = refused(|m| m["weights"] = json!("trained"));
    assert!(undeclared.contains("declares no source"), "{undeclared}");
    let other = refused(|m| {
        authors(m);
        m["cutoffs"]["n1"] = json!(0.4);
    });
    assert!(other.contains("cut-offs are not those"), "{other}");
    for (what, evidence, word) in [
        ("unknown", json!({ "source": "somebody" }), "somebody"),
        (
            "no figures",
            json!({ "source": "own-validation" }),
            "allowed 1 to 16",
        ),
        (
            "figures of others",
            json!({ "source": "zhong2023-authors", "statements": [statement("0.8")] }),
            "in the library",
        ),
        (
            "advice",
            json!({ "source": "own-validation", "statements": [statement("patients should have surgery")] }),
            "is advice",
        ),
    ] {
        let edit = |m: &mut Value| {
            authors(m);
            m["evidence"] = evidence;
        };
        let error = scored(edit).unwrap_err().to_string();
        assert!(error.contains(word), "{what}: {error}");
    }
}

fn statement(figure: &str) -> Value {
    json!({ "title": "N1", "population": "one hospital", "n": 120, "figures": [figure] })
}

fn ids(evidence: &PublishedEvidence) -> Vec<&str> {
    evidence.statements.iter().map(|s| s.id.as_str()).collect()
}

#[test]
fn statements_follow_the_group_and_say_whether_their_conditions_are_met() {
    let scores = scored(authors).unwrap();
    let group = |n1: f32| {
        let mut scores = scores.clone();
        let cutoffs = scores.engine.manifest.cutoffs.unwrap();
        scores.decision = Some(dlnms::risk::RiskGroups::new(n1, 0.1, &cutoffs));
        scores
    };
    let facts = ClinicalFacts {
        clinical_n0: Some(true),
        nsclc: Some(true),
        age_years: Some(61.0),
        clinical_stage_i: Some(false),
        male: Some(true),
        ..ClinicalFacts::default()
    };
    let any = [
        "perf_n1",
        "perf_n2",
        "oper_n1",
        "oper_n2",
        "histology",
        "biopsy",
    ];
    let low = published(&group(0.1), &facts).unwrap();
    let high = published(&group(0.9), &facts).unwrap();
    assert_eq!(ids(&low)[..6], any);
    assert_eq!(ids(&low)[6..], ["surgery_low", "nodes_low", "adjuvant_low"]);
    assert_eq!(
        ids(&high)[6..],
        ["surgery_high", "nodes_high", "adjuvant_high", "biology"]
    );
    let condition = |id: &str| {
        high.statements
            .iter()
            .find(|s| s.id == id)
            .unwrap()
            .condition
    };
    assert_eq!(condition("perf_n1"), Condition::Met);
    assert_eq!(condition("surgery_high"), Condition::NotMet);
    assert_eq!(condition("adjuvant_high"), Condition::NotKnown);

    let clinical = high.clinical.as_ref().unwrap();
    assert!(
        clinical.note.contains("gives no intercept"),
        "{}",
        clinical.note
    );
    let value = |name: &str| {
        let variables = &clinical.variables;
        variables
            .iter()
            .find(|v| v.name == name)
            .unwrap()
            .value
            .clone()
    };
    assert_eq!(value("Age, per year").as_deref(), Some("61"));
    assert_eq!(value("Male sex").as_deref(), Some("yes"));
    assert_eq!(value("SUVmax, per unit").as_deref(), Some("6.00"));
    assert_eq!(value("Central location"), None);

    let options = PageOptions {
        facts,
        ..PageOptions::default()
    };
    let page = Page::new(&group(0.9), &[], &options).unwrap();
    for text in [words_of(&page.svg()), page.html()] {
        for words in [
            "Lobectomy and sublobectomy",
            "90.9 and 80.9 %, p = 0.011",
            "not met",
            "were not randomised",
        ] {
            assert!(text.contains(words), "{words}");
        }
    }
    assert!(page.html().contains("2.525 [1.638, 3.891]"));
}

/// The texts of a sheet on one line: it breaks them where its columns end.
fn words_of(svg: &str) -> String {
    let texts = svg.lines().filter(|l| l.starts_with("<text "));
    let words = texts.filter_map(|l| l.split_once('>')?.1.strip_suffix("</text>"));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn an_own_validation_shows_its_own_figures() {
    let scores = scored(|m| {
        authors(m);
        m["evidence"] = json!({ "source": "own-validation", "statements": [statement("AUROC N1 0.80 [0.72, 0.88]")] });
    })
    .unwrap();
    let own = published(&scores, &ClinicalFacts::default()).unwrap();
    assert_eq!(ids(&own), ["own_1"]);
    assert!(own.clinical.is_none());
    let html = Page::new(&scores, &[], &PageOptions::default())
        .unwrap()
        .html();
    assert!(html.contains("AUROC N1 0.80 [0.72, 0.88]") && html.contains("one hospital, n 120"));
    assert!(
        !html.contains("Zhong"),
        "figures of the paper beside other weights"
    );
}
