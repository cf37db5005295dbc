//! One service less.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aiplat_core::catalogue::{Catalogue, Service};
use aiplat_core::names::ServiceName;
use aiplat_core::plan::{Kept, Step};
use aiplat_core::settings::KnownKeys;
use aiplat_core::spec::DataCopy;

use super::super::own_services::{kept_file, without};
use super::super::{Inputs, Opened, Places, Prepared, open};
use super::add::{checked, files_of, meant, there};
use super::deposited::Parted;
use super::{Attempt, ExtendError, Locked};
use crate::apply::{ApplyOptions, Report};
use crate::engine::Engine;
use crate::events::Events;
use crate::host::files::names_in;
use crate::host::{Host, HostError};

/// As its lock and its trail name it.
const COMMAND: &str = "remove";

/// A removal that is planned and locked.
#[derive(Debug)]
pub struct Removing {
    /// The plan, and what it was made from.
    pub prepared: Prepared,
    /// The catalogue of what stays.
    pub catalogue: Catalogue,
    /// The services that are meant, whether they run or not.
    pub services: Vec<ServiceName>,
    /// Whether there is anything of them to take away.
    pub anything: bool,
}

/// Plans the removal of a service, or of a bundle, from the stack in a directory, under the stack's lock.
///
/// Without `purge` everything that it kept stays: data, logs, secrets, reservations, and a service file of the user's
/// own. With it, what the service has inside stores that stay goes, too: its databases with their roles, and what has its names in the vector store. A service that was
/// removed before can still be purged.
///
/// # Errors
/// [`ExtendError`]; nothing has been touched.
pub async fn remove<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    base_dir: &Path,
    service: &ServiceName,
    purge: bool,
    inputs: &Inputs,
    places: &Places,
) -> Result<Removing, ExtendError> {
    let stack = Locked::take(host, base_dir, places, COMMAND)?;
    let base_dir = stack.base_dir().to_path_buf();
    let catalogue = super::super::catalogue(&base_dir)?;
    let opened = open(host, &catalogue, &base_dir)?;
    let services = meant(&catalogue, service);
    if services.is_empty() {
        return Err(ExtendError::Unknown(service.clone()));
    }
    let ours = |a: &Attempt| a.services.iter().any(|name| services.contains(name));
    let interrupted = stack.attempt(ours)?.is_some();
    let stay = staying(&opened, &catalogue, &services)?;
    if stay.is_empty() {
        return Err(ExtendError::Last(service.clone()));
    }
    let own: Vec<&ServiceName> = if purge {
        let file = |name: &&ServiceName| kept_file(&base_dir, name).is_ok_and(|f| f.is_some());
        services.iter().filter(file).collect()
    } else {
        Vec::new()
    };
    let after = without(&base_dir, &own)?;
    let mut inputs = stack.inputs(inputs, &stay);
    for service in own.iter().filter_map(|name| catalogue.get(name)) {
        inputs.unset.extend(keys(service));
    }
    let mut prepared = stack.prepare(engine, host, &after, &inputs, places).await?;
    let mut kept = there(host, Kept::of(&prepared.config, &catalogue, &services))?;
    let running = prepared.plan.steps.iter().any(|step| match &step.step {
        Step::RemoveContainer(container) => {
            let name = container.service.as_ref();
            name.is_some_and(|name| services.contains(name))
        }
        _ => false,
    });
    let selected = opened.config.selection.services();
    let selected = services.iter().any(|name| selected.contains(name));
    let mut files = Kept::default();
    let mut deposited = false;
    if purge {
        kept.directories.extend(copies(&base_dir, &services)?);
        files = there(host, files_of(&base_dir, &own)?)?;
        for path in kept.directories.iter().chain(&files.directories) {
            // refused as a whole: a service without its container but with its data is nothing anybody asked for
            host.purge_check(path, &base_dir)?;
        }
        let parted = Parted {
            engine,
            host,
            config: &prepared.config,
            catalogue: &catalogue,
            facts: &prepared.observed.engine,
            services: &services,
        };
        let known = running || selected || !kept.is_empty();
        let found = parted.to_withdraw(known).await?;
        deposited = !found.is_empty();
        let why = "the service is purged";
        prepared.plan.withdraw(found, why, true);
        prepared.plan.forget(&kept, &files, why, true);
        checked(&prepared, &catalogue)?;
    } else if !kept.is_empty() {
        prepared.plan.notes.push(stays(service, &kept));
    }
    prepared.plan.notes.extend(reserved(&after, &services));
    let anything = running
        || interrupted
        || selected
        || deposited
        || purge && !(kept.is_empty() && files.is_empty());
    Ok(Removing {
        prepared,
        catalogue: after,
        services,
        anything,
    })
}

