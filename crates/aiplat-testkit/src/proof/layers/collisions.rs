//! A stack that asks for what another has is refused before anything is touched, and nothing runs in a stack's name
//! that its plan does not know.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aiplat_core::observed::{Observed, ObservedContainer};
use aiplat_docker::stack::{Inputs, Intent, PrepareError, prepare};
use futures_util::future::{join_all, join3};

use crate::proof::{Cell, Layer, Scene, Stack, look_around};

pub(super) async fn cells(scene: &Scene<'_>) -> Vec<Cell> {
    let newcomers = scene.stacks.iter().map(|stack| async move {
        // of the users only the first that is taken is told, so openclaw's is asked for alone
        let (alone, together) = taken(stack)
            .into_iter()
            .partition(|(key, _)| *key == "OPENCLAW_UID");
        let (mut cells, more, same) = join3(
            refused(scene, stack, together),
            refused(scene, stack, alone),
            same_basename(scene, stack),
        )
        .await;
        cells.extend(more);
        cells.push(same);
        cells
    });
    let mut cells: Vec<Cell> = join_all(newcomers).await.into_iter().flatten().collect();
    let after = look_around(scene.bed).await.map_err(|e| e.to_string());
    for stack in &scene.stacks {
        cells.push(inventory(stack));
        cells.push(untouched(scene, stack, &after));
    }
    cells
}

/// What another stack must not be given: the key and this stack's value.
fn taken(stack: &Stack) -> Vec<(&'static str, String)> {
    let config = &stack.config;
    let mut all = vec![
        ("DOCKER_NETWORK", config.name().to_string()),
        (
            "CONTAINER_PREFIX",
            config.settings.container_prefix.get().to_string(),
        ),
        ("DOMAIN_NAME", config.domain().to_owned()),
        ("STACK_SUBNET", config.allocation.subnet.to_string()),
        ("STACK_USER_UID", config.allocation.uid.to_string()),
        ("OPENCLAW_UID", config.allocation.openclaw_uid.to_string()),
        ("BASE_DIR", config.path("another").display().to_string()),
    ];
    if let Some(port) = config.allocation.ports.get("GRAFANA_PORT") {
        all.push(("GRAFANA_PORT", port.to_string()));
    }
    all
}

