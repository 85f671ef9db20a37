//! DICOM dates and times (PS3.5 6.2) as seconds, with the deviations that are seen in the wild, and the clocks they are
//! written in.

use dicom_core::chrono::NaiveDate;

const DAY: f64 = 86_400.0;

/// A moment as an attribute writes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Seconds since 1970-01-01 on the clock that it is written in.
    pub local: f64,
    /// Offset of that clock from UTC in seconds, if the value has a suffix.
    pub zone: Option<f64>,
}

impl Moment {
    /// Returns seconds since 1970-01-01 on the clock with this offset from UTC. A moment without a suffix is on that
    /// clock already; without an offset to convert to, the local part stands as it is written.
    pub fn on_clock(&self, zone: Option<f64>) -> f64 {
        match (self.zone, zone) {
            (Some(own), Some(zone)) => self.local - own + zone,
            _ => self.local,
        }
    }
}

/// DA -> seconds since 1970-01-01 at midnight. `YYYYMMDD`, legacy `YYYY.MM.DD`; a day that the calendar lacks is none.
pub fn date(text: &str) -> Option<f64> {
    let digits: String = text
        .trim()
        .chars()
        .filter(|c| !matches!(c, '.' | '-' | '/'))
        .collect();
    if digits.len() != 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let day = NaiveDate::from_ymd_opt(
        digits[0..4].parse().ok()?,
        digits[4..6].parse().ok()?,
        digits[6..8].parse().ok()?,
    )?;
    Some((day - NaiveDate::default()).num_days() as f64 * DAY)
}

/// TM -> seconds since midnight. `HH`, `HHMM`, `HHMMSS`, a fraction, legacy colons, trailing blanks.
pub fn time_of_day(text: &str) -> Option<f64> {
    let text: String = text
        .trim_matches(|c: char| c.is_whitespace() || c == '\0')
        .chars()
        .filter(|c| *c != ':')
        .collect();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if !whole.bytes().all(|b| b.is_ascii_digit()) || !matches!(whole.len(), 2 | 4 | 6) {
        return None;
    }
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| {
        whole
            .get(at..at + 2)
            .map_or(Some(0.0), |s| s.parse::<f64>().ok())
    };
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    // A leap second reads as 60.
    if hours >= 24.0 || minutes >= 60.0 || seconds > 60.0 {
        return None;
    }
    let fraction = if fraction.is_empty() {
        0.0
    } else {
        format!("0.{fraction}").parse().ok()?
    };
    Some(hours * 3600.0 + minutes * 60.0 + seconds + fraction)
}

/// DT -> moment with its zone. A date without a time cannot time a decay and is none.
pub fn date_time(text: &str) -> Option<Moment> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let (text, zone) = match text.rfind(['+', '-']) {
        Some(at) => (&text[..at], Some(offset(&text[at..])?)),
        None => (text, None),
    };
    let day = date(text.get(..8)?)?;
    let local = day + time_of_day(text.get(8..)?)?;
    Some(Moment { local, zone })
}

/// Offset from UTC (`+HHMM`, `-HHMM`) -> seconds; the world's clocks lie between -12 and +14 hours.
pub fn offset(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let sign = match text.as_bytes().first()? {
        b'+' => 1.0,
        b'-' => -1.0,
        _ => return None,
    };
    let digits = &text[1..];
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| digits[at..at + 2].parse::<f64>().ok();
    let (hours, minutes) = (part(0)?, part(2)?);
    let seconds = sign * (hours * 3600.0 + minutes * 60.0);
    (minutes < 60.0 && (-43_200.0..=50_400.0).contains(&seconds)).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_form_are_read() {
        assert_eq!(time_of_day("10"), Some(36_000.0));
        assert_eq!(time_of_day("1030"), Some(37_800.0));
        assert_eq!(time_of_day("103015"), Some(37_815.0));
        assert_eq!(time_of_day("10:30:15.25 "), Some(37_815.25));
        assert_eq!(time_of_day("000000.000000\0"), Some(0.0));
        // A leap second, and none.
        assert_eq!(time_of_day("235960"), Some(86_400.0));
        for wrong in [
            "", "1", "25", "1060", "10301", "235961", "ab", "1030.x", "-1",
        ] {
            assert_eq!(time_of_day(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn dates_count_days_of_the_civil_calendar() {
        assert_eq!(date("19700101"), Some(0.0));
        assert_eq!(date("20000229"), Some(11_016.0 * DAY));
        assert_eq!(date("1959.12.24"), Some(-3_661.0 * DAY));
        for wrong in [
            "", "2000", "20001301", "2000010a", "00000000", "20010229", "20010231", "20010431",
        ] {
            assert_eq!(date(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn date_times_carry_their_zone() {
        let moment = |text| date_time(text).map(|m| (m.local, m.zone));
        let local = DAY + 37_815.5;
        assert_eq!(moment("19700102103015.5"), Some((local, None)));
        assert_eq!(
            moment("19700102103015.5+0100 "),
            Some((local, Some(3600.0)))
        );
        assert_eq!(
            moment("19700102103015.5-0530"),
            Some((local, Some(-19_800.0)))
        );
        // Blanks and NULs that fill a value to an even length.
        assert_eq!(
            moment("19700102103015.5+0100\0 "),
            Some((local, Some(3600.0)))
        );
        assert_eq!(offset("+0100\0"), Some(3600.0));
        for wrong in [
            "19700102",
            "1970",
            "19700231103015",
            "19700102103015+1",
            "19700102103015+1500",
            "19700102103015-1300",
            "19700102103015+0160",
            "19700102+0100",
            "+0100",
            "1970010é103015",
            "",
        ] {
            assert_eq!(date_time(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_moment_is_converted_where_both_clocks_are_known() {
        let moment = date_time("19700102100000+0100").unwrap();
        assert_eq!(moment.on_clock(Some(-18_000.0)), DAY + 4.0 * 3600.0);
        assert_eq!(moment.on_clock(None), DAY + 36_000.0);
        let plain = date_time("19700102100000").unwrap();
        assert_eq!(plain.on_clock(Some(3600.0)), DAY + 36_000.0);
        for wrong in ["", "0100", "+100", "+01:00", "+01é0", "*0100"] {
            assert_eq!(offset(wrong), None, "{wrong:?}");
        }
    }
}
