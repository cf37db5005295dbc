//! Containers of the stack that nothing wants any more.

use std::collections::BTreeSet;

use super::{Builder, id};
use crate::observed::ObservedContainer;
use crate::plan::step::{Change, RemoveContainer, Step};
use crate::spec::label;

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
}

pub(in crate::plan) fn remove(container: &ObservedContainer) -> Step {
    Step::RemoveContainer(RemoveContainer {
        id: container.id.clone(),
        name: container.name.clone(),
        service: container.label(label::SERVICE).and_then(|s| s.parse().ok()),
        stop_seconds: 30,
    })
}
