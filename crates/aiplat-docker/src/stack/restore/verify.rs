//! A backup tried out: restored into a scratch stack of its own, counted and compared, and the scratch stack removed.

use std::path::Path;
use std::time::{Duration, Instant};

use aiplat_core::allocation::SCRATCH;
use aiplat_core::backup::Method::{PostgresDump, QdrantSnapshots, RedisSave};
use aiplat_core::backup::{Contents, TableRows, scratch_name};
use aiplat_core::catalogue::Catalogue;

use super::{RestoreError, RestoreQuestion, Run, Source};
use crate::apply::ApplyOptions;
use crate::blocking::blocking;
use crate::engine::Engine;
use crate::events::Events;
use crate::host::files::copy;
use crate::host::{Host, draw};
use crate::stack::backup::staging::closed;
use crate::stack::steps::Steps;
use crate::stack::stores::Store;
use crate::stack::{Places, TeardownError, open, teardown};

/// What was found again.
#[derive(Debug, Clone)]
pub struct VerifyReport {
    /// What the archive says of itself.
    pub contents: Contents,
    /// SHA-256 of the archive.
    pub sha256: String,
    /// Files whose hashes were compared on disk.
    pub files: usize,
    /// Databases, tables and rows that were counted.
    pub databases: usize,
    /// Tables among them.
    pub tables: usize,
    /// Rows in them.
    pub rows: u64,
    /// Keys of the cache.
    pub keys: u64,
    /// Collections of vectors.
    pub collections: usize,
    /// Points in them.
    pub points: u64,
    /// How long it took.
    pub took: Duration,
}

/// Restores an archive of the stack in `base_dir` into a scratch stack beside it, compares hashes, rows, keys and points
/// with what the archive says, and removes the scratch stack, as well as one that a killed run left.
///
/// # Errors
/// [`RestoreError::Differences`] when something is not as it was; the scratch stack is removed then too.
#[allow(clippy::too_many_arguments)] // what every operation has, and the test's kill
pub async fn verify_backup<E: Engine, H: Host, V: Events>(
    engine: &E,
    host: &H,
    source: &Source<'_>,
    base_dir: &Path,
    places: &Places,
    options: &ApplyOptions,
    kill_after: Option<usize>,
    events: &V,
) -> Result<VerifyReport, RestoreError> {
    let steps = Steps::new(events, 4, kill_after);
    let scratch = base_dir.join(SCRATCH);
    steps
        .step(
            "verify/tidy",
            "what a killed run left",
            remove(engine, host, &scratch, places, options, events),
        )
        .await?;
    closed(&base_dir.join("backups"))?;
    closed(&scratch)?;
    let tried = tried(engine, host, source, &scratch, places, options, &steps).await;
    let removed = steps
        .step(
            "verify/remove",
            "the scratch stack",
            remove(engine, host, &scratch, places, options, events),
        )
        .await;
    let report = tried?;
    removed?;
    Ok(report)
}

async fn tried<E: Engine, H: Host, V: Events>(
    engine: &E,
    host: &H,
    source: &Source<'_>,
    scratch: &Path,
    places: &Places,
    options: &ApplyOptions,
    steps: &Steps<'_, V>,
) -> Result<VerifyReport, RestoreError> {
    let began = Instant::now();
    let mut question = RestoreQuestion {
        base_dir: scratch.to_path_buf(),
        command: "verify".to_owned(),
        ..RestoreQuestion::default()
    };
    let of = super::unpack::header(source)?;
    question.flags = flags(&of)?;
    let mut run = Run::begin(engine, host, source, &question, places, options)?;
    steps
        .step("verify/unpack", "read and checked", async {
            run.unpack(source)
        })
        .await?;
    let mut differences = blocking(|| run.unpacked.differences(&run.work.tree()))?;
    let mut report = VerifyReport {
        files: run
            .unpacked
            .records
            .iter()
            .filter(|r| r.sha256.is_some())
            .count(),
        sha256: run.unpacked.sha256.clone(),
        contents: run.unpacked.contents.clone(),
        databases: 0,
        tables: 0,
        rows: 0,
        keys: 0,
        collections: 0,
        points: 0,
        took: Duration::ZERO,
    };
    if of.services.iter().any(|s| s.method.by_the_store()) {
        let stores = async {
            run.settle().await?;
            blocking(|| run.place())?;
            run.load(steps.events).await
        };
        steps
            .step(
                "verify/stores",
                "given their data in a scratch stack",
                stores,
            )
            .await?;
        let catalogue = run.catalogue()?;
        let counted = count(&run, &catalogue, &mut report, &mut differences);
        steps
            .step("verify/compare", "rows, keys and points", counted)
            .await?;
    }
    report.took = began.elapsed();
    if differences.is_empty() {
        Ok(report)
    } else {
        Err(RestoreError::Differences(differences))
    }
}

