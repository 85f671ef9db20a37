//! The page of a result, in files; shared by `score` and `explain`.

use crate::facts::FactArguments;
use crate::input::Input;
use crate::{Failure, atomic_file};
use dlnms::report::page::{Page, PageOptions};
use dlnms::report::published::ClinicalFacts;
use std::path::PathBuf;

/// Files that the page is written to.
#[derive(clap::Args)]
pub struct PageArguments {
    /// Write the result as a page for people: one HTML file that needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the page as a picture
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Write the page as a PDF file
    #[arg(long, value_name = "FILE")]
    page_pdf: Option<PathBuf>,
    #[command(flatten)]
    pub facts: FactArguments,
}

impl PageArguments {
    /// Returns whether a page is to be written, for which pictures are sampled.
    pub fn wanted(&self) -> bool {
        self.html.is_some() || self.png.is_some() || self.page_pdf.is_some()
    }

    /// Writes the page to every file that was named.
    pub fn write(&self, page: &Page) -> Result<(), Failure> {
        if let Some(path) = &self.html {
            atomic_file::write(path, page.html().as_bytes())?;
        }
        if let Some(path) = &self.png {
            atomic_file::write(path, &page.png()?)?;
        }
        if let Some(path) = &self.page_pdf {
            atomic_file::write(path, &page.pdf()?)?;
        }
        Ok(())
    }
}

/// What stands on the page of a lesion beside its result.
pub fn options(lesion: String, input: &Input, facts: ClinicalFacts) -> PageOptions {
    let metadata = input.study.pet.metadata.as_ref();
    PageOptions {
        lesion: Some(lesion),
        facts,
        scanner: metadata.and_then(|m| m.scanner.clone()),
        ..PageOptions::default()
    }
}
