//! The checks themselves.

use super::code::Code;
use super::finding::Findings;
use super::outline;
use super::window::Tissue;
use crate::case::{Case, CaseMetadata};
use crate::error::{Error, Result};
use crate::evidence::reference_region::References;
use crate::imaging::roi::Extent;
use crate::imaging::sampler::PreprocessSpec;
use crate::imaging::suv::SuvScale;

const MAX_SLICE_MM: f64 = 5.0;
/// Outlines that lie farther apart than two PET voxels are not one breath.
const MAX_SHIFT_MM: f64 = 10.0;

/// Checks what the headers say.
pub(super) fn metadata(metadata: &CaseMetadata, out: &mut Findings<'_>) {
    let no = |fact: Option<bool>| fact == Some(false);
    let yes = |fact: Option<bool>| fact == Some(true);
    for (bad, code, message) in [
        (
            no(metadata.same_patient),
            Code::PatientMismatch,
            "PET and CT have different patient IDs",
        ),
        (
            no(metadata.same_study),
            Code::StudyMismatch,
            "PET and CT come from different studies",
        ),
        (
            no(metadata.same_frame_of_reference),
            Code::FrameOfReferenceMismatch,
            "PET and CT have different frames of reference: their alignment is not known",
        ),
        (
            no(metadata.fdg),
            Code::TracerNotFdg,
            "the tracer is not FDG, for which the signature was made",
        ),
        (
            yes(metadata.lossy),
            Code::LossySource,
            "the images were compressed with loss",
        ),
        (
            yes(metadata.derived),
            Code::DerivedImage,
            "the images are derived, not original",
        ),
        (
            no(metadata.age_known),
            Code::AgeMissing,
            "neither age nor birth date is known",
        ),
        (
            no(metadata.modality_stated),
            Code::ModalityMissing,
            "Modality is missing, it was taken from the SOP class",
        ),
        (
            no(metadata.hounsfield_stated),
            Code::HounsfieldAssumed,
            "RescaleType (0028,1054) of the CT is US, unspecified: its values were taken for HU",
        ),
        (
            yes(metadata.contours_overlap),
            Code::ContoursOverlap,
            "contours of one plane overlap in part and were joined",
        ),
    ] {
        out.add_if(bad, code, message);
    }
}

/// Refuses a thickness that no slice has: compared with a limit, NaN and negative numbers would pass for thin slices.
pub(super) fn require_thickness(metadata: &CaseMetadata) -> Result<()> {
    for (name, stated) in [
        ("ct_slice_thickness_mm", metadata.ct_slice_thickness_mm),
        ("pet_slice_thickness_mm", metadata.pet_slice_thickness_mm),
    ] {
        if let Some(mm) = stated.filter(|mm| !(mm.is_finite() && *mm > 0.0)) {
            return Err(Error::invalid(
                format!("metadata.{name}"),
                format!("{mm} is no thickness"),
            ));
        }
    }
    Ok(())
}

/// Checks the thickness of the slices of CT and PET, and their steps.
pub(super) fn thickness(metadata: &CaseMetadata, steps: [f64; 2], out: &mut Findings<'_>) {
    let stated = [
        metadata.ct_slice_thickness_mm,
        metadata.pet_slice_thickness_mm,
    ];
    for ((name, step), stated) in ["CT", "PET"].iter().zip(steps).zip(stated) {
        let mm = stated.unwrap_or(0.0).max(step);
        // A hair's breadth for headers that say 5.0000001.
        if mm > MAX_SLICE_MM + 1e-3 {
            out.add(Code::SliceThickness, || {
                format!("{name}: slices of {mm:.2} mm")
            });
        }
    }
}

/// Checks uptake time, dose and weight.
pub(super) fn acquisition(case: &Case<'_>, suv: Option<&SuvScale>, out: &mut Findings<'_>) {
    let Some(info) = case.pet_info else { return };
    if let Some(minutes) = suv.map(|s| s.dt_s / 60.0)
        && minutes > 0.0
        && !(30.0..=180.0).contains(&minutes)
    {
        out.add(Code::UptakeTime, || {
            format!("{minutes:.0} minutes from injection to scan")
        });
    }
    // Where the header's dose is in MBq, SUV repaired it and said so.
    let megabecquerel = info.dose_bq.map(|bq| if bq < 1e4 { bq } else { bq / 1e6 });
    if let Some(dose) = megabecquerel
        && !(30.0..=1200.0).contains(&dose)
    {
        out.add(Code::Dose, || format!("an injected dose of {dose:.1} MBq"));
    }
    if let Some(weight) = info.weight_kg
        && !(20.0..=300.0).contains(&weight)
    {
        out.add(Code::Weight, || format!("a weight of {weight} kg"));
    }
}

