//! A consistent copy of a stack's data, put together beside it and written into one archive.
//!
//! [`prepare_backup`] looks and plans; [`PreparedBackup::run`] carries it out under the stack's lock. Stores give their
//! data out by their own means; other services' directories are copied while they run and, for what changed meanwhile,
//! once more while they are paused. A run that is killed leaves a directory that the next one removes, and at worst a
//! paused container that the next backup or deploy lets go on.

mod error;
mod freeze;
mod pack;
pub(super) mod staging;

pub use error::BackupError;
pub use pack::{BackupReport, Destination};

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aiplat_core::backup::{self, BackupPlan, Contents, Method, ServiceBackup, ServiceContents};
use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::names::ServiceName;
use aiplat_core::settings::Warning;

use super::steps::Steps;
use super::stores::Store;
use super::{Operation, Places, open};
use crate::blocking::blocking;
use crate::engine::Engine;
use crate::events::Events;
use crate::host::files::{copy, names_in};
use crate::host::{Host, HostError};
use crate::observe::{ObserveQuestion, observe};
use staging::Staging;

/// A backup that is planned; under the stack's lock unless it was only to be looked at.
#[derive(Debug)]
pub struct PreparedBackup {
    /// The stack.
    pub config: StackConfig,
    /// What will be done.
    pub plan: BackupPlan,
    /// Bytes that the copy beside the stack may take at most.
    pub expected_bytes: u64,
    /// Bytes that are free on the stack's volume.
    pub free_bytes: u64,
    /// What works but was perhaps not meant.
    pub warnings: Vec<Warning>,
    operation: Option<Operation>,
}

/// What a backup is asked for.
#[derive(Debug, Clone, Default)]
pub struct BackupQuestion {
    /// The stack's directory.
    pub base_dir: PathBuf,
    /// Services that are taken along although their file leaves them out.
    pub with: BTreeSet<String>,
    /// Only to be looked at: takes no lock.
    pub look_only: bool,
    /// The command, for whoever meets its lock.
    pub command: String,
}

/// Looks at a stack and plans its backup. Nothing has been touched.
///
/// # Errors
/// [`BackupError`].
pub async fn prepare_backup<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    question: &BackupQuestion,
    places: &Places,
) -> Result<PreparedBackup, BackupError> {
    let (base_dir, command) = (&question.base_dir, &question.command);
    let mut operation = if question.look_only {
        None
    } else {
        Some(Operation::on_stack(host, places, base_dir, command)?)
    };
    let opened = open(host, catalogue, base_dir)?;
    let (config, base_dir) = (opened.config, opened.volume.path);
    if let Some(operation) = &mut operation {
        operation.started(&config.id, None)?;
    }
    let observed = observe(
        engine,
        host,
        &ObserveQuestion {
            base_dir: base_dir.clone(),
            ..ObserveQuestion::default()
        },
    )
    .await?;
    let seen = blocking(|| look(&base_dir))?;
    let plan = backup::plan(&config, catalogue, &observed, &seen, &question.with)
        .map_err(BackupError::Problems)?;
    let expected_bytes = plan.services.iter().map(|s| s.bytes).sum();
    Ok(PreparedBackup {
        config,
        plan,
        expected_bytes,
        free_bytes: host.volume(&base_dir)?.free_bytes,
        warnings: opened.warnings,
        operation,
    })
}

/// What lies in the stack's own directories.
fn look(base_dir: &Path) -> Result<backup::Seen, HostError> {
    let mut seen = backup::Seen::default();
    for name in names_in(&base_dir.join("data"))? {
        let Some(name) = name.to_str().map(str::to_owned) else {
            continue;
        };
        let inner = Path::new("data").join(&name);
        let bytes = copy::bytes_below(&base_dir.join(&inner))?;
        seen.bytes.insert(inner, bytes);
        seen.data.insert(name);
    }
    let caddy = PathBuf::from("caddy");
    let bytes = copy::bytes_below(&base_dir.join(&caddy))?;
    seen.bytes.insert(caddy, bytes);
    Ok(seen)
}

impl PreparedBackup {
    /// Makes the backup and writes it to its destination.
    ///
    /// # Errors
    /// [`BackupError`]; the stack goes on as it was, and nothing half made is left at the destination.
    pub async fn run<E: Engine, V: Events>(
        mut self,
        engine: &E,
        catalogue: &Catalogue,
        to: &Destination<'_>,
        events: &V,
    ) -> Result<BackupReport, BackupError> {
        let operation = self.operation.take();
        let made = self.make(engine, catalogue, to, events).await;
        Operation::end_held(operation, made)
    }

