//! Running for a while without a restart: all that can be asked of a service that answers nobody.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aiplat_core::observed::ContainerState;

use super::Outcome;
use crate::engine::ContainerDetail;

/// Whether a container has been running since at least `settle_seconds` before now.
pub(super) fn ready(detail: &ContainerDetail, settle_seconds: u32) -> Outcome {
    if detail.state != ContainerState::Running {
        return Outcome::NotYet("it does not run".to_owned());
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    // an engine that does not say when it was started cannot be asked for how long it runs
    let Some(started) = unix(&detail.started_at) else {
        return Outcome::Ready;
    };
    let running = now.saturating_sub(started);
    if running >= Duration::from_secs(u64::from(settle_seconds)) {
        Outcome::Ready
    } else {
        Outcome::NotYet(format!(
            "it runs for {} s of {settle_seconds} s",
            running.as_secs()
        ))
    }
}

/// The time since 1970 of a moment as the engine writes it: RFC 3339 in UTC. Fractions of a second are left out.
fn unix(moment: &str) -> Option<Duration> {
    let number = |from: usize, to: usize| moment.get(from..to)?.parse::<i64>().ok();
    if !moment.ends_with('Z') {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // days since 1970 in the Gregorian calendar, counted in years that begin in March
    let (shifted_year, shifted_month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
        + day_of_year
        - 719_468;
    u64::try_from(days * 86_400 + hour * 3_600 + minute * 60 + second)
        .ok()
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::unix;

    #[test]
    fn moments_of_the_engine_are_read() {
        let seconds = |moment: &str| unix(moment).map(|d| d.as_secs());
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(
            seconds("2024-02-29T12:34:56.789012345Z"),
            Some(1_709_210_096)
        );
        assert_eq!(seconds("2026-11-22T06:57:33.5Z"), Some(1_795_330_653));
        assert_eq!(seconds("2026-11-22T06:57:33+01:00"), None);
        assert_eq!(seconds(""), None);
    }
}
