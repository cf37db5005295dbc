//! What must hold of every container.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::Path;

use aiplat_apparmor::ProfileName;

use super::Checker;
use crate::catalogue::{Allowance, FORBIDDEN, Identity};
use crate::names::ServiceName;
use crate::settings::{AppArmorMode, ByteSize};
use crate::spec::{Bind, ContainerSpec, NetworkMode};
use crate::text::Text;

impl Checker<'_> {
    pub(super) fn container(&mut self, spec: &ContainerSpec) {
        let service = self.catalogue.get(&spec.service);
        let allowed: BTreeSet<_> = service
            .iter()
            .flat_map(|s| &s.exceptions)
            .map(|e| e.allow.clone())
            .collect();
        self.labels(&spec.labels);
        self.user(spec, &allowed);
        for name in &spec.capabilities {
            let listed = allowed.contains(&Allowance::Capability(name.clone()));
            let harmless = !FORBIDDEN.contains(&name.as_str());
            self.expect(
                listed && harmless,
                format!("capability `{name}` without an exception"),
            );
        }
        self.expect(
            spec.read_only || allowed.contains(&Allowance::WritableRoot),
            "a writable root file system without an exception",
        );
        for tmpfs in spec.tmpfs.iter().filter(|t| t.exec) {
            let listed = allowed.contains(&Allowance::Exec(tmpfs.target.clone()));
            self.expect(
                listed,
                format!(
                    "programs may run from `{}` without an exception",
                    tmpfs.target
                ),
            );
        }
        self.expect(spec.limits.pids > 0, "no limit of processes");
        self.below_the_stack(spec);
        let own = &self.config.allocation.gpus;
        let own = spec.gpus.iter().all(|gpu| own.contains(gpu));
        self.expect(own, "a graphics processor that is not the stack's");
        self.confinement(spec);
        self.parent(spec.cgroup_parent.as_deref());
        self.attachment(spec);
        self.published(spec);
        spec.binds.iter().for_each(|bind| self.bind(bind));
        self.secrets(spec);
    }

    /// What is above the stack's limits is no limit, and a kernel may refuse it.
    fn below_the_stack(&mut self, spec: &ContainerSpec) {
        let (stack, own) = (&self.config.settings, &spec.limits);
        let memory = stack.stack_memory.get().map(ByteSize::bytes);
        let cpus = stack.stack_cpus.get().map(|c| u64::from(c.thousandths()));
        let pids = stack.stack_pids.get().map(|p| u64::from(p.get()));
        let pairs = [
            (own.memory_bytes, memory),
            (own.milli_cpus, cpus),
            (Some(u64::from(own.pids)), pids),
        ];
        let above = |(own, stack): &(Option<u64>, Option<u64>)| {
            own.zip(*stack).is_some_and(|(own, stack)| own > stack)
        };
        self.expect(
            !pairs.iter().any(above),
            "a limit above that of the whole stack",
        );
    }

    fn user(&mut self, spec: &ContainerSpec, allowed: &BTreeSet<Allowance>) {
        let own = [Identity::Stack, Identity::Openclaw].map(|identity| self.config.owner(identity));
        let root =
            spec.user == self.config.owner(Identity::Root) && allowed.contains(&Allowance::Root);
        let uid = own.iter().any(|owner| owner.uid == spec.user.uid);
        self.expect(uid || root, "runs as a user that is not the stack's");
        self.expect(
            own.contains(&spec.user) || root,
            "runs as a group that is not the stack's",
        );
        for group in &spec.groups {
            let listed = allowed.contains(&Allowance::Group(*group));
            self.expect(
                listed,
                format!("is in the group {group} without an exception"),
            );
        }
    }

    fn confinement(&mut self, spec: &ContainerSpec) {
        let required =
            self.confined || *self.config.settings.apparmor.get() == AppArmorMode::Require;
        self.expect(
            spec.apparmor.is_some() || !required,
            "no AppArmor profile where others have one",
        );
        if let Some(found) = &spec.apparmor {
            let own = ProfileName::for_service(self.config.name().as_str(), spec.service.as_str());
            let own = own.is_ok_and(|name| name.as_str() == found);
            self.expect(
                own,
                format!("`{found}` is no profile or another stack's AppArmor profile"),
            );
        }
    }

    /// The parent cgroup is the stack's own where it has limits, and none where it has not.
    pub(super) fn parent(&mut self, found: Option<&str>) {
        let own = ["cgroupfs", "systemd"].map(|driver| self.config.cgroup_parent(driver));
        let own = own.iter().any(|parent| parent.as_deref() == found);
        self.expect(own, "a parent cgroup that is not the stack's");
    }

    fn attachment(&mut self, spec: &ContainerSpec) {
        match &spec.network {
            NetworkMode::Stack { network, .. } => {
                let own = network == self.config.name().as_str();
                self.expect(own, "attached to a foreign network");
            }
            NetworkMode::Container { service, name } => {
                let own = *name == self.config.container(service);
                self.expect(own, "shares a foreign network namespace");
                self.expect(
                    spec.ports.is_empty(),
                    "publishes ports in a shared network namespace",
                );
            }
            NetworkMode::None => {
                self.expect(spec.ports.is_empty(), "publishes ports without a network");
            }
        }
    }

    fn published(&mut self, spec: &ContainerSpec) {
        let settings = &self.config.settings;
        let asked = [
            *settings.bind_address.get(),
            *settings.front_door_address.get(),
        ];
        for port in &spec.ports {
            let (host, address) = (port.host, port.address);
            let what = if address == Ipv4Addr::UNSPECIFIED {
                "every address"
            } else {
                "an address"
            };
            let what = format!("port {host} is published on {what}, which nobody asked for");
            self.expect(asked.contains(&address), what);
            let reserved = self.config.allocation.ports.values().any(|p| *p == host);
            self.expect(
                reserved,
                format!("port {host} is published and was not reserved"),
            );
        }
    }

    fn bind(&mut self, bind: &Bind) {
        self.inside(&bind.source);
        let source = bind.source.to_string_lossy();
        let refused = aiplat_apparmor::refuse_mount_source(&source);
        self.expect(refused.is_ok(), format!("`{source}` must never be mounted"));
        let shared = self.shared(&bind.source);
        self.expect(!shared, format!("`{source}` is more than a service's own"));
        let kept = bind.source.starts_with(self.config.path("config"));
        self.expect(
            bind.read_only || !kept,
            format!("`{source}` is configuration and may be written"),
        );
    }

    /// Whether a path below the stack's directory is no one service's: the stack's own files, whatever they are called,
    /// and directories with other services' share in them.
    fn shared(&self, source: &Path) -> bool {
        let Ok(below) = source.strip_prefix(self.config.base_dir()) else {
            return false;
        };
        let parts: Vec<&str> = below.iter().filter_map(OsStr::to_str).collect();
        let service = |folder: &str| {
            let folder = folder.strip_suffix(".next").unwrap_or(folder);
            let name = folder.parse::<ServiceName>();
            name.is_ok_and(|name| self.catalogue.get(&name).is_some())
        };
        match parts[..] {
            ["config", "secrets", _] | ["caddy", _, ..] | ["ssl", "certs", _, ..] => false,
            ["config" | "data" | "logs", folder, ..] => !service(folder),
            _ => true,
        }
    }

    /// Secrets stand where only the service reads them: never in labels, names or arguments.
    fn secrets(&mut self, spec: &ContainerSpec) {
        let argv = spec
            .entrypoint
            .iter()
            .flatten()
            .chain(spec.command.iter().flatten());
        let in_argv = argv.clone().filter(|t| t.is_secret()).count();
        self.expect(
            in_argv == 0,
            "a secret stands in the arguments, which every process list shows",
        );
        for text in argv.filter(|t| !t.is_secret()) {
            self.open("the arguments", text.shown());
        }
        for (key, text) in &spec.env {
            self.shown(&format!("environment variable `{key}`"), text);
        }
        self.open("the image's name", &spec.image);
        for word in &spec.engine_health.test {
            self.open("the engine's health check", word);
        }
    }

    /// What is shown of a text holds no secret.
    pub(super) fn shown(&mut self, place: &str, text: &Text) {
        self.open(place, text.shown());
    }
}
