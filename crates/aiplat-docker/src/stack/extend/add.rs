//! One service more.

use std::collections::BTreeMap;
use std::path::Path;

use aiplat_core::catalogue::{Catalogue, Identity};
use aiplat_core::names::ServiceName;
use aiplat_core::observed::PathState;
use aiplat_core::plan::{self, Kept};
use aiplat_core::spec::{DirectorySpec, FileSpec, Owner};

use super::super::own_services::{kept_file, own_services, without};
use super::super::prepare::prepare_with;
use super::super::{
    CatalogueError, Inputs, Intent, Operation, Places, PrepareError, Prepared, ServiceFile, open,
};
use super::deposited::Parted;
use super::{Attempt, ExtendError, Locked};
use crate::apply::{ApplyOptions, Report};
use crate::blocking::blocking;
use crate::engine::Engine;
use crate::events::Events;
use crate::host::{Host, HostError, ManifestStore, files};

/// As its lock and its trail name it.
const COMMAND: &str = "add";

/// Where the service is described.
#[derive(Debug, Clone)]
pub enum Addition {
    /// In the catalogue, or in a file that the stack kept.
    Named(ServiceName),
    /// In a file of the user's own, which the stack will keep.
    File(ServiceFile),
}

/// An addition that is planned and locked.
#[derive(Debug)]
pub struct Adding {
    /// The plan, and what it was made from.
    pub prepared: Prepared,
    /// The catalogue, the new service included.
    pub catalogue: Catalogue,
    /// What was asked for.
    pub service: ServiceName,
    file: Option<ServiceFile>,
    attempt: Attempt,
    inputs: Inputs,
}

/// Plans an addition to the stack in a directory, under the stack's lock.
///
/// Of `inputs` the services are decided here. An addition of the same service that was interrupted is continued.
///
/// # Errors
/// [`ExtendError`]; nothing has been touched.
pub async fn add<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    base_dir: &Path,
    what: Addition,
    inputs: &Inputs,
    places: &Places,
) -> Result<Adding, ExtendError> {
    let stack = Locked::take(host, base_dir, places, COMMAND)?;
    let name = match &what {
        Addition::Named(name) => name.clone(),
        Addition::File(file) => Catalogue::name_in(&file.path.display().to_string(), &file.text)
            .map_err(CatalogueError::Problems)?,
    };
    let earlier = stack.attempt(|a| a.service == name)?.cloned();
    let replaceable = earlier.as_ref().is_some_and(|a| a.own_file);
    let (catalogue, file) = described(stack.base_dir(), what, &name, replaceable)?;
    let opened = open(host, &catalogue, stack.base_dir())?;
    let selected = opened.config.selection.services();
    let meant = meant(&catalogue, &name);
    if meant.is_empty() {
        return Err(ExtendError::Unknown(name));
    }
    let before: Vec<ServiceName> = match &earlier {
        Some(earlier) => selected
            .iter()
            .filter(|s| !earlier.services.contains(s))
            .cloned()
            .collect(),
        None if meant.iter().all(|s| selected.contains(s)) => return Err(ExtendError::Runs(name)),
        None => selected.to_vec(),
    };
    let manifest = ManifestStore::new(stack.base_dir())
        .read()?
        .unwrap_or_default();
    if let Some(earlier) = &earlier
        && manifest != earlier.before
        && manifest != earlier.after
    {
        return Err(ExtendError::ManifestChanged(name));
    }
    let wanted: Vec<&str> = before
        .iter()
        .chain([&name])
        .map(ServiceName::as_str)
        .collect();
    let inputs = stack.inputs(inputs, &wanted);
    let prepared = stack
        .prepare(engine, host, &catalogue, &inputs, places)
        .await?;
    let attempt = match earlier {
        Some(earlier) => Attempt {
            after: prepared.config.manifest.clone(),
            ..earlier
        },
        None => Attempt {
            service: name.clone(),
            absent: absent(host, &prepared, &catalogue, &before)?,
            found: found(engine, host, &prepared, &catalogue, &before).await,
            services: new(&prepared, &before),
            own_file: file.is_some(),
            before: manifest,
            after: prepared.config.manifest.clone(),
        },
    };
    Ok(Adding {
        prepared,
        catalogue,
        service: name,
        file,
        attempt,
        inputs,
    })
}

