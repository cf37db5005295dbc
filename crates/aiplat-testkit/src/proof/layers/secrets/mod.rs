//! One stack's secrets, looked for everywhere else: the other stacks' containers, files and logs, what the engine tells of
//! anybody, and what we write ourselves. What is said of a find is the secret's name and the place, never more.

mod container;
mod files;
mod needles;

use std::collections::BTreeSet;

use aiplat_core::config::needed;
use aiplat_core::secret::Format;
use aiplat_docker::apply::JournalFile;
use futures_util::future::join_all;
use secrecy::ExposeSecret;

use crate::proof::{Cell, Layer, Scene, Stack};
use needles::Needles;

pub(super) async fn cells(scene: &Scene<'_>) -> Vec<Cell> {
    let needles = Needles::new(scene.stacks.iter().map(|s| (s.name.as_str(), secrets(s))));
    let mut cells = Vec::new();
    for (index, stack) in scene.stacks.iter().enumerate() {
        cells.push(ours(scene, stack, &needles));
        for other in &scene.stacks[index + 1..] {
            cells.push(common(stack, other));
        }
    }
    let members = scene
        .stacks
        .iter()
        .flat_map(|s| s.members.iter().map(move |m| (s, m)));
    let looked = members.map(|(stack, member)| container::cells(scene, stack, member, &needles));
    cells.extend(join_all(looked).await.into_iter().flatten());
    for stack in &scene.stacks {
        cells.extend(files::cells(scene, stack, &needles));
    }
    cells
}

/// The secrets of a stack that are its own: one that an operator gave may be given to several.
fn secrets(stack: &Stack) -> Vec<(String, String)> {
    let given = given(stack);
    let all = stack.config.secrets.iter();
    all.filter(|(name, _)| !given.contains(name.as_str()))
        .map(|(name, value)| (name.to_string(), value.expose_secret().to_owned()))
        .collect()
}

/// Names of secrets that are never drawn.
fn given(stack: &Stack) -> BTreeSet<String> {
    let config = &stack.config;
    let needs = needed(
        &config.settings,
        config.name(),
        &config.selection,
        &stack.catalogue,
    );
    let only = needs.into_iter().filter(|n| n.format == Format::Given);
    only.map(|n| n.name.to_string()).collect()
}

/// No value that was drawn stands in both.
fn common(one: &Stack, other: &Stack) -> Cell {
    let (a, b) = (secrets(one), secrets(other));
    let values: BTreeSet<&str> = b.iter().map(|(_, value)| value.as_str()).collect();
    let shared: Vec<String> = a
        .iter()
        .filter(|(_, value)| values.contains(value.as_str()))
        .map(|(name, _)| format!("`{name}` is the same in both"))
        .collect();
    let exempt = given(one);
    let words = if exempt.is_empty() {
        format!("{} and {} secrets, all different", a.len(), b.len())
    } else {
        let names: Vec<String> = exempt.into_iter().collect();
        format!(
            "{} and {} secrets, all different; not compared, because an operator gives them: {}",
            a.len(),
            b.len(),
            names.join(", ")
        )
    };
    Cell::new(
        Layer::Secrets,
        &one.name,
        &other.name,
        "the values of their secrets",
    )
    .expect("none in common")
    .decided(&shared, words)
    .evidence("config/secrets of both")
}

/// What we write ourselves holds nobody's secret.
fn ours(scene: &Scene<'_>, stack: &Stack, needles: &Needles) -> Cell {
    let mut places = vec![
        JournalFile::of(&stack.config).path,
        stack.config.path("config/lock"),
        scene.bed.places.state_dir.join("register.json"),
    ];
    places.extend(
        stack
            .desired
            .profiles
            .iter()
            .flat_map(|p| [p.source.clone(), p.system.clone()]),
    );
    let mut problems = Vec::new();
    let mut read = 0;
    for place in places {
        let Ok(text) = std::fs::read(&place) else {
            continue;
        };
        read += 1;
        let found = needles.find(&text);
        problems.extend(
            found.into_iter().map(|(whose, name)| {
                format!("`{name}` of `{whose}` stands in `{}`", place.display())
            }),
        );
    }
    Cell::new(
        Layer::Secrets,
        "every stack",
        &stack.name,
        "secrets in what we write: journal, lock, register, profiles",
    )
    .expect("none")
    .decided(&problems, format!("{read} files"))
    .evidence(stack.config.path("config").display().to_string())
}
