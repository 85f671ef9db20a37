//! The planes: a row for each kind of picture, a column for each plane.

use super::canvas::{Anchor, Canvas, Type, escape, number};
use super::images::{Images, PlaneImages};
use super::tone::Tone;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::fmt::Write;

const GAP: f64 = 6.0;
const TITLES: f64 = 16.0;
const LEGEND: f64 = 22.0;
/// Half of the crosshair's gap and the length of its arms, mm.
const CROSSHAIR_MM: [f64; 2] = [4.0, 12.0];
const SCALE_BAR_MM: f64 = 20.0;

/// Words below the planes; a line sample stands before each.
const LEGENDS: [(&str, &str, &str); 3] = [
    ("#3dff6e", "", "lesion, cut out of the PET"),
    ("#53d5ff", "5 3", "mask or box that was given"),
    ("#c3c8ff", "2 3", "what the network saw"),
];

/// Width and height of the figure for so many rows of planes of this side.
pub(super) fn size(side: f64, rows: usize) -> [f64; 2] {
    let stacked = |n: f64| n * side + (n - 1.0) * GAP;
    [stacked(3.0), TITLES + stacked(rows as f64) + LEGEND]
}

/// Draws the planes with their upper left corner at a point, each of this side.
pub(super) fn draw(canvas: &mut Canvas, images: &Images, [x, y]: [f64; 2], side: f64) {
    for (column, plane) in images.planes.iter().enumerate() {
        let left = x + column as f64 * (side + GAP);
        let kind = Type::bold(12.0, Tone::Ink);
        canvas.text(
            [left + side / 2.0, y + 11.0],
            kind,
            Anchor::Middle,
            plane.plane,
        );
        for row in 0..images.rows() {
            let top = y + TITLES + row as f64 * (side + GAP);
            picture(canvas, images, plane, row, [left, top], side);
            if column == 0 {
                let caption = &images.captions[row];
                over(
                    canvas,
                    [left + 6.0, top + side - 7.0],
                    9.0,
                    "start",
                    caption,
                );
            }
            if column == 2 {
                scale_bar(canvas, images, [left, top], side);
            }
        }
    }
    let [_, height] = size(side, images.rows());
    legend(canvas, [x, y + height - 7.0]);
}

fn legend(canvas: &mut Canvas, [x, y]: [f64; 2]) {
    let mut at = x;
    for (color, dashes, words) in LEGENDS {
        // On a dark ground, as on the pictures.
        canvas.raw(&format!(
            "<rect x=\"{0}\" y=\"{1}\" width=\"26\" height=\"12\" fill=\"#1c232b\"/><path d=\"M{2} {3}h20\" stroke=\"{color}\" stroke-width=\"1.6\" stroke-dasharray=\"{4}\"/>",
            number(at),
            number(y - 9.0),
            number(at + 3.0),
            number(y - 3.0),
            if dashes.is_empty() { "none" } else { dashes },
        ));
        let kind = Type::regular(11.0, Tone::Soft);
        canvas.text([at + 32.0, y], kind, Anchor::Start, words);
        at += 52.0 + super::words::width(words, 11.0, false);
    }
}

fn picture(
    canvas: &mut Canvas,
    images: &Images,
    plane: &PlaneImages,
    row: usize,
    [x, y]: [f64; 2],
    side: f64,
) {
    let data = BASE64_STANDARD.encode(&plane.png[row]);
    let what = format!("{}: {}", plane.plane, images.captions[row]);
    canvas.raw(&format!(
        "<svg x=\"{}\" y=\"{}\" width=\"{s}\" height=\"{s}\" viewBox=\"0 0 {s} {s}\"><title>{}</title><image width=\"{s}\" height=\"{s}\" href=\"data:image/png;base64,{data}\"/>",
        number(x),
        number(y),
        escape(&what),
        s = number(side),
    ));
    outlines(canvas, &plane.lesion, side, LEGENDS[0]);
    // A mask or box hides nothing of the CT.
    if row != 1 {
        outlines(canvas, &plane.roi, side, LEGENDS[1]);
    }
    if let (Some([first, last]), 0) = (plane.network, row) {
        let corner = |c: [f64; 2]| c.map(|v| v as f32);
        let [[a, b], [c, d]] = [corner(first), corner(last)];
        let frame = vec![[a, b], [c, b], [c, d], [a, d], [a, b]];
        outlines(canvas, &[frame], side, LEGENDS[2]);
    }
    crosshair(canvas, images, plane, side);
    letters(canvas, plane, side);
    canvas.raw("</svg>");
}