/// A stack that is nobody's: its directory is never made, because nothing is carried out.
fn newcomer(scene: &Scene<'_>) -> BTreeMap<String, String> {
    let name = format!("aiplat-proof-{}", scene.run);
    let base = PathBuf::from("/").join(&name);
    [
        ("BASE_DIR", base.display().to_string()),
        ("DOCKER_NETWORK", name.clone()),
        ("DOMAIN_NAME", format!("{name}.localhost")),
        ("SERVICES", "redis".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

fn inputs(flags: BTreeMap<String, String>) -> Inputs {
    Inputs {
        flags,
        allow_unmounted: true,
        command: "verify".to_owned(),
        ..Inputs::default()
    }
}

/// One newcomer asks for all of it: each key must be refused by name, since all problems are told at once.
async fn refused(
    scene: &Scene<'_>,
    stack: &Stack,
    taken: Vec<(&'static str, String)>,
) -> Vec<Cell> {
    let mut flags = newcomer(scene);
    // the same port at another address is nobody's loss
    let address = stack.config.settings.bind_address.get();
    flags.insert("BIND_ADDRESS".to_owned(), address.to_string());
    flags.extend(
        taken
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone())),
    );
    let bed = scene.bed;
    let answer = prepare(
        bed.engine,
        bed.host,
        bed.catalogue,
        &inputs(flags),
        bed.places,
        Intent::Plan,
    )
    .await;
    let problems = match &answer {
        Ok(_) => Some(Vec::new()),
        Err(PrepareError::Allocation(found)) => {
            Some(found.iter().map(ToString::to_string).collect())
        }
        Err(_) => None,
    };
    let cells = taken.iter().map(|(key, _)| {
        let cell = Cell::new(
            Layer::Collisions,
            "a new stack",
            &stack.name,
            format!("its `{key}`"),
        )
        .expect("refused, by that key, before anything is touched");
        let Some(problems) = &problems else {
            let words = answer
                .as_ref()
                .err()
                .map(PrepareError::problems)
                .unwrap_or_default();
            return cell.not_tried(format!("refused for another reason: {}", words.join("; ")));
        };
        // each problem begins with its key
        match problems
            .iter()
            .find(|p: &&String| p.starts_with(&format!("`{key}`")))
        {
            Some(words) => cell.held("refused").evidence(words.clone()),
            None => cell.breach("not refused: the stack would have been given it"),
        }
    });
    cells.collect()
}

/// A directory of the same name elsewhere is no reason to mix two stacks up.
async fn same_basename(scene: &Scene<'_>, stack: &Stack) -> Cell {
    let cell = Cell::new(
        Layer::Collisions,
        "a new stack",
        &stack.name,
        "a directory of the same last name",
    )
    .expect("planned apart, and nothing of the other touched");
    let mut flags = newcomer(scene);
    let last = stack
        .config
        .base_dir()
        .file_name()
        .map(|n| n.to_string_lossy().into_owned());
    let base = PathBuf::from(&flags["BASE_DIR"]).join(last.unwrap_or_default());
    flags.insert("BASE_DIR".to_owned(), base.display().to_string());
    let bed = scene.bed;
    match prepare(
        bed.engine,
        bed.host,
        bed.catalogue,
        &inputs(flags),
        bed.places,
        Intent::Plan,
    )
    .await
    {
        Err(error) => cell.not_tried(error.problems().join("; ")),
        Ok(prepared) => {
            let ids = stack
                .members
                .iter()
                .map(|m| (&m.detail.id, m.detail.name.as_str()));
            let plan = format!("{:?}", prepared.plan);
            let own = stack.config.base_dir().display().to_string();
            let mut touched: Vec<String> = ids
                .filter(|(id, name)| {
                    plan.contains(id.as_str()) || plan.contains(&format!("\"{name}\""))
                })
                .map(|(_, name)| format!("the plan names `{name}`"))
                .collect();
            if plan.contains(&format!("\"{own}/")) {
                touched.push(format!("the plan names `{own}`"));
            }
            cell.decided(
                &touched,
                format!("{} steps, none of them there", prepared.plan.steps.len()),
            )
        }
    }
}

fn inventory(stack: &Stack) -> Cell {
    let mut strange: Vec<String> = stack
        .strangers
        .iter()
        .map(|n| format!("`{n}` runs no planned service"))
        .collect();
    let unplanned = stack.members.iter().filter(|m| !m.planned);
    strange.extend(unplanned.map(|m| format!("`{}` is not in the plan", m.detail.name)));
    Cell::new(
        Layer::Collisions,
        &stack.name,
        "host",
        "everything that runs under its identity",
    )
    .expect("the planned containers")
    .decided(&strange, format!("{} containers", stack.members.len()))
    .evidence(format!("label aiplat.stack-id={}", stack.config.id))
}

/// What is known of a stack's objects, in comparable form.
fn picture(observed: &Observed, stack: &Stack) -> Vec<String> {
    let own = |c: &&ObservedContainer| c.belongs_to(&stack.config.id);
    let line = |c: &ObservedContainer| {
        format!(
            "{} {} {:?} {} {:?}",
            c.id, c.name, c.state, c.created, c.labels
        )
    };
    let mut lines: Vec<String> = observed.containers.iter().filter(own).map(line).collect();
    lines.sort();
    lines
}

fn untouched(scene: &Scene<'_>, stack: &Stack, after: &Result<Observed, String>) -> Cell {
    let tried = "its containers after all that was refused";
    let cell = Cell::new(Layer::Collisions, "a new stack", &stack.name, tried)
        .expect("the same, each of them");
    match after {
        Err(words) => cell.not_tried(words.clone()),
        Ok(after) => {
            let after = picture(after, stack);
            if after == picture(&scene.observed, stack) {
                cell.held(format!("{} containers, the same", after.len()))
            } else {
                cell.breach("they are not what they were")
            }
        }
    }
}
