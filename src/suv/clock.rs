//! Which clock reading the decay is counted to, and from which it is counted.

use super::PetInfo;
use super::scale::{Provenance, refuse};
use crate::error::Result;

pub(super) const DAY: f64 = 86_400.0;

impl PetInfo {
    /// Reference time of each slice for START, and the rule that gave it.
    pub(super) fn reference_times(
        &self,
        lambda: f64,
        log: &mut Provenance,
    ) -> Result<(Vec<f64>, &'static str)> {
        let n = self.slices.len();
        let earliest = self
            .slices
            .iter()
            .filter_map(|s| s.acquisition)
            .min_by(f64::total_cmp);
        if let (Some(series), Some(earliest)) = (self.series, earliest)
            && series <= earliest
        {
            log.step("reference time: series time, not after the earliest acquisition".into());
            return Ok((vec![series; n], "SeriesTime"));
        }
        if let Some(start) = self.ge_scan_start {
            log.step("reference time: GE private scan start (0009,xx0D), the series time lies after acquisition".into());
            return Ok((vec![start; n], "GE(0009,xx0D)"));
        }
        let by_frame: Option<Vec<f64>> = self
            .slices
            .iter()
            .map(|s| {
                let (at, reference, duration) =
                    (s.acquisition?, s.frame_reference_ms?, s.frame_duration_ms?);
                (reference > 0.0 && duration > 0.0)
                    .then(|| at + average_time(lambda, duration / 1000.0) - reference / 1000.0)
            })
            .collect();
        if let Some(times) = by_frame.filter(|t| !t.is_empty()) {
            log.step("reference time: acquisition time + mean decay time of the frame - frame reference time".into());
            return Ok((times, "FrameReferenceTime"));
        }
        match earliest {
            Some(earliest) => {
                log.warn(
                    "reference time: earliest acquisition time, for want of anything better".into(),
                );
                Ok((vec![earliest; n], "AcquisitionTime"))
            }
            None => refuse("SeriesTime and AcquisitionTime are missing: no reference time"),
        }
    }

    /// Seconds from administration to `reference`, by NUMERICS 3 (t_adm).
    pub(super) fn uptake(
        &self,
        reference: f64,
        half_life: f64,
        first: bool,
        log: &mut Provenance,
    ) -> Result<f64> {
        let direct = self
            .injection
            .map(|t| reference - t)
            .filter(|dt| (-3600.0..2.0 * half_life).contains(dt));
        let (dt, source) = if let Some(dt) = direct {
            (dt, "RadiopharmaceuticalStartDateTime")
        } else {
            let time_of_day = self
                .injection
                .map(|t| t.rem_euclid(DAY))
                .or(self.injection_time_of_day);
            let Some(time_of_day) = time_of_day else {
                return refuse(
                    "RadiopharmaceuticalStartDateTime (0018,1078) and StartTime (0018,1072) are missing",
                );
            };
            let mut administered = (reference / DAY).floor() * DAY + time_of_day;
            if administered > reference {
                administered -= DAY;
                if first {
                    log.warn("administration taken as the day before (past midnight)".into());
                }
            }
            (
                reference - administered,
                "time of day of the administration, on the date of the reference time",
            )
        };
        if !(0.0..=6.0 * 3600.0).contains(&dt) {
            return refuse(&format!(
                "{dt:.0} s from administration to the reference time, allowed 0 to 21600"
            ));
        }
        if first {
            log.step(format!(
                "administration: {source}, {dt:.3} s before the reference time"
            ));
            if !(1800.0..=10_800.0).contains(&dt) {
                log.warn(format!(
                    "uptake of {:.0} min is outside 30 to 180 min",
                    dt / 60.0
                ));
            }
        }
        Ok(dt)
    }
}

/// Time within a frame of length `t` at which the activity equals its mean over the frame.
fn average_time(lambda: f64, t: f64) -> f64 {
    (lambda * t / -(-lambda * t).exp_m1()).ln() / lambda
}
