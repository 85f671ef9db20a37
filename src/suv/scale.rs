//! The algorithm of NUMERICS 3, step by step.

use super::{DecayCorrection, PetInfo, Sex, SuvScale, SuvType, Units};
use crate::error::{Error, Result};

/// Half-life of F-18 in seconds, assumed for a coded F-18 tracer whose header has none.
const F18_HALF_LIFE_S: f64 = 6586.2;

impl PetInfo {
    /// The factor of every slice, or the reason why there is none.
    pub fn suv_scale(&self) -> Result<SuvScale> {
        let mut log = Provenance::default();
        if !self.attenuation_corrected {
            return refuse(
                "CorrectedImage (0028,0051) does not contain ATTN: not attenuation corrected",
            );
        }
        let n = self.slices.len();
        let done = |factors: Vec<f64>, rule: &str, dt_s: f64, log: Provenance| {
            if !factors.iter().all(|f| f.is_finite() && *f > 0.0) {
                return refuse("the factor is not a positive number");
            }
            Ok(SuvScale {
                factors,
                rule: rule.into(),
                dt_s,
                steps: log.steps,
                warnings: log.warnings,
            })
        };
        let mut activity = vec![1.0; n];
        match self.units {
            Units::Gml => {
                log.step(format!("units GML, SUV type {:?}", self.suv_type));
                let factor = self.weight_over_norm(&mut log)?;
                return done(
                    vec![factor; n],
                    &format!("GML/{:?}", self.suv_type),
                    0.0,
                    log,
                );
            }
            Units::Cm2ml => {
                let (weight, height) = (self.weight(&mut log)?, self.height_cm()?);
                let bsa = 0.007_184 * height.powf(0.725) * weight.powf(0.425);
                log.step(format!("units CM2ML, body surface {bsa:.4} m2"));
                return done(
                    vec![weight * 1000.0 / (bsa * 1e4); n],
                    "CM2ML/BSA",
                    0.0,
                    log,
                );
            }
            Units::Cnts if usable(&self.philips_suv_factor, n) => {
                log.step(
                    "units CNTS, Philips private SUV factor (7053,xx00) on every slice".into(),
                );
                return done(
                    self.philips_suv_factor.clone(),
                    "CNTS/Philips SUV factor",
                    0.0,
                    log,
                );
            }
            Units::Cnts if usable(&self.philips_activity_factor, n) => {
                log.step(
                    "units CNTS, Philips private activity factor (7053,xx09) on every slice".into(),
                );
                activity.clone_from(&self.philips_activity_factor);
            }
            Units::Cnts => {
                return refuse(
                    "Units (0054,1001) CNTS without Philips private factors on every slice",
                );
            }
            Units::Bqml => log.step("units BQML".into()),
            Units::Other => return refuse("Units (0054,1001) missing or not convertible"),
        }
        let weight = self.weight(&mut log)?;
        let dose = self.dose(&mut log)?;
        let per_gram = weight * 1000.0 / dose;
        let Some(correction) = self.decay_correction else {
            return refuse("DecayCorrection (0054,1102) is missing or unknown");
        };
        if correction == DecayCorrection::Admin {
            log.step("decay corrected to administration (ADMIN): no decay to undo".into());
            return done(
                activity.iter().map(|a| a * per_gram).collect(),
                "ADMIN",
                0.0,
                log,
            );
        }
        let half_life = self.half_life(&mut log)?;
        let lambda = std::f64::consts::LN_2 / half_life;
        if correction == DecayCorrection::None {
            return self
                .uncorrected(&activity, per_gram, half_life, log)
                .and_then(|(f, dt, log)| done(f, "NONE", dt, log));
        }
        let (references, rule) = self.reference_times(lambda, &mut log)?;
        let mut factors = Vec::with_capacity(n);
        let mut first_dt = None;
        for (reference, a) in references.iter().zip(&activity) {
            let dt = self.uptake(*reference, half_life, first_dt.is_none(), &mut log)?;
            first_dt.get_or_insert(dt);
            factors.push(a * per_gram / (-lambda * dt).exp());
        }
        done(
            factors,
            &format!("START/{rule}"),
            first_dt.unwrap_or(0.0),
            log,
        )
    }

    fn weight(&self, log: &mut Provenance) -> Result<f64> {
        let Some(mut weight) = self.weight_kg.filter(|w| w.is_finite() && *w > 0.0) else {
            return refuse("PatientWeight (0010,1030) is missing or 0");
        };
        if weight > 1000.0 {
            log.warn(format!("PatientWeight {weight} taken as grams"));
            weight /= 1000.0;
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
        let Some(mut dose) = self.dose_bq.filter(|d| d.is_finite() && *d > 0.0) else {
            return refuse("RadionuclideTotalDose (0018,1074) is missing or not positive");
        };
        if dose < 1e4 {
            log.warn(format!("RadionuclideTotalDose {dose} taken as MBq"));
            dose *= 1e6;
        }
        log.step(format!("dose {dose} Bq"));
        Ok(dose)
    }

    fn half_life(&self, log: &mut Provenance) -> Result<f64> {
        match self.half_life_s.filter(|t| t.is_finite() && *t > 0.0) {
            Some(t) => {
                log.step(format!("half-life {t} s"));
                Ok(t)
            }
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
                return refuse("PatientSex (0010,0040) is missing, and this kind of SUV needs it");
            }
        };
        log.step(format!("normalised by {norm:.3} kg instead of {w} kg"));
        Ok(w / norm)
    }

