//! The checker: what must hold of every plan that is ever built, whatever built it. A violation is a defect of the
//! planner or of a catalogue entry, never something to be agreed to.

mod container;
mod gates;
mod host;
mod others;

use std::collections::BTreeSet;
use std::path::Path;

use super::step::{Plan, Step};
use crate::allocation::Register;
use crate::catalogue::{Allowance, Catalogue, Identity};
use crate::config::StackConfig;
use crate::spec::{Owner, label};
use secrecy::ExposeSecret;

/// Something in a plan that breaks the isolation of the stack or of the host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step `{step}`: {what}; this is a defect of aiplat, please report it")]
pub struct Violation {
    /// The step.
    pub step: String,
    /// What is wrong.
    pub what: String,
}

/// Everything in a plan that must not be.
pub fn check(
    plan: &Plan,
    config: &StackConfig,
    catalogue: &Catalogue,
    register: &Register,
) -> Vec<Violation> {
    let mut checker = Checker {
        config,
        catalogue,
        secrets: config
            .secrets
            .iter()
            .map(|(_, value)| value)
            .chain(config.secrets.in_flight().map(|(_, flight)| &flight.other))
            .map(ExposeSecret::expose_secret)
            .filter(|value| value.len() >= SHORTEST_SECRET)
            .collect(),
        confined: plan.steps.iter().any(|s| confined(&s.step)),
        violations: Vec::new(),
        step: "plan".to_owned(),
    };
    checker.others(register);
    checker.graph(plan);
    for step in &plan.steps {
        checker.step.clone_from(&step.id);
        checker.act(&step.step);
    }
    checker.violations
}

/// A shorter value may be an ordinary word.
const SHORTEST_SECRET: usize = 8;

struct Checker<'a> {
    config: &'a StackConfig,
    catalogue: &'a Catalogue,
    /// Values that must stand in no place that is shown.
    secrets: Vec<&'a str>,
    /// Whether profiles are in force in this plan.
    confined: bool,
    violations: Vec<Violation>,
    step: String,
}

