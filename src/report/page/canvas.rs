//! SVG elements as text. Every text from outside is escaped here.

use super::tone::Tone;
use std::fmt::Write;

/// SVG that is being written.
#[derive(Default)]
pub(super) struct Canvas {
    pub svg: String,
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Size, weight and colour of a text.
#[derive(Clone, Copy)]
pub(super) struct Type {
    pub size: f64,
    pub bold: bool,
    pub tone: Tone,
}

impl Type {
    pub const fn regular(size: f64, tone: Tone) -> Self {
        Self {
            size,
            bold: false,
            tone,
        }
    }

    pub const fn bold(size: f64, tone: Tone) -> Self {
        Self {
            size,
            bold: true,
            tone,
        }
    }
}

/// A number with at most two decimals and no more digits than it needs.
pub(super) fn number(v: f64) -> String {
    let text = format!("{v:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".into()
    } else {
        text.into()
    }
}

/// A text in which nothing is markup, in elements and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

impl Canvas {
    /// Writes markup of this library.
    pub fn raw(&mut self, markup: &str) {
        self.svg.push_str(markup);
        self.svg.push('\n');
    }

    pub fn text(&mut self, [x, y]: [f64; 2], kind: Type, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if kind.bold {
            " font-weight=\"700\""
        } else {
            ""
        };
        let _ = writeln!(
            self.svg,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{weight}{anchor} class=\"f-{}\" fill=\"{}\">{}</text>",
            number(x),
            number(y),
            number(kind.size),
            kind.tone.name(),
            kind.tone.light(),
            escape(text)
        );
    }

    /// A filled rectangle.
    pub fn rect(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], tone: Tone) {
        let _ = writeln!(
            self.svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"f-{}\" fill=\"{}\"/>",
            number(x),
            number(y),
            number(width),
            number(height),
            tone.name(),
            tone.light()
        );
    }

    /// The border of a rectangle.
    pub fn frame(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], tone: Tone, line: f64) {
        let _ = writeln!(
            self.svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" class=\"s-{}\" stroke=\"{}\" stroke-width=\"{}\"/>",
            number(x),
            number(y),
            number(width),
            number(height),
            tone.name(),
            tone.light(),
            number(line)
        );
    }

    pub fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], tone: Tone, width: f64) {
        let _ = writeln!(
            self.svg,
            "<path d=\"M{} {}L{} {}\" class=\"s-{}\" stroke=\"{}\" stroke-width=\"{}\"/>",
            number(x1),
            number(y1),
            number(x2),
            number(y2),
            tone.name(),
            tone.light(),
            number(width)
        );
    }

    /// A closed shape, filled or hollow.
    pub fn shape(&mut self, points: &[[f64; 2]], tone: Tone, filled: bool) {
        let mut path = String::new();
        for (n, [x, y]) in points.iter().enumerate() {
            let step = if n == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{step}{} {}", number(*x), number(*y));
        }
        let (name, color) = (tone.name(), tone.light());
        let paint = if filled {
            format!("class=\"f-{name}\" fill=\"{color}\"")
        } else {
            let paper = Tone::Paper;
            format!(
                "class=\"f-{} s-{name}\" fill=\"{}\" stroke=\"{color}\" stroke-width=\"1.6\"",
                paper.name(),
                paper.light()
            )
        };
        let _ = writeln!(self.svg, "<path d=\"{path}Z\" {paint}/>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_texts_are_escaped() {
        let numbers = [0.0, -0.001, 1.0, 2.5, 1.0 / 3.0, -12.345, 1024.0];
        let texts = numbers.map(number);
        assert_eq!(texts, ["0", "0", "1", "2.5", "0.33", "-12.35", "1024"]);
        let hostile = "<script>alert('1' & \"2\")</script>";
        assert_eq!(
            escape(hostile),
            "&lt;script&gt;alert(&#39;1&#39; &amp; &quot;2&quot;)&lt;/script&gt;"
        );
        let mut canvas = Canvas::default();
        let kind = Type::bold(12.0, Tone::Ink);
        canvas.text([1.0, 2.0], kind, Anchor::End, hostile);
        assert!(!canvas.svg.contains("<script"), "{}", canvas.svg);
    }
}
