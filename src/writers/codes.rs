//! Coded concepts: values, schemes and meanings as the standard has them (PS3.16), and those of this library.

use super::elements::Build;
use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// Designator of this library's own codes. No code of the standard says what a DLNMS score is; it is not a probability.
pub const PRIVATE_SCHEME: &str = "99DLNMS";

/// One coded concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Code Value.
    pub value: &'static str,
    /// Coding Scheme Designator.
    pub scheme: &'static str,
    /// Code Meaning.
    pub meaning: &'static str,
}

impl Code {
    /// Returns an item of a code sequence.
    pub fn item(self) -> InMemDicomObject {
        let mut item = InMemDicomObject::new_empty();
        item.text(tags::CODE_VALUE, VR::SH, self.value);
        item.text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, self.scheme);
        item.text(tags::CODE_MEANING, VR::LO, self.meaning);
        item
    }
}

macro_rules! codes {
    ($($name:ident = ($value:literal, $scheme:expr, $meaning:literal);)*) => {
        $(#[doc = $meaning]
        pub const $name: Code = Code { value: $value, scheme: $scheme, meaning: $meaning };)*
    };
}

codes! {
    ENGLISH = ("en-US", "RFC5646", "English (United States)");
    LANGUAGE = ("121049", "DCM", "Language of Content Item and Descendants");
    OBSERVER_TYPE = ("121005", "DCM", "Observer Type");
    DEVICE = ("121007", "DCM", "Device");
    DEVICE_UID = ("121012", "DCM", "Device Observer UID");
    DEVICE_NAME = ("121013", "DCM", "Device Observer Name");
    DEVICE_MANUFACTURER = ("121014", "DCM", "Device Observer Manufacturer");
    DEVICE_MODEL = ("121015", "DCM", "Device Observer Model Name");
    DEVICE_SERIAL = ("121016", "DCM", "Device Observer Serial Number");
    PROCEDURE_REPORTED = ("121058", "DCM", "Procedure reported");
    PET_CT_WHOLE_BODY = ("443271005", "SCT", "PET/CT FDG imaging of whole body");
    PET_REPORT = ("126003", "DCM", "PET Measurement Report");
    MEASUREMENT_REPORT = ("126000", "DCM", "Imaging Measurement Report");
    IMAGING_MEASUREMENTS = ("126010", "DCM", "Imaging Measurements");
    MEASUREMENT_GROUP = ("125007", "DCM", "Measurement Group");
    TRACKING_IDENTIFIER = ("112039", "DCM", "Tracking Identifier");
    TRACKING_UID = ("112040", "DCM", "Tracking Unique Identifier");
    FINDING = ("121071", "DCM", "Finding");
    FINDING_SITE = ("363698007", "SCT", "Finding Site");
    PRIMARY_NEOPLASM = ("372087000", "SCT", "Neoplasm, Primary");
    ABNORMAL_STRUCTURE = ("49755003", "SCT", "Morphologically Abnormal Structure");
    LUNG = ("39607008", "SCT", "Lung");
    ALGORITHM_NAME = ("111001", "DCM", "Algorithm Name");
    ALGORITHM_VERSION = ("111003", "DCM", "Algorithm Version");
    ALGORITHM_PARAMETERS = ("111002", "DCM", "Algorithm Parameters");
    SUV_BW = ("126401", "DCM", "SUVbw");
    DERIVATION = ("121401", "DCM", "Derivation");
    MAXIMUM = ("56851009", "SCT", "Maximum");
    MEAN = ("373098007", "SCT", "Mean");
    PEAK = ("126031", "DCM", "Peak Value Within ROI");
    METABOLIC_VOLUME = ("126032", "DCM", "Metabolic Volume");
    MEASUREMENT_METHOD = ("370129005", "SCT", "Measurement Method");
    SUM_OF_VOXELS = ("126030", "DCM", "Sum of segmented voxel method for volume");
    TOTAL_LESION_GLYCOLYSIS = ("126033", "DCM", "Total Lesion Glycolysis");
    LONG_AXIS = ("103339001", "SCT", "Long Axis");
    PERPENDICULAR_AXIS = ("131189007", "SCT", "Perpendicular Axis");
    SOURCE_OF_MEASUREMENT = ("121112", "DCM", "Source of Measurement");
    HIGH_RISK = ("15508007", "SCT", "High risk");
    LOW_RISK = ("75976002", "SCT", "Low risk");
    REFERENCED_SEGMENT = ("121191", "DCM", "Referenced Segment");
    SOURCE_SERIES = ("121232", "DCM", "Source series for segmentation");
    QUALITATIVE_EVALUATIONS = ("C0034375", "UMLS", "Qualitative Evaluations");
    COMMENT = ("121106", "DCM", "Comment");
    PROCESSING_EQUIPMENT = ("109102", "DCM", "Processing Equipment");
    SEGMENTATION = ("113076", "DCM", "Segmentation");
    SOURCE_IMAGE = ("121322", "DCM", "Source image for image processing operation");
    IMAGE_LIBRARY = ("111028", "DCM", "Image Library");
    IMAGE_LIBRARY_GROUP = ("126200", "DCM", "Image Library Group");
    SOURCE = ("260753009", "SCT", "Source");
    MODALITY = ("121139", "DCM", "Modality");
    CT = ("CT", "DCM", "Computed Tomography");
    FRAME_OF_REFERENCE = ("112227", "DCM", "Frame of Reference UID");
    PIXEL_ROWS = ("110910", "DCM", "Pixel Data Rows");
    PIXEL_COLUMNS = ("110911", "DCM", "Pixel Data Columns");
    IMAGE_REGION = ("111030", "DCM", "Image Region");

    NO_UNITS = ("1", "UCUM", "no units");
    GRAM_PER_ML_SUV = ("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight");
    CUBIC_CENTIMETER = ("cm3", "UCUM", "cubic centimeter");
    GRAM = ("g", "UCUM", "gram");
    MILLIMETER = ("mm", "UCUM", "mm");
    PIXELS = ("{pixels}", "UCUM", "Pixels");

    N1_SCORE = ("N1_SCORE", PRIVATE_SCHEME, "DLNMS N1 score");
    N1_CUTOFF = ("N1_CUTOFF", PRIVATE_SCHEME, "DLNMS N1 cut-off");
    N1_SCORE_PET = ("N1_SCORE_PET", PRIVATE_SCHEME, "DLNMS N1 score, PET alone");
    N1_SCORE_CT = ("N1_SCORE_CT", PRIVATE_SCHEME, "DLNMS N1 score, CT alone");
    N1_RISK = ("N1_RISK", PRIVATE_SCHEME, "DLNMS N1 risk group");
    N2_SCORE = ("N2_SCORE", PRIVATE_SCHEME, "DLNMS N2 score");
    N2_CUTOFF = ("N2_CUTOFF", PRIVATE_SCHEME, "DLNMS N2 cut-off");
    N2_SCORE_PET = ("N2_SCORE_PET", PRIVATE_SCHEME, "DLNMS N2 score, PET alone");
    N2_SCORE_CT = ("N2_SCORE_CT", PRIVATE_SCHEME, "DLNMS N2 score, CT alone");
    N2_RISK = ("N2_RISK", PRIVATE_SCHEME, "DLNMS N2 risk group");
    RISK = ("RISK", PRIVATE_SCHEME, "DLNMS risk group");
}

/// Returns the item that says what the private scheme is (PS3.3 C.12.1.1.4).
pub fn private_scheme() -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    item.text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, PRIVATE_SCHEME);
    item.text(
        tags::CODING_SCHEME_NAME,
        VR::ST,
        "Codes of the library dlnms",
    );
    item.text(tags::CODING_SCHEME_VERSION, VR::SH, "1");
    item.text(
        tags::CODING_SCHEME_RESPONSIBLE_ORGANIZATION,
        VR::ST,
        super::product::MANUFACTURER,
    );
    item
}
