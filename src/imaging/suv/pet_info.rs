//! What SUV is computed from, and the factor that comes out.

/// DICOM Units (0054,1001).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Units {
    /// Bq/ml.
    Bqml = 1,
    /// g/ml: SUV already, of the kind that [`SuvType`] names.
    Gml = 2,
    /// cm2/ml: SUV by body surface area.
    Cm2ml = 3,
    /// Counts: usable with Philips' private factors only.
    Cnts = 4,
    /// Anything else: refused.
    Other = 5,
}

/// DICOM SUV Type (0054,1006).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum SuvType {
    /// Body weight; the meaning of an absent tag.
    #[default]
    Bw = 1,
    /// Lean body mass.
    Lbm = 2,
    /// Lean body mass, James with factor 128.
    LbmJames128 = 3,
    /// Lean body mass, Janmahasatian.
    LbmJanma = 4,
    /// Ideal body weight.
    Ibw = 5,
}

/// DICOM Decay Correction (0054,1102).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum DecayCorrection {
    /// To the start of the series.
    Start = 1,
    /// To the administration.
    Admin = 2,
    /// None was made.
    None = 3,
}

/// DICOM Patient's Sex (0010,0040), for the lean-body formulas alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum Sex {
    Male = 1,
    Female = 2,
    Other = 3,
}

/// What one slice says of its own time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SliceTiming {
    /// Acquisition date and time, s.
    pub acquisition: Option<f64>,
    /// Frame Reference Time, ms.
    pub frame_reference_ms: Option<f64>,
    /// Actual Frame Duration, ms.
    pub frame_duration_ms: Option<f64>,
}

/// What a reader had to assume of a header before its numbers could be used. Each becomes a finding of the quality
/// checks. A host that fills a [`PetInfo`] of its own assumes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// The weight was above 1000 and was taken for grams.
    pub weight_unit: bool,
    /// The dose was below 10,000 Bq and was taken for megabecquerel.
    pub dose_unit: bool,
    /// A date-time has a zone and the other times have none: the local parts were compared.
    pub time_zone: bool,
}

/// Attributes of a PET series that SUV depends on. `None` is "the header does not say". Numbers are in the unit that the
/// field names; none is ever repaired here: a weight above 1000 kg or a dose below 10,000 Bq is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct PetInfo {
    /// Units of the rescaled values.
    pub units: Units,
    /// Kind of SUV when `units` is g/ml.
    pub suv_type: SuvType,
    /// Reference of the decay correction.
    pub decay_correction: Option<DecayCorrection>,
    /// `ATTN` is among the corrections.
    pub attenuation_corrected: bool,
    /// Patient's weight, kg.
    pub weight_kg: Option<f64>,
    /// Patient's size, m.
    pub height_m: Option<f64>,
    /// Patient's sex.
    pub sex: Option<Sex>,
    /// Radionuclide Total Dose, Bq.
    pub dose_bq: Option<f64>,
    /// Radionuclide Half Life, s.
    pub half_life_s: Option<f64>,
    /// The tracer is coded as one of F-18.
    pub f18_coded: bool,
    /// Radiopharmaceutical Start Date Time, s.
    pub injection: Option<f64>,
    /// Radiopharmaceutical Start Time, s since midnight.
    pub injection_time_of_day: Option<f64>,
    /// Series date and time, s.
    pub series: Option<f64>,
    /// GE private scan start (0009,xx0D), s.
    pub ge_scan_start: Option<f64>,
    /// Philips private SUV factor (7053,xx00), one for each slice or empty.
    pub philips_suv_factor: Vec<f64>,
    /// Philips private activity factor (7053,xx09), one for each slice or empty.
    pub philips_activity_factor: Vec<f64>,
    /// One for each slice, in volume order.
    pub slices: Vec<SliceTiming>,
    /// What a reader assumed to arrive at these numbers.
    pub assumptions: Assumptions,
}

/// The factor from rescaled values to SUVbw, and how it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct SuvScale {
    /// One for each slice.
    pub factors: Vec<f64>,
    /// The rule in a few words, for example `START/SeriesTime`.
    pub rule: String,
    /// Seconds from administration to the reference time of the first slice; 0 where no decay is undone.
    pub dt_s: f64,
    /// The decay is counted to the earliest acquisition, because no better reference time could be verified.
    pub reference_time_assumed: bool,
    /// Every step, in order.
    pub steps: Vec<String>,
    /// What was repaired or is unusual.
    pub warnings: Vec<String>,
}

impl PetInfo {
    /// Returns the attributes of a series whose values are SUVbw already.
    pub fn already_suv(n_slices: usize) -> Self {
        Self {
            units: Units::Gml,
            suv_type: SuvType::Bw,
            decay_correction: None,
            attenuation_corrected: true,
            weight_kg: None,
            height_m: None,
            sex: None,
            dose_bq: None,
            half_life_s: None,
            f18_coded: false,
            injection: None,
            injection_time_of_day: None,
            series: None,
            ge_scan_start: None,
            philips_suv_factor: Vec::new(),
            philips_activity_factor: Vec::new(),
            slices: vec![SliceTiming::default(); n_slices],
            assumptions: Assumptions::default(),
        }
    }
}
