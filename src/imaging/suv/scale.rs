//! The algorithm of NUMERICS 3, step by step.

use super::{DecayCorrection, PetInfo, Sex, SuvScale, SuvType, Units};
use crate::error::{Error, Result};

/// Half-life of F-18 in seconds, assumed for a coded F-18 tracer whose header has none.
pub(crate) const F18_HALF_LIFE_S: f64 = 6586.2;

const ZONES_DIFFER: &str =
    "a date-time has a zone and the other times have none: local times compared";
/// Above this a weight cannot be one in kilograms.
const HEAVIEST_KG: f64 = 1000.0;
/// Below this a dose cannot be one in becquerel.
const LOWEST_DOSE_BQ: f64 = 1e4;

/// Returns the SUV factor of a slice: 1 where a volume has no factors, because its values are SUVbw already.
pub(crate) fn slice_factor(factors: &[f64], slice: usize) -> f64 {
    factors.get(slice).copied().unwrap_or(1.0)
}

impl PetInfo {
    /// Returns the factor of every slice.
    ///
    /// # Errors
    /// [`Error::Suv`] names the attribute that is missing, contradictory or cannot be converted. No number is repaired:
    /// a weight above 1000 kg and a dose below 10,000 Bq are refused.
    pub fn suv_scale(&self) -> Result<SuvScale> {
        let mut log = Provenance::default();
        self.refuse_other_units()?;
        if !self.attenuation_corrected {
            return refuse(
                "CorrectedImage (0028,0051) does not contain ATTN: not attenuation corrected",
            );
        }
        let n = self.slices.len();
        match self.units {
            Units::Gml => {
                log.step(format!("units GML, SUV type {:?}", self.suv_type));
                let factor = self.weight_over_norm(&mut log)?;
                let rule = format!("GML/{:?}", self.suv_type);
                log.scale(vec![factor; n], &rule, 0.0)
            }
            Units::Cm2ml => {
                let (weight, height) = (self.weight(&mut log)?, self.height_cm()?);
                let bsa = 0.007_184 * height.powf(0.725) * weight.powf(0.425);
                log.step(format!("units CM2ML, body surface {bsa:.4} m2"));
                log.scale(vec![weight * 1000.0 / (bsa * 1e4); n], "CM2ML/BSA", 0.0)
            }
            Units::Cnts if usable(&self.philips_suv_factor, n, "SUV factor (7053,xx00)")? => {
                log.step(
                    "units CNTS, Philips private SUV factor (7053,xx00) on every slice".into(),
                );
                let factors = self.philips_suv_factor.clone();
                log.scale(factors, "CNTS/Philips SUV factor", 0.0)
            }
            Units::Cnts
                if usable(
                    &self.philips_activity_factor,
                    n,
                    "activity factor (7053,xx09)",
                )? =>
            {
                log.step(
                    "units CNTS, Philips private activity factor (7053,xx09) on every slice".into(),
                );
                self.scale_of_activity(&self.philips_activity_factor, log)
            }
            Units::Cnts => {
                refuse("Units (0054,1001) CNTS without Philips private factors on every slice")
            }
            Units::Bqml => {
                log.step("units BQML".into());
                self.scale_of_activity(&vec![1.0; n], log)
            }
            Units::Other => refuse("Units (0054,1001) missing or not convertible"),
        }
    }

