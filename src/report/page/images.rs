//! The planes as PNG: CT in grey, PET in inverse grey, and PET in colour over CT.

use super::ct_window::CtWindow;
use crate::bundle::Manifest;
use crate::error::{Error, Result};
use crate::evidence::pictures::{CENTER, OUTSIDE, Picture, Pictures, SIDE, SPACING_MM};
use crate::imaging::sampler::{PreprocessSpec, SignedAxis};

/// PET is black, and the colours of the fusion end, at this SUV: fixed, so that pages can be compared.
pub(super) const PET_TOP: f64 = 10.0;
/// The PET of the fusion is as opaque as it gets from this SUV on.
pub(super) const FUSION_OPAQUE: f64 = 2.5;
const FUSION_OPACITY: f64 = 0.5;
/// CT of the fusion.
const FUSION_WINDOW: CtWindow = CtWindow::SoftTissue;
/// Where there is no volume: a blue that no grey is.
const NOTHING: [u8; 3] = [43, 58, 77];

/// Pictures of the three planes.
#[derive(Clone, Debug)]
pub struct Images {
    /// Axial, coronal, sagittal.
    pub planes: [PlaneImages; 3],
    /// Side of a plane, mm.
    pub side_mm: f64,
    /// What stands at the PET's, the CT's and the fusion's pictures.
    pub captions: [String; 3],
}

/// Pictures of one plane.
#[derive(Clone, Debug)]
pub struct PlaneImages {
    /// Its name.
    pub plane: &'static str,
    /// Letters of the patient's sides at the left, right, upper and lower edge.
    pub letters: [char; 4],
    /// PET over CT, CT alone, PET alone: PNG files.
    pub png: [Vec<u8>; 3],
    /// Outlines of the lesion; shares of the side from the upper left corner.
    pub lesion: Vec<Vec<[f32; 2]>>,
    /// Outlines of the host's mask or box.
    pub roi: Vec<Vec<[f32; 2]>>,
    /// The centre of the tumour.
    pub center: [f64; 2],
    /// What the network saw of this plane: its upper left and lower right corner; `None` if it saw another plane.
    pub network: Option<[[f64; 2]; 2]>,
}

impl Images {
    /// Rows of pictures.
    pub(super) fn rows(&self) -> usize {
        self.captions.len()
    }

    /// # Errors
    /// [`Error::Internal`] if a picture cannot be written.
    pub(super) fn new(pictures: &Pictures, manifest: &Manifest, window: CtWindow) -> Result<Self> {
        let plane = |n: usize| plane(&pictures.planes[n], &manifest.preprocessing, window);
        let [center, width] = window.center_and_width();
        let [fused_center, fused_width] = FUSION_WINDOW.center_and_width();
        Ok(Self {
            planes: [plane(0)?, plane(1)?, plane(2)?],
            side_mm: SIDE as f64 * SPACING_MM,
            captions: [
                format!("PET/CT {fused_center}/{fused_width} HU"),
                format!("CT {center}/{width} HU"),
                format!("SUVbw 0 to {PET_TOP}"),
            ],
        })
    }
}

fn plane(picture: &Picture, spec: &PreprocessSpec, window: CtWindow) -> Result<PlaneImages> {
    // A sample's value stands for the square around it.
    let share = |mm: f64| ((CENTER as f64 + 0.5) + mm / SPACING_MM) / SIDE as f64;
    let shares = |lines: &[Vec<[f32; 2]>]| {
        let point = |p: &[f32; 2]| p.map(|mm| share(f64::from(mm)) as f32);
        lines
            .iter()
            .map(|line| line.iter().map(point).collect())
            .collect()
    };
    Ok(PlaneImages {
        plane: picture.plane,
        letters: [
            letter(picture.columns, false),
            letter(picture.columns, true),
            letter(picture.rows, false),
            letter(picture.rows, true),
        ],
        png: [
            fused(picture)?,
            grey(&picture.ct, |hu| level(hu, window))?,
            grey(&picture.pet, |suv| 1.0 - suv / PET_TOP)?,
        ],
        lesion: shares(&picture.lesion),
        roi: shares(&picture.roi),
        center: [share(0.0); 2],
        network: network_frame(picture, spec).map(|corners| corners.map(|c| c.map(share))),
    })
}

/// The letter at the end of an axis, or at its beginning.
fn letter(axis: SignedAxis, end: bool) -> char {
    let letters = ['L', 'R', 'P', 'A', 'S', 'I'];
    let index = SignedAxis::ALL.iter().position(|a| *a == axis);
    letters[index.unwrap_or_default() ^ usize::from(!end)]
}