/// The catalogue with the service in it, and its file where the stack has still to keep it.
fn described(
    base_dir: &Path,
    what: Addition,
    name: &ServiceName,
    replaceable: bool,
) -> Result<(Catalogue, Option<ServiceFile>), ExtendError> {
    let Addition::File(file) = what else {
        return Ok((super::super::catalogue(base_dir)?, None));
    };
    let kept = kept_file(base_dir, name)?;
    if let Some(kept) = kept.filter(|_| !replaceable) {
        return if kept.text == file.text && kept.templates == file.templates {
            Ok((super::super::catalogue(base_dir)?, None))
        } else {
            Err(ExtendError::OtherFile {
                service: name.clone(),
                path: kept.path,
            })
        };
    }
    let mut catalogue = without(base_dir, &[name])?;
    file.clone()
        .add_to(&mut catalogue)
        .map_err(CatalogueError::Problems)?;
    Ok((catalogue, Some(file)))
}

/// The services that a name stands for: one, or all of a bundle.
pub(super) fn meant(catalogue: &Catalogue, name: &ServiceName) -> Vec<ServiceName> {
    catalogue
        .services()
        .filter(|s| s.name == *name || s.bundle.as_deref() == Some(name.as_str()))
        .map(|s| s.name.clone())
        .collect()
}

/// The services that were not there before.
fn new(prepared: &Prepared, before: &[ServiceName]) -> Vec<ServiceName> {
    let all = prepared.config.selection.services();
    all.iter()
        .filter(|name| !before.contains(name))
        .cloned()
        .collect()
}

/// What is not there of what the new services will have of their own.
fn absent<H: Host>(
    host: &H,
    prepared: &Prepared,
    catalogue: &Catalogue,
    before: &[ServiceName],
) -> Result<Vec<std::path::PathBuf>, HostError> {
    let mut config = prepared.config.clone();
    config.selection = config.selection.only(before);
    let kept = Kept::of(&config, catalogue, &new(prepared, before));
    let mut absent = Vec::new();
    for path in kept.directories.into_iter().chain(kept.files) {
        if host.path_state(&path)? == PathState::Absent {
            absent.push(path);
        }
    }
    Ok(absent)
}

/// What is there already of what the new services will have inside stores of the stack as it is.
async fn found<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    prepared: &Prepared,
    catalogue: &Catalogue,
    before: &[ServiceName],
) -> BTreeMap<ServiceName, Vec<String>> {
    let mut config = prepared.config.clone();
    config.selection = config.selection.only(before);
    let parted = Parted {
        engine,
        host,
        config: &config,
        catalogue,
        facts: &prepared.observed.engine,
        services: &new(prepared, before),
    };
    parted.found().await
}

impl Adding {
    /// Carries it out: the service file first, then the plan.
    ///
    /// # Errors
    /// [`ExtendError::Undone`] where a step failed and everything is as it was before, the service's own data, secrets
    /// and reservations included. After a kill the same addition again goes on, and may still be undone.
    pub async fn run<E: Engine, H: Host, V: Events>(
        self,
        engine: &E,
        host: &H,
        options: &ApplyOptions,
        events: &V,
    ) -> Result<Report, ExtendError> {
        let Self {
            prepared,
            catalogue,
            service,
            file,
            attempt,
            inputs,
        } = self;
        let owner = prepared.config.owner(Identity::Stack);
        let (base_dir, places) = (prepared.volume.path.clone(), prepared.places.clone());
        blocking(|| {
            attempt.write(host, &base_dir, owner)?;
            match &file {
                Some(file) => keep(host, &base_dir, &service, file, owner),
                None => Ok(()),
            }
        })?;
        let (result, mut operation) = prepared.deploy_holding(engine, host, options, events).await;
        let back = Back {
            attempt,
            catalogue,
            inputs,
            places,
            owner,
        };
        let result = match result {
            Ok(report) => {
                let ended = Attempt::end(host, &base_dir);
                ended.map(|()| report).map_err(ExtendError::from)
            }
            Err(first) => {
                let undone = back
                    .undo(engine, host, &base_dir, &mut operation, options, events)
                    .await;
                Err(match undone {
                    Ok(()) => ExtendError::Undone {
                        service,
                        source: Box::new(first),
                    },
                    Err(source) => ExtendError::NotUndone {
                        service,
                        first: first.to_string(),
                        source: Box::new(source),
                    },
                })
            }
        };
        Operation::end_held(operation, result)
    }
}

/// What the way back needs.
struct Back {
    attempt: Attempt,
    catalogue: Catalogue,
    inputs: Inputs,
    places: Places,
    owner: Owner,
}

impl Back {
    /// Brings the stack back to what it was: the manifest, then the containers, then what was made for the service.
    async fn undo<E: Engine, H: Host, V: Events>(
        self,
        engine: &E,
        host: &H,
        base_dir: &Path,
        operation: &mut Option<Operation>,
        options: &ApplyOptions,
        events: &V,
    ) -> Result<(), ExtendError> {
        let prepared = self.prepared(engine, host, base_dir, operation).await?;
        let (done, held) = prepared.deploy_holding(engine, host, options, events).await;
        *operation = held;
        done?;
        Ok(Attempt::end(host, base_dir)?)
    }