/// The services that stay; none of them may need one that goes.
fn staying<'a>(
    opened: &Opened,
    catalogue: &'a Catalogue,
    gone: &[ServiceName],
) -> Result<Vec<&'a str>, ExtendError> {
    let selected = opened.config.selection.services();
    let stay: Vec<&Service> = selected
        .iter()
        .filter(|name| !gone.contains(name))
        .filter_map(|name| catalogue.get(name))
        .collect();
    for service in gone.iter().filter_map(|name| catalogue.get(name)) {
        let by: BTreeSet<&ServiceName> = stay
            .iter()
            .filter(|other| selected.contains(&service.name) && other.depends_on(service))
            .map(|other| &other.name)
            .collect();
        if !by.is_empty() {
            return Err(ExtendError::Needed {
                service: service.name.clone(),
                by: by.into_iter().cloned().collect(),
            });
        }
    }
    Ok(stay.iter().map(|s| s.name.as_str()).collect())
}

/// The copies of their data that upgrades kept: what is purged is not to be found in a copy of it.
fn copies(base_dir: &Path, services: &[ServiceName]) -> Result<Vec<PathBuf>, HostError> {
    let folder = base_dir.join("backups");
    let names = names_in(&folder)?.into_iter();
    let all = services
        .iter()
        .map(|name| DataCopy::of_container(base_dir, name, "", Vec::new()));
    let all: Vec<DataCopy> = all.collect();
    let own = names.filter(|name| {
        let name = name.to_string_lossy();
        all.iter().any(|copy| copy.is_of_service(&name))
    });
    Ok(own.map(|name| folder.join(name)).collect())
}

/// The manifest keys that only this service gives a meaning to.
fn keys(service: &Service) -> Vec<String> {
    let ports = service.ports.iter().filter_map(|p| p.key.clone());
    let secrets = service.secrets.iter().filter_map(|s| s.key.clone());
    let image = KnownKeys::image_key(&service.name);
    ports.chain(secrets).chain([image]).collect()
}

/// What a removal without a purge leaves, in words.
fn stays(service: &ServiceName, kept: &Kept) -> String {
    let data = |path: &&PathBuf| path.parent().is_some_and(|p| p.ends_with("data"));
    let data = kept.directories.iter().filter(data);
    let data: Vec<String> = data.map(|path| format!("`{}`", path.display())).collect();
    let where_to = if data.is_empty() {
        format!("the configuration and secrets of `{service}` stay")
    } else {
        format!(
            "the data of `{service}` stays in {}, and so do its configuration and secrets",
            data.join(", ")
        )
    };
    format!(
        "{where_to}: `aiplat add {service}` brings it back as it was, `aiplat remove {service} --purge` takes them away"
    )
}

/// Ports that stay reserved, in words: those of what the catalogue still has.
fn reserved(catalogue: &Catalogue, gone: &[ServiceName]) -> Option<String> {
    let services = gone.iter().filter_map(|name| catalogue.get(name));
    let keys = services.flat_map(|s| s.ports.iter().filter_map(|p| p.key.as_deref()));
    let keys: Vec<String> = keys.map(|key| format!("`{key}`")).collect();
    let words = || {
        format!(
            "{} stays reserved for this stack, so that it moves nowhere when the service comes back",
            keys.join(", ")
        )
    };
    (!keys.is_empty()).then(words)
}

impl Removing {
    /// Carries it out.
    ///
    /// # Errors
    /// [`ExtendError::Deploy`]; the same again goes on from what is left.
    pub async fn run<E: Engine, H: Host, V: Events>(
        self,
        engine: &E,
        host: &H,
        options: &ApplyOptions,
        events: &V,
    ) -> Result<Report, ExtendError> {
        Ok(self.prepared.deploy(engine, host, options, events).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_service_are_its_ports_secrets_and_image() {
        let catalogue = Catalogue::built_in().unwrap();
        let grafana = catalogue.get(&"grafana".parse().unwrap()).unwrap();
        let keys = keys(grafana);
        for key in ["GRAFANA_PORT", "IMAGE_GRAFANA"] {
            assert!(keys.iter().any(|k| k == key), "{keys:?}");
        }
    }
}