    /// DecayCorrection NONE: undo the decay to the frame and within it.
    fn uncorrected(
        &self,
        activity: &[f64],
        per_gram: f64,
        half_life: f64,
        mut log: Provenance,
    ) -> Result<(Vec<f64>, f64, Provenance)> {
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
            let dt = self.uptake(at, half_life, first_dt.is_none(), &mut log)?;
            first_dt.get_or_insert(dt);
            let decay = lambda * duration / 1000.0;
            factors.push(a * per_gram * (lambda * dt).exp() * decay / -(-decay).exp_m1());
        }
        log.step(
            "no decay correction was made (NONE): decay to the frame and within it undone".into(),
        );
        Ok((factors, first_dt.unwrap_or(0.0), log))
    }
}

fn usable(factors: &[f64], n: usize) -> bool {
    n > 0 && factors.len() == n && factors.iter().all(|f| f.is_finite() && *f > 0.0)
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
}

#[cfg(test)]
mod tests {
    use super::super::SliceTiming;
    use super::super::clock::DAY;
    use super::*;

    fn bqml() -> PetInfo {
        PetInfo {
            units: Units::Bqml,
            decay_correction: Some(DecayCorrection::Start),
            weight_kg: Some(70.0),
            dose_bq: Some(370e6),
            half_life_s: Some(6586.2),
            injection_time_of_day: Some(36_000.0),
            series: Some(39_600.0),
            slices: vec![
                SliceTiming {
                    acquisition: Some(39_600.0),
                    ..Default::default()
                };
                2
            ],
            ..PetInfo::already_suv(2)
        }
    }

    fn factor(info: &PetInfo) -> f64 {
        info.suv_scale().unwrap().factors[0]
    }

    #[test]
    fn one_hour_of_uptake_by_hand() {
        // 70 kg, 370 MBq, 1 h of F-18: 70000 / (370e6 * 2^(-3600/6586.2))
        let by_hand = 70_000.0 / (370e6 * 2f64.powf(-3600.0 / 6586.2));
        assert!((factor(&bqml()) / by_hand - 1.0).abs() < 1e-12);
    }

    #[test]
    fn midnight_moves_the_administration_to_the_day_before() {
        let mut late = bqml();
        late.injection_time_of_day = Some(85_800.0);
        late.series = Some(DAY + 3000.0);
        late.slices
            .iter_mut()
            .for_each(|s| s.acquisition = Some(DAY + 3000.0));
        let scale = late.suv_scale().unwrap();
        assert!(
            (scale.dt_s - 3600.0).abs() < 1e-9
                && scale.warnings.iter().any(|w| w.contains("day before"))
        );
    }

    #[test]
    fn a_shifted_injection_date_falls_back_to_its_time_of_day() {
        let mut shifted = bqml();
        shifted.injection_time_of_day = None;
        shifted.injection = Some(36_000.0 - 23.0 * DAY);
        assert!((shifted.suv_scale().unwrap().dt_s - 3600.0).abs() < 1e-6);
    }

    #[test]
    fn admin_ignores_every_clock_and_repairs_units() {
        let admin = PetInfo {
            decay_correction: Some(DecayCorrection::Admin),
            series: None,
            half_life_s: None,
            weight_kg: Some(70_000.0),
            dose_bq: Some(370.0),
            ..bqml()
        };
        let scale = admin.suv_scale().unwrap();
        assert!((scale.factors[0] / (70_000.0 / 370e6) - 1.0).abs() < 1e-12);
        assert_eq!(scale.warnings.len(), 2, "{:?}", scale.warnings);
    }

    #[test]
    fn frame_times_replace_a_late_series_time() {
        let mut info = bqml();
        info.series = Some(50_000.0);
        for (i, s) in info.slices.iter_mut().enumerate() {
            *s = SliceTiming {
                acquisition: Some(39_600.0 + 180.0 * i as f64),
                frame_reference_ms: Some(180_000.0 * i as f64 + 89_700.0),
                frame_duration_ms: Some(180_000.0),
            };
        }
        let scale = info.suv_scale().unwrap();
        assert_eq!(scale.rule, "START/FrameReferenceTime");
        assert!(
            (scale.factors[0] / scale.factors[1] - 1.0).abs() < 1e-12,
            "one reference for all beds"
        );
        info.ge_scan_start = Some(39_600.0);
        assert_eq!(info.suv_scale().unwrap().rule, "START/GE(0009,xx0D)");
    }

    #[test]
    fn every_missing_fact_is_refused_by_name() {
        let refused = |edit: fn(&mut PetInfo), what: &str| {
            let mut info = bqml();
            edit(&mut info);
            let text = info.suv_scale().unwrap_err().to_string();
            assert!(text.contains(what), "{text}");
        };
        refused(|i| i.attenuation_corrected = false, "ATTN");
        refused(|i| i.units = Units::Other, "Units");
        refused(|i| i.units = Units::Cnts, "CNTS");
        refused(|i| i.weight_kg = Some(0.0), "PatientWeight");
        refused(|i| i.dose_bq = Some(-1.0), "RadionuclideTotalDose");
        refused(|i| i.dose_bq = Some(f64::NAN), "RadionuclideTotalDose");
        refused(|i| i.half_life_s = None, "RadionuclideHalfLife");
        refused(|i| i.decay_correction = None, "DecayCorrection");
        refused(
            |i| i.injection_time_of_day = None,
            "RadiopharmaceuticalStartDateTime",
        );
        refused(
            |i| i.injection_time_of_day = Some(10_000.0),
            "from administration",
        );
        refused(
            |i| (i.series, i.slices) = (None, vec![SliceTiming::default(); 2]),
            "no reference time",
        );
    }
}
