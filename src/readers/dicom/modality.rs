//! The two kinds of series that a study is made of.

/// Kind of series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modality {
    /// Computed tomography.
    Ct,
    /// Positron emission tomography.
    Pt,
}

impl Modality {
    /// Value of Modality (0008,0060).
    pub fn code(self) -> &'static str {
        match self {
            Modality::Ct => "CT",
            Modality::Pt => "PT",
        }
    }
}
