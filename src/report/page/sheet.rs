//! The page as one A4 sheet of SVG, 1024 units wide.

use super::canvas::{Anchor, Canvas, Type};
use super::content::{Page, Row};
use super::paragraphs::Paragraphs;
use super::tone::Tone;
use super::words::severity_word;
use super::words::{fit, width, wrap};
use super::{planes, scores};
use crate::report::published::PublishedEvidence;
use crate::risk::RESEARCH_USE_ONLY;

/// Size of the sheet; the ratio is that of A4.
pub(super) const SIZE: [f64; 2] = [1024.0, 1448.0];
const MARGIN: f64 = 40.0;
/// Between columns.
const GUTTER: f64 = 28.0;
/// Height of all planes together, and how much of it gives way to evidence by risk group.
const PLANES: f64 = 678.0;
const EVIDENCE: f64 = 168.0;
/// Rows of "What ran", in three columns.
const RAN_ROWS: usize = 4;
const RAN_STEP: f64 = 15.0;
/// Where "What ran" begins, and the footer.
const RAN: f64 = FOOTER - 30.0 - RAN_ROWS as f64 * RAN_STEP;
const FOOTER: f64 = 1410.0;

/// Fonts of the sheet. Pictures and PDF have DejaVu Sans inside; browsers take what they have.
pub(super) const FONTS: &str = "DejaVu Sans, Verdana, Arial, sans-serif";