fn outlines(
    canvas: &mut Canvas,
    lines: &[Vec<[f32; 2]>],
    side: f64,
    (color, dashes, _): (&str, &str, &str),
) {
    let mut path = String::new();
    for line in lines {
        for (n, point) in line.iter().enumerate() {
            let [x, y] = point.map(|v| number(f64::from(v) * side));
            let _ = write!(path, "{}{x} {y}", if n == 0 { 'M' } else { 'L' });
        }
    }
    if !path.is_empty() {
        let dashes = match dashes {
            "" => String::new(),
            dashes => format!(" stroke-dasharray=\"{dashes}\""),
        };
        // Dark below, so that the line shows on white as well.
        canvas.raw(&format!(
            "<g fill=\"none\"{dashes}><path d=\"{path}\" stroke=\"#000\" stroke-opacity=\".55\" stroke-width=\"2.6\"/><path d=\"{path}\" stroke=\"{color}\" stroke-width=\"1.3\"/></g>"
        ));
    }
}

/// Four arms around the centre, with a gap that leaves the tumour free; dark below light, so that they show on both.
fn crosshair(canvas: &mut Canvas, images: &Images, plane: &PlaneImages, side: f64) {
    let [x, y] = plane.center.map(|v| v * side);
    let [gap, arm] = CROSSHAIR_MM.map(|mm| mm / images.side_mm * side);
    let path = format!(
        "M{0} {5}H{1}M{2} {5}H{3}M{4} {6}V{7}M{4} {8}V{9}",
        number(x - gap - arm),
        number(x - gap),
        number(x + gap),
        number(x + gap + arm),
        number(x),
        number(y),
        number(y - gap - arm),
        number(y - gap),
        number(y + gap),
        number(y + gap + arm),
    );
    canvas.raw(&format!(
        "<path d=\"{path}\" stroke=\"#000\" stroke-opacity=\".6\" stroke-width=\"2.4\"/><path d=\"{path}\" stroke=\"#fff\" stroke-width=\"1\"/>"
    ));
}

fn letters(canvas: &mut Canvas, plane: &PlaneImages, side: f64) {
    let half = side / 2.0;
    let places = [
        ([6.0, half + 4.0], "start"),
        ([side - 6.0, half + 4.0], "end"),
        ([half, 14.0], "middle"),
        ([half, side - 7.0], "middle"),
    ];
    for (letter, (at, anchor)) in plane.letters.iter().zip(places) {
        over(canvas, at, 12.0, anchor, &letter.to_string());
    }
}

fn scale_bar(canvas: &mut Canvas, images: &Images, [x, y]: [f64; 2], side: f64) {
    let length = SCALE_BAR_MM / images.side_mm * side;
    let (right, bottom) = (x + side - 8.0, y + side - 7.0);
    let path = format!(
        "M{} {}v-4h{}v4",
        number(right - length),
        number(bottom),
        number(length)
    );
    canvas.raw(&format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"#000\" stroke-width=\"3.4\"/><path d=\"{path}\" fill=\"none\" stroke=\"#fff\" stroke-width=\"1.4\"/>"
    ));
    over(canvas, [right, bottom - 9.0], 9.0, "end", "20 mm");
}

/// White text with a dark border, on a picture.
fn over(canvas: &mut Canvas, [x, y]: [f64; 2], size: f64, anchor: &str, text: &str) {
    canvas.raw(&format!(
        "<text x=\"{}\" y=\"{}\" font-size=\"{}\" font-weight=\"700\" text-anchor=\"{anchor}\" fill=\"#fff\" stroke=\"#000\" stroke-width=\"2.6\" stroke-linejoin=\"round\" paint-order=\"stroke\">{}</text>",
        number(x),
        number(y),
        number(size),
        escape(text)
    ));
}
