//! The two scores as bars beside their cut-offs.

use super::canvas::{Anchor, Canvas, Type};
use super::content::{Page, ScoreBar};
use super::tone::Tone;
use super::words::risk_word;
use crate::risk::Risk;

const BAR: f64 = 18.0;
const ROW: f64 = 56.0;
/// Width of the name at the left and of the words at the right.
const NAME: f64 = 54.0;
const WORDS: f64 = 268.0;
const LEGEND: f64 = 20.0;

/// Height of the figure.
pub(super) const HEIGHT: f64 = 2.0 * ROW + LEGEND;

/// Draws the bars with their upper left corner at a point.
pub(super) fn draw(canvas: &mut Canvas, page: &Page, [x, y]: [f64; 2], width: f64) {
    let bar_width = width - NAME - WORDS;
    for (n, score) in page.scores.iter().enumerate() {
        let at = [x, y + n as f64 * ROW];
        row(canvas, score, page.not_trained.is_some(), at, bar_width);
    }
    legend(canvas, page, [x + NAME, y + 2.0 * ROW + 8.0], bar_width);
    combined(
        canvas,
        page,
        [x + width - WORDS + 18.0, y + 2.0 * ROW + 8.0],
    );
}

fn row(canvas: &mut Canvas, score: &ScoreBar, grey: bool, [x, y]: [f64; 2], width: f64) {
    let left = x + NAME;
    let top = y + 14.0;
    let at = |share: f64| left + share.clamp(0.0, 1.0) * width;
    canvas.text(
        [x, top + 16.0],
        Type::bold(22.0, Tone::Ink),
        Anchor::Start,
        score.name,
    );
    canvas.rect([left, top], [width, BAR], Tone::Panel);
    let tone = match score.group {
        Some((risk, _)) if !grey => risk_tone(risk),
        _ => Tone::Muted,
    };
    canvas.rect([left, top], [at(score.score) - left, BAR], tone);
    canvas.frame([left, top], [width, BAR], Tone::Rule, 1.0);
    for tick in 0..=4 {
        let share = f64::from(tick) / 4.0;
        canvas.line(
            [at(share), top + BAR],
            [at(share), top + BAR + 4.0],
            Tone::Soft,
            1.0,
        );
        let label = super::canvas::number(share);
        let kind = Type::regular(10.0, Tone::Soft);
        canvas.text([at(share), top + BAR + 14.0], kind, Anchor::Middle, &label);
    }
    // Markers stand above the bar, where they hide nothing.
    for (value, shape) in [
        (score.pet_alone, triangle as Shape),
        (score.ct_alone, diamond),
    ] {
        if let Some(value) = value {
            canvas.shape(&shape([at(value), top - 5.0], 5.0), Tone::Ink, false);
        }
    }
    if let Some((_, cutoff)) = score.group {
        canvas.line(
            [at(cutoff), top - 3.0],
            [at(cutoff), top + BAR + 3.0],
            Tone::Ink,
            2.0,
        );
    }
    if let Some(spread) = &score.stability {
        let (low, high, y) = (at(spread.p5), at(spread.p95), top + BAR / 2.0);
        canvas.line([low, y], [high, y], Tone::Ink, 1.6);
        for x in [low, high] {
            canvas.line([x, y - 4.0], [x, y + 4.0], Tone::Ink, 1.6);
        }
    }
    words(canvas, score, tone, [left + width + 18.0, top]);
}

/// The score, its group by shape and word, its cut-off.
fn words(canvas: &mut Canvas, score: &ScoreBar, tone: Tone, [x, top]: [f64; 2]) {
    let value = format!("{:.3}", score.score);
    canvas.text(
        [x, top + 16.0],
        Type::bold(22.0, Tone::Ink),
        Anchor::Start,
        &value,
    );
    match score.group {
        Some((risk, cutoff)) => {
            group(canvas, risk, tone, [x + 92.0, top + 9.0]);
            let text = format!("cut-off {cutoff}");
            let kind = Type::regular(12.0, Tone::Soft);
            canvas.text([x + 164.0, top + 15.0], kind, Anchor::Start, &text);
        }
        None => {
            let kind = Type::regular(12.0, Tone::Soft);
            canvas.text(
                [x + 92.0, top + 15.0],
                kind,
                Anchor::Start,
                "no cut-off in the bundle",
            );
        }
    }
    steadiness(canvas, score, [x, top + 34.0]);
}