impl Page {
    /// Draws the page as one A4 sheet, light. The text is complete in itself: images are inside, and nothing is fetched.
    #[must_use]
    pub fn svg(&self) -> String {
        let mut canvas = Canvas::default();
        let [w, h] = SIZE;
        canvas.raw(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" font-family=\"{FONTS}\">"
        ));
        canvas.rect([0.0, 0.0], SIZE, Tone::Paper);
        self.draw(&mut canvas);
        canvas.raw("</svg>");
        canvas.svg
    }

    /// Draws everything on a sheet.
    pub(super) fn draw(&self, canvas: &mut Canvas) {
        let room = SIZE[0] - 2.0 * MARGIN;
        let mut y = self.head(canvas);
        scores::draw(canvas, self, [MARGIN, y], room);
        y += scores::HEIGHT + 14.0;
        y += self.planes(canvas, y) + 18.0;

        let half = (room - GUTTER) / 2.0;
        let evidence = self.evidence.as_ref().ok();
        let bottom = RAN - 16.0 - evidence.map_or(0.0, evidence_height);
        self.checks(canvas, [MARGIN, y], [half, bottom]);
        self.contributions(canvas, [MARGIN + half + GUTTER, y], [half, bottom]);
        if let Some(evidence) = evidence {
            by_risk_group(canvas, evidence, [MARGIN, bottom + 14.0]);
        }
        what_ran(canvas, &self.provenance);
        self.foot(canvas);
    }

    /// Title and banners; returns where the rest begins.
    fn head(&self, canvas: &mut Canvas) -> f64 {
        let right = SIZE[0] - MARGIN;
        let title = "PET/CT signature of occult nodal metastasis (DLNMS)";
        let kind = Type::bold(20.0, Tone::Ink);
        canvas.text([MARGIN, 44.0], kind, Anchor::Start, title);
        let soft = Type::regular(12.0, Tone::Soft);
        let lesion = match &self.lesion {
            Some(name) => format!("Lesion: {name}"),
            None => "Lesion: not named".into(),
        };
        let lesion = fit(&lesion, 12.0, false, 420.0);
        canvas.text([MARGIN, 64.0], soft, Anchor::Start, &lesion);
        let identity = match &self.identity_line {
            Some(line) => fit(line, 12.0, false, 480.0),
            None => "no identity on this page".into(),
        };
        canvas.text([right, 64.0], soft, Anchor::End, &identity);

        let room = right - MARGIN;
        canvas.rect([MARGIN, 76.0], [room, 28.0], Tone::NoticePaper);
        canvas.frame([MARGIN, 76.0], [room, 28.0], Tone::Notice, 1.0);
        let kind = Type::bold(13.0, Tone::Notice);
        let text =
            "RESEARCH USE ONLY - not a medical device; not for diagnosis or treatment decisions";
        canvas.text([SIZE[0] / 2.0, 95.0], kind, Anchor::Middle, text);
        let Some(weights) = self.not_trained else {
            return 120.0;
        };
        canvas.rect([MARGIN, 110.0], [room, 34.0], Tone::AlarmPaper);
        hatch(canvas, [MARGIN, 110.0], [room, 34.0]);
        let text = format!(
            "WEIGHTS NOT TRAINED ({weights}): the numbers below mean nothing about a patient"
        );
        let plate = width(&text, 14.0, true) + 28.0;
        let left = SIZE[0] / 2.0 - plate / 2.0;
        canvas.rect([left, 112.0], [plate, 30.0], Tone::AlarmPaper);
        canvas.frame([MARGIN, 110.0], [room, 34.0], Tone::Alarm, 1.5);
        let kind = Type::bold(14.0, Tone::Alarm);
        canvas.text([SIZE[0] / 2.0, 132.0], kind, Anchor::Middle, &text);
        160.0
    }

    /// The planes and what was measured beside them; returns their height.
    fn planes(&self, canvas: &mut Canvas, y: f64) -> f64 {
        let taken = if self.evidence.is_ok() { EVIDENCE } else { 0.0 };
        let rows = self.images.as_ref().map_or(3, |images| images.rows());
        let side = ((PLANES - taken) / rows as f64).floor();
        let [figure, height] = planes::size(side, rows);
        match &self.images {
            Ok(images) => planes::draw(canvas, images, [MARGIN, y], side),
            Err(why) => {
                canvas.frame([MARGIN, y + 16.0], [figure, 60.0], Tone::Rule, 1.0);
                let text = fit(&format!("No pictures: {why}"), 13.0, false, figure - 24.0);
                let kind = Type::regular(13.0, Tone::Ink);
                canvas.text([MARGIN + 12.0, y + 50.0], kind, Anchor::Start, &text);
            }
        }
        let left = MARGIN + figure + 22.0;
        measured(
            canvas,
            &self.measures,
            [left, y + 11.0],
            SIZE[0] - MARGIN - left,
        );
        height
    }

    /// Quality checks, and the case beside the study's population.
    fn checks(&self, canvas: &mut Canvas, at: [f64; 2], [room, bottom]: [f64; 2]) {
        let mut lines = Paragraphs::new(canvas, at, room, bottom);
        lines.heading("Quality checks");
        if self.findings.is_empty() {
            lines.add("none found", Tone::Ink);
        }
        for finding in &self.findings {
            let text = format!(
                "{} - {}: {}",
                severity_word(finding.severity),
                finding.code,
                finding.message
            );
            lines.add(&text, Tone::Ink);
        }
        if !self.unchecked.is_empty() {
            let text = format!("Not known, so not checked: {}.", self.unchecked.join(", "));
            lines.add(&text, Tone::Soft);
        }
        for warning in &self.warnings {
            lines.add(&format!("Note: {warning}"), Tone::Soft);
        }
        lines.heading("Unlike the study's population");
        match &self.population {
            None => lines.add("not computed", Tone::Soft),
            Some(population) => {
                for (text, tone) in population.paragraphs() {
                    lines.add(&text, tone);
                }
            }
        }
        lines.end();
    }

    fn contributions(&self, canvas: &mut Canvas, [x, y]: [f64; 2], [room, bottom]: [f64; 2]) {
        let mut lines = Paragraphs::new(canvas, [x, y], room, bottom);
        lines.heading("What each plane contributed to the scores");
        let y = match &self.contributions {
            None => {
                lines.add("not computed", Tone::Soft);
                lines.end()
            }
            Some(bars) => {
                let y = lines.end();
                bars.draw(canvas, [x, y], room)
            }
        };
        if let Err(why) = &self.evidence {
            let mut lines = Paragraphs::new(canvas, [x, y + 14.0], room, bottom);
            lines.heading("Evidence by risk group");
            lines.add(why, Tone::Ink);
            lines.end();
        }
    }

    fn foot(&self, canvas: &mut Canvas) {
        let [right, y] = [SIZE[0] - MARGIN, FOOTER + 20.0];
        canvas.line(
            [MARGIN, FOOTER + 4.0],
            [right, FOOTER + 4.0],
            Tone::Rule,
            1.0,
        );
        let kind = Type::regular(10.5, Tone::Soft);
        canvas.text([MARGIN, y], kind, Anchor::Start, RESEARCH_USE_ONLY);
        let time = match &self.content_time {
            Some(time) => format!("{time}, page 1 of 1"),
            None => "page 1 of 1".into(),
        };
        let time = fit(&time, 10.5, false, 360.0);
        canvas.text([right, y], kind, Anchor::End, &time);
    }
}

