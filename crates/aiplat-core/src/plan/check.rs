//! The checker: what must hold of every plan that is ever built, whatever built it. A violation is a defect of the
//! planner or of a catalogue entry, never something to be agreed to.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

use super::step::{Plan, Step};
use crate::allocation::Register;
use crate::catalogue::{Allowance, Catalogue, FORBIDDEN};
use crate::config::StackConfig;
use crate::spec::{ContainerSpec, NetworkMode, label};

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
    let mut checker = Checker { config, catalogue, violations: Vec::new(), step: String::new() };
    checker.graph(plan);
    for step in &plan.steps {
        checker.step.clone_from(&step.id);
        match &step.step {
            Step::Container(made) => checker.container(&made.spec),
            Step::Check(run) => checker.container(&run.container),
            Step::Directories(directories) => {
                for directory in directories {
                    checker.inside(&directory.path);
                    checker.expect(directory.mode & !0o750 == 0, "a directory is open to others");
                }
            }
            Step::Files(files) => {
                for file in files {
                    checker.inside(&file.path);
                    let secret = file.content.is_secret();
                    checker.expect(!secret || file.mode & 0o077 == 0, "a secret file is readable by others");
                }
            }
            Step::Network(network) => {
                checker.expect(network.name == config.name().as_str(), "a network of another name");
                let free = register.stacks.iter().all(|r| {
                    r.stack_id == config.id
                        || !(r.subnet.contains(&network.subnet) || network.subnet.contains(&r.subnet))
                });
                checker.expect(free, "a subnet that overlaps with another stack's");
            }
            _ => {}
        }
    }
    checker.violations
}

struct Checker<'a> {
    config: &'a StackConfig,
    catalogue: &'a Catalogue,
    violations: Vec<Violation>,
    step: String,
}

impl Checker<'_> {
    fn expect(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.violations.push(Violation { step: self.step.clone(), what: what.into() });
        }
    }

    /// Each step stands after all it waits for, and each name is used once.
    fn graph(&mut self, plan: &Plan) {
        let mut seen = BTreeSet::new();
        for step in &plan.steps {
            self.step.clone_from(&step.id);
            for before in &step.after {
                self.expect(seen.contains(before.as_str()), format!("waits for `{before}`, which does not come before it"));
            }
            self.expect(seen.insert(step.id.as_str()), "its name is used twice");
        }
    }

    fn inside(&mut self, path: &Path) {
        let plain = path.components().all(|c| !matches!(c, std::path::Component::ParentDir));
        let apparmor = Path::new(self.config.settings.apparmor_profile_dir.get().as_str());
        let own = path.starts_with(self.config.base_dir()) || path.starts_with(apparmor);
        self.expect(plain && own, format!("`{}` is not inside the stack's directory", path.display()));
    }

    fn container(&mut self, spec: &ContainerSpec) {
        let service = self.catalogue.get(&spec.service);
        let allowed: BTreeSet<_> =
            service.iter().flat_map(|s| &s.exceptions).map(|e| e.allow.clone()).collect();
        let stack_labels = [
            (label::STACK, self.config.name().to_string()),
            (label::STACK_ID, self.config.id.to_string()),
        ];
        for (key, value) in stack_labels {
            self.expect(spec.labels.get(key) == Some(&value), format!("label `{key}` is missing"));
        }
        for name in &spec.capabilities {
            let listed = allowed.contains(&Allowance::Capability(name.clone()));
            let harmless = !FORBIDDEN.contains(&name.as_str());
            self.expect(listed && harmless, format!("capability `{name}` without an exception"));
        }
        let users = [self.config.allocation.uid, self.config.allocation.openclaw_uid];
        let root = spec.user.uid == 0 && allowed.contains(&Allowance::Root);
        self.expect(users.contains(&spec.user.uid) || root, "runs as a user that is not the stack's");
        self.expect(
            spec.read_only || allowed.contains(&Allowance::WritableRoot),
            "a writable root file system without an exception",
        );
        for tmpfs in spec.tmpfs.iter().filter(|t| t.exec) {
            let listed = allowed.contains(&Allowance::Exec(tmpfs.target.clone()));
            self.expect(listed, format!("programs may run from `{}` without an exception", tmpfs.target));
        }
        self.expect(spec.limits.pids > 0, "no limit of processes");
        match &spec.network {
            NetworkMode::Stack { network, .. } => {
                self.expect(network == self.config.name().as_str(), "attached to a foreign network");
            }
            NetworkMode::Container { service, name } => {
                self.expect(*name == self.config.container(service), "shares a foreign network namespace");
                self.expect(spec.ports.is_empty(), "publishes ports in a shared network namespace");
            }
            NetworkMode::None => {}
        }
        let asked = [&self.config.settings.bind_address, &self.config.settings.front_door_address];
        for port in &spec.ports {
            let unasked = port.address == Ipv4Addr::UNSPECIFIED
                && !asked.iter().any(|a| *a.get() == Ipv4Addr::UNSPECIFIED);
            self.expect(!unasked, format!("port {} is published on every address, which nobody asked for", port.host));
        }
        for bind in &spec.binds {
            self.inside(&bind.source);
            let source = bind.source.to_string_lossy();
            let refused = aiplat_apparmor::refuse_mount_source(&source);
            self.expect(refused.is_ok(), format!("`{source}` must never be mounted"));
        }
        self.secrets(spec);
    }

    /// Secrets stand where only the service reads them: never in labels, names or arguments.
    fn secrets(&mut self, spec: &ContainerSpec) {
        let argv = spec.entrypoint.iter().flatten().chain(spec.command.iter().flatten());
        let in_argv = argv.filter(|t| t.is_secret()).count();
        self.expect(in_argv == 0, "a secret stands in the arguments, which every process list shows");
    }
}
