//! Section "studies": the handle and what names its two series.

/// The CT.
pub const DLNMS_MODALITY_CT: u32 = 1;
/// The PET.
pub const DLNMS_MODALITY_PET: u32 = 2;

/// A PET/CT study read from DICOM: its series and ROIs, and once loaded one CT and one PET volume, decoded, with what
/// SUV needs.
pub struct dlnms_study {
    _private: [u8; 0],
}