/// Slanted lines over a rectangle.
fn hatch(canvas: &mut Canvas, [x, y]: [f64; 2], [width, height]: [f64; 2]) {
    let mut path = String::new();
    let mut at = x;
    while at + height <= x + width {
        path += &format!("M{at} {}l{height} -{height}", y + height);
        at += 16.0;
    }
    let tone = Tone::Alarm;
    canvas.raw(&format!(
        "<path d=\"{path}\" class=\"s-{}\" stroke=\"{}\" stroke-width=\"3\" stroke-opacity=\".35\"/>",
        tone.name(),
        tone.light()
    ));
}

/// Names and values below each other: the value beside its name where there is room, else below it.
fn measured(canvas: &mut Canvas, rows: &[Row], [x, y]: [f64; 2], room: f64) {
    let (size, step) = (11.0, 15.0);
    let mut y = super::paragraphs::heading(canvas, "Measured", [x, y], room);
    for row in rows {
        let name = Type::regular(size, Tone::Soft);
        canvas.text([x, y], name, Anchor::Start, row.name);
        let value = Type::regular(size, Tone::Ink);
        let beside = room - width(row.name, size, false) - 12.0;
        if width(&row.value, size, false) <= beside {
            canvas.text([x + room, y], value, Anchor::End, &row.value);
        } else {
            for line in wrap(&row.value, size, room - 12.0) {
                y += step - 1.0;
                canvas.text([x + 12.0, y], value, Anchor::Start, &line);
            }
        }
        y += step + 1.5;
    }
}

/// One paragraph for each statement, then what limits them.
fn evidence_lines(evidence: &PublishedEvidence) -> impl Iterator<Item = (String, Tone)> {
    let statement = |s: &crate::report::published::Statement| {
        let text = format!(
            "{} ({}; this case: {}): {}",
            s.title,
            s.population,
            s.condition.words(),
            s.figures.join("; ")
        );
        (text, Tone::Ink)
    };
    let limit = |l: &String| (l.clone(), Tone::Soft);
    let source = (format!("Source: {}", evidence.source), Tone::Soft);
    let statements = evidence.statements.iter().map(statement);
    statements
        .chain(evidence.limits.iter().map(limit))
        .chain([source])
}

const EVIDENCE_SIZE: f64 = 9.5;

/// Height of the evidence by risk group.
fn evidence_height(evidence: &PublishedEvidence) -> f64 {
    let room = SIZE[0] - 2.0 * MARGIN;
    let lines = evidence_lines(evidence).map(|(text, _)| wrap(&text, EVIDENCE_SIZE, room).len());
    (30.0
        + lines
            .map(|n| Paragraphs::height(n, EVIDENCE_SIZE))
            .sum::<f64>())
    .min(420.0)
}

fn by_risk_group(canvas: &mut Canvas, evidence: &PublishedEvidence, at: [f64; 2]) {
    let room = SIZE[0] - 2.0 * MARGIN;
    let mut lines = Paragraphs::new(canvas, at, room, RAN - 14.0);
    lines.size = EVIDENCE_SIZE;
    lines.heading("Evidence by risk group: what was reported, no advice");
    for (text, tone) in evidence_lines(evidence) {
        lines.add(&text, tone);
    }
    lines.end();
}

/// The provenance in three columns.
fn what_ran(canvas: &mut Canvas, rows: &[Row]) {
    let room = SIZE[0] - 2.0 * MARGIN;
    let top = super::paragraphs::heading(canvas, "What ran", [MARGIN, RAN], room);
    let column = (room - 2.0 * GUTTER) / 3.0;
    for (n, row) in rows.iter().enumerate() {
        let x = MARGIN + (n / RAN_ROWS) as f64 * (column + GUTTER);
        let y = top - 2.0 + (n % RAN_ROWS) as f64 * RAN_STEP;
        let name = Type::regular(10.5, Tone::Soft);
        canvas.text([x, y], name, Anchor::Start, row.name);
        let beside = column - width(row.name, 10.5, false) - 8.0;
        let value = fit(&row.value, 10.5, false, beside);
        let kind = Type::regular(10.5, Tone::Ink);
        canvas.text([x + column, y], kind, Anchor::End, &value);
    }
}
