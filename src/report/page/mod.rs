//! The page for people: a finished result as one A4 sheet of SVG, and as HTML around it.
//!
//! [`Page`] is plain data. It holds no identity unless the host gives a line for it, and nothing of files or UIDs. Every text that
//! comes from outside is cleaned when the page is made, and escaped where it is written.

mod build;
mod canvas;
mod content;
mod contributions;
mod ct_window;
mod html;
mod images;
mod paragraphs;
#[cfg(feature = "pdf")]
mod pdf;
mod planes;
mod population;
#[cfg(feature = "raster")]
mod raster;
mod scores;
mod sheet;
mod style;
mod tone;
#[cfg(feature = "raster")]
mod tree;
mod words;

pub use content::{FindingRow, Page, PageOptions, Row, ScoreBar, ScoreSpread};
pub use contributions::{ContributionBars, ContributionRow};
pub use ct_window::CtWindow;
pub use images::{Images, PlaneImages};
pub use population::PopulationLines;
#[cfg(feature = "raster")]
pub use raster::RgbImage;
