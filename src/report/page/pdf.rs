//! The sheet as a PDF file of one A4 page, with text that can be selected.

use super::Page;
use super::tree::tree;
use crate::error::{Error, Result};
use krilla::geom::Size;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt, SvgSettings};

/// A4 in points.
const A4: [f32; 2] = [595.28, 841.89];

impl Page {
    /// Writes the page as PDF. The same page gives the same bytes.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub fn pdf(&self) -> Result<Vec<u8>> {
        let failed = |why: &str| Error::Internal(format!("the page as PDF: {why}"));
        let tree = tree(self)?;
        let size = Size::from_wh(A4[0], A4[1]).ok_or_else(|| failed("its size"))?;
        let mut document = krilla::Document::new();
        document.set_metadata(
            Metadata::new()
                .title("DLNMS, research use only".into())
                .language("en".into())
                .producer(format!("dlnms {}", env!("CARGO_PKG_VERSION"))),
        );
        let mut sheet = document.start_page_with(PageSettings::new(size));
        let mut surface = sheet.surface();
        surface
            .draw_svg(&tree, size, SvgSettings::default())
            .ok_or_else(|| failed("the sheet was not drawn"))?;
        surface.finish();
        sheet.finish();
        document.finish().map_err(|e| failed(&format!("{e:?}")))
    }
}
