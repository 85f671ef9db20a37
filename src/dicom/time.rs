//! DICOM dates and times (PS3.5 6.2) as seconds, with the deviations that are seen in the wild.

const DAY: f64 = 86_400.0;

/// DA -> seconds since 1970-01-01 at midnight. `YYYYMMDD`, legacy `YYYY.MM.DD`.
pub fn date(text: &str) -> Option<f64> {
    let digits: String = text
        .trim()
        .chars()
        .filter(|c| !matches!(c, '.' | '-' | '/'))
        .collect();
    if digits.len() != 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| digits[range].parse::<i64>().ok();
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days from civil, proleptic Gregorian calendar: eras of 400 years that start on 1 March.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era - 719_468) as f64 * DAY)
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

/// DT -> seconds since 1970-01-01, in the clock it was written in: a zone suffix is read past, for all times of a
/// study come from the same scanner and SUV needs differences alone.
pub fn date_time(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let text = match text.rfind(['+', '-']) {
        Some(at) if at >= 8 => &text[..at],
        _ => text,
    };
    let day = date(text.get(..8)?)?;
    match text.get(8..)? {
        "" => None, // a date without a time cannot time a decay
        time => Some(day + time_of_day(time)?),
    }
}

/// DA and TM together. Without a date the time counts from day 0: differences within a day stay right.
pub fn combine(day: Option<f64>, time: Option<f64>) -> Option<f64> {
    Some(day.unwrap_or(0.0) + time?)
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
        for wrong in ["", "1", "25", "1060", "10301", "ab", "1030.x", "-1"] {
            assert_eq!(time_of_day(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn dates_count_days_of_the_civil_calendar() {
        assert_eq!(date("19700101"), Some(0.0));
        assert_eq!(date("20000229"), Some(11_016.0 * DAY));
        assert_eq!(date("1959.12.24"), Some(-3_661.0 * DAY));
        for wrong in ["", "2000", "20001301", "2000010a", "00000000"] {
            assert_eq!(date(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn date_times_may_carry_a_zone() {
        assert_eq!(date_time("19700102103015.5+0100"), Some(DAY + 37_815.5));
        assert_eq!(date_time("19700102103015-0500"), Some(DAY + 37_815.0));
        assert_eq!(date_time("19700102"), None);
        assert_eq!(date_time("1970"), None);
    }
}
