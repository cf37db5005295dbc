//! One service: its files and their check, its container, what is made inside it, and how it learns of new files.

use std::path::PathBuf;

use super::{Builder, id, refs};
use crate::desired::DesiredService;
use crate::observed::PathState;
use crate::plan::problem::PlanProblem;
use crate::plan::step::{Change, Step};
use crate::spec::FileSpec;

impl Builder<'_> {
    pub(super) fn service(&mut self, service: &DesiredService) {
        let name = &service.name;
        let image = id::image(&service.container.image);
        self.format(service);
        let (outdated, _) = self.outdated(&service.files);
        let edited = outdated.iter().any(|f| self.edited(f));
        let checked = self.check(service, !outdated.is_empty(), &image);
        let files = id::of("files", name);
        let after: Vec<&str> = [id::DIRECTORIES, id::SECRETS]
            .into_iter()
            .chain(checked.as_deref())
            .collect();
        let all: Vec<_> = service
            .files
            .iter()
            .chain(&service.format)
            .cloned()
            .collect();
        self.files(files.clone(), &after, "configuration", &all);
        let ready = id::of("service", name);
        // a container that runs on waits for what is made for it as well: it may need that to be well again
        if self.desired.in_flight {
            self.provisions(service);
        }
        let made = self.container(
            service,
            &files,
            checked.as_deref(),
            (edited && service.reload.is_none()).then_some("its configuration was edited by hand"),
        );
        self.changed_secrets(service);
        self.setup(service, &ready);
        self.reload(service, &ready, made, edited);
    }

    /// Whether a file has another content than wanted, and not only another owner or mode.
    fn edited(&self, file: &FileSpec) -> bool {
        matches!(self.observed.path(&file.path), PathState::File { sha256, .. } if *sha256 != file.content.content_hash())
    }

    fn format(&mut self, service: &DesiredService) {
        let Some(marker) = &service.format else {
            return;
        };
        if let PathState::File { sha256, .. } = self.observed.path(&marker.path)
            && *sha256 != marker.content.content_hash()
        {
            self.problems.push(PlanProblem::DataFormat {
                service: service.name.clone(),
                marker: marker.path.clone(),
                expected: marker.content.shown().trim().to_owned(),
            });
        }
    }

    /// Stages and checks configuration that is about to change; gives the id of the check. Where nothing is about to,
    /// what an interrupted run staged goes.
    fn check(&mut self, service: &DesiredService, outdated: bool, image: &str) -> Option<String> {
        let check = service.check.as_ref()?;
        if !outdated {
            self.unstage(service, &check.run.staged);
            return None;
        }
        let staged = id::of("stage", &service.name);
        let after = [id::DIRECTORIES, id::SECRETS];
        let why = "the new configuration is checked before it is used";
        let step = Step::Files(
            check
                .staged
                .iter()
                .chain(service.files.iter().filter(|f| identity(f)))
                .cloned()
                .collect(),
        );
        self.push(staged.clone(), &after, Change::Create, why, step);
        let id = id::of("check", &service.name);
        let after = [staged.as_str(), image, id::PROFILES, id::CGROUP];
        let step = Step::Check(Box::new(check.run.clone()));
        self.push(id.clone(), &after, Change::Verify, why, step);
        Some(id)
    }

    fn unstage(&mut self, service: &DesiredService, staged: &[PathBuf]) {
        for path in staged {
            if matches!(self.observed.path(path), PathState::File { .. }) {
                let file = path.strip_prefix(self.base_dir).unwrap_or(path);
                let id = format!("unstage/{}/{}", service.name, file.display());
                let why = "left over from an interrupted check";
                let step = Step::RemoveFile { path: path.clone() };
                self.push(id, &[], Change::Remove, why, step);
            }
        }
    }

    pub(super) fn provisions(&mut self, service: &DesiredService) -> Vec<String> {
        let ids = provision_ids(service);
        for ((provider, provision), id) in service.provisions.iter().zip(&ids) {
            let ready = id::of("service", provider);
            let why = format!("made in {provider} for {}", service.name);
            let step = Step::Provision(Box::new(provision.clone()));
            if self.has(id) {
                continue;
            }
            let changes = self.changes_in(provider);
            let mut after = refs(&changes);
            after.extend([&ready, id::SECRETS]);
            self.push(id.clone(), &after, Change::Update, &why, step);
        }
        ids
    }

    fn setup(&mut self, service: &DesiredService, ready: &str) {
        let Some(setup) = &service.setup else { return };
        let (outdated, _) = self.outdated(std::slice::from_ref(&setup.done));
        if outdated.is_empty() {
            return;
        }
        let id = id::of("setup", &service.name);
        let step = Step::Provision(Box::new(setup.provision.clone()));
        let why = "set up once, before anybody else can";
        self.push(id.clone(), &[ready], Change::Update, why, step);
        let done = id::of("setup-done", &service.name);
        let why = "records that it was set up";
        self.push(done, &[&id], Change::Update, why, Step::Files(outdated));
    }

    /// A running service is told of its new configuration; a new container has read it already.
    fn reload(&mut self, service: &DesiredService, ready: &str, made: bool, edited: bool) {
        let Some(plan) = &service.reload else { return };
        let (outdated, _) = self.outdated(std::slice::from_ref(&plan.done));
        if outdated.is_empty() && !edited {
            return;
        }
        let id = id::of("reload", &service.name);
        let files = id::of("files", &service.name);
        if !made {
            let step = Step::Reload(Box::new(plan.reload.clone()));
            let why = if outdated.is_empty() {
                "may have read configuration that was edited by hand"
            } else {
                "reads its new configuration without a restart"
            };
            self.push(id.clone(), &[ready, &files], Change::Update, why, step);
        }
        if outdated.is_empty() {
            return;
        }
        let done = id::of("loaded", &service.name);
        let why = "records which configuration it runs with";
        self.push(
            done,
            &[ready, &files, &id],
            Change::Update,
            why,
            Step::Files(outdated),
        );
    }
}

/// The steps that make what a service needs inside others.
pub(super) fn provision_ids(service: &DesiredService) -> Vec<String> {
    let all = service.provisions.iter();
    all.map(|(provider, _)| format!("provision/{}/{provider}", service.name))
        .collect()
}

/// Whether a file is the passwd or group line, which a check needs as well.
fn identity(file: &FileSpec) -> bool {
    file.path
        .file_name()
        .is_some_and(|n| n == "passwd" || n == "group")
}
