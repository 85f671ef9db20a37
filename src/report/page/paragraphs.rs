//! Headings and paragraphs of the sheet, down to where something else begins.

use super::canvas::{Anchor, Canvas, Type};
use super::tone::Tone;
use super::words::wrap;

/// Writes a heading; returns the line of the text below it.
pub(super) fn heading(canvas: &mut Canvas, title: &str, [x, y]: [f64; 2], room: f64) -> f64 {
    canvas.text([x, y], Type::bold(13.0, Tone::Ink), Anchor::Start, title);
    canvas.line([x, y + 5.0], [x + room, y + 5.0], Tone::Rule, 1.0);
    y + 21.0
}

/// Paragraphs below each other. What has no room is counted, and the count is written.
pub(super) struct Paragraphs<'c> {
    canvas: &'c mut Canvas,
    at: [f64; 2],
    room: f64,
    bottom: f64,
    left_out: usize,
    begun: bool,
    /// Size of the text.
    pub size: f64,
}

impl<'c> Paragraphs<'c> {
    /// Begins at a point; nothing is written below `bottom`.
    pub fn new(canvas: &'c mut Canvas, at: [f64; 2], room: f64, bottom: f64) -> Self {
        Self {
            canvas,
            at,
            room,
            bottom,
            left_out: 0,
            begun: false,
            size: 11.0,
        }
    }

    /// Height of a paragraph of so many lines.
    pub fn height(lines: usize, size: f64) -> f64 {
        lines as f64 * Self::step(size) + size * 0.3
    }

    fn step(size: f64) -> f64 {
        size * 1.27
    }

    /// Begins a section. Its heading takes the room of a line of text that has no room of its own.
    pub fn heading(&mut self, title: &str) {
        if self.left_out == 0 && self.at[1] + 36.0 < self.bottom {
            self.at[1] += if self.begun { 10.0 } else { 0.0 };
            self.begun = true;
            self.at[1] = heading(self.canvas, title, self.at, self.room);
        }
    }

    /// Adds a paragraph.
    pub fn add(&mut self, text: &str, tone: Tone) {
        let lines = wrap(text, self.size, self.room);
        let step = Self::step(self.size);
        // The last line says what was left out.
        let end = self.at[1] + (lines.len() as f64 - 1.0) * step;
        if self.left_out > 0 || end > self.bottom - step {
            self.left_out += 1;
            return;
        }
        for line in lines {
            let kind = Type::regular(self.size, tone);
            self.canvas.text(self.at, kind, Anchor::Start, &line);
            self.at[1] += step;
        }
        self.at[1] += self.size * 0.3;
    }

    /// Says what was left out; returns where the next section may begin.
    pub fn end(self) -> f64 {
        if self.left_out > 0 {
            let text = format!(
                "... and {} more, in the JSON and the HTML page",
                self.left_out
            );
            let kind = Type::bold(self.size, Tone::Ink);
            let at = [self.at[0], self.bottom];
            self.canvas.text(at, kind, Anchor::Start, &text);
        }
        self.at[1]
    }
}
