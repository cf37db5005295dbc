//! As if a process had got out of its mounts: every user of a stack, on the host itself, without any right but its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aiplat_core::spec::Owner;

use crate::proof::prober::{Attempt, Entry, How, Prober};
use crate::proof::{Cell, Layer, Scene, Stack};

pub(super) async fn cells(scene: &Scene<'_>, stack: &Stack) -> Vec<Cell> {
    let mut users: BTreeMap<Owner, Vec<u32>> = BTreeMap::new();
    for service in &stack.desired.services {
        users
            .entry(service.container.user)
            .or_insert_with(|| service.container.groups.clone());
    }
    let mut cells = Vec::new();
    // root is no user of a stack: a service that needs it says so in an exception, and the process layer names it
    for (user, groups) in users.into_iter().filter(|(user, _)| user.uid != 0) {
        let entry = Entry {
            uid: user.uid,
            gid: user.gid,
            groups,
            ..Entry::default()
        };
        let mut prober = Prober::start(&scene.options.prober, &entry)
            .await
            .map_err(|e| e.to_string());
        for target in &scene.stacks {
            let own = target.config.id == stack.config.id;
            let paths = if own {
                foreign_secrets(target, user)
            } else {
                theirs(target)
            };
            if own && paths.is_empty() {
                continue;
            }
            let from = format!("{} as user {}", stack.name, user.uid);
            let cell = Cell::new(
                Layer::Files,
                from,
                &target.name,
                format!(
                    "reading and writing {} of its paths on the host itself",
                    paths.len()
                ),
            )
            .expect("none can be read or written")
            .evidence(format!("below {}", target.config.base_dir().display()));
            cells.push(match &mut prober {
                Err(words) => cell.not_tried(words.clone()),
                Ok(prober) => tried(prober, cell, &paths).await,
            });
        }
        if let Ok(prober) = prober {
            prober.end().await;
        }
    }
    cells
}

/// All that the plan names below the directory, which itself is the operator's.
fn theirs(stack: &Stack) -> Vec<PathBuf> {
    let base = stack.config.base_dir();
    stack
        .paths()
        .into_iter()
        .filter(|p| p != base && p.starts_with(base))
        .collect()
}

/// Secrets of one's own stack that another of its users reads.
fn foreign_secrets(stack: &Stack, user: Owner) -> Vec<PathBuf> {
    let secrets = stack.config.path("config/secrets");
    let files = stack.desired.files.iter();
    files
        .filter(|f| f.path.starts_with(&secrets) && f.owner.uid != user.uid)
        .map(|f| f.path.clone())
        .collect()
}

async fn tried(prober: &mut Prober, cell: Cell, paths: &[PathBuf]) -> Cell {
    let each = |how: How| {
        move |path: &PathBuf| Attempt::Path {
            path: path.clone(),
            how,
        }
    };
    let attempts: Vec<Attempt> = paths
        .iter()
        .map(each(How::Read))
        .chain(paths.iter().map(each(How::Write)))
        .collect();
    match prober.attempt(&attempts).await {
        Err(error) => cell.not_tried(error.to_string()),
        Ok(seen) => {
            let named = paths.iter().chain(paths).zip(&seen);
            let open: Vec<String> = named
                .filter(|(_, s)| s.through())
                .map(|(p, s)| format!("`{}`: {}", short(p), s.text))
                .collect();
            let micros = seen.iter().map(|s| s.micros).sum();
            cell.decided(&open, format!("{} tried, none works", seen.len()))
                .took(micros)
        }
    }
}

fn short(path: &Path) -> String {
    path.display().to_string()
}
