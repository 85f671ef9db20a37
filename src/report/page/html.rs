//! The page as one HTML file that needs nothing else: the sheet, and its content once more as tables for whoever searches, copies
//! or listens.

use super::canvas::{Canvas, escape};
use super::content::Page;
use super::sheet::{FONTS, SIZE};
use super::style::style_sheet;
use super::words::{risk_word, severity_word};
use crate::report::published::{ClinicalVariable, Statement};
use crate::risk::RESEARCH_USE_ONLY;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Nothing may be loaded or run, whatever a text from outside says; of styles the page's own alone counts.
fn policy(style: &str) -> String {
    let digest = BASE64_STANDARD.encode(Sha256::digest(style));
    format!("default-src 'none'; img-src data:; style-src 'sha256-{digest}'")
}

impl Page {
    /// Writes the page as HTML: no script, no address, nothing to fetch; light, dark and in print on one A4 page.
    #[must_use]
    pub fn html(&self) -> String {
        let mut sheet = Canvas::default();
        self.draw(&mut sheet);
        let [w, h] = SIZE;
        let title = match &self.lesion {
            Some(lesion) => format!("DLNMS - {lesion}"),
            None => "DLNMS".into(),
        };
        let style = style_sheet();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n\
             <svg class=\"sheet\" viewBox=\"0 0 {w} {h}\" font-family=\"{FONTS}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n\
             <section>\n{}</section>\n</main>\n</body>\n</html>\n",
            policy(&style),
            escape(&title),
            style,
            escape(&title),
            "The page as a picture; the tables below hold its text",
            sheet.svg,
            self.tables(),
        )
    }

    fn tables(&self) -> String {
        let mut out = format!("<p class=\"notice\">{}</p>\n", escape(RESEARCH_USE_ONLY));
        if let Some(weights) = self.not_trained {
            let _ = writeln!(
                out,
                "<p class=\"alarm\">The weights are {weights}, not trained on patients: the scores mean nothing about a patient.</p>"
            );
        }
        self.score_table(&mut out);
        let pairs = |rows: &[super::Row]| {
            let pair = |r: &super::Row| vec![r.name.to_owned(), r.value.clone()];
            rows.iter().map(pair).collect::<Vec<_>>()
        };
        table(
            &mut out,
            "Measured",
            &["Measure", "Value"],
            &pairs(&self.measures),
        );
        let finding = |f: &super::FindingRow| {
            let (severity, code) = (severity_word(f.severity), f.code);
            vec![severity.to_owned(), code.to_owned(), f.message.clone()]
        };
        let findings: Vec<_> = self.findings.iter().map(finding).collect();
        table(
            &mut out,
            "Quality checks",
            &["Severity", "Code", "Finding"],
            &findings,
        );
        if !self.unchecked.is_empty() {
            let list = self.unchecked.join(", ");
            let _ = writeln!(out, "<p>Not known, so not checked: {}.</p>", escape(&list));
        }
        for warning in &self.warnings {
            let _ = writeln!(out, "<p>Note: {}</p>", escape(warning));
        }
        self.population_list(&mut out);
        self.contribution_table(&mut out);
        self.evidence_tables(&mut out);
        table(
            &mut out,
            "What ran",
            &["Part", "Value"],
            &pairs(&self.provenance),
        );
        out
    }

    fn population_list(&self, out: &mut String) {
        out.push_str("<h2>Unlike the study's population</h2>\n");
        let Some(population) = &self.population else {
            out.push_str("<p>not computed</p>\n");
            return;
        };
        for (text, _) in population.paragraphs() {
            let _ = writeln!(out, "<p>{}</p>", escape(&text));
        }
    }

    fn contribution_table(&self, out: &mut String) {
        let Some(bars) = &self.contributions else {
            out.push_str("<h2>Contributions</h2>\n<p>not computed</p>\n");
            return;
        };
        let share = |row: &super::ContributionRow, score: usize| {
            let note = if row.agree[score] {
                ""
            } else {
                " (depends on what replaces it)"
            };
            format!("{:+.3}{note}", row.share[score])
        };
        let row = |r: &super::ContributionRow| vec![r.name.clone(), share(r, 0), share(r, 1)];
        let rows: Vec<_> = bars.rows.iter().map(row).collect();
        let heads = ["Plane or modality", "N1", "N2"];
        table(out, "Contributions", &heads, &rows);
        let _ = writeln!(
            out,
            "<p>Without any plane N1 is {:.3} and N2 {:.3}. What is taken away is replaced by: {}.</p>",
            bars.base[0],
            bars.base[1],
            escape(bars.baseline)
        );
    }

    fn evidence_tables(&self, out: &mut String) {
        let evidence = match &self.evidence {
            Ok(evidence) => evidence,
            Err(why) => {
                let _ = writeln!(
                    out,
                    "<h2>Evidence by risk group</h2>\n<p>{}</p>",
                    escape(why)
                );
                return;
            }
        };
        let row = |s: &Statement| {
            let condition = s.condition.words().to_owned();
            let figures = s.figures.join("; ");
            vec![s.title.clone(), s.population.clone(), condition, figures]
        };
        let rows: Vec<_> = evidence.statements.iter().map(row).collect();
        let heads = ["Question", "Population", "This case", "Reported"];
        table(out, "Evidence by risk group", &heads, &rows);
        for limit in evidence.limits.iter().chain([&evidence.source]) {
            let _ = writeln!(out, "<p>{}</p>", escape(limit));
        }
        let Some(model) = &evidence.clinical else {
            return;
        };
        let text = |v: &Option<String>, none: &str| v.clone().unwrap_or_else(|| none.into());
        let row = |v: &ClinicalVariable| {
            let ratios = [&v.n1[0], &v.n1[1], &v.n2[0], &v.n2[1]].map(|r| text(r, "none given"));
            let value = text(&v.value, "not known");
            [vec![v.name.clone(), value], ratios.to_vec()].concat()
        };
        let rows: Vec<_> = model.variables.iter().map(row).collect();
        let heads = [
            "Variable",
            "This case",
            "N1, alone",
            "N1, adjusted",
            "N2, alone",
            "N2, adjusted",
        ];
        table(
            out,
            "Clinical model: odds ratios for comparison",
            &heads,
            &rows,
        );
        let _ = writeln!(out, "<p>{}</p>", escape(&model.note));
        let _ = writeln!(out, "<p>{}</p>", escape(&model.performance));
    }

    fn score_table(&self, out: &mut String) {
        let share = |v: Option<f64>| v.map_or_else(|| "none".into(), |v| format!("{v:.3}"));
        let row = |s: &super::ScoreBar| {
            vec![
                s.name.to_owned(),
                format!("{:.3}", s.score),
                s.group
                    .map_or("none", |(risk, _)| risk_word(risk))
                    .to_owned(),
                s.group
                    .map_or("none".into(), |(_, cutoff)| cutoff.to_string()),
                share(s.pet_alone),
                share(s.ct_alone),
                s.stability
                    .as_ref()
                    .map_or_else(|| "not computed".into(), spread),
            ]
        };
        let rows: Vec<_> = self.scores.iter().map(row).collect();
        let heads = [
            "Score",
            "Value",
            "Group",
            "Cut-off",
            "PET alone",
            "CT alone",
            "p5 to p95",
        ];
        table(out, "Scores", &heads, &rows);
        if let Some(risk) = self.combined {
            let _ = writeln!(
                out,
                "<p>Combined group: {} (high if either is).</p>",
                risk_word(risk)
            );
        }
    }
}

/// A spread in words.
fn spread(of: &super::ScoreSpread) -> String {
    let range = format!("{:.3} to {:.3}", of.p5, of.p95);
    match of.group_changed {
        Some(n) => format!("{range}; group changed in {n} of {}", of.of),
        None => range,
    }
}

/// A table with a heading; "none" if it has no rows.
fn table(out: &mut String, title: &str, heads: &[&str], rows: &[Vec<String>]) {
    let _ = writeln!(out, "<h2>{}</h2>", escape(title));
    if rows.is_empty() {
        out.push_str("<p>none found</p>\n");
        return;
    }
    out.push_str("<table>\n<thead><tr>");
    for head in heads {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(head));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (n, cell) in row.iter().enumerate() {
            let text = escape(cell);
            let _ = if n == 0 {
                write!(out, "<th scope=\"row\">{text}</th>")
            } else {
                write!(out, "<td>{text}</td>")
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
}
