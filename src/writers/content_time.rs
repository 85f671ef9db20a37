//! When the content of an object was made.

use crate::error::{Error, Result};
use dicom_core::chrono::{FixedOffset, Local, NaiveDateTime, Utc};

/// A date and a time of day, as DICOM writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentTime {
    /// DA.
    pub date: String,
    /// TM, whole seconds.
    pub time: String,
}

impl ContentTime {
    /// Reads `YYYYMMDDHHMMSS`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for anything that is no such time.
    pub fn parse(text: &str) -> Result<Self> {
        let digits = text.len() == 14 && text.bytes().all(|b| b.is_ascii_digit());
        let time = NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S").ok();
        match time.filter(|_| digits) {
            Some(time) => Ok(Self::new(&time)),
            None => Err(Error::invalid("content_time", "write YYYYMMDDHHMMSS")),
        }
    }

    /// Returns the time now: in the zone that a study states as `+HHMM` or `-HHMM`, else in that of this machine.
    pub fn now(offset: Option<&str>) -> Self {
        let zone = offset.and_then(|text| {
            let minutes: i32 = text.get(1..).filter(|t| t.len() == 4)?.parse().ok()?;
            let seconds = (minutes / 100 * 60 + minutes % 100) * 60;
            match text.as_bytes()[0] {
                b'+' => FixedOffset::east_opt(seconds),
                b'-' => FixedOffset::west_opt(seconds),
                _ => None,
            }
        });
        Self::new(&match zone {
            Some(zone) => Utc::now().with_timezone(&zone).naive_local(),
            None => Local::now().naive_local(),
        })
    }

    fn new(time: &NaiveDateTime) -> Self {
        Self {
            date: time.format("%Y%m%d").to_string(),
            time: time.format("%H%M%S").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_or_refused() {
        let time = ContentTime::parse("20240229235958").unwrap();
        assert_eq!(
            (time.date.as_str(), time.time.as_str()),
            ("20240229", "235958")
        );
        for wrong in [
            "",
            "2024",
            "20230229000000",
            "2024022923595 ",
            "20240229246000",
            "+0240229000000",
        ] {
            assert!(ContentTime::parse(wrong).is_err(), "{wrong:?}");
        }
        // Fourteen hours apart, whenever this runs.
        let [east, west] = ["+0700", "-0700"].map(|zone| ContentTime::now(Some(zone)));
        assert_ne!((&east.date, &east.time), (&west.date, &west.time));
        assert_eq!(ContentTime::now(None).date.len(), 8);
    }
}
