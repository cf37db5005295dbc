//! A stack from an archive: in a directory of its own, as it was or beside the old one, or back into its own place.
//!
//! What the archive has is unpacked and checked beside the stack, then moved into its places with the owners of this
//! stack; stores come up alone and are given their data before anybody else runs; then an ordinary deploy. Each step is
//! noted, so that the same command goes on after a `kill -9`, and nobody else touches the stack until it is done.

mod error;
mod in_place;
mod settle;
mod state;
mod unpack;
mod verify;

pub use error::RestoreError;
pub(super) use state::{directories, under_way};
pub use unpack::Source;
pub use verify::{VerifyReport, verify_backup};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aiplat_core::backup::{Contents, Method};
use aiplat_core::catalogue::{Catalogue, Identity};
use aiplat_core::names::{ServiceName, StackId, StackName};
use aiplat_core::spec::DirectorySpec;

use super::steps::Steps;
use super::stores::Store;
use super::{Inputs, Intent, Places, locate, open, prepare};
use crate::apply::ApplyOptions;
use crate::blocking::blocking;
use crate::engine::Engine;
use crate::events::{Events, Silent};
use crate::host::{Host, HostError};
use state::{Phase, State, Work, first_in};
use unpack::Unpacked;

/// What a restore is asked for.
#[derive(Debug, Clone, Default)]
pub struct RestoreQuestion {
    /// The directory of the restored stack, absolute.
    pub base_dir: PathBuf,
    /// Settings from flags, under the manifest's keys. Another `DOCKER_NETWORK` than the archive's makes a second stack.
    pub flags: BTreeMap<String, String>,
    /// Settings from the process environment.
    pub environment: BTreeMap<String, String>,
    /// User and group of the person who runs the command; `None` for root.
    pub invoking_user: Option<(u32, u32)>,
    /// A directory that is missing is made, on whatever file system lies there.
    pub allow_unmounted: bool,
    /// The stack that is in the directory is put back to what the archive has.
    pub in_place: bool,
    /// A name for what was there before, such as the time; only for a restore in place.
    pub moment: String,
    /// The command, for whoever meets its lock.
    pub command: String,
    /// Only for tests: the process kills itself with SIGKILL at this of its steps' beginnings and ends.
    #[doc(hidden)]
    pub kill_after: Option<usize>,
}

/// What came of a restore.
#[derive(Debug, Clone)]
pub struct RestoreReport {
    /// The stack's name.
    pub stack: StackName,
    /// Its identity, a new one unless it was restored in place.
    pub stack_id: StackId,
    /// Its directory.
    pub base_dir: PathBuf,
    /// What the archive says of itself.
    pub contents: Contents,
    /// What was not restored, and what else the operator should know.
    pub notes: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// Restores a stack from an archive.
///
/// # Errors
/// [`RestoreError`]; the same again goes on from where it stopped. A restore in place that failed has put the stack back.
pub async fn restore<E: Engine, H: Host, V: Events>(
    engine: &E,
    host: &H,
    source: &Source<'_>,
    question: &RestoreQuestion,
    places: &Places,
    options: &ApplyOptions,
    events: &V,
) -> Result<RestoreReport, RestoreError> {
    let began = Instant::now();
    let steps = Steps::new(events, 6, question.kill_after);
    let mut run = Run::begin(engine, host, source, question, places, options)?;
    if run.work.state.returning {
        return Err(in_place::put_back(run, RestoreError::Earlier, &steps).await);
    }
    let unpacked = async { run.unpack(source) };
    let unpacked = steps.step("restore/unpack", "read and checked", unpacked);
    if let Err(error) = unpacked.await {
        return Err(run.work.fail(error));
    }
    if question.in_place {
        if let Err(first) = run.in_place(&steps).await {
            return Err(in_place::put_back(run, first, &steps).await);
        }
    } else if let Err(error) = run.rest(&steps).await {
        return Err(run.work.fail(error));
    }
    run.work.reached(Phase::Done)?;
    let opened = open(host, &run.catalogue()?, &question.base_dir)?;
    let Run { work, unpacked, .. } = run;
    let notes = work.state.notes.clone();
    work.end()?;
    Ok(RestoreReport {
        stack: opened.config.name().clone(),
        stack_id: opened.config.id,
        base_dir: question.base_dir.clone(),
        contents: unpacked.contents,
        notes,
        took: began.elapsed(),
    })
}

/// A restore under way.
struct Run<'a, E, H> {
    engine: &'a E,
    host: &'a H,
    question: &'a RestoreQuestion,
    places: &'a Places,
    options: ApplyOptions,
    work: Work<'a, H>,
    unpacked: Unpacked,
}

