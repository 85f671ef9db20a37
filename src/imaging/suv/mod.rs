//! Stored PET values -> SUVbw, one factor for each slice, with every step kept as provenance (NUMERICS 3).
//!
//! Sources: the QIBA vendor-neutral pseudo-code, the IBSI / OncoRay SUV manual, DICOM PS3.3 C.8.9. Pure: knows no
//! DICOM. Times are seconds on one clock that the caller chooses (the DICOM reader counts from a fixed date).

mod clock;
mod pet_info;
mod scale;
#[cfg(test)]
mod tests;

pub use pet_info::{
    Assumptions, DecayCorrection, PetInfo, Sex, SliceTiming, SuvScale, SuvType, Units,
};
pub(crate) use scale::{F18_HALF_LIFE_S, slice_factor};
