//! How HU become grey.

/// How HU become grey.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CtWindow {
    /// Centre -600, width 1500.
    #[default]
    Lung,
    /// Centre 40, width 400.
    SoftTissue,
}

impl CtWindow {
    /// Returns the centre and the width, HU.
    #[must_use]
    pub fn center_and_width(self) -> [f64; 2] {
        match self {
            CtWindow::Lung => [-600.0, 1500.0],
            CtWindow::SoftTissue => [40.0, 400.0],
        }
    }
}
