//! The sheet, parsed for drawing outside of a browser, with the one font that every machine has: the one inside the library.

use super::Page;
use crate::error::{Error, Result};
use resvg::usvg;
use std::sync::Arc;

/// What stands for a character that the font has not.
const UNKNOWN: char = '\u{25a1}';

/// Parses the sheet of a page. Nothing is read from the machine: no font, no file.
///
/// # Errors
/// [`Error::Internal`] if the sheet is not valid.
pub(super) fn tree(page: &Page) -> Result<usvg::Tree> {
    let mut fonts = usvg::fontdb::Database::new();
    for font in [dejavu::sans::regular(), dejavu::sans::bold()] {
        fonts.load_font_data(font.to_vec());
    }
    fonts.set_sans_serif_family("DejaVu Sans");
    let mut options = usvg::Options {
        font_family: "DejaVu Sans".into(),
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    };
    // Images are inside; a path or an address is never followed.
    options.image_href_resolver.resolve_string = Box::new(|_, _| None);
    usvg::Tree::from_str(&printable(&page.svg())?, &options)
        .map_err(|e| Error::Internal(format!("the sheet of the page: {e}")))
}

/// Replaces characters that the font has no shape for: left as they are they would be missing without a trace.
fn printable(svg: &str) -> Result<String> {
    let face = ttf_parser::Face::parse(dejavu::sans::regular(), 0)
        .map_err(|e| Error::Internal(format!("the font of the page: {e}")))?;
    let known = |c: char| c.is_ascii() || face.glyph_index(c).is_some();
    Ok(svg
        .chars()
        .map(|c| if known(c) { c } else { UNKNOWN })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_without_a_shape_leave_a_box() {
        assert_eq!(
            printable("N1 опухоль 腫瘍").unwrap(),
            "N1 опухоль \u{25a1}\u{25a1}"
        );
    }
}
