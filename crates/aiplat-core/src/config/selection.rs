//! Which services run: those asked for and what they need, or all whose needs are met.

use std::collections::BTreeSet;

use aiplat_vectordb::Wiring;

use crate::catalogue::{Catalogue, Service, Tier, order};
use crate::names::ServiceName;
use crate::settings::Settings;

/// The services of a stack, each after those it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    services: Vec<ServiceName>,
    left_out: Vec<LeftOut>,
}

/// A service that does not run, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The service.
    pub service: ServiceName,
    /// Why.
    pub reason: String,
}

/// Something asked for that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionProblem {
    /// No service or bundle of this name.
    #[error("`SERVICES`: `{name}` is no service of the catalogue{}; `aiplat catalog list` shows them", .meant.as_ref().map(|m| format!(", perhaps `{m}` was meant")).unwrap_or_default())]
    Unknown {
        /// As asked for.
        name: ServiceName,
        /// A name that differs little.
        meant: Option<ServiceName>,
    },
    /// A service that cannot run as things are.
    #[error("`SERVICES`: `{service}` cannot run: {reason}")]
    Impossible {
        /// The service.
        service: ServiceName,
        /// Why.
        reason: String,
    },
}

impl Selection {
    /// The services, each after those it needs or wants.
    pub fn services(&self) -> &[ServiceName] {
        &self.services
    }

    /// Whether a service runs.
    pub fn has(&self, service: &ServiceName) -> bool {
        self.services.contains(service)
    }

    /// The same with services that are not part of it, whatever they need.
    #[must_use]
    pub fn with<'a>(&self, more: impl IntoIterator<Item = &'a ServiceName>) -> Self {
        let mut all = self.clone();
        all.services.extend(more.into_iter().cloned());
        all
    }

    /// The same without services that are not among these.
    #[must_use]
    pub fn only(&self, these: &[ServiceName]) -> Self {
        let mut some = self.clone();
        some.services.retain(|name| these.contains(name));
        some
    }

    /// What does not run, with reasons. Stores that were not chosen are not listed.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }
}

/// Chooses the services of a stack.
///
/// # Errors
/// Everything asked for by name that is unknown or cannot run.
pub fn select(
    settings: &Settings,
    catalogue: &Catalogue,
) -> Result<Selection, Vec<SelectionProblem>> {
    let chooser = Chooser {
        settings,
        catalogue,
    };
    match settings.services.get() {
        None => Ok(chooser.everything()),
        // the way back to the default for a manifest that names some
        Some(names) if names.iter().any(|name| name.as_str() == "all") => Ok(chooser.everything()),
        Some(names) => chooser.asked(names),
    }
}

struct Chooser<'a> {
    settings: &'a Settings,
    catalogue: &'a Catalogue,
}

impl Chooser<'_> {
    /// Why a service cannot run, not looking at what it needs.
    fn obstacle(&self, service: &Service) -> Option<String> {
        let store = *self.settings.vector_db.get();
        if service.tier == Tier::Vector && service.vector_store.is_some_and(|own| own != store) {
            return Some(format!("the stack's vector store is {store} (`VECTOR_DB`)"));
        }
        if let Wiring::None { reason } = service.vector.get(store)
            && service.needs_vector_store
        {
            return Some(format!(
                "it does not work with `VECTOR_DB={store}`: {reason}"
            ));
        }
        service
            .requires_key
            .as_ref()
            .filter(|key| !self.given(key))
            .map(|key| format!("it needs `{key}`, which was not given"))
    }

    fn given(&self, key: &str) -> bool {
        key == "TAILSCALE_AUTH_KEY" && self.settings.tailscale_auth_key.get().is_some()
            || self.settings.secrets.contains_key(key)
    }

    /// What must run with a service: what it needs, the namespace it shares, the store it is wired to, and the rest of
    /// its bundle, whose parts are of no use without each other.
    fn requirements<'s>(&'s self, service: &'s Service) -> impl Iterator<Item = &'s Service> + 's {
        let store = *self.settings.vector_db.get();
        let wired = matches!(service.vector.get(store), Wiring::Env { .. });
        let store_service = self
            .catalogue
            .services()
            .find(|s| s.vector_store == Some(store))
            .filter(|s| wired && s.name != service.name);
        let named = service.needs.iter().chain(&service.run.network_of);
        let bundled = self
            .catalogue
            .services()
            .filter(|s| s.bundle.is_some() && s.bundle == service.bundle && s.name != service.name);
        named
            .filter_map(|name| self.catalogue.get(name))
            .chain(store_service)
            .chain(bundled)
    }

    /// Why a service cannot run, looking at everything it needs.
    fn obstacle_of_all(&self, service: &Service) -> Option<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![service];
        while let Some(next) = open.pop() {
            if !seen.insert(&next.name) {
                continue;
            }
            if let Some(reason) = self.obstacle(next) {
                let through = if next.name == service.name {
                    reason
                } else {
                    format!("it needs `{}`: {reason}", next.name)
                };
                return Some(through);
            }
            open.extend(self.requirements(next));
        }
        None
    }

    fn everything(&self) -> Selection {
        let mut left_out = Vec::new();
        let mut chosen = BTreeSet::new();
        for service in self.catalogue.services() {
            match self.obstacle_of_all(service) {
                None => {
                    chosen.insert(&service.name);
                }
                Some(_) if service.tier == Tier::Vector => {}
                Some(reason) => {
                    left_out.push(LeftOut {
                        service: service.name.clone(),
                        reason,
                    });
                }
            }
        }
        self.finish(&chosen, left_out)
    }

    fn asked(&self, names: &[ServiceName]) -> Result<Selection, Vec<SelectionProblem>> {
        let mut problems = Vec::new();
        let mut chosen = BTreeSet::new();
        let mut open = Vec::new();
        for name in names {
            let found: Vec<_> = self
                .catalogue
                .services()
                .filter(|s| s.name == *name || s.bundle.as_deref() == Some(name.as_str()))
                .collect();
            if found.is_empty() {
                let meant = self.similar(name);
                problems.push(SelectionProblem::Unknown {
                    name: name.clone(),
                    meant,
                });
            }
            for service in found {
                if let Some(reason) = self.obstacle_of_all(service) {
                    let service = service.name.clone();
                    problems.push(SelectionProblem::Impossible { service, reason });
                }
                open.push(service);
            }
        }
        while let Some(service) = open.pop() {
            if chosen.insert(&service.name) {
                open.extend(self.requirements(service));
            }
        }
        if problems.is_empty() {
            Ok(self.finish(&chosen, Vec::new()))
        } else {
            Err(problems)
        }
    }

    fn finish(&self, chosen: &BTreeSet<&ServiceName>, left_out: Vec<LeftOut>) -> Selection {
        let order = order::sorted(self.catalogue, |s| chosen.contains(&s.name));
        let services = order
            .unwrap_or_default()
            .into_iter()
            .map(|s| s.name.clone())
            .collect();
        Selection { services, left_out }
    }

    fn similar(&self, name: &ServiceName) -> Option<ServiceName> {
        let same_start = |other: &str| {
            let common = name
                .as_str()
                .chars()
                .zip(other.chars())
                .take_while(|(a, b)| a == b)
                .count();
            common >= 3 && name.as_str().len().abs_diff(other.len()) <= 4
        };
        self.catalogue
            .services()
            .map(|s| &s.name)
            .find(|other| same_start(other.as_str()))
            .cloned()
    }
}
