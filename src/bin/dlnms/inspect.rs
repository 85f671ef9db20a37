//! `dlnms inspect`.

use crate::input::ReadArguments;
use crate::terminal::say;
use crate::{Failure, terminal};
use dlnms::cancel::CancelToken;
use dlnms::evidence::quality::check_headers;
use dlnms::readers::dicom::{Archive, RoiKind};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Arguments {
    /// Files and folders, searched recursively
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Machine-readable output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    read: ReadArguments,
}

pub fn run(a: &Arguments) -> Result<(), Failure> {
    let options = a.read.options(0);
    let inspection = Archive::open_with(&a.paths, &options, &CancelToken::default())?.inspect();
    let findings = check_headers(inspection.metadata.as_ref(), inspection.suv.as_ref());
    if a.json {
        let mut json = serde_json::json!(inspection);
        json["qc"] = serde_json::json!(findings);
        say!("{json:#}");
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
    if !inspection.rois.is_empty() {
        say!("ROI       number  voxels     ml         centroid, mm LPS         name (file)");
    }
    for roi in &inspection.rois {
        let kind = match roi.kind {
            RoiKind::Contours => "RTSTRUCT",
            RoiKind::Segment => "SEG",
        };
        let voxels = roi.voxels.map_or("-".into(), |n| n.to_string());
        let ml = roi.ml.map_or("-".into(), |ml| format!("{ml:.3}"));
        let center = roi.centroid_lps_mm;
        let center = center.map_or("-".into(), |[x, y, z]| format!("{x:.2}, {y:.2}, {z:.2}"));
        say!(
            "{kind:8}  {:6}  {voxels:9}  {ml:9}  {center:23}  {} ({})",
            roi.number,
            roi.name,
            roi.source
        );
        if let Some(why) = &roi.refusal {
            say!("     {why}");
        }
    }
    terminal::findings("", &findings);
    Ok(())
}
