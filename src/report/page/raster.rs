//! The sheet as pixels.

use super::Page;
use super::sheet::SIZE;
use super::tree::tree;
use crate::allocation;
use crate::error::{Error, Result};
use resvg::tiny_skia::{Color, Pixmap, Transform};

/// Pixels of a page: three bytes each, red, green, blue, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `3 * width * height` bytes.
    pub rgb: Vec<u8>,
}

/// Width of the PNG; twice that of the sheet.
const PNG_WIDTH: u32 = 2048;
/// Widths beyond this are a mistake.
const MAX_WIDTH: u32 = 8192;

impl Page {
    /// Draws the page this many pixels wide, 1448 / 1024 times as high, in light colours.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a width outside 256 to 8192; [`Error::OutOfMemory`]; [`Error::Internal`].
    pub fn rgb(&self, width: u32) -> Result<RgbImage> {
        if !(256..=MAX_WIDTH).contains(&width) {
            let why = format!("{width} is not in 256..{MAX_WIDTH}");
            return Err(Error::invalid("width", why));
        }
        let scale = f64::from(width) / SIZE[0];
        let height = (SIZE[1] * scale).round() as u32;
        let pixels = width as usize * height as usize;
        allocation::headroom(8 * pixels, "the page as pixels")?;
        let tree = tree(self)?;
        let mut pixmap = Pixmap::new(width, height)
            .ok_or_else(|| Error::Internal("the size of the page".into()))?;
        pixmap.fill(Color::WHITE);
        let scale = scale as f32;
        resvg::render(
            &tree,
            Transform::from_scale(scale, scale),
            &mut pixmap.as_mut(),
        );
        let mut rgb = allocation::with_capacity(3 * pixels, "the page as pixels")?;
        // Opaque all over, so that no colour is multiplied with an opacity.
        for pixel in pixmap.data().as_chunks::<4>().0 {
            rgb.extend_from_slice(&pixel[..3]);
        }
        Ok(RgbImage { width, height, rgb })
    }

    /// Writes the page as a PNG file, 2048 pixels wide.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; [`Error::Internal`].
    pub fn png(&self) -> Result<Vec<u8>> {
        let image = self.rgb(PNG_WIDTH)?;
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, image.width, image.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let written = encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&image.rgb));
        written.map_err(|e| Error::Internal(format!("the page as PNG: {e}")))?;
        Ok(file)
    }
}
