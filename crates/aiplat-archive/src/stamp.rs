//! A moment, to the second, in UTC.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01T00:00:00Z; shows as `20270115T080000Z`, which sorts as text and fits a file name.
///
/// In JSON it is the ISO form `2027-01-15T08:00:00Z`. Years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(u64);

const DAY: u64 = 86_400;
/// The first second of the year 10000.
const END: u64 = 253_402_300_800;

impl Stamp {
    /// From seconds since 1970; what is past the year 9999 becomes its last second.
    pub const fn from_unix(seconds: u64) -> Self {
        Self(if seconds < END { seconds } else { END - 1 })
    }

    /// Seconds since 1970.
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// Days since 1970, which was a Thursday.
    pub const fn day(self) -> u64 {
        self.0 / DAY
    }

    /// Weeks, each from a Monday, counted from the one that had 1970-01-01 in it.
    pub const fn week(self) -> u64 {
        (self.day() + 3) / 7
    }

    /// Year and month.
    pub fn month(self) -> (u64, u64) {
        let (year, month, _) = civil(self.day());
        (year, month)
    }

    /// As `2027-01-15T08:00:00Z`.
    pub fn iso(self) -> String {
        let ((y, m, d), s) = (civil(self.day()), self.0 % DAY);
        let (hour, minute, second) = (s / 3600, s / 60 % 60, s % 60);
        format!("{y:04}-{m:02}-{d:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// Reads exactly what the name of an archive has; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('Z')?.split_once('T')?;
        let fits = |part: &str, length| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !fits(digits.0, 8) || !fits(digits.1, 6) {
            return None;
        }
        let number = |part: &str| part.parse::<u64>().ok();
        let (date, time) = digits;
        let days = from_civil(
            number(&date[..4])?,
            number(&date[4..6])?,
            number(&date[6..])?,
        )?;
        let (hour, minute, second) = (
            number(&time[..2])?,
            number(&time[2..4])?,
            number(&time[4..])?,
        );
        let clock = (hour < 24 && minute < 60 && second < 60)
            .then_some(hour * 3600 + minute * 60 + second)?;
        let stamp = Self(days * DAY + clock);
        // the 31st of a short month reads as another day: only what shows the same is meant
        (stamp.to_string() == text).then_some(stamp)
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso().replace(['-', ':'], ""))
    }
}

impl Serialize for Stamp {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.iso())
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text.replace(['-', ':'], ""))
            .ok_or_else(|| serde::de::Error::custom("expected a time such as 2027-01-15T08:00:00Z"))
    }
}

/// Year, month and day of a day since 1970 (Gregorian; years that begin in March make leap days the last of a year).
fn civil(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (era * 400 + year + u64::from(month <= 2), month, date)
}

/// The day since 1970; `None` before it and for a month or day that no calendar has.
fn from_civil(year: u64, month: u64, date: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&date) {
        return None;
    }
    let year = year - u64::from(month <= 2);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + date - 1;
    let (era, of_era) = (year / 400, year % 400);
    (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (unix, shown) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_800_000_000, "20270115T080000Z"),
            (4_107_542_399, "21000228T235959Z"),
            (u64::MAX, "99991231T235959Z"),
        ] {
            assert_eq!(Stamp::from_unix(unix).to_string(), shown);
            assert_eq!(Stamp::parse(shown), Some(Stamp::from_unix(unix)));
        }
        // 2026-11-22 is a Sunday, the day after begins a week
        let sunday = Stamp::parse("20261122T235959Z").unwrap();
        assert_eq!(
            Stamp::from_unix(sunday.unix() + 1).week(),
            sunday.week() + 1
        );
        assert_eq!(sunday.month(), (2026, 11));
    }

    #[test]
    fn what_no_calendar_has_is_no_stamp() {
        for text in [
            "20260229T000000Z",
            "20261301T000000Z",
            "20260101T240000Z",
            "20260101T000000",
            "2026010T1000000Z",
            "+2026101T000000Z",
            "19691231T235959Z",
            "",
        ] {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn text_and_back(unix in 0..END) {
            let stamp = Stamp::from_unix(unix);
            proptest::prop_assert_eq!(Stamp::parse(&stamp.to_string()), Some(stamp));
            let json = serde_json::to_string(&stamp).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Stamp>(&json).unwrap(), stamp);
        }
    }
}
