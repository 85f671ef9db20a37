//! The page as one A4 sheet of SVG, 1024 units wide.

use super::canvas::{Anchor, Canvas, Type};
use super::content::{Page, Row, severity_word};
use super::tone::Tone;
use super::words::{fit, width, wrap};
use super::{planes, scores};
use crate::risk::RESEARCH_USE_ONLY;

/// Size of the sheet; the ratio is that of A4.
pub(super) const SIZE: [f64; 2] = [1024.0, 1448.0];
const MARGIN: f64 = 40.0;
const PLANE: f64 = 226.0;
/// Below this nothing but the footer stands.
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
        let [figure, height] = planes::size(PLANE);
        match &self.images {
            Ok(images) => planes::draw(canvas, images, [MARGIN, y], PLANE),
            Err(why) => {
                canvas.frame([MARGIN, y + 16.0], [figure, 60.0], Tone::Rule, 1.0);
                let text = fit(&format!("No pictures: {why}"), 13.0, false, figure - 24.0);
                let kind = Type::regular(13.0, Tone::Ink);
                canvas.text([MARGIN + 12.0, y + 50.0], kind, Anchor::Start, &text);
            }
        }
        let left = MARGIN + figure + 22.0;
        rows(
            canvas,
            "Evidence",
            &self.measures,
            [left, y + 11.0],
            SIZE[0] - MARGIN - left,
        );
        y += height + 18.0;
        let half = (room - 28.0) / 2.0;
        self.findings(canvas, [MARGIN, y], half);
        self.provenance(canvas, [MARGIN + half + 28.0, y], half);
        self.foot(canvas);
    }

    /// Title and banners; returns where the rest begins.
    fn head(&self, canvas: &mut Canvas) -> f64 {
        let right = SIZE[0] - MARGIN;
        let title = "PET/CT signature of occult nodal metastasis (DLNMS)";
        canvas.text(
            [MARGIN, 44.0],
            Type::bold(20.0, Tone::Ink),
            Anchor::Start,
            title,
        );
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
        canvas.rect(
            [SIZE[0] / 2.0 - plate / 2.0, 112.0],
            [plate, 30.0],
            Tone::AlarmPaper,
        );
        canvas.frame([MARGIN, 110.0], [room, 34.0], Tone::Alarm, 1.5);
        let kind = Type::bold(14.0, Tone::Alarm);
        canvas.text([SIZE[0] / 2.0, 132.0], kind, Anchor::Middle, &text);
        160.0
    }

    fn findings(&self, canvas: &mut Canvas, [x, y]: [f64; 2], room: f64) {
        let mut lines = Lines::new(canvas, "Quality checks", [x, y], room);
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
        lines.end();
    }

    fn provenance(&self, canvas: &mut Canvas, [x, y]: [f64; 2], room: f64) {
        rows(canvas, "What ran", &self.provenance, [x, y], room);
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

fn heading(canvas: &mut Canvas, title: &str, [x, y]: [f64; 2], room: f64) {
    canvas.text([x, y], Type::bold(13.0, Tone::Ink), Anchor::Start, title);
    canvas.line([x, y + 5.0], [x + room, y + 5.0], Tone::Rule, 1.0);
}

/// Names and values below each other: the value beside its name where there is room, else below it.
fn rows(canvas: &mut Canvas, title: &str, rows: &[Row], [x, y]: [f64; 2], room: f64) {
    heading(canvas, title, [x, y], room);
    let (size, step) = (11.0, 15.0);
    let mut y = y + 21.0;
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

/// Paragraphs below each other, down to the footer. What has no room is counted.
struct Lines<'c> {
    canvas: &'c mut Canvas,
    at: [f64; 2],
    room: f64,
    left_out: usize,
}

impl<'c> Lines<'c> {
    const SIZE: f64 = 11.0;
    const STEP: f64 = 14.0;

    fn new(canvas: &'c mut Canvas, title: &str, [x, y]: [f64; 2], room: f64) -> Self {
        heading(canvas, title, [x, y], room);
        Self {
            canvas,
            at: [x, y + 21.0],
            room,
            left_out: 0,
        }
    }

    fn add(&mut self, text: &str, tone: Tone) {
        let lines = wrap(text, Self::SIZE, self.room);
        let end = self.at[1] + lines.len() as f64 * Self::STEP;
        if self.left_out > 0 || end > FOOTER - Self::STEP {
            self.left_out += 1;
            return;
        }
        for line in lines {
            self.canvas.text(
                self.at,
                Type::regular(Self::SIZE, tone),
                Anchor::Start,
                &line,
            );
            self.at[1] += Self::STEP;
        }
        self.at[1] += 4.0;
    }

    fn end(self) {
        if self.left_out > 0 {
            let text = format!(
                "... and {} more, in the JSON and the HTML page",
                self.left_out
            );
            let kind = Type::bold(Self::SIZE, Tone::Ink);
            self.canvas
                .text([self.at[0], FOOTER - 6.0], kind, Anchor::Start, &text);
        }
    }
}