impl<'a, E: Engine, H: Host> Run<'a, E, H> {
    fn begin(
        engine: &'a E,
        host: &'a H,
        source: &Source<'_>,
        question: &'a RestoreQuestion,
        places: &'a Places,
        options: &ApplyOptions,
    ) -> Result<Self, RestoreError> {
        let base_dir = &question.base_dir;
        let volume = locate(host, base_dir, question.allow_unmounted)?;
        let begun = state::begun(base_dir)?;
        if question.in_place {
            if !begun {
                // must be a stack that can be opened
                open(host, &super::catalogue(base_dir)?, base_dir)?;
            }
        } else if let Some(found) = first_in(base_dir)?.filter(|_| !begun) {
            return Err(RestoreError::NotEmpty {
                path: base_dir.clone(),
                found,
            });
        }
        // nothing is begun with an archive that cannot be opened, or is of another stack
        let contents = unpack::header(source)?;
        if question.in_place {
            same_stack(base_dir, &contents)?;
        }
        if !volume.facts.exists {
            fs_err::create_dir_all(base_dir).map_err(|e| HostError::io("make", base_dir, e))?;
        }
        let fresh = State {
            archive: source.name.to_string(),
            in_place: question.in_place,
            phase: Phase::Begun,
            aside: None,
            returning: false,
            notes: Vec::new(),
        };
        let work = Work::open(host, base_dir, fresh)?;
        Ok(Self {
            engine,
            host,
            question,
            places,
            options: ApplyOptions {
                journal: None,
                kill_after: None,
                ..options.clone()
            },
            work,
            unpacked: Unpacked {
                contents,
                sha256: String::new(),
                records: Vec::new(),
            },
        })
    }

    fn unpack(&mut self, source: &Source<'_>) -> Result<(), RestoreError> {
        let phase = self.work.state.phase;
        if phase < Phase::Unpacked {
            self.unpacked = blocking(|| Unpacked::take(source, &self.work))?;
            self.work.reached(Phase::Unpacked)?;
        } else if phase < Phase::Done {
            self.unpacked = Unpacked::kept(&self.work)?;
        }
        Ok(())
    }

    fn catalogue(&self) -> Result<Catalogue, RestoreError> {
        if self.work.state.phase >= Phase::Settled {
            Ok(super::catalogue(&self.question.base_dir)?)
        } else {
            settle::catalogue_of(&self.work.tree())
        }
    }

    /// The same in a place that must be freed first.
    async fn in_place<V: Events>(&mut self, steps: &Steps<'_, V>) -> Result<(), RestoreError> {
        in_place::clear(self, steps).await?;
        self.rest(steps).await
    }

    /// Everything after the archive is unpacked and the place is free.
    async fn rest<V: Events>(&mut self, steps: &Steps<'_, V>) -> Result<(), RestoreError> {
        steps
            .step(
                "restore/manifest and secrets",
                "with this stack's own identity",
                self.settle(),
            )
            .await?;
        let placed = async { blocking(|| self.place()) };
        steps
            .step("restore/files", "with this stack's owners", placed)
            .await?;
        let events = steps.events;
        steps
            .step(
                "restore/stores",
                "before anybody else runs",
                self.load(events),
            )
            .await?;
        steps
            .step(
                "restore/deploy",
                "everything else",
                self.deploy(None, events),
            )
            .await
    }

    async fn settle(&mut self) -> Result<(), RestoreError> {
        if self.work.state.phase >= Phase::Settled {
            return Ok(());
        }
        let (tree, catalogue) = (self.work.tree(), self.catalogue()?);
        match self.work.aside() {
            Some(aside) => settle::same_stack(
                self.host,
                &catalogue,
                &self.question.base_dir,
                &self.unpacked,
                &tree,
                &aside,
                self.places,
            )?,
            None => {
                settle::new_stack(
                    self.engine,
                    self.host,
                    &catalogue,
                    self.question,
                    &self.unpacked,
                    &tree,
                    self.places,
                    &Silent,
                )
                .await?;
            }
        }
        Ok(self.work.reached(Phase::Settled)?)
    }