/// The corners of what the network saw, mm from the centre, if one of its planes is this one.
fn network_frame(picture: &Picture, spec: &PreprocessSpec) -> Option<[[f64; 2]; 2]> {
    let own = [picture.columns, picture.rows];
    let channel = spec.channels.iter().find(|c| {
        let axes = [c.columns.axis(), c.rows.axis()];
        own.iter().all(|a| axes.contains(&a.axis()))
    })?;
    let first = -(spec.center_index as f64 + 0.5) * spec.spacing_mm;
    let last = first + spec.window_mm();
    let range = own.map(|axis| {
        let same = [channel.columns, channel.rows].contains(&axis);
        if same { [first, last] } else { [-last, -first] }
    });
    Some([[range[0][0], range[1][0]], [range[0][1], range[1][1]]])
}

fn level(hu: f64, window: CtWindow) -> f64 {
    let [center, width] = window.center_and_width();
    (hu - (center - width / 2.0)) / width
}

/// A grey picture; the last entry of its palette is where there is nothing.
fn grey(values: &[f32], shade: impl Fn(f64) -> f64) -> Result<Vec<u8>> {
    let pixel = |v: &f32| {
        if *v == OUTSIDE {
            255
        } else {
            (shade(f64::from(*v)).clamp(0.0, 1.0) * 254.0).round() as u8
        }
    };
    let pixels: Vec<u8> = values.iter().map(pixel).collect();
    let ramp = (0..255u16).flat_map(|n| [((n * 255 + 127) / 254) as u8; 3]);
    let palette: Vec<u8> = ramp.chain(NOTHING).collect();
    png_file(&pixels, png::ColorType::Indexed, Some(palette))
}

fn fused(picture: &Picture) -> Result<Vec<u8>> {
    let pixel = |(hu, suv): (&f32, &f32)| {
        let base = if *hu == OUTSIDE {
            NOTHING.map(f64::from)
        } else {
            [(level(f64::from(*hu), FUSION_WINDOW).clamp(0.0, 1.0) * 255.0); 3]
        };
        let suv = if *suv == OUTSIDE {
            0.0
        } else {
            f64::from(*suv)
        };
        let opacity = FUSION_OPACITY * (suv / FUSION_OPAQUE).clamp(0.0, 1.0);
        let color = hot((suv / PET_TOP).clamp(0.0, 1.0));
        let mix = |n: usize| base[n] * (1.0 - opacity) + color[n] * 255.0 * opacity;
        [0, 1, 2].map(|n| mix(n).round() as u8)
    };
    let pixels: Vec<u8> = picture
        .ct
        .iter()
        .zip(&picture.pet)
        .flat_map(pixel)
        .collect();
    png_file(&pixels, png::ColorType::Rgb, None)
}

/// The colours "hot": black, red, yellow, white.
fn hot(t: f64) -> [f64; 3] {
    [t * 8.0 / 3.0, t * 8.0 / 3.0 - 1.0, t * 4.0 - 3.0].map(|v| v.clamp(0.0, 1.0))
}

fn png_file(pixels: &[u8], color: png::ColorType, palette: Option<Vec<u8>>) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIDE as u32, SIDE as u32);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    if let Some(palette) = palette {
        encoder.set_palette(palette);
    }
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(pixels));
    written.map_err(|e| Error::Internal(format!("a picture of the page: {e}")))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_where_radiologists_look_for_them() {
        let at = |columns, rows| {
            [
                letter(columns, false),
                letter(columns, true),
                letter(rows, false),
                letter(rows, true),
            ]
        };
        assert_eq!(
            at(SignedAxis::Left, SignedAxis::Posterior),
            ['R', 'L', 'A', 'P']
        );
        assert_eq!(
            at(SignedAxis::Left, SignedAxis::Inferior),
            ['R', 'L', 'S', 'I']
        );
        assert_eq!(
            at(SignedAxis::Posterior, SignedAxis::Inferior),
            ['A', 'P', 'S', 'I']
        );
    }

    #[test]
    fn windows_and_colours_have_their_ends() {
        assert_eq!(level(-1350.0, CtWindow::Lung), 0.0);
        assert_eq!(level(150.0, CtWindow::Lung), 1.0);
        assert_eq!(level(40.0, CtWindow::SoftTissue), 0.5);
        assert_eq!(hot(0.0), [0.0; 3]);
        assert_eq!(hot(1.0), [1.0; 3]);
        assert_eq!(hot(0.375), [1.0, 0.0, 0.0]);
    }
}
