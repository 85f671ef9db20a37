//! What each plane contributed to the scores, as bars around zero.

use super::canvas::{Anchor, Canvas, Type};
use super::tone::Tone;
use crate::explanation::{Baseline, Contributions};

/// Contributions of one explanation, on the scale of the scores.
#[derive(Clone, Debug, PartialEq)]
pub struct ContributionBars {
    /// What stood in the place of a plane that was taken away.
    pub baseline: &'static str,
    /// The other baseline that was computed.
    pub second_baseline: &'static str,
    /// N1 and N2 with every plane taken away.
    pub base: [f64; 2],
    /// The planes, the largest first, then the modalities.
    pub rows: Vec<ContributionRow>,
}

/// The share of one plane or modality.
#[derive(Clone, Debug, PartialEq)]
pub struct ContributionRow {
    /// For example "PET axial".
    pub name: String,
    /// Of N1 and N2.
    pub share: [f64; 2],
    /// Whether both baselines agree in sign; where they do not, the share depends on what replaces the plane.
    pub agree: [bool; 2],
    /// A modality: shares of a game of its own, not sums of planes.
    pub modality: bool,
}

const STEP: f64 = 15.0;
const NAMES: f64 = 92.0;

impl ContributionBars {
    pub(super) fn new(of: &Contributions) -> Self {
        let shares = &of.first.probability;
        let row =
            |name: &str, share: [f64; 2], agree: Option<[bool; 2]>, modality| ContributionRow {
                name: readable(name),
                share,
                agree: agree.unwrap_or([true; 2]),
                modality,
            };
        let planes = shares.planes.iter().map(|(name, share)| {
            let agree = of.agree.planes.get(name).map(|a| [a.n1, a.n2]);
            row(name, [share.n1, share.n2], agree, false)
        });
        let mut rows: Vec<ContributionRow> = planes.collect();
        let size = |r: &ContributionRow| r.share[0].abs().max(r.share[1].abs());
        rows.sort_by(|a, b| size(b).total_cmp(&size(a)));
        rows.extend(shares.modalities.iter().map(|(name, share)| {
            let agree = of.agree.modalities.get(name).map(|a| [a.n1, a.n2]);
            row(name, [share.n1, share.n2], agree, true)
        }));
        let words = |baseline| match baseline {
            Baseline::Outside => "no uptake and air",
            Baseline::Blur => "the plane, blurred",
        };
        Self {
            baseline: words(of.first.baseline),
            second_baseline: words(of.second_baseline.baseline),
            base: [shares.base.n1, shares.base.n2],
            rows,
        }
    }

    /// Draws the bars with their upper left corner at a point; returns where they end.
    pub(super) fn draw(&self, canvas: &mut Canvas, [x, y]: [f64; 2], room: f64) -> f64 {
        let soft = Type::regular(10.5, Tone::Soft);
        let largest = self
            .rows
            .iter()
            .flat_map(|r| r.share)
            .fold(0.0, |m: f64, s| m.max(s.abs()));
        let column = (room - NAMES) / 2.0;
        let middle = |score: usize| x + NAMES + (score as f64 + 0.5) * column;
        // Room for the number at the end of the longest bar.
        let reach = column / 2.0 - 44.0;
        let scale = if largest > 0.0 { reach / largest } else { 0.0 };
        for (score, name) in ["N1", "N2"].into_iter().enumerate() {
            let text = format!("{name}: without any {:.3}", self.base[score]);
            canvas.text([middle(score), y], soft, Anchor::Middle, &text);
            let end = y + 6.0 + self.rows.len() as f64 * STEP;
            canvas.line(
                [middle(score), y + 6.0],
                [middle(score), end],
                Tone::Rule,
                1.0,
            );
        }
        let mut at = y + 6.0;
        for row in &self.rows {
            let name = Type {
                bold: row.modality,
                ..Type::regular(11.0, Tone::Ink)
            };
            canvas.text([x, at + 11.0], name, Anchor::Start, &row.name);
            for score in 0..2 {
                row.bar(canvas, score, [middle(score), at], scale);
            }
            at += STEP;
        }
        let text = format!("Taken away is replaced by: {}.", self.baseline);
        canvas.text([x, at + 13.0], soft, Anchor::Start, &text);
        let text = format!(
            "Grey ~: the sign is another with \"{}\".",
            self.second_baseline
        );
        if self.rows.iter().any(|r| r.agree.contains(&false)) {
            canvas.text([x, at + 27.0], soft, Anchor::Start, &text);
        }
        at + 34.0
    }
}

impl ContributionRow {
    fn bar(&self, canvas: &mut Canvas, score: usize, [middle, y]: [f64; 2], scale: f64) {
        let (share, agree) = (self.share[score], self.agree[score]);
        let length = share * scale;
        let tone = match (agree, share > 0.0) {
            (false, _) => Tone::Muted,
            (true, true) => Tone::High,
            (true, false) => Tone::Low,
        };
        let height = if self.modality { 9.0 } else { 7.0 };
        let left = middle + length.min(0.0);
        canvas.rect([left, y + 7.5 - height / 2.0], [length.abs(), height], tone);
        let text = format!("{share:+.3}{}", if agree { "" } else { " ~" });
        let size = 10.0;
        let (at, anchor) = if share < 0.0 {
            (middle + length - 4.0, Anchor::End)
        } else {
            (middle + length + 4.0, Anchor::Start)
        };
        canvas.text(
            [at, y + 11.0],
            Type::regular(size, Tone::Ink),
            anchor,
            &text,
        );
    }
}

/// `pet_axial` as "PET axial"; names come from the bundle.
fn readable(name: &str) -> String {
    let (modality, plane) = name.split_once('_').unwrap_or((name, ""));
    let name = format!("{} {plane}", modality.to_uppercase());
    super::words::fit(super::words::clean(&name).trim(), 11.0, false, NAMES)
}
