//! The six planes as a picture: CT above, PET below; axial, coronal, sagittal from left to right.

use crate::Failure;
use dlnms::imaging::sampler::{Intensity, PreprocessSpec, SignedAxis};
use dlnms::scorer::InputTensors;
use ndarray::Axis;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Screen pixels for each sample.
const ZOOM: usize = 3;
/// Between planes, screen pixels.
const GAP: usize = 6;
/// CT window that shows lung and soft tissue, HU.
const CT_WINDOW: [f64; 2] = [-1000.0, 400.0];
/// PET is black from this SUV on.
const PET_BLACK: f64 = 8.0;

/// Write a grey PNG.
pub fn write(path: &Path, planes: &InputTensors, spec: &PreprocessSpec) -> Result<(), Failure> {
    let (n, side) = (spec.channels.len(), spec.output * ZOOM);
    let (width, height) = (n * side + (n + 1) * GAP, 2 * side + 3 * GAP);
    let mut pixels = vec![48u8; width * height];
    let ct = |v: f64| (v - CT_WINDOW[0]) / (CT_WINDOW[1] - CT_WINDOW[0]);
    let pet = |v: f64| 1.0 - v / PET_BLACK;
    let rows: [(_, &Intensity, &dyn Fn(f64) -> f64); 2] =
        [(&planes.ct, &spec.ct, &ct), (&planes.pet, &spec.pet, &pet)];
    for (r, (tensor, intensity, shade)) in rows.into_iter().enumerate() {
        for (c, (plane, channel)) in tensor.axis_iter(Axis(0)).zip(&spec.channels).enumerate() {
            // Radiologists look at coronal and sagittal planes with the head up.
            let flip = channel.rows == SignedAxis::Superior;
            let (top, left) = (GAP + r * (side + GAP), GAP + c * (side + GAP));
            for y in 0..side {
                for x in 0..side {
                    let row = if flip {
                        spec.output - 1 - y / ZOOM
                    } else {
                        y / ZOOM
                    };
                    let value = f64::from(plane[[row, x / ZOOM]]) * intensity.std + intensity.mean;
                    pixels[(top + y) * width + left + x] =
                        (shade(value).clamp(0.0, 1.0) * 255.0) as u8;
                }
            }
        }
    }
    let file = File::create(path).map_err(Failure::output(path))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder
        .add_text_chunk(
            "Description".into(),
            "CT above, PET below; axial, coronal, sagittal. Research use only.".into(),
        )
        .and_then(|()| encoder.write_header())
        .and_then(|mut w| w.write_image_data(&pixels));
    written.map_err(|e| Failure::output(path)(std::io::Error::other(e)))
}
