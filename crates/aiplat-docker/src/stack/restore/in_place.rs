//! A stack put back to what an archive has: what was there is kept aside until the restored stack is healthy, and comes
//! back when it does not become so.

use std::path::Path;

use super::state::{Phase, aside_name, closed};
use super::{RestoreError, Run, deploy};
use crate::blocking::blocking;
use crate::engine::Engine;
use crate::events::Events;
use crate::host::{Host, HostError, ManifestStore};
use crate::stack::steps::Steps;

/// What goes aside, and under which name there: a copy of a manifest must not be taken for a stack.
const MOVED: [(&str, &str); 6] = [
    ("config/.env", "stack/manifest"),
    ("config/secrets", "stack/secrets"),
    ("config/services", "stack/services"),
    ("data", "data"),
    ("caddy", "caddy"),
    ("ssl", "ssl"),
];

/// Stops the stack and moves what it has aside. From its first record on, a failure is one to come back from.
pub(super) async fn clear<E: Engine, H: Host, V: Events>(
    run: &mut Run<'_, E, H>,
    steps: &Steps<'_, V>,
) -> Result<(), RestoreError> {
    if run.work.state.phase >= Phase::Cleared {
        return Ok(());
    }
    let base_dir = run.question.base_dir.clone();
    let moved = async {
        if run.work.state.aside.is_none() {
            run.work.put_aside(aside_name(&run.question.moment))?;
        }
        stop(run.engine, &base_dir).await?;
        let aside = run.work.aside().unwrap_or_default();
        blocking(|| aside_with(run.host, &base_dir, &aside))?;
        Ok::<_, RestoreError>(run.work.reached(Phase::Cleared)?)
    };
    steps
        .step(
            "restore/aside",
            "what is there is kept until the end",
            moved,
        )
        .await
}

/// Stops every container of the stack.
async fn stop<E: Engine>(engine: &E, base_dir: &Path) -> Result<(), RestoreError> {
    let Some(id) = ManifestStore::new(base_dir).stack_id()? else {
        return Ok(());
    };
    for container in engine.containers().await? {
        if container.belongs_to(&id) {
            engine.container_stop(&container.id, 60).await?;
        }
    }
    Ok(())
}

/// Moves everything aside that is not there yet: twice has the effect of once.
fn aside_with<H: Host>(host: &H, base_dir: &Path, aside: &Path) -> Result<(), HostError> {
    closed(host, aside)?;
    closed(host, &aside.join("stack"))?;
    for (from, to) in MOVED {
        let (from, to) = (base_dir.join(from), aside.join(to));
        if from.exists() && !to.exists() {
            host.rename(&from, &to)?;
        }
    }
    Ok(())
}

/// Puts back what was there, and says why it had to.
pub(super) async fn put_back<E: Engine, H: Host, V: Events>(
    mut run: Run<'_, E, H>,
    first: RestoreError,
    steps: &Steps<'_, V>,
) -> RestoreError {
    let Some(aside) = run.work.aside() else {
        return run.work.fail(first);
    };
    let back = steps
        .step(
            "restore/back",
            "it failed: the stack is put back",
            back(&mut run, &aside),
        )
        .await;
    if let Err(source) = back {
        return RestoreError::NotPutBack {
            first: first.to_string(),
            aside,
            source: Box::new(source),
        };
    }
    match start(run, steps.events).await {
        Ok(()) => RestoreError::PutBack {
            source: Box::new(first),
        },
        Err(source) => RestoreError::NotUp {
            first: first.to_string(),
            source: Box::new(source),
        },
    }
}

/// Moves everything back that is aside; what the restore put into its places goes with the restore's own directory.
async fn back<E: Engine, H: Host>(
    run: &mut Run<'_, E, H>,
    aside: &Path,
) -> Result<(), RestoreError> {
    let (host, base_dir) = (run.host, &run.question.base_dir);
    run.work.state.returning = true;
    run.work.write()?;
    stop(run.engine, base_dir).await?;
    let failed = run.work.path("failed");
    blocking(|| {
        host.remove_own(&failed)?;
        closed(host, &failed)?;
        for (number, (to, from)) in MOVED.iter().enumerate() {
            let (from, to) = (aside.join(from), base_dir.join(to));
            if from.exists() {
                if to.exists() {
                    host.rename(&to, &failed.join(number.to_string()))?;
                }
                host.rename(&from, &to)?;
            }
        }
        Ok::<_, HostError>(())
    })?;
    Ok(())
}

/// Ends the restore and brings up the stack as it was.
async fn start<E: Engine, H: Host, V: Events>(
    run: Run<'_, E, H>,
    events: &V,
) -> Result<(), RestoreError> {
    let base_dir = run.question.base_dir.clone();
    let catalogue = crate::stack::catalogue(&base_dir)?;
    let (engine, host, places, options) = (run.engine, run.host, run.places, run.options.clone());
    run.work.end()?;
    deploy(
        engine, host, &catalogue, &base_dir, places, &options, None, events,
    )
    .await
}
