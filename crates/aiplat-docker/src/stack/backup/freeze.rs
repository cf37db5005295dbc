//! Directories as they are at one moment: copied while their programs run, then, while those are paused, once more what
//! changed meanwhile. So the pause is as long as the changes are many, and not as long as the data is large.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use aiplat_core::backup::{Frozen, ServiceBackup};
use aiplat_core::config::StackConfig;

use super::BackupError;
use super::staging::Staging;
use crate::blocking::blocking;
use crate::engine::Engine;
use crate::host::HostError;
use crate::host::files::copy::{self, Copied};

/// What a copy came to.
pub(super) struct Taken {
    pub(super) bytes: u64,
    pub(super) paused: Duration,
    pub(super) left_out: Vec<(PathBuf, &'static str)>,
}

pub(super) async fn take<E: Engine>(
    engine: &E,
    config: &StackConfig,
    item: &ServiceBackup,
    staging: &Staging,
) -> Result<Taken, BackupError> {
    let all = |earlier: &[Copied]| -> Result<Vec<Copied>, HostError> {
        item.directories
            .iter()
            .enumerate()
            .map(|(n, inner)| {
                copy::copy(&config.path(inner), &staging.place(inner)?, earlier.get(n))
            })
            .collect()
    };
    let first = blocking(|| all(&[]))?;
    if item.pause.is_empty() {
        return Ok(taken(first, Duration::ZERO));
    }
    let began = Instant::now();
    let mut paused = Vec::new();
    let second = match pause(engine, config, &item.pause, &mut paused).await {
        Ok(()) => blocking(|| all(&first)).map_err(BackupError::from),
        Err(error) => Err(error),
    };
    // whatever came of it
    let on = unpause(engine, &paused).await;
    let took = began.elapsed();
    let second = second?;
    on?;
    Ok(taken(second, took))
}

fn taken(copies: Vec<Copied>, paused: Duration) -> Taken {
    Taken {
        bytes: copies.iter().map(|c| c.bytes).sum(),
        paused,
        left_out: copies.into_iter().flat_map(|c| c.left_out).collect(),
    }
}

/// Pauses all of them, noting each before it is asked: one whose answer got lost may be paused.
async fn pause<E: Engine>(
    engine: &E,
    config: &StackConfig,
    wanted: &[Frozen],
    paused: &mut Vec<(String, String)>,
) -> Result<(), BackupError> {
    let mut found = Vec::new();
    for one in wanted {
        let detail = engine.container_inspect(one.container.as_str()).await?;
        if !detail.belongs_to(&config.id) {
            return Err(crate::stack::StoreError::Foreign {
                container: detail.name,
            }
            .into());
        }
        if detail.is_up() {
            found.push((one.service.to_string(), detail.id));
        }
    }
    for (service, id) in found {
        paused.push((service, id.clone()));
        engine.container_pause(&id).await?;
    }
    Ok(())
}

async fn unpause<E: Engine>(engine: &E, paused: &[(String, String)]) -> Result<(), BackupError> {
    let mut failed = None;
    for (service, id) in paused {
        if let Err(source) = engine.container_unpause(id).await {
            failed.get_or_insert(BackupError::StillPaused {
                service: service.clone(),
                source,
            });
        }
    }
    failed.map_or(Ok(()), Err)
}
