//! How soon a service answers, asked at a fixed rate whether or not the last answer came: a service that stops answering
//! for a second is asked many times in that second.

use std::time::{Duration, Instant};

use aiplat_core::spec::Gate;
use aiplat_docker::probe::answers;
use tokio::task::JoinSet;

use crate::proof::Cell;

/// Between two questions to one service, for each four services that are asked.
const EVERY: Duration = Duration::from_millis(20);
/// How much slower an answer may be while a hog is there, and what is always allowed: other programs use the machine too.
const MEDIAN: (f64, f64) = (5.0, 25.0);
const P95: (f64, f64) = (8.0, 200.0);

/// Answers of one service.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulse {
    millis: Vec<f64>,
    failed: usize,
}

impl Pulse {
    /// Asks for as long as this; nothing where there is nothing to ask.
    pub(super) async fn take(gate: Option<&Gate>, during: Duration, services: usize) -> Self {
        let Some(gate) = gate else {
            return Self::default();
        };
        let share = u32::try_from(services.div_ceil(4)).unwrap_or(1).max(1);
        let mut tick = tokio::time::interval(EVERY * share);
        let end = Instant::now() + during;
        let mut asked = JoinSet::new();
        while Instant::now() < end {
            tick.tick().await;
            let gate = gate.clone();
            asked.spawn(async move {
                let began = Instant::now();
                let ready = answers(&gate).await;
                (ready, began.elapsed().as_secs_f64() * 1000.0)
            });
        }
        let mut pulse = Self::default();
        for (ready, millis) in asked.join_all().await {
            pulse.millis.push(millis);
            pulse.failed += usize::from(!ready);
        }
        pulse
    }

    /// Both together.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self {
            millis: [self.millis.as_slice(), &other.millis].concat(),
            failed: self.failed + other.failed,
        }
    }

    /// The answer that this share of all answers is not slower than, milliseconds.
    fn at(&self, share: f64) -> f64 {
        let mut sorted = self.millis.clone();
        sorted.sort_by(f64::total_cmp);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "some hundred answers"
        )]
        let index = (sorted.len() as f64 * share) as usize;
        sorted
            .get(index.min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    }
}

/// Holds the answers while a hog was there against those while it was quiet.
pub(super) fn judge(cell: Cell, quiet: &Pulse, busy: &Pulse) -> Cell {
    let cell = cell
        .expect(format!(
            "median below {} times, 95 of 100 below {} times those when it is quiet; all answered",
            MEDIAN.0, P95.0
        ))
        .evidence("the service's own readiness question, from the host");
    if quiet.millis.is_empty() || busy.millis.is_empty() {
        return cell.not_tried("it was not asked");
    }
    if quiet.failed > 0 {
        let failed = quiet.failed;
        return cell.not_tried(format!(
            "{failed} questions were not answered when it was quiet"
        ));
    }
    let mut problems = Vec::new();
    let mut words = Vec::new();
    for (name, share, (ratio, slack)) in [("median", 0.5, MEDIAN), ("p95", 0.95, P95)] {
        let (before, while_hog) = (quiet.at(share), busy.at(share));
        let said = format!(
            "{name} {before:.1} to {while_hog:.1} ms (x{:.1})",
            while_hog / before
        );
        if while_hog > (before * ratio).max(before + slack) {
            problems.push(said.clone());
        }
        words.push(said);
    }
    if busy.failed > 0 {
        problems.push(format!(
            "{} of {} not answered",
            busy.failed,
            busy.millis.len()
        ));
    }
    words.push(format!("{} asked", busy.millis.len()));
    cell.decided(&problems, words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{Layer, Verdict};

    fn pulse(millis: &[f64], failed: usize) -> Pulse {
        Pulse {
            millis: millis.to_vec(),
            failed,
        }
    }

    fn verdict(quiet: &Pulse, busy: &Pulse) -> Verdict {
        judge(Cell::new(Layer::Resources, "a", "b", "x"), quiet, busy).verdict
    }

    #[test]
    fn slower_than_the_machine_explains_is_a_breach() {
        let quiet = pulse(&[1.0, 2.0, 1.5, 1.2], 0);
        assert_eq!(verdict(&quiet, &pulse(&[2.0, 3.0, 9.0], 0)), Verdict::Held);
        assert_eq!(
            verdict(&quiet, &pulse(&[60.0, 70.0, 65.0], 0)),
            Verdict::Breach
        );
        assert_eq!(
            verdict(&quiet, &pulse(&[1.0, 1.0, 900.0], 0)),
            Verdict::Breach
        );
        assert_eq!(
            verdict(&quiet, &pulse(&[1.0, 1.0, 1.0], 1)),
            Verdict::Breach
        );
        assert_eq!(verdict(&quiet, &pulse(&[], 0)), Verdict::NotTried);
        assert_eq!(verdict(&pulse(&[1.0], 1), &quiet), Verdict::NotTried);
    }
}
