//! Secrets on their way to another value: changed inside services before anything depends on them, proved when
//! everything runs, and copies that hold no more removed.

use super::{Builder, id, refs};
use crate::desired::DesiredService;
use crate::names::ServiceName;
use crate::plan::step::{Change, Step};
use crate::spec::{SecretAct, SecretDeed};

impl Builder<'_> {
    /// Copies of values that hold for no state any more.
    pub(super) fn obsolete(&mut self) {
        for path in &self.desired.obsolete {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let step = Step::RemoveFile { path: path.clone() };
            let why = "a value that holds no more";
            self.push(
                format!("forget/{name}"),
                &[id::SECRETS],
                Change::Update,
                why,
                step,
            );
        }
    }

    /// Secrets that this service keeps in its own data.
    pub(super) fn changed_secrets(&mut self, service: &DesiredService) {
        let ready = id::of("service", &service.name);
        let acts: Vec<_> = changes(&self.desired.acts, &service.name)
            .cloned()
            .collect();
        for act in acts {
            let why = "is changed inside the service, unless it was already";
            let step = Step::Secret(Box::new(act.clone()));
            self.push(
                changed(&act),
                &[&ready, id::SECRETS],
                Change::Update,
                why,
                step,
            );
        }
    }

    /// The steps that change secrets inside a service: nobody uses those before.
    pub(super) fn changes_in(&self, provider: &ServiceName) -> Vec<String> {
        changes(&self.desired.acts, provider).map(changed).collect()
    }

    /// Which values are let in, asked when all is as wanted.
    pub(super) fn proofs(&mut self) {
        let waits = ["service/", "provision/", "secret/", "setup/"];
        let all: Vec<String> = self
            .steps
            .iter()
            .map(|step| step.id.clone())
            .filter(|id| waits.iter().any(|start| id.starts_with(start)))
            .collect();
        for (number, act) in self.desired.acts.iter().enumerate() {
            let SecretDeed::Prove { accepted, .. } = act.deed else {
                continue;
            };
            let (word, why) = if accepted {
                ("accepted", "the value must be let in")
            } else {
                ("refused", "the other value must not be let in any more")
            };
            let step = Step::Secret(Box::new(act.clone()));
            let id = format!("proof/{}/{word}-{number}", act.secret);
            self.push(id, &refs(&all), Change::Verify, why, step);
        }
    }
}

fn changes<'a>(
    acts: &'a [SecretAct],
    service: &'a ServiceName,
) -> impl Iterator<Item = &'a SecretAct> {
    acts.iter()
        .filter(|act| matches!(act.deed, SecretDeed::Change { .. }))
        .filter(move |act| act.gate.service == *service)
}

fn changed(act: &SecretAct) -> String {
    format!("secret/{}", act.secret)
}
