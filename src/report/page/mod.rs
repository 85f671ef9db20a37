//! The page for people: a finished result as one A4 sheet of SVG, and as HTML around it.
//!
//! [`Page`] is plain data. It holds no identity unless the host gives a line for it, and nothing of files or UIDs. Every text that
//! comes from outside is cleaned when the page is made, and escaped where it is written.

mod build;
mod canvas;
mod content;
mod html;
mod images;
mod planes;
mod scores;
mod sheet;
mod style;
mod tone;
mod words;

pub use content::{CtWindow, FindingRow, Page, PageOptions, Row, ScoreBar};
pub use images::{Images, PlaneImages};