    fn place(&mut self) -> Result<(), RestoreError> {
        if self.work.state.phase >= Phase::Placed {
            return Ok(());
        }
        let catalogue = self.catalogue()?;
        let opened = open(self.host, &catalogue, &self.question.base_dir)?;
        self.host.make_directory(&DirectorySpec {
            path: opened.config.path("data"),
            owner: opened.config.owner(Identity::Stack),
            mode: 0o750,
        })?;
        let tree = self.work.tree();
        self.work.state.notes = self.unpacked.place(self.host, &opened.config, &tree)?;
        Ok(self.work.reached(Phase::Placed)?)
    }

    /// Services that give their data out themselves and run in this stack.
    fn stores(&self, selected: &[ServiceName]) -> Vec<ServiceName> {
        let services = self.unpacked.contents.services.iter();
        services
            .filter(|s| s.method.by_the_store())
            .filter_map(|s| s.service.parse().ok())
            .filter(|name| selected.contains(name))
            .collect()
    }

    async fn load<V: Events>(&mut self, events: &V) -> Result<(), RestoreError> {
        if self.work.state.phase >= Phase::Loaded {
            return Ok(());
        }
        let catalogue = self.catalogue()?;
        let opened = open(self.host, &catalogue, &self.question.base_dir)?;
        let config = opened.config;
        let stores = self.stores(config.selection.services());
        if !stores.is_empty() {
            self.deploy(Some(&stores), events).await?;
        }
        let tree = self.work.tree();
        let contents = &self.unpacked.contents;
        for name in &stores {
            let method = contents
                .services
                .iter()
                .find(|s| s.service == name.as_str())
                .map(|s| s.method);
            let store = Store::find(self.engine, &config, &catalogue, name).await?;
            match (method, &contents.postgres, &contents.qdrant) {
                (Some(Method::PostgresDump), Some(dumped), _) => {
                    let roles = tree.join("dumps").join(name.as_str()).join("roles.json");
                    store.load(dumped, &tree, &roles).await?;
                }
                (Some(Method::QdrantSnapshots), _, Some(snapshots)) => {
                    store.recover(snapshots, &tree).await?;
                }
                _ => {}
            }
        }
        Ok(self.work.reached(Phase::Loaded)?)
    }

    /// An ordinary deploy, of these services alone when some are named.
    async fn deploy<V: Events>(
        &self,
        only: Option<&[ServiceName]>,
        events: &V,
    ) -> Result<(), RestoreError> {
        let catalogue = self.catalogue()?;
        deploy(
            self.engine,
            self.host,
            &catalogue,
            &self.question.base_dir,
            self.places,
            &self.options,
            only,
            events,
        )
        .await
    }
}

/// Refuses an archive of another stack than the one that is in a directory.
fn same_stack(base_dir: &Path, contents: &Contents) -> Result<(), RestoreError> {
    let id = crate::host::ManifestStore::new(base_dir).stack_id()?;
    let found = &contents.stack.id;
    match id.filter(|id| id != found) {
        Some(expected) => Err(RestoreError::OtherStack {
            expected: expected.to_string(),
            found: found.to_string(),
        }),
        None => Ok(()),
    }
}

/// Deploys the stack in a directory as its own manifest says, of these services alone when some are named.
#[allow(clippy::too_many_arguments)] // what every part of a restore has
async fn deploy<E: Engine, H: Host, V: Events>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    base_dir: &Path,
    places: &Places,
    options: &ApplyOptions,
    only: Option<&[ServiceName]>,
    events: &V,
) -> Result<(), RestoreError> {
    let inputs = Inputs {
        flags: [("BASE_DIR".to_owned(), base_dir.display().to_string())].into(),
        restoring: true,
        best_effort: true,
        command: "restore".to_owned(),
        ..Inputs::default()
    };
    let mut prepared = Box::pin(prepare(
        engine,
        host,
        catalogue,
        &inputs,
        places,
        Intent::Deploy,
    ))
    .await?;
    if let Some(services) = only {
        prepared.only(services);
    }
    Box::pin(prepared.deploy(engine, host, options, events)).await?;
    Ok(())
}
