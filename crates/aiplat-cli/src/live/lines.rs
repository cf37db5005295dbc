//! Plain lines: what is worth a line in a log, each with the seconds since the beginning.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aiplat_docker::events::{Event, Phase};

use super::ground;
use crate::printer::Printer;
use crate::words::{bytes, seconds};

/// A service that is waited for, or an image that is pulled, gets a line this often.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints a line for each thing that a reader of the log wants to know.
pub(crate) struct Lines {
    printer: Printer,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Since when each service is at work.
    services: BTreeMap<String, Instant>,
    /// When a service or image got its last line.
    told: BTreeMap<String, Instant>,
    /// Bytes done by layer, by image.
    layers: BTreeMap<String, BTreeMap<String, (u64, u64)>>,
}

impl Lines {
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            began: Instant::now(),
            state: Mutex::default(),
        }
    }

    pub(crate) fn on(&self, event: &Event<'_>) {
        let line = self
            .state
            .lock()
            .ok()
            .and_then(|mut state| state.line(event));
        if let Some(line) = line {
            self.printer.progress(&format!(
                "{:>7.1}s  {line}",
                self.began.elapsed().as_secs_f64()
            ));
        }
    }
}

impl State {
    fn line(&mut self, event: &Event<'_>) -> Option<String> {
        match event {
            Event::Phase { service, phase } => self.phase(service.as_str(), *phase),
            Event::Waiting {
                service,
                last,
                waited,
            } => {
                let due = self.due(service.as_str()) && *waited >= PATIENCE;
                due.then(|| format!("{service:<22} not ready after {}: {last}", seconds(*waited)))
            }
            Event::Pull {
                reference,
                progress,
            } => {
                let layers = self.layers.entry((*reference).to_owned()).or_default();
                if let (Some(current), Some(total)) = (progress.current, progress.total) {
                    layers.insert(progress.layer.clone(), (current, total));
                }
                let (done, all) = layers
                    .values()
                    .fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
                self.due(reference)
                    .then(|| format!("{reference:<22} pulled {} of {}", bytes(done), bytes(all)))
            }
            Event::StepDone { id, took, .. } => {
                ground(id).map(|what| format!("{what:<22} done in {}", seconds(*took)))
            }
            Event::StepFailed { id, words, .. } => Some(format!("{id:<22} failed: {words}")),
            Event::NotInForce { service, missing } => {
                let words = missing.join("; ");
                Some(format!("{service:<22} warning: not in force: {words}"))
            }
            Event::StepStarted { .. } => None,
        }
    }

    fn phase(&mut self, service: &str, phase: Phase) -> Option<String> {
        let since = *self
            .services
            .entry(service.to_owned())
            .or_insert_with(Instant::now);
        match phase {
            // these last for moments, or have lines of their own
            Phase::Creating
            | Phase::Waiting
            | Phase::Pulling
            | Phase::Provisioning
            | Phase::Withdrawing => None,
            Phase::Healthy => {
                // what is done with it next, such as the proof that all is as it was, begins then
                self.services.remove(service);
                let took = seconds(since.elapsed());
                Some(format!("{service:<22} healthy after {took}"))
            }
            Phase::Stopping
            | Phase::Copying
            | Phase::Starting
            | Phase::Reloading
            | Phase::RollingBack
            | Phase::Removed => Some(format!("{service:<22} {}", phase.word())),
        }
    }

    /// Whether a subject has had no line for a while.
    fn due(&mut self, subject: &str) -> bool {
        let now = Instant::now();
        match self.told.get(subject) {
            Some(last) if now.duration_since(*last) < PATIENCE => false,
            _ => {
                self.told.insert(subject.to_owned(), now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_a_line_when_it_starts_and_when_it_is_healthy() {
        let mut state = State::default();
        let service = "redis".parse().unwrap();
        let mut told = |phase| {
            state.line(&Event::Phase {
                service: &service,
                phase,
            })
        };
        assert_eq!(told(Phase::Creating), None);
        assert!(told(Phase::Starting).unwrap().contains("starting"));
        assert!(
            told(Phase::Healthy)
                .unwrap()
                .contains("healthy after 0.0 s")
        );
    }

    #[test]
    fn a_second_look_at_a_service_is_timed_by_itself() {
        let mut state = State::default();
        let service = "redis".parse().unwrap();
        for phase in [Phase::Waiting, Phase::Healthy] {
            state.line(&Event::Phase {
                service: &service,
                phase,
            });
        }
        assert!(state.services.is_empty(), "{:?}", state.services);
    }

    #[test]
    fn waiting_is_told_now_and_then() {
        let mut state = State::default();
        let service = "redis".parse().unwrap();
        let mut told = |waited| {
            let waited = Duration::from_secs(waited);
            state.line(&Event::Waiting {
                service: &service,
                last: "refused",
                waited,
            })
        };
        assert!(told(20).unwrap().contains("not ready after 20 s: refused"));
        assert_eq!(told(21), None);
    }
}