    /// Returns the scale of values that become Bq/ml by `activity`, one factor for each slice.
    fn scale_of_activity(&self, activity: &[f64], mut log: Provenance) -> Result<SuvScale> {
        let weight = self.weight(&mut log)?;
        let dose = self.dose(&mut log)?;
        let per_gram = weight * 1000.0 / dose;
        let Some(correction) = self.decay_correction else {
            return refuse("DecayCorrection (0054,1102) is missing or unknown");
        };
        if correction == DecayCorrection::Admin {
            log.step("decay corrected to administration (ADMIN): no decay to undo".into());
            let factors = activity.iter().map(|a| a * per_gram).collect();
            return log.scale(factors, "ADMIN", 0.0);
        }
        let half_life = self.half_life(&mut log)?;
        let lambda = std::f64::consts::LN_2 / half_life;
        if correction == DecayCorrection::None {
            let (factors, dt) = self.uncorrected(activity, per_gram, half_life, &mut log)?;
            return log.scale(factors, "NONE", dt);
        }
        let references = self.reference_times(lambda, &mut log)?;
        let mut factors = Vec::with_capacity(activity.len());
        let mut first_dt = None;
        for (reference, a) in references.times.iter().zip(activity) {
            let dt = self.uptake(*reference, half_life, first_dt.is_none(), &mut log)?;
            first_dt.get_or_insert(dt);
            factors.push(a * per_gram / (-lambda * dt).exp());
        }
        if self.assumptions.time_zone {
            log.warn(ZONES_DIFFER.into());
        }
        let rule = format!("START/{}", references.rule);
        let mut scale = log.scale(factors, &rule, first_dt.unwrap_or(0.0))?;
        scale.reference_time_assumed = references.assumed;
        Ok(scale)
    }

    /// Refuses a weight in grams and a dose in megabecquerel, also where this series' SUV does not depend on them.
    fn refuse_other_units(&self) -> Result<()> {
        if let Some(weight) = self.weight_kg.filter(|w| *w > HEAVIEST_KG) {
            return refuse(&format!(
                "PatientWeight (0010,1030) is {weight} kg, more than 1000: is it in grams?"
            ));
        }
        match self.dose_bq {
            Some(dose) if dose > 0.0 && dose < LOWEST_DOSE_BQ => refuse(&format!(
                "RadionuclideTotalDose (0018,1074) is {dose} Bq, less than 10000: is it in MBq?"
            )),
            _ => Ok(()),
        }
    }

    fn weight(&self, log: &mut Provenance) -> Result<f64> {
        let Some(weight) = self.weight_kg.filter(|w| w.is_finite() && *w > 0.0) else {
            return refuse("PatientWeight (0010,1030) is missing or not positive");
        };
        if self.assumptions.weight_unit {
            log.warn("PatientWeight above 1000 taken as grams".into());
        }
        if !(20.0..=300.0).contains(&weight) {
            log.warn(format!("PatientWeight {weight} kg is outside 20 to 300"));
        }
        log.step(format!("weight {weight} kg"));
        Ok(weight)
    }

    fn height_cm(&self) -> Result<f64> {
        match self.height_m {
            Some(h) if (0.3..=2.8).contains(&h) => Ok(h * 100.0),
            _ => refuse(
                "PatientSize (0010,1020) is missing or impossible, and this kind of SUV needs it",
            ),
        }
    }

    fn dose(&self, log: &mut Provenance) -> Result<f64> {
        let Some(dose) = self.dose_bq.filter(|d| d.is_finite() && *d > 0.0) else {
            return refuse("RadionuclideTotalDose (0018,1074) is missing or not positive");
        };
        if self.assumptions.dose_unit {
            log.warn("RadionuclideTotalDose below 10000 taken as MBq".into());
        }
        log.step(format!("dose {dose} Bq"));
        Ok(dose)
    }

    fn half_life(&self, log: &mut Provenance) -> Result<f64> {
        match self.half_life_s {
            Some(t) if t.is_finite() && t > 0.0 => {
                log.step(format!("half-life {t} s"));
                Ok(t)
            }
            Some(_) => refuse("RadionuclideHalfLife (0018,1075) is not positive"),
            None if self.f18_coded => {
                log.warn(format!("RadionuclideHalfLife missing, {F18_HALF_LIFE_S} s of the coded F-18 tracer used"));
                Ok(F18_HALF_LIFE_S)
            }
            None => refuse(
                "RadionuclideHalfLife (0018,1075) is missing and the tracer is not coded as F-18",
            ),
        }
    }

