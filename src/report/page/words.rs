//! Texts that fit: what comes from outside is cut and cleaned, and lines are broken by the widths of the page's font.

use crate::evidence::quality::Severity;
use crate::risk::Risk;

/// Characters of a text from outside that the page shows at most.
const MOST: usize = 160;

/// Advance widths of DejaVu Sans from space to tilde, thousandths of its size, as its `hmtx` table has them.
const WIDTHS: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];

/// The widest characters that other scripts have, in the same unit.
const WIDE: u16 = 1000;

/// Bold characters are this much wider.
const BOLD: f64 = 1.12;

/// Returns the width of a text of this size.
pub(super) fn width(text: &str, size: f64, bold: bool) -> f64 {
    let of = |c: char| {
        let index = (c as usize).checked_sub(32);
        index.and_then(|i| WIDTHS.get(i)).copied().unwrap_or(WIDE)
    };
    let sum: f64 = text.chars().map(|c| f64::from(of(c))).sum();
    sum * size / 1000.0 * if bold { BOLD } else { 1.0 }
}

/// Returns a text from outside on one line: control characters, line breaks and characters that turn the direction of writing
/// become spaces, and what is longer than the page can show is cut, which is said.
pub(super) fn clean(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let not_xml = |c: char| matches!(c, '\u{fffe}' | '\u{ffff}');
    let plain = |c: char| {
        if c.is_control() || turns(c) || not_xml(c) {
            ' '
        } else {
            c
        }
    };
    let shown: String = text.chars().take(MOST).map(plain).collect();
    let words: Vec<&str> = shown.split_whitespace().collect();
    let shown = words.join(" ");
    match text.chars().count() {
        n if n > MOST => format!("{shown}... ({n} characters)"),
        _ => shown,
    }
}

/// Returns a text cut to a width, with three points where something is missing.
pub(super) fn fit(text: &str, size: f64, bold: bool, room: f64) -> String {
    if width(text, size, bold) <= room {
        return text.into();
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if width(&cut, size, bold) + width("...", size, bold) > room {
            cut.pop();
            break;
        }
    }
    cut.truncate(cut.trim_end().len());
    cut + "..."
}

/// Breaks a text into lines of a width, between words; a word that is wider than a line is cut.
pub(super) fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = fit(word, size, false, room);
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, false) <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// Returns the word for a risk group.
pub(super) fn risk_word(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::High => "high",
    }
}

/// Returns the word for how much a finding weighs.
pub(super) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_outside_are_one_line_of_bounded_length() {
        assert_eq!(clean("GTV\u{1b}[31m\r\n \u{202e}left\0"), "GTV [31m left");
        let long = clean(&"a".repeat(10_000));
        assert_eq!(long, format!("{}... (10000 characters)", "a".repeat(160)));
        assert_eq!(clean("腫瘍 опухоль"), "腫瘍 опухоль");
    }

    #[test]
    fn lines_fit_their_room() {
        let text =
            "the outline of the body in PET and CT lies apart by more than a pixel of the PET";
        for room in [60.0, 120.0, 400.0] {
            let lines = wrap(text, 12.0, room);
            assert_eq!(lines.join(" "), text);
            assert!(
                lines.iter().all(|l| width(l, 12.0, false) <= room),
                "{lines:?}"
            );
        }
        let word = "1.2.840.113619.2.55.3.2831868886.1";
        let cut = fit(word, 12.0, true, 100.0);
        assert!(
            cut.ends_with("...") && width(&cut, 12.0, true) <= 100.0,
            "{cut}"
        );
        assert_eq!(fit("N1", 12.0, true, 100.0), "N1");
        assert_eq!(wrap(word, 12.0, 100.0).len(), 1);
        assert!(wrap("", 12.0, 100.0).is_empty());
    }
}
