//! Removing exactly one stack.

use std::path::{Path, PathBuf};

use aiplat_core::catalogue::Catalogue;
use aiplat_core::manifest::Manifest;
use aiplat_core::names::{StackId, StackName};
use aiplat_core::observed::{Observed, PathState};
use aiplat_core::plan::{self, Plan, Purge};
use aiplat_core::spec::label;

use super::copied::{lives_here, one_place};
use super::locate::{locate_as_it_is, lost};
use super::{Operation, Places, PrepareError};
use crate::apply::{ApplyError, ApplyOptions, JournalFile, Report, apply};
use crate::engine::Engine;
use crate::events::Events;
use crate::host::files::interrupted;
use crate::host::{Host, HostError, ManifestStore};
use crate::observe::{ObserveQuestion, observe};

/// What a stack's directory holds of it, and what a purge removes; `BASE_DIR` itself is the operator's volume.
const DIRECTORIES: [&str; 7] = [
    "data", "logs", "caddy", "ssl", "apparmor", "backups", "config",
];

/// As its lock and its trail name it.
const COMMAND: &str = "teardown";

/// A teardown that is planned and locked.
#[derive(Debug)]
pub struct Teardown {
    /// What will be removed.
    pub plan: Plan,
    /// What is there.
    pub observed: Observed,
    operation: Operation,
    purge: bool,
    journal: Option<JournalFile>,
}

/// Why a teardown did not end well.
#[derive(Debug, thiserror::Error)]
pub enum TeardownError {
    /// There is no stack to tear down.
    #[error("no stack in `{}`: expected `config/stack-id` there, or containers that name the directory", .path.display())]
    NoStack {
        /// The directory.
        path: PathBuf,
    },
    /// It could not be planned.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Steps failed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl From<HostError> for TeardownError {
    fn from(error: HostError) -> Self {
        Self::Prepare(error.into())
    }
}

/// Plans the removal of the stack in a directory. A stack whose directory lost its identity is found by the labels of
/// its objects.
///
/// # Errors
/// [`TeardownError`]; nothing has been touched.
pub async fn teardown<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    base_dir: &Path,
    purge: bool,
    places: &Places,
) -> Result<Teardown, TeardownError> {
    // a purge that was interrupted at its end looks like a volume that is not mounted, and is one that is being removed
    let away = lost(host, base_dir)?.filter(|_| !(purge && interrupted(base_dir)));
    let volume = locate_as_it_is(host, base_dir, true)?;
    let mut question = ObserveQuestion {
        base_dir: volume.path.clone(),
        ..Default::default()
    };
    let seen = observe(engine, host, &question).await;
    let seen = seen.map_err(PrepareError::from)?;
    let who = if let Some((mark, _)) = &away {
        Some((mark.stack_id.clone(), mark.stack.clone()))
    } else {
        let store = ManifestStore::new(&volume.path);
        let kept = store.stack_id()?;
        // a manifest that cannot be read stands in no teardown's way: the labels tell whose objects they are
        let text = store.read().ok().flatten();
        if let Some(Ok(manifest)) = text.map(|text| Manifest::parse(&text)) {
            lives_here(&manifest, &volume.path)?;
        }
        if let Some(id) = &kept {
            let register = super::register(places)?;
            one_place(host, id, &volume.path, &seen, &register)?;
        }
        identity(kept, &volume.path, &seen, host, catalogue, places)
    };
    let (id, stack) = who.ok_or_else(|| TeardownError::NoStack {
        path: volume.path.clone(),
    })?;
    let config = volume.path.join("config");
    let operation = match host.path_state(&config)? {
        PathState::Directory { .. } if away.is_none() => {
            Operation::quiet(places, &volume.path, COMMAND)?
        }
        _ => Operation::without_lock(places, &volume.path, COMMAND),
    };
    // what was seen before the lock was had may be another run's past
    question.cgroup_parent = Some(id.cgroup_parent(&seen.engine.cgroup_driver));
    let observed = observe(engine, host, &question).await;
    let mut observed = observed.map_err(PrepareError::from)?;
    observed.host.quota = host.quota(&volume.path, None)?;
    let mut directories = Vec::new();
    let restored = super::restore::directories(&volume.path)?;
    let names = DIRECTORIES.iter().map(|name| (*name).to_owned());
    // what lies under a volume that is not mounted is not this stack's
    for name in names.chain(restored).filter(|_| away.is_none()) {
        let path = volume.path.join(&name);
        // a purge that was killed after its last step but one left what it had put aside, which purging finishes
        let finishing = purge && name == "config";
        if finishing || host.path_state(&path)? != PathState::Absent {
            // refused as a whole: a stack without its containers but with its data is nothing anybody asked for
            if purge {
                host.purge_check(&path, &volume.path)?;
            }
            directories.push(path);
        }
    }
    let purge = purge.then_some(Purge { directories });
    let apparmor = volume.path.join("apparmor");
    let mut plan = plan::teardown(
        &stack,
        &id,
        &volume.path,
        &apparmor,
        catalogue,
        &observed,
        purge.as_ref(),
    );
    if let Some((mark, found)) = away {
        let at = mark
            .uuid
            .map_or_else(String::new, |uuid| format!(" (UUID={uuid})"));
        plan.notes.push(format!(
            "the volume of this stack{at} is not mounted, found {found}: its data stays where it is; mount it and run \
             this again to remove that too"
        ));
    }
    Ok(Teardown {
        plan,
        observed,
        operation,
        journal: journal(host, &volume.path)?.filter(|_| purge.is_none()),
        purge: purge.is_some(),
    })
}

