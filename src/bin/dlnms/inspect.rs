//! `dlnms inspect`.

use crate::terminal::say;
use crate::{Failure, terminal};
use dlnms::dicom::inspect;
use dlnms::scorer::CancelToken;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Arguments {
    /// Files and folders, searched recursively
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Machine-readable output
    #[arg(long)]
    json: bool,
}

pub fn run(a: &Arguments) -> Result<(), Failure> {
    let inspection = inspect(&a.paths, &CancelToken::default())?;
    if a.json {
        say!("{:#}", serde_json::json!(inspection));
        return Ok(());
    }
    for warning in &inspection.warnings {
        terminal::warning(warning);
    }
    say!("use  modality  slices  matrix     SUVbw factor");
    for s in &inspection.series {
        let matrix = format!("{}x{}", s.matrix[0], s.matrix[1]);
        let suv = s
            .suv
            .as_ref()
            .and_then(|v| v.factor)
            .map_or(String::new(), |f| format!("{f:.9}"));
        let mark = if s.chosen { "yes" } else { "no" };
        say!(
            "{mark:4} {:8}  {:6}  {matrix:9}  {suv}",
            s.modality,
            s.slices
        );
        if let Some(why) = &s.rejected_because {
            say!("     {why}");
        }
    }
    Ok(())
}
