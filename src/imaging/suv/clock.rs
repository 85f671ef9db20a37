//! The moment to which the scanner corrected the decay, and the time of the administration (NUMERICS 3 and 3.1).

use super::PetInfo;
use super::scale::{Provenance, refuse};
use crate::error::Result;

pub(super) const DAY: f64 = 86_400.0;
/// A frame's own reference time may lie this far after its start, s: headers round to a second.
const ROUNDING_S: f64 = 1.0;
/// Two statements of the administration's time of day that lie farther apart contradict each other, s.
const SAME_TIME_S: f64 = 60.0;

/// The moments to which the decay of each slice was corrected.
pub(super) struct References {
    pub times: Vec<f64>,
    /// The attribute that gave them.
    pub rule: &'static str,
    /// No attribute gave them: the earliest acquisition stands in.
    pub assumed: bool,
}

impl PetInfo {
    /// Returns the reference time of each slice for START.
    ///
    /// A candidate that lies after the first acquisition, or more than 24 h before it, is skipped: it was written
    /// for something else or shifted by de-identification.
    pub(super) fn reference_times(&self, lambda: f64, log: &mut Provenance) -> Result<References> {
        let n = self.slices.len();
        let acquired = self.acquisitions()?;
        let earliest = acquired.iter().copied().fold(f64::INFINITY, f64::min);
        let found = |times, rule| {
            Ok(References {
                times,
                rule,
                assumed: false,
            })
        };
        let candidates = [
            (self.series, "SeriesTime", "series time"),
            (
                self.ge_scan_start,
                "GE(0009,xx0D)",
                "GE private scan start (0009,xx0D)",
            ),
        ];
        for (candidate, rule, name) in candidates {
            let Some(time) = candidate else { continue };
            if (earliest - DAY..=earliest).contains(&time) {
                log.step(format!(
                    "reference time: {name}, not after the earliest acquisition"
                ));
                return found(vec![time; n], rule);
            }
            let place = if time > earliest {
                "lies after the earliest acquisition"
            } else {
                "lies more than 24 h before the earliest acquisition"
            };
            log.step(format!("reference time: not the {name}, which {place}"));
        }
        if let Some(times) = self.references_by_frame(&acquired, earliest, lambda)? {
            log.step("reference time: acquisition time + mean decay time of the frame - frame reference time".into());
            return found(times, "FrameReferenceTime");
        }
        log.warn("reference time: earliest acquisition time, for want of anything better".into());
        Ok(References {
            times: vec![earliest; n],
            rule: "AcquisitionTime",
            assumed: true,
        })
    }

    /// Returns the acquisition time of every slice; refuses a series in which one has none, because nothing could
    /// verify a reference time then.
    fn acquisitions(&self) -> Result<Vec<f64>> {
        let known = |s: &super::SliceTiming| s.acquisition.filter(|t| t.is_finite());
        if let Some(slice) = self.slices.iter().position(|s| known(s).is_none()) {
            return refuse(&format!(
                "AcquisitionDate (0008,0022) and AcquisitionTime (0008,0032) are missing in slice {}: no reference time",
                slice + 1
            ));
        }
        Ok(self.slices.iter().filter_map(known).collect())
    }

    /// Returns acquisition + mean decay time of the frame - frame reference time for each slice; `None` if a slice
    /// lacks a part of it or the result lies where no reference time can be.
    fn references_by_frame(
        &self,
        acquired: &[f64],
        earliest: f64,
        lambda: f64,
    ) -> Result<Option<Vec<f64>>> {
        let mut times = Vec::with_capacity(self.slices.len());
        for (slice, at) in self.slices.iter().zip(acquired) {
            let (reference, duration) = (slice.frame_reference_ms, slice.frame_duration_ms);
            for (value, name) in [
                (reference, "FrameReferenceTime (0054,1300)"),
                (duration, "ActualFrameDuration (0018,1242)"),
            ] {
                if value.is_some_and(|v| !v.is_finite() || v < 0.0) {
                    return refuse(&format!("{name} is negative or not a number"));
                }
            }
            let (Some(reference), Some(duration)) = (
                reference.filter(|v| *v > 0.0),
                duration.filter(|v| *v > 0.0),
            ) else {
                return Ok(None);
            };
            let time = at + average_time(lambda, duration / 1000.0) - reference / 1000.0;
            if !(earliest - DAY..=at + ROUNDING_S).contains(&time) {
                return Ok(None);
            }
            times.push(time);
        }
        Ok((!times.is_empty()).then_some(times))
    }

    /// Returns the seconds from administration to `reference`, by NUMERICS 3 (t_adm).
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
            if !(0.0..=DAY).contains(&time_of_day) {
                return refuse(
                    "RadiopharmaceuticalStartTime (0018,1072) is not a time of day between 0 and 86400 s",
                );
            }
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
            self.note_uptake(dt, source, log);
        }
        Ok(dt)
    }

    fn note_uptake(&self, dt: f64, source: &str, log: &mut Provenance) {
        log.step(format!(
            "administration: {source}, {dt:.3} s before the reference time"
        ));
        if let (Some(moment), Some(time)) = (self.injection, self.injection_time_of_day) {
            let apart = (moment - time).rem_euclid(DAY);
            if apart.min(DAY - apart) > SAME_TIME_S {
                log.warn(format!(
                    "RadiopharmaceuticalStartTime (0018,1072) contradicts RadiopharmaceuticalStartDateTime (0018,1078) by {:.0} s; the latter is used",
                    apart.min(DAY - apart)
                ));
            }
        }
        if !(1800.0..=10_800.0).contains(&dt) {
            log.warn(format!(
                "uptake of {:.0} min is outside 30 to 180 min",
                dt / 60.0
            ));
        }
    }
}

/// Returns the time within a frame of length `t` at which the activity equals its mean over the frame.
fn average_time(lambda: f64, t: f64) -> f64 {
    (lambda * t / -(-lambda * t).exp_m1()).ln() / lambda
}

#[cfg(test)]
mod tests;
