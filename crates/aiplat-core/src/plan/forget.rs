//! Taking away what a stack keeps of services that it has no more.

use std::path::{Path, PathBuf};

use super::step::{Change, Plan, PlannedStep, Step};
use crate::catalogue::{Catalogue, MountKind, Service};
use crate::config::{Selection, StackConfig, Stage, needed};
use crate::names::ServiceName;

/// What services have of their own in a stack's directory, whether it is there or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Directories with all in them: data, logs, configuration.
    pub directories: Vec<PathBuf>,
    /// Files: secrets that no other service needs.
    pub files: Vec<PathBuf>,
    /// What they have inside services that stay, which is not taken away, in words.
    pub elsewhere: Vec<String>,
}

impl Kept {
    /// What `services` have of their own beside those of `config`, which is the stack without them.
    pub fn of(config: &StackConfig, catalogue: &Catalogue, services: &[ServiceName]) -> Self {
        let mut kept = Self::default();
        let stay = &config.selection;
        let gone = || services.iter().filter(|name| !stay.has(name));
        for service in gone().filter_map(|name| catalogue.get(name)) {
            kept.directories_of(config, service);
            kept.elsewhere_of(config, service);
        }
        let secrets =
            |selection: &Selection| needed(&config.settings, config.name(), selection, catalogue);
        let others = secrets(stay);
        for need in secrets(&stay.with(gone())) {
            if others.iter().any(|other| other.name == need.name) {
                continue;
            }
            let file = config.path("config/secrets").join(need.name.as_str());
            for stage in Stage::ALL {
                let companion = format!("{}.{}", need.name, stage.suffix());
                kept.files.push(file.with_file_name(companion));
            }
            kept.files.push(file);
        }
        kept
    }

    fn directories_of(&mut self, config: &StackConfig, service: &Service) {
        let name = service.name.as_str();
        for folder in ["config", "data", "logs"] {
            self.directories.push(config.path(folder).join(name));
        }
        let staged = config.path("config").join(format!("{name}.next"));
        self.directories.push(staged);
        let caddy = service.mounts.iter().filter(|m| m.kind == MountKind::Caddy);
        let caddy = caddy.map(|m| config.path("caddy").join(&m.source));
        self.directories.extend(caddy);
    }

    fn elsewhere_of(&mut self, config: &StackConfig, service: &Service) {
        let name = &service.name;
        let kind = config.vector_store();
        let store = kind.spec().service;
        let has_store = config
            .selection
            .services()
            .iter()
            .any(|s| s.as_str() == store);
        let wiring = service.vector.entry(kind);
        if has_store && wiring.is_used() && !wiring.is_named() {
            self.elsewhere.push(format!(
                "what `{name}` stored in `{store}` under names of its own choice stays there: none can be told from another's"
            ));
        }
        let redis = service.needs.iter().find(|need| need.as_str() == "redis");
        if redis.is_some_and(|redis| config.selection.has(redis)) {
            self.elsewhere.push(format!(
                "what `{name}` has in `redis` stays until it expires: all services share one space of keys there, and none \
                 can be told from another's"
            ));
        }
    }

    /// Leaves only those paths for which something holds.
    #[must_use]
    pub fn only(mut self, holds: impl Fn(&Path) -> bool) -> Self {
        self.directories.retain(|path| holds(path));
        self.files.retain(|path| holds(path));
        self
    }

    /// Whether it names no path.
    pub fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.files.is_empty()
    }
}

impl Plan {
    /// Takes these away when everything else is done, and `last` after that: what tells what the others were.
    ///
    /// With `risky`, whoever carries it out has to agree to each loss.
    pub fn forget(&mut self, kept: &Kept, last: &Kept, why: &str, risky: bool) {
        for part in [kept, last] {
            let before: Vec<String> = self.steps.iter().map(|s| s.id.clone()).collect();
            for path in &part.directories {
                let base_dir = self.base_dir.clone();
                let step = Step::PurgeDirectory {
                    path: path.clone(),
                    base_dir,
                };
                let risk = risky.then(|| format!("everything below `{}` is lost", path.display()));
                self.push_last("purge", path, &before, why, risk, step);
            }
            for path in &part.files {
                let risk = risky.then(|| format!("`{}` is lost", path.display()));
                let step = Step::RemoveFile { path: path.clone() };
                self.push_last("forget", path, &before, why, risk, step);
            }
            if risky {
                self.notes.extend(part.elsewhere.iter().cloned());
            }
        }
    }

    fn push_last(
        &mut self,
        kind: &str,
        path: &Path,
        after: &[String],
        why: &str,
        risk: Option<String>,
        step: Step,
    ) {
        let below = path.strip_prefix(&self.base_dir).unwrap_or(path);
        self.steps.push(PlannedStep {
            id: format!("{kind}/{}", below.display()),
            after: after.to_vec(),
            change: Change::Remove,
            why: why.to_owned(),
            risk,
            step,
        });
    }
}