impl Checker<'_> {
    fn expect(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.violations.push(Violation {
                step: self.step.clone(),
                what: what.into(),
            });
        }
    }

    fn act(&mut self, step: &Step) {
        match step {
            Step::Directories(all) => all.iter().for_each(|spec| self.directory(spec)),
            Step::Files(all) => all.iter().for_each(|spec| self.file(spec)),
            Step::RemoveFile { path } => self.inside(path),
            Step::Cgroup(spec) => self.parent(Some(&spec.parent)),
            Step::Quota(spec) | Step::RemoveQuota(spec) => self.quota(spec),
            Step::Network(spec) => self.network(spec),
            Step::Firewall(spec) | Step::RemoveFirewall(spec) => self.firewall(spec),
            Step::Profiles { files } | Step::RemoveProfiles { files } => {
                files.iter().for_each(|file| self.profile(file));
            }
            Step::Container(made) => {
                self.container(&made.spec);
                let own = made.spec.name == self.config.container(&made.spec.service);
                self.expect(own, "a container of another name than the service's");
                let first = made.replaces.is_none()
                    && made.superseded.is_none()
                    && made.discard.is_none()
                    && made.resumes.is_none();
                self.expect(
                    first || made.made_after.is_none(),
                    "a container is made before its turn beside one that it takes the place of",
                );
                self.gate(&made.gate);
                made.copy.iter().for_each(|copy| self.copy(copy));
            }
            Step::Check(run) => {
                self.container(&run.container);
                let alone = matches!(run.container.network, crate::spec::NetworkMode::None);
                self.expect(alone, "a check has a network");
                let labelled = run.container.labels.contains_key(label::PURPOSE);
                self.expect(labelled, "a check has no label that says so");
                run.staged.iter().for_each(|path| self.inside(path));
            }
            Step::Start { gate, .. } | Step::Gate(gate) => self.gate(gate),
            Step::Provision(provision) => self.provision(provision),
            Step::Withdraw(withdrawal) => self.withdrawal(withdrawal),
            Step::Secret(act) => self.gate(&act.gate),
            Step::Reload(reload) => self.reload(reload),
            Step::Configure(configure) => {
                configure.files.iter().for_each(|spec| self.file(spec));
                self.file(&configure.done);
                self.reload(&configure.reload);
            }
            Step::Renew(renewal) => {
                self.directory(&renewal.kept);
                self.file(&renewal.done);
                self.reload(&renewal.reload);
                let all = renewal.certificates.iter();
                all.for_each(|c| self.inside(&c.folder));
            }
            Step::SignIn(sign_in) => {
                for spec in [&sign_in.lent, &sign_in.kept, &sign_in.begun] {
                    self.file(spec);
                }
                for word in sign_in.command.iter().chain(&sign_in.status) {
                    self.open("an argument", word);
                    let leaks = word.contains(sign_in.kept.content.expose());
                    self.expect(!leaks, "the new key stands in an argument");
                }
                self.gate(&sign_in.gate);
            }
            Step::Stop(stopped) => {
                let own = stopped.name == self.config.container(&stopped.service).as_str();
                self.expect(own, "stops another stack's container");
            }
            Step::PurgeDirectory { path, base_dir } => {
                self.inside(path);
                let own = base_dir == self.config.base_dir();
                self.expect(
                    own,
                    "a purge with another directory than the stack's as its limit",
                );
            }
            Step::Image { .. }
            | Step::RemoveContainer(_)
            | Step::RemoveNetwork { .. }
            | Step::RemoveCgroup { .. }
            | Step::Release => {}
        }
    }

    /// Each step stands after all it waits for, and each name is used once.
    fn graph(&mut self, plan: &Plan) {
        let mut seen = BTreeSet::new();
        for step in &plan.steps {
            self.step.clone_from(&step.id);
            for before in &step.after {
                let holds = seen.contains(before.as_str());
                self.expect(
                    holds,
                    format!("waits for `{before}`, which does not come before it"),
                );
            }
            if let Step::Container(made) = &step.step {
                let earlier = made.made_after.iter().flatten();
                for before in earlier {
                    let holds = step.after.contains(before);
                    self.expect(
                        holds,
                        format!("is made after `{before}` and not started after it"),
                    );
                }
            }
            self.expect(seen.insert(step.id.as_str()), "its name is used twice");
        }
    }

    /// A path is in the stack's own directory, or among its own profiles.
    fn inside(&mut self, path: &Path) {
        let plain = path
            .components()
            .all(|c| !matches!(c, std::path::Component::ParentDir));
        let apparmor = Path::new(self.config.settings.apparmor_profile_dir.get().as_str());
        let own = path.starts_with(self.config.base_dir()) || path.starts_with(apparmor);
        let what = format!("`{}` is not inside the stack's directory", path.display());
        self.expect(plain && own, what);
    }

    /// Whether an owner is one of the stack's two, or root where a selected service has to be.
    fn owned(&self, owner: Owner) -> bool {
        let own = [Identity::Stack, Identity::Openclaw].map(|identity| self.config.owner(identity));
        let root = owner == self.config.owner(Identity::Root)
            && self
                .config
                .selection
                .services()
                .iter()
                .filter_map(|name| self.catalogue.get(name))
                .any(|s| s.exceptions.iter().any(|e| e.allow == Allowance::Root));
        own.contains(&owner) || root
    }

    /// Labels that every object on the engine wears.
    fn labels(&mut self, labels: &std::collections::BTreeMap<String, String>) {
        let wanted = [
            (label::STACK, self.config.name().to_string()),
            (label::STACK_ID, self.config.id.to_string()),
            (
                label::BASE_DIR,
                self.config.base_dir().display().to_string(),
            ),
        ];
        for (key, value) in wanted {
            self.expect(
                labels.get(key) == Some(&value),
                format!("label `{key}` is missing"),
            );
        }
        for (key, value) in labels {
            self.open(&format!("label `{key}`"), value);
        }
    }

    /// A text that anybody may see holds no secret.
    fn open(&mut self, place: &str, text: &str) {
        let leaks = self.secrets.iter().any(|secret| text.contains(secret));
        self.expect(
            !leaks,
            format!("a secret stands in {place}, where it is shown"),
        );
    }
}

fn confined(step: &Step) -> bool {
    match step {
        Step::Profiles { .. } => true,
        Step::Container(made) => made.spec.apparmor.is_some(),
        Step::Check(run) => run.container.apparmor.is_some(),
        _ => false,
    }
}
