//! Findings about how the numbers of a case's SUV came to be: what a reader assumed, and what contradicts itself.

use super::code::Code;
use super::finding::{Finding, Findings};
use super::policy::QualityPolicy;
use crate::case::Case;
use crate::imaging::suv::{F18_HALF_LIFE_S, PetInfo, SuvScale, SuvType, Units};
use std::ops::RangeInclusive;

/// A half-life that differs by more is that of another nuclide, or in another unit.
const HALF_LIFE_TOLERANCE: f64 = 0.02;
/// SUVbw of a person is within a factor of 2 of SUV by lean or ideal mass.
const MASS_FACTOR: RangeInclusive<f64> = 0.5..=2.0;
/// SUVbw in g/ml of SUV by body surface in cm2/ml: 3.8 for 70 kg and 1.75 m; within a factor of 2 of that.
const SURFACE_FACTOR: RangeInclusive<f64> = 1.9..=7.6;

/// Adds what was assumed on the way to SUVbw, a half-life that is not that of the stated tracer, and an unusual factor
/// from another kind of SUV.
pub(super) fn assumptions(case: &Case<'_>, suv: Option<&SuvScale>, out: &mut Findings<'_>) {
    if let Some(info) = case.pet_info {
        inputs(info, suv, out);
    }
}

/// Returns what can be said of a PET's SUV before there is a case; nothing is refused.
pub(super) fn check_suv_inputs(info: &PetInfo, suv: &SuvScale) -> Vec<Finding> {
    let policy = QualityPolicy::default();
    let mut findings = Findings {
        policy: &policy,
        found: Vec::new(),
    };
    inputs(info, Some(suv), &mut findings);
    findings.found
}

fn inputs(info: &PetInfo, suv: Option<&SuvScale>, out: &mut Findings<'_>) {
    let assumed = &info.assumptions;
    out.add_if(
        assumed.weight_unit,
        Code::WeightUnitAssumed,
        "the header's weight is above 1000 and was taken for grams",
    );
    out.add_if(
        assumed.dose_unit,
        Code::DoseUnitAssumed,
        "the header's dose is below 10000 Bq and was taken for megabecquerel",
    );
    out.add_if(
        assumed.time_zone,
        Code::TimeZoneAssumed,
        "a date-time has a zone and the other times have none: local times were compared",
    );
    out.add_if(
        suv.is_some_and(|s| s.reference_time_assumed),
        Code::ReferenceTimeAssumed,
        "no reference time of the decay correction could be verified: the earliest acquisition was taken",
    );
    half_life(info, out);
    if let Some(factor) = suv.and_then(|s| s.factors.first()) {
        normalization(info, *factor, out);
    }
}

fn half_life(info: &PetInfo, out: &mut Findings<'_>) {
    let Some(stated) = info.half_life_s.filter(|_| info.f18_coded) else {
        return;
    };
    let off = (stated - F18_HALF_LIFE_S).abs();
    if off.is_nan() || off > HALF_LIFE_TOLERANCE * F18_HALF_LIFE_S {
        out.add(Code::HalfLifeMismatch, || {
            format!("a half-life of {stated} s for a tracer of F-18, which has {F18_HALF_LIFE_S} s")
        });
    }
}

fn normalization(info: &PetInfo, factor: f64, out: &mut Findings<'_>) {
    let (usual, kind) = match info.units {
        Units::Gml if info.suv_type != SuvType::Bw => (MASS_FACTOR, "lean or ideal mass"),
        Units::Cm2ml => (SURFACE_FACTOR, "body surface"),
        _ => return,
    };
    if !usual.contains(&factor) {
        out.add(Code::SuvNormalization, || {
            let (low, high) = (usual.start(), usual.end());
            format!("a factor of {factor:.3} from SUV by {kind} to SUVbw; {low} to {high} is usual")
        });
    }
}

#[cfg(test)]
mod tests;
