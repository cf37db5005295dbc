//! Containers of the stack that nothing wants any more.

use std::collections::BTreeSet;
use std::path::Path;

use aiplat_apparmor::ProfileName;

use super::{Builder, id, refs};
use crate::desired::APPARMOR_SYSTEM_DIR;
use crate::observed::ObservedContainer;
use crate::plan::step::{Change, RemoveContainer, Step};
use crate::spec::{ProfileFile, label};

impl Builder<'_> {
    /// Containers of this stack that nothing wants any more, and short-lived ones of interrupted runs.
    pub(super) fn leftovers(&mut self) {
        let wanted: BTreeSet<&str> = self
            .desired
            .services
            .iter()
            .map(|s| s.container.name.as_str())
            .collect();
        let superseded: BTreeSet<String> = self
            .desired
            .services
            .iter()
            .map(|s| s.container.name.superseded())
            .collect();
        let leftovers: Vec<_> = self
            .observed
            .containers
            .iter()
            .filter(|c| c.belongs_to(self.id))
            .filter(|c| !self.kept.contains(&c.id))
            .filter(|c| !wanted.contains(c.name.as_str()) && !superseded.contains(&c.name))
            .filter(|c| {
                c.label(label::PURPOSE)
                    .is_none_or(|purpose| purpose == "check")
            })
            .collect();
        let edge: Vec<String> = self
            .desired
            .services
            .iter()
            .map(|s| id::of("service", &s.name))
            .collect();
        for container in leftovers {
            let check = container.label(label::PURPOSE).is_some();
            let why = if check {
                "left over from an interrupted check"
            } else {
                "is no longer selected"
            };
            let step = remove(container);
            // what is no longer wanted goes when everything that is wanted works; a left-over check goes first
            let after: Vec<&str> = if check {
                Vec::new()
            } else {
                edge.iter().map(String::as_str).collect()
            };
            let id = format!("remove/{}", container.name);
            self.push(id.clone(), &after, Change::Remove, why, step);
            if check {
                for step in self.steps.iter_mut().filter(|s| s.id.starts_with("check/")) {
                    step.after.push(id.clone());
                }
                // a step stands after all it waits for
                let last = self.steps.len() - 1;
                let step = self.steps.remove(last);
                self.steps.insert(0, step);
            }
        }
    }

    /// Profiles of services that are not part of the stack any more: they go when nothing wears them.
    pub(super) fn leftover_profiles(&mut self) {
        let Some(wanted) = self.desired.profiles.first() else {
            return;
        };
        // where none is in force nothing is known of those that there are
        let directory = wanted
            .source
            .parent()
            .unwrap_or(Path::new("/"))
            .to_path_buf();
        let prefix = ProfileName::stack_prefix(self.stack);
        let apparmor = &self.observed.host.apparmor;
        let names: BTreeSet<&String> = apparmor.loaded.keys().chain(&apparmor.files).collect();
        let files: Vec<ProfileFile> = names
            .into_iter()
            .filter(|name| name.starts_with(&prefix))
            .filter(|name| self.desired.profiles.iter().all(|p| p.name != **name))
            .map(|name| ProfileFile {
                name: name.clone(),
                text: String::new(),
                source: directory.join(name),
                system: Path::new(APPARMOR_SYSTEM_DIR).join(name),
            })
            .collect();
        if files.is_empty() {
            return;
        }
        let all: Vec<String> = self.steps.iter().map(|s| s.id.clone()).collect();
        let why = format!("{} profiles are no service's any more", files.len());
        let step = Step::RemoveProfiles { files };
        self.push(
            "profiles/left".to_owned(),
            &refs(&all),
            Change::Remove,
            &why,
            step,
        );
    }
}

pub(in crate::plan) fn remove(container: &ObservedContainer) -> Step {
    Step::RemoveContainer(RemoveContainer {
        id: container.id.clone(),
        name: container.name.clone(),
        service: container.label(label::SERVICE).and_then(|s| s.parse().ok()),
        stop_seconds: 30,
    })
}