/// A stack with nothing but the stores, that nobody outside can reach.
fn flags(of: &Contents) -> Result<std::collections::BTreeMap<String, String>, RestoreError> {
    let random = draw(2)?;
    let random = u16::from_be_bytes([random[0], random[1]]);
    let name = scratch_name(&of.stack.name, random);
    let stores: Vec<&str> = of
        .services
        .iter()
        .filter(|s| s.method.by_the_store())
        .map(|s| s.service.as_str())
        .collect();
    Ok([
        ("DOMAIN_NAME", format!("verify-{random:04x}.localhost")),
        ("PUBLISH", "front-door".to_owned()),
        ("SERVICES", stores.join(",")),
        ("DOCKER_NETWORK", name.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into())
}

async fn count<E: Engine, H: Host>(
    run: &Run<'_, E, H>,
    catalogue: &Catalogue,
    report: &mut VerifyReport,
    differences: &mut Vec<String>,
) -> Result<(), RestoreError> {
    let opened = open(run.host, catalogue, &run.question.base_dir)?;
    let config = opened.config;
    let contents = &run.unpacked.contents;
    for name in run.stores(config.selection.services()) {
        let store = Store::find(run.engine, &config, catalogue, &name).await?;
        let is = |method| {
            contents
                .services
                .iter()
                .any(|s| s.service == name.as_str() && s.method == method)
        };
        if let Some(dumped) = contents.postgres.as_ref().filter(|_| is(PostgresDump)) {
            for (database, tables) in store.counted(dumped).await? {
                let wanted = dumped.databases.iter().find(|d| d.name == database);
                let wanted = wanted.map(|d| d.tables.as_slice()).unwrap_or_default();
                if wanted != tables {
                    differences.push(rows(&database, wanted, &tables));
                }
                report.databases += 1;
                report.tables += tables.len();
                report.rows += tables.iter().map(|t| t.rows).sum::<u64>();
            }
        }
        if let Some(saved) = contents.redis.as_ref().filter(|_| is(RedisSave)) {
            let found = store.keys().await?;
            for (database, wanted) in &saved.keys {
                let keys = found.get(database).copied().unwrap_or(0);
                if keys < wanted.least || keys > wanted.most {
                    differences.push(format!(
                        "the cache has {keys} keys in {database}, expected {} to {}",
                        wanted.least, wanted.most
                    ));
                }
                report.keys += keys;
            }
        }
        if let Some(snapshots) = contents.qdrant.as_ref().filter(|_| is(QdrantSnapshots)) {
            for collection in &snapshots.collections {
                let points = store.points(&collection.name).await?;
                if points < collection.before || points > collection.after {
                    differences.push(format!(
                        "collection `{}` has {points} points, expected {}",
                        collection.name, collection.before
                    ));
                }
                report.collections += 1;
                report.points += points;
            }
        }
    }
    Ok(())
}

fn rows(database: &str, wanted: &[TableRows], found: &[TableRows]) -> String {
    let first = wanted.iter().find(|w| !found.contains(w));
    match first {
        Some(table) => {
            let now = found
                .iter()
                .find(|f| (&f.schema, &f.table) == (&table.schema, &table.table));
            let now = now.map_or_else(
                || "is not there".to_owned(),
                |t| format!("has {} rows", t.rows),
            );
            format!(
                "table `{}.{}` of database `{database}` {now}, expected {} rows",
                table.schema, table.table, table.rows
            )
        }
        None => format!("database `{database}` has tables that were not backed up"),
    }
}

/// Removes a scratch stack with all that is in its directory, whatever a killed run left of it.
async fn remove<E: Engine, H: Host, V: Events>(
    engine: &E,
    host: &H,
    scratch: &Path,
    places: &Places,
    options: &ApplyOptions,
    events: &V,
) -> Result<(), RestoreError> {
    if !scratch.exists() {
        return Ok(());
    }
    let catalogue = crate::stack::catalogue(scratch)
        .or_else(|_| Catalogue::built_in().map_err(crate::stack::CatalogueError::Problems))?;
    let torn = Box::pin(teardown(engine, host, &catalogue, scratch, true, places)).await;
    match torn {
        Ok(planned) => {
            Box::pin(planned.run(engine, host, options, events)).await?;
        }
        // it was killed before there was anything of it
        Err(TeardownError::NoStack { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(copy::remove(scratch)?)
}