    async fn make<E: Engine, V: Events>(
        &self,
        engine: &E,
        catalogue: &Catalogue,
        to: &Destination<'_>,
        events: &V,
    ) -> Result<BackupReport, BackupError> {
        let base_dir = self.config.base_dir().to_path_buf();
        let needed = self.expected_bytes + to.bytes_on(&base_dir, self.expected_bytes);
        if needed > self.free_bytes {
            return Err(BackupError::NoRoom {
                needed,
                free: self.free_bytes,
                path: base_dir,
            });
        }
        let steps = Steps::new(events, self.plan.services.len() + 2, to.kill_after);
        let staging = Staging::begin(&base_dir)?;
        self.thaw(engine).await?;
        let mut run = Run {
            engine,
            catalogue,
            config: &self.config,
            staging: &staging,
            contents: pack::contents(&self.config, &self.plan),
            not_copied: Vec::new(),
        };
        let files = async { blocking(|| run.own_files(&self.plan.files)) };
        steps
            .step(
                "backup/manifest and secrets",
                "the stack's own files",
                files,
            )
            .await?;
        for item in &self.plan.services {
            let id = format!("backup/{}", item.service);
            steps
                .step(&id, item.method.word(), run.service(item))
                .await?;
        }
        let Run {
            contents,
            not_copied,
            ..
        } = run;
        let packed =
            async { blocking(|| pack::pack(&self.config, &staging, contents, not_copied, to)) };
        let report = steps
            .step("backup/archive", "everything into one file", packed)
            .await?;
        Ok(report)
    }

    /// Lets containers go on that a killed run left paused.
    async fn thaw<E: Engine>(&self, engine: &E) -> Result<(), BackupError> {
        for name in &self.plan.thaw {
            let detail = engine.container_inspect(name.as_str()).await?;
            if detail.belongs_to(&self.config.id) {
                engine.container_unpause(&detail.id).await?;
            }
        }
        Ok(())
    }
}

/// A backup under way.
struct Run<'a, E> {
    engine: &'a E,
    catalogue: &'a Catalogue,
    config: &'a StackConfig,
    staging: &'a Staging,
    contents: Contents,
    not_copied: Vec<(PathBuf, &'static str)>,
}

impl<E: Engine> Run<'_, E> {
    fn own_files(&mut self, files: &[PathBuf]) -> Result<(), BackupError> {
        for inner in files {
            let to = self.staging.place(pack::in_archive(inner))?;
            let copied = copy::copy(&self.config.path(inner), &to, None)?;
            self.not_copied.extend(copied.left_out);
        }
        Ok(())
    }

    async fn service(&mut self, item: &ServiceBackup) -> Result<(), BackupError> {
        let (mut bytes, mut paused_ms) = (None, 0);
        match item.method {
            Method::Freeze | Method::Files => {
                let taken = freeze::take(self.engine, self.config, item, self.staging).await?;
                bytes = Some(taken.bytes);
                paused_ms =
                    u64::try_from(taken.paused.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
                self.not_copied.extend(taken.left_out);
            }
            Method::PostgresDump => {
                let store = self.store(item).await?;
                let (folder, prefix) = self.dumps(item)?;
                self.contents.postgres = Some(store.dump(&folder, &prefix).await?);
            }
            Method::RedisSave => {
                let store = self.store(item).await?;
                let (folder, prefix) = self.dumps(item)?;
                let keys = store.save(&folder.join("dump.rdb")).await?;
                let file = format!("{prefix}/dump.rdb");
                self.contents.redis = Some(backup::RedisContents { file, keys });
            }
            Method::QdrantSnapshots => {
                let store = self.store(item).await?;
                let (folder, prefix) = self.dumps(item)?;
                self.contents.qdrant = Some(store.snapshots(&folder, &prefix).await?);
            }
        }
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => copy::bytes_below(&self.dumps(item)?.0)?,
        };
        let service = item
            .service
            .parse::<ServiceName>()
            .ok()
            .and_then(|name| self.catalogue.get(&name));
        self.contents.services.push(ServiceContents {
            service: item.service.clone(),
            method: item.method,
            image: service.map(|s| self.config.image(s)),
            data_format: pack::data_format(self.config, &item.service),
            bytes,
            paused_ms,
            bound: item.bound.clone(),
        });
        Ok(())
    }

    fn dumps(&self, item: &ServiceBackup) -> Result<(PathBuf, String), BackupError> {
        let prefix = format!("dumps/{}", item.service);
        Ok((self.staging.folder(&prefix)?, prefix))
    }

    async fn store(&self, item: &ServiceBackup) -> Result<Store<'_, E>, BackupError> {
        let name = item.service.parse::<ServiceName>();
        let name = name.map_err(|_| super::StoreError::Unreachable {
            service: item.service.clone(),
        })?;
        Ok(Store::find(self.engine, self.config, self.catalogue, &name).await?)
    }
}

/// What was left out of a directory, by path below `BASE_DIR`.
pub(super) fn left_out(
    base_dir: &Path,
    all: Vec<(PathBuf, &'static str)>,
) -> BTreeMap<String, String> {
    all.into_iter()
        .map(|(path, why)| {
            let inner = path.strip_prefix(base_dir).unwrap_or(&path);
            (inner.display().to_string(), why.to_owned())
        })
        .collect()
}