/// The journal that the stack's deploys left, for a teardown that keeps it: should this one be killed, the next run knows
/// what the engine may still be stopping.
fn journal<H: Host>(host: &H, base_dir: &Path) -> Result<Option<JournalFile>, HostError> {
    let path = JournalFile::path_in(base_dir);
    Ok(match host.path_state(&path)? {
        PathState::File { owner, .. } => Some(JournalFile { path, owner }),
        _ => None,
    })
}

/// Who the stack is: by its own file, else by the labels of objects that name its directory.
fn identity<H: Host>(
    kept: Option<StackId>,
    base_dir: &Path,
    observed: &Observed,
    host: &H,
    catalogue: &Catalogue,
    places: &Places,
) -> Option<(StackId, StackName)> {
    let labels = observed
        .containers
        .iter()
        .map(|c| &c.labels)
        .chain(observed.networks.iter().map(|n| &n.labels))
        .find(|labels| match &kept {
            Some(id) => labels
                .get(label::STACK_ID)
                .is_some_and(|l| l == id.as_str()),
            None => labels
                .get(label::BASE_DIR)
                .is_some_and(|dir| Path::new(dir) == base_dir),
        });
    let reserved = || {
        // a purge that was killed after it had taken the identity's file away
        let register = super::register(places).ok()?;
        let here = register.stacks.iter().find(|r| r.base_dir == base_dir)?;
        Some(here.stack_id.clone())
    };
    let id = kept
        .or_else(|| labels?.get(label::STACK_ID)?.parse().ok())
        .or_else(reserved)?;
    let labelled = || labels?.get(label::STACK)?.parse().ok();
    let stack = super::open(host, catalogue, base_dir)
        .ok()
        .map(|opened| opened.config.name().clone())
        .or_else(labelled)
        // a first run that failed before it wrote the manifest or made anything on the engine
        .or_else(|| {
            let register = super::register(places).ok()?;
            register.get(&id).map(|reserved| reserved.stack.clone())
        })?;
    Some((id, stack))
}

impl Teardown {
    /// Carries it out.
    ///
    /// # Errors
    /// [`TeardownError::Apply`]; the same again goes on from what is left. The trail of a purged stack stays, in the
    /// state directory.
    pub async fn run<E: Engine, H: Host, V: Events>(
        mut self,
        engine: &E,
        host: &H,
        options: &ApplyOptions,
        events: &V,
    ) -> Result<Report, TeardownError> {
        let options = ApplyOptions {
            journal: self.journal.take(),
            ..options.clone()
        };
        let id = &self.plan.stack_id;
        self.operation.started(id, Some(&self.plan))?;
        if self.purge {
            self.operation.retire()?;
        }
        let result = apply(engine, host, &self.plan, &options, events).await;
        Ok(self.operation.end(result)?)
    }
}