    /// SUVbw = SUV of another kind x weight / its norm.
    fn weight_over_norm(&self, log: &mut Provenance) -> Result<f64> {
        if self.suv_type == SuvType::Bw {
            return Ok(1.0);
        }
        let (w, h) = (self.weight(log)?, self.height_cm()?);
        let bmi = w / (h / 100.0).powi(2);
        let norm = |male: bool| match (self.suv_type, male) {
            (SuvType::Lbm, true) => 1.10 * w - 120.0 * (w / h).powi(2),
            (SuvType::LbmJames128, true) => 1.10 * w - 128.0 * (w / h).powi(2),
            (SuvType::Lbm | SuvType::LbmJames128, false) => 1.07 * w - 148.0 * (w / h).powi(2),
            (SuvType::LbmJanma, true) => 9270.0 * w / (6680.0 + 216.0 * bmi),
            (SuvType::LbmJanma, false) => 9270.0 * w / (8780.0 + 244.0 * bmi),
            (SuvType::Ibw, true) => 48.0 + 1.06 * (h - 152.0),
            (SuvType::Ibw, false) => 45.5 + 0.91 * (h - 152.0),
            (SuvType::Bw, _) => w,
        };
        let norm = match self.sex {
            Some(Sex::Male) => norm(true),
            Some(Sex::Female) => norm(false),
            Some(Sex::Other) => (norm(true) + norm(false)) / 2.0,
            None => {
                return refuse(
                    "PatientSex (0010,0040) is missing or not M, F or O, and this kind of SUV needs it",
                );
            }
        };
        if norm.is_nan() || norm <= 0.0 {
            return refuse(&format!(
                "PatientWeight (0010,1030) and PatientSize (0010,1020) give a normalising mass of {norm:.1} kg"
            ));
        }
        log.step(format!("normalised by {norm:.3} kg instead of {w} kg"));
        Ok(w / norm)
    }

    /// DecayCorrection NONE: undo the decay to the frame and within it.
    fn uncorrected(
        &self,
        activity: &[f64],
        per_gram: f64,
        half_life: f64,
        log: &mut Provenance,
    ) -> Result<(Vec<f64>, f64)> {
        let lambda = std::f64::consts::LN_2 / half_life;
        let mut factors = Vec::with_capacity(activity.len());
        let mut first_dt = None;
        for (slice, a) in self.slices.iter().zip(activity) {
            let (Some(at), Some(duration)) = (
                slice.acquisition,
                slice.frame_duration_ms.filter(|d| *d > 0.0),
            ) else {
                return refuse(
                    "AcquisitionTime and ActualFrameDuration are needed on every slice when DecayCorrection is NONE",
                );
            };
            let dt = self.uptake(at, half_life, first_dt.is_none(), log)?;
            first_dt.get_or_insert(dt);
            let decay = lambda * duration / 1000.0;
            factors.push(a * per_gram * (lambda * dt).exp() * decay / -(-decay).exp_m1());
        }
        log.step(
            "no decay correction was made (NONE): decay to the frame and within it undone".into(),
        );
        if self.assumptions.time_zone {
            log.warn(ZONES_DIFFER.into());
        }
        Ok((factors, first_dt.unwrap_or(0.0)))
    }
}

/// Returns whether the vendor gave a factor for every slice. The vendor writes 0, and a host NaN, where there is none.
fn usable(factors: &[f64], n: usize, name: &str) -> Result<bool> {
    if factors.iter().any(|f| f.is_infinite() || *f < 0.0) {
        return refuse(&format!("Philips private {name} is not a positive number"));
    }
    Ok(n > 0 && factors.len() == n && factors.iter().all(|f| *f > 0.0))
}

pub(super) fn refuse<T>(why: &str) -> Result<T> {
    Err(Error::Suv(why.into()))
}

#[derive(Default)]
pub(super) struct Provenance {
    steps: Vec<String>,
    warnings: Vec<String>,
}

impl Provenance {
    pub fn step(&mut self, text: String) {
        self.steps.push(text);
    }

    pub fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// Makes the result; refuses factors that are no positive numbers.
    fn scale(self, factors: Vec<f64>, rule: &str, dt_s: f64) -> Result<SuvScale> {
        if !factors.iter().all(|f| f.is_finite() && *f > 0.0) {
            return refuse("the factor is not a positive number");
        }
        Ok(SuvScale {
            factors,
            rule: rule.into(),
            dt_s,
            reference_time_assumed: false,
            steps: self.steps,
            warnings: self.warnings,
        })
    }
}
