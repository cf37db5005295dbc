//! What all containers stand on: images, cgroup, profiles, firewall, network.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Builder, holder, id, refs};
use crate::observed::PathState;
use crate::plan::problem::PlanProblem;
use crate::plan::step::{Change, Step};
use crate::spec::{ImageGuard, label};

impl Builder<'_> {
    /// What all containers stand on: cgroup, profiles, firewall, network.
    pub(super) fn ground(&mut self) {
        self.cgroup();
        self.profiles();
        let firewall = &self.desired.firewall;
        let host = &self.observed.host.firewall;
        let open = !host.guarded.contains(&firewall.bridge);
        if host.available && (open || host.unkept) {
            let why = if open {
                "the host's own listeners must be closed to the stack before it has a network"
            } else {
                "the host's next boot must close its own listeners to the stack, too"
            };
            let step = Step::Firewall(firewall.clone());
            let images = self.image_ids();
            self.push(
                id::FIREWALL.to_owned(),
                &refs(&images),
                Change::Create,
                why,
                step,
            );
        }
        self.network();
    }

    fn profiles(&mut self) {
        let loaded = &self.observed.host.apparmor.loaded;
        let current = |path: &PathBuf, text: &str| {
            let wanted = crate::text::Text::plain(text).content_hash();
            matches!(self.observed.path(path), PathState::File { sha256, .. } if *sha256 == wanted)
        };
        let changed: Vec<_> = self
            .desired
            .profiles
            .iter()
            .filter(|p| {
                !(current(&p.source, &p.text)
                    && current(&p.system, &p.text)
                    && loaded.get(&p.name).is_some_and(|mode| mode == "enforce"))
            })
            .cloned()
            .collect();
        if !changed.is_empty() {
            let known = changed.iter().any(|p| loaded.contains_key(&p.name));
            let change = if known {
                Change::Update
            } else {
                Change::Create
            };
            let why = format!("{} profiles are not loaded as wanted", changed.len());
            let step = Step::Profiles { files: changed };
            self.push(
                id::PROFILES.to_owned(),
                &[id::DIRECTORIES],
                change,
                &why,
                step,
            );
        }
    }

    fn network(&mut self) {
        let wanted = &self.desired.network;
        let found = self
            .observed
            .networks
            .iter()
            .find(|n| n.name == wanted.name);
        let Some(found) = found else {
            let step = Step::Network(wanted.clone());
            let why = "the stack has no network yet";
            let mut after = self.image_ids();
            after.push(id::FIREWALL.to_owned());
            self.push(
                id::NETWORK.to_owned(),
                &refs(&after),
                Change::Create,
                why,
                step,
            );
            return;
        };
        if found.labels.get(label::STACK_ID).map(String::as_str) != Some(self.id.as_str()) {
            self.problems.push(PlanProblem::NetworkHeld {
                name: wanted.name.clone(),
                holder: holder(&found.labels),
            });
        } else if !found.subnets.contains(&wanted.subnet) {
            let list: Vec<_> = found.subnets.iter().map(ToString::to_string).collect();
            self.problems.push(PlanProblem::SubnetChanged {
                found: list.join(", "),
                wanted: wanted.subnet.to_string(),
            });
        }
    }

    pub(super) fn images(&mut self) {
        let services = &self.desired.services;
        let references: BTreeSet<_> = services.iter().map(|s| s.container.image.clone()).collect();
        for reference in references {
            let facts = self.observed.image(&reference);
            let mut guards = Vec::new();
            for service in services.iter().filter(|s| s.container.image == reference) {
                let guard = self.guard(&service.guard);
                match guard.judge(&reference, facts) {
                    Ok(()) => guards.push(guard),
                    Err(refused) => self.problems.push(refused.into()),
                }
            }
            if facts.is_none() {
                let why = "the engine does not have this image";
                // what only says that nothing is kept has nothing to hold the image to
                guards.retain(|g| g.covered.is_some() || g.version.is_some());
                let step = Step::Image {
                    reference: reference.clone(),
                    guards,
                };
                self.push(id::image(&reference), &[], Change::Create, why, step);
            }
        }
    }

    /// A guard with the version that the data was seen to have.
    fn guard(&self, guard: &ImageGuard) -> ImageGuard {
        let mut guard = guard.clone();
        if let Some(version) = &mut guard.version {
            version.found = self.observed.versions.get(&version.file).cloned();
        }
        guard
    }
}
