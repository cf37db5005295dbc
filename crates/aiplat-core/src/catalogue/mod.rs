//! The catalogue: one file of data a service, for the built-in ones and for the user's own alike.

mod allowance;
mod check;
mod from_image;
mod missing;
pub(crate) mod order;
mod rotation;
mod service;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use allowance::{Allowance, FORBIDDEN, InvalidAllowance};
pub(crate) use check::bytes;
pub use check::{CatalogueProblem, Place, pinned};
pub use from_image::{FromImage, HealthCheck, InvalidHealthCheck, name_of_image, sounds_secret};
pub use rotation::{ChangeTable, ProofTable};
pub use service::{
    AppArmor, BackupTable, ConfigFile, DataFormat, Database, Exception, Health, Identity, Image,
    Licence, LimitsTable, Metrics, Mount, MountKind, Port, ProbeKind, ReloadTable, RenewTable,
    Route, Run, Secret, Service, SetupRequest, SignInTable, Tier, TmpfsMount, Validate,
};

use crate::names::ServiceName;

/// A file of the built-in catalogue.
struct File {
    path: &'static str,
    text: &'static str,
}

const SERVICES: &[File] = include!(concat!(env!("OUT_DIR"), "/services.rs"));
const TEMPLATES: &[File] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// All services that a stack may be made of.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    services: BTreeMap<ServiceName, Service>,
    templates: BTreeMap<String, String>,
}

impl Catalogue {
    /// The built-in services.
    ///
    /// # Errors
    /// All problems of all files at once; a test keeps the built-in catalogue free of them.
    pub fn built_in() -> Result<Self, Vec<CatalogueProblem>> {
        // always the same, and one command asks for it several times
        static READ: LazyLock<Result<Catalogue, Vec<CatalogueProblem>>> =
            LazyLock::new(Catalogue::read_built_in);
        READ.clone()
    }

    fn read_built_in() -> Result<Self, Vec<CatalogueProblem>> {
        let mut catalogue = Self::default();
        let mut problems = Vec::new();
        for file in TEMPLATES {
            catalogue
                .templates
                .insert(file.path.to_owned(), file.text.to_owned());
        }
        for file in SERVICES {
            if let Err(found) = catalogue.insert(file.path, file.text) {
                problems.extend(found);
            }
        }
        problems.extend(check::whole(&catalogue, None));
        if problems.is_empty() {
            Ok(catalogue)
        } else {
            Err(problems)
        }
    }

    /// Adds the user's own service, whose file and templates are checked like the built-in ones.
    ///
    /// `templates` are the files beside it, by their path as its `[[files]]` name them.
    ///
    /// # Errors
    /// All problems of the file at once; the catalogue is unchanged then.
    pub fn add(
        &mut self,
        path: &str,
        text: &str,
        templates: impl IntoIterator<Item = (String, String)>,
    ) -> Result<ServiceName, Vec<CatalogueProblem>> {
        let mut next = self.clone();
        next.templates.extend(templates);
        let name = next.insert(path, text)?;
        let problems: Vec<_> = check::whole(&next, Some(&name))
            .into_iter()
            .filter(|p| p.place.is_of(path, &name))
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        *self = next;
        Ok(name)
    }

    /// The name that a service file gives its service, whatever else is in it.
    ///
    /// # Errors
    /// What keeps it from being a service file at all.
    pub fn name_in(path: &str, text: &str) -> Result<ServiceName, Vec<CatalogueProblem>> {
        check::parse(path, text).map(|service| service.name)
    }

    fn insert(&mut self, path: &str, text: &str) -> Result<ServiceName, Vec<CatalogueProblem>> {
        let service = check::parse(path, text)?;
        let problems = check::service(path, &service, &self.templates);
        if !problems.is_empty() {
            return Err(problems);
        }
        let name = service.name.clone();
        if self.services.contains_key(&name) {
            return Err(vec![CatalogueProblem::new(
                Place::file(path),
                "name",
                format!("a name of its own; `{name}` is another service's"),
            )]);
        }
        self.services.insert(name.clone(), service);
        Ok(name)
    }

    /// The service of this name.
    pub fn get(&self, name: &ServiceName) -> Option<&Service> {
        self.services.get(name)
    }

    /// All services, by name.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// The template of this path.
    pub fn template(&self, path: &str) -> Option<&str> {
        self.templates.get(path).map(String::as_str)
    }

    /// All manifest keys by which secrets may be given.
    pub fn secret_keys(&self) -> impl Iterator<Item = &str> {
        self.services()
            .flat_map(|s| s.secrets.iter().filter_map(|secret| secret.key.as_deref()))
    }
}