    async fn prepared<E: Engine, H: Host>(
        &self,
        engine: &E,
        host: &H,
        base_dir: &Path,
        operation: &mut Option<Operation>,
    ) -> Result<Prepared, ExtendError> {
        let attempt = &self.attempt;
        if let Some(lock) = operation.as_ref().and_then(Operation::lock) {
            let store = ManifestStore::new(base_dir);
            blocking(|| store.rewrite(lock, &attempt.before, self.owner))?;
        }
        let without_it = if attempt.own_file {
            without(base_dir, &[&attempt.service])?
        } else {
            self.catalogue.clone()
        };
        // nothing but the manifest says what it was
        let inputs = Inputs {
            flags: [("BASE_DIR".to_owned(), base_dir.display().to_string())].into(),
            environment: BTreeMap::new(),
            ..self.inputs.clone()
        };
        let mut prepared = prepare_with(
            engine,
            host,
            &without_it,
            &inputs,
            &self.places,
            Intent::Deploy,
            operation,
            None,
        )
        .await?;
        let made = Kept::of(&prepared.config, &self.catalogue, &attempt.services);
        let made = made.only(|path| attempt.absent.iter().any(|absent| absent == path));
        let made = there(host, made)?;
        let file = if attempt.own_file {
            there(host, files_of(base_dir, &[&attempt.service])?)?
        } else {
            Kept::default()
        };
        let why = "was made for a service that did not become healthy";
        let parted = Parted {
            engine,
            host,
            config: &prepared.config,
            catalogue: &self.catalogue,
            facts: &prepared.observed.engine,
            services: &attempt.services,
        };
        let made_inside = parted.since(&attempt.found);
        prepared.plan.withdraw(made_inside, why, false);
        prepared.plan.forget(&made, &file, why, false);
        checked(&prepared, &self.catalogue)?;
        Ok(prepared)
    }
}

/// Service files and the folders of their templates, as the stack keeps them; the whole folder where nothing else is in
/// it.
pub(super) fn files_of(base_dir: &Path, services: &[&ServiceName]) -> Result<Kept, HostError> {
    let folder = own_services(base_dir);
    let mut kept = Kept::default();
    for service in services {
        kept.directories.push(folder.join(service.as_str()));
        kept.files.push(folder.join(format!("{service}.toml")));
    }
    let all = files::names_in(&folder)?;
    let ours = |name: &std::ffi::OsString| {
        let path = folder.join(name);
        kept.directories.contains(&path) || kept.files.contains(&path)
    };
    if !services.is_empty() && all.iter().all(ours) {
        return Ok(Kept {
            directories: vec![folder],
            ..Kept::default()
        });
    }
    Ok(kept)
}

/// Leaves only what is there, or was being removed when a run was interrupted.
pub(super) fn there<H: Host>(host: &H, kept: Kept) -> Result<Kept, HostError> {
    let mut found = Vec::new();
    for path in kept.directories.iter().chain(&kept.files) {
        if host.path_state(path)? != PathState::Absent {
            found.push(path.clone());
        }
    }
    Ok(kept.only(|path| found.iter().any(|f| f == path)))
}

/// A plan to which steps were added passes the checker as every plan does.
pub(super) fn checked(prepared: &Prepared, catalogue: &Catalogue) -> Result<(), PrepareError> {
    let register = &prepared.register;
    let violations = plan::check(&prepared.plan, &prepared.config, catalogue, register);
    if violations.is_empty() {
        Ok(())
    } else {
        Err(PrepareError::Violations(violations))
    }
}

/// Keeps the user's own file, its templates first: a file without them would be a broken one.
fn keep<H: Host>(
    host: &H,
    base_dir: &Path,
    name: &ServiceName,
    file: &ServiceFile,
    owner: Owner,
) -> Result<(), HostError> {
    let folder = own_services(base_dir);
    let templates = folder.join(name.as_str());
    let mut directories = vec![folder.clone()];
    if !file.templates.is_empty() {
        directories.push(templates);
    }
    for path in directories {
        if host.path_state(&path)? == PathState::Absent {
            host.make_directory(&DirectorySpec {
                path,
                owner,
                mode: 0o750,
            })?;
        }
    }
    let templates = file.templates.iter();
    let own = (format!("{name}.toml"), file.text.clone());
    for (path, text) in templates.chain([&own]) {
        host.write_file(&FileSpec {
            path: folder.join(path),
            content: text.clone().into(),
            owner,
            mode: 0o600,
        })?;
    }
    Ok(())
}