/// Checks the ROI against the borders of the volumes and the window of the network.
pub(super) fn region(case: &Case<'_>, roi: &Extent, spec: &PreprocessSpec, out: &mut Findings<'_>) {
    let Some(bounds) = roi.bounds else { return };
    for view in [&case.ct, &case.pet] {
        let touches = view
            .grid
            .bounds()
            .iter()
            .zip(&bounds)
            .zip(view.grid.spacing)
            .any(|((volume, roi), voxel)| {
                // Less than a voxel from the edge: what lies beyond was not imaged.
                roi[0] - volume[0] < voxel || volume[1] - roi[1] < voxel
            });
        if touches {
            out.add(Code::RoiAtBorder, || {
                format!(
                    "the ROI touches the border of the {}",
                    view.name().to_uppercase()
                )
            });
        }
    }
    let half = spec.window_mm() / 2.0;
    let beyond = bounds
        .iter()
        .zip(roi.center)
        .map(|(b, c)| (c - b[0]).max(b[1] - c))
        .fold(0.0, f64::max);
    if beyond > half {
        out.add(Code::RoiExceedsWindow, || {
            format!("the ROI reaches {beyond:.0} mm from its centre, the network sees {half:.0} mm")
        });
    }
}

/// Checks that the lesion cut out of the PET holds the seed, point or mask.
pub(super) fn lesion(case: &Case<'_>, roi: &Extent, out: &mut Findings<'_>) {
    if let Some(mm) = roi.lesion_missed_by_mm {
        let kind = case.roi.kind();
        out.add(Code::LesionElsewhere, || {
            format!("the lesion that was cut out of the PET does not hold the {kind}: it lies {mm:.1} mm away")
        });
    }
}

/// FDG in a healthy liver: 1.88 with a deviation of 0.41 in 343 patients (Liu 2019), more in heavy ones.
const LIVER_SUV: std::ops::RangeInclusive<f64> = 0.9..=4.0;
/// Blood has a little less than the liver an hour after injection, and half of it after two.
const BLOOD_POOL_SUV: std::ops::RangeInclusive<f64> = 0.5..=3.5;

/// Checks that the SUV of liver and blood pool is one of FDG.
pub(super) fn plausible_references(
    references: &References,
    metadata: &CaseMetadata,
    out: &mut Findings<'_>,
) {
    if metadata.fdg == Some(false) {
        return; // another tracer has other organs
    }
    for (name, found, usual) in [
        ("the liver", &references.liver, LIVER_SUV),
        ("the blood pool", &references.blood_pool, BLOOD_POOL_SUV),
    ] {
        if let Ok(reference) = found
            && !usual.contains(&reference.suv_mean)
        {
            out.add(Code::SuvImplausible, || {
                let (mean, low, high) = (reference.suv_mean, usual.start(), usual.end());
                format!("a mean SUV of {mean:.3} in {name}; {low} to {high} is usual")
            });
        }
    }
}

/// Compares the body's outline in the axial plane through the centre, PET against CT; `tissue` is the SUV around it.
pub(super) fn alignment(
    case: &Case<'_>,
    center: [f64; 3],
    factors: &[f64],
    tissue: Option<Tissue>,
    out: &mut Findings<'_>,
) {
    // Values of another scale have the same outline; those with a mean below zero have none.
    let one_suv = tissue.map_or(1.0, |t| t.one_suv());
    if !out.wanted(Code::Misregistration) || one_suv <= 0.0 {
        return;
    }
    if let Some([dx, dy]) = outline::shift(case, center, factors, one_suv) {
        let shift = dx.hypot(dy);
        if shift > MAX_SHIFT_MM {
            out.add(Code::Misregistration, || {
                format!(
                    "the body's outline in PET lies {shift:.0} mm from that in CT (L {dx:+.0}, P {dy:+.0})"
                )
            });
        }
    }
}

#[cfg(test)]
mod tests;