/// How often the group changed under small changes of the case.
fn steadiness(canvas: &mut Canvas, score: &ScoreBar, at: [f64; 2]) {
    if let Some(spread) = &score.stability
        && let Some(changed) = spread.group_changed
    {
        let text = format!("group changed in {changed} of {}", spread.of);
        let kind = Type::regular(11.0, Tone::Soft);
        canvas.text(at, kind, Anchor::Start, &text);
    }
}

/// A group as a shape and a word: a triangle for high, a bar for low.
fn group(canvas: &mut Canvas, risk: Risk, tone: Tone, [x, y]: [f64; 2]) {
    match risk {
        Risk::High => canvas.shape(&triangle([x, y], 7.0), tone, true),
        Risk::Low => canvas.rect([x - 7.0, y - 2.0], [14.0, 5.0], tone),
    }
    let kind = Type::bold(16.0, tone);
    canvas.text([x + 13.0, y + 6.0], kind, Anchor::Start, risk_word(risk));
}

fn legend(canvas: &mut Canvas, page: &Page, [x, y]: [f64; 2], width: f64) {
    let kind = Type::regular(11.0, Tone::Soft);
    let alone = page
        .scores
        .iter()
        .any(|s| s.pet_alone.is_some() || s.ct_alone.is_some());
    let mut at = x;
    if alone {
        canvas.shape(&triangle([at + 5.0, y + 2.0], 5.0), Tone::Ink, false);
        canvas.text([at + 15.0, y + 6.0], kind, Anchor::Start, "PET alone");
        canvas.shape(&diamond([at + 90.0, y + 2.0], 5.0), Tone::Ink, false);
        canvas.text([at + 100.0, y + 6.0], kind, Anchor::Start, "CT alone");
        at += 172.0;
    }
    if page.scores.iter().any(|s| s.group.is_some()) {
        canvas.line([at, y - 4.0], [at, y + 8.0], Tone::Ink, 2.0);
        canvas.text([at + 8.0, y + 6.0], kind, Anchor::Start, "cut-off");
    }
    let steady = page.scores.iter().find_map(|s| s.stability.as_ref());
    let text = match steady {
        Some(spread) => format!("whisker: p5 to p95 of {} small changes", spread.of),
        None => "stability: not computed".into(),
    };
    canvas.text([x + width, y + 6.0], kind, Anchor::End, &text);
}

fn combined(canvas: &mut Canvas, page: &Page, [x, y]: [f64; 2]) {
    let text = "combined";
    let kind = Type::regular(12.0, Tone::Soft);
    if let Some(risk) = page.combined {
        canvas.text([x, y + 6.0], kind, Anchor::Start, text);
        let grey = page.not_trained.is_some();
        let tone = if grey { Tone::Muted } else { risk_tone(risk) };
        group(canvas, risk, tone, [x + 92.0, y]);
        let kind = Type::regular(11.0, Tone::Soft);
        canvas.text(
            [x + 164.0, y + 6.0],
            kind,
            Anchor::Start,
            "high if either is",
        );
    }
}

fn risk_tone(risk: Risk) -> Tone {
    match risk {
        Risk::Low => Tone::Low,
        Risk::High => Tone::High,
    }
}

type Shape = fn([f64; 2], f64) -> Vec<[f64; 2]>;

fn triangle([x, y]: [f64; 2], r: f64) -> Vec<[f64; 2]> {
    vec![[x, y - r], [x + r, y + r], [x - r, y + r]]
}

fn diamond([x, y]: [f64; 2], r: f64) -> Vec<[f64; 2]> {
    vec![[x, y - r], [x + r, y], [x, y + r], [x - r, y]]
}
