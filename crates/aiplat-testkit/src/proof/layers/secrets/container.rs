//! Secrets in what the engine tells of a container, in its processes and in its log.

use std::fs;

use aiplat_docker::engine::Engine;
use serde_json::Value;

use super::needles::Needles;
use crate::proof::{Cell, Layer, Member, Scene, Stack};

/// Lines of a log that are read, the newest ones.
const LINES: u32 = 2000;

const ENVIRONMENT: &str = "its environment";
const PROCESSES: &str = "the environment of its processes";

pub(super) async fn cells(
    scene: &Scene<'_>,
    stack: &Stack,
    member: &Member,
    needles: &Needles,
) -> Vec<Cell> {
    let log = scene
        .bed
        .engine
        .logs_tail(&member.detail.id, LINES)
        .await
        .map(|lines| {
            let texts: Vec<String> = lines.into_iter().map(|l| l.text).collect();
            texts.join("\n").into_bytes()
        });
    let places = places(scene, member);
    let mut cells = Vec::new();
    for other in scene
        .stacks
        .iter()
        .filter(|o| o.config.id != stack.config.id)
    {
        let cell = Cell::new(
            Layer::Secrets,
            &other.name,
            &member.label,
            "its secrets in inspection, environment, labels, arguments and log",
        )
        .expect("none")
        .evidence(member.detail.name.clone());
        let mut problems = Vec::new();
        let log = [("its log", log.as_deref().unwrap_or_default())];
        for (place, bytes) in places.iter().map(|(p, b)| (*p, b.as_slice())).chain(log) {
            let found = needles.find(bytes);
            let theirs = found.into_iter().filter(|(whose, _)| *whose == other.name);
            problems.extend(theirs.map(|(_, name)| format!("`{name}` stands in {place}")));
        }
        cells.push(cell.decided(&problems, format!("{} places", places.len() + 1)));
    }
    cells.push(own(stack, member, &places, needles));
    let cell = Cell::new(
        Layer::Secrets,
        &stack.name,
        &member.label,
        "its own stack's secrets in its log",
    )
    .expect("none");
    cells.push(match log {
        Err(error) => cell.not_tried(error.to_string()),
        Ok(text) => {
            let found = needles
                .find(&text)
                .into_iter()
                .filter(|(whose, _)| *whose == stack.name);
            let problems: Vec<String> = found
                .map(|(_, name)| format!("`{name}` is written there"))
                .collect();
            cell.decided(&problems, format!("{} bytes", text.len()))
                .evidence(member.detail.name.clone())
        }
    });
    cells
}

/// Places of a container by name, with their bytes.
fn places(scene: &Scene<'_>, member: &Member) -> Vec<(&'static str, Vec<u8>)> {
    let inspect: Value = serde_json::from_str(&member.inspect).unwrap_or_default();
    let part = |value: &Value| value.to_string().into_bytes();
    let config = &inspect["Config"];
    let mut rest = inspect.clone();
    if let Some(config) = rest["Config"].as_object_mut() {
        for known in ["Env", "Labels", "Cmd", "Entrypoint"] {
            config.remove(known);
        }
    }
    let mut environ = Vec::new();
    let mut arguments = Vec::new();
    for pid in &member.processes {
        let process = scene.bed.host.proc.join(pid.to_string());
        environ.extend(fs::read(process.join("environ")).unwrap_or_default());
        arguments.extend(fs::read(process.join("cmdline")).unwrap_or_default());
    }
    vec![
        (ENVIRONMENT, part(&config["Env"])),
        (PROCESSES, environ),
        ("its labels", part(&config["Labels"])),
        (
            "its arguments",
            [part(&config["Cmd"]), part(&config["Entrypoint"]), arguments].concat(),
        ),
        ("its inspection", part(&rest)),
    ]
}

/// A stack's own secrets stand in a container's environment where the plan puts them, and in nothing else that is told.
fn own(
    stack: &Stack,
    member: &Member,
    places: &[(&'static str, Vec<u8>)],
    needles: &Needles,
) -> Cell {
    let planned: Vec<u8> = member
        .spec
        .env
        .values()
        .map(|value| value.expose().as_bytes())
        .collect::<Vec<_>>()
        .join(&b"\n"[..]);
    let mut allowed = needles.find(&planned);
    let in_environment = allowed.clone();
    // an image's first script may hand on what it reads from a file that is mounted for it
    let mounted: Vec<u8> = member
        .spec
        .binds
        .iter()
        .filter(|b| b.source.starts_with(stack.config.path("config/secrets")))
        .filter_map(|b| fs::read(&b.source).ok())
        .collect::<Vec<_>>()
        .join(&b"\n"[..]);
    allowed.extend(needles.find(&mounted));
    let mut problems = Vec::new();
    for (place, bytes) in places {
        let found = needles
            .find(bytes)
            .into_iter()
            .filter(|(whose, _)| *whose == stack.name);
        let wrong = found.filter(|secret| match *place {
            ENVIRONMENT => !in_environment.contains(secret),
            PROCESSES => !allowed.contains(secret),
            _ => true,
        });
        problems.extend(wrong.map(|(_, name)| format!("`{name}` stands in {place}")));
    }
    Cell::new(
        Layer::Secrets,
        &stack.name,
        &member.label,
        "its own stack's secrets in labels, arguments, inspection and environment",
    )
    .expect("only those that the plan puts into its environment")
    .decided(
        &problems,
        format!("{} in the environment, as planned", in_environment.len()),
    )
    .evidence(member.detail.name.clone())
}
