//! Whose key opens which server.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use secrecy::ExposeSecret;

use super::super::Standing;
use super::client::{Door, Kind, Server};
use crate::proof::prober::Attempt;
use crate::proof::{Cell, Layer, Scene, Stack};

/// Shorter words are no secrets.
const LEAST: usize = 8;

pub(super) async fn cells<'a>(
    scene: &'a Scene<'_>,
    standing: &'a Standing,
    stack: &'a Stack,
    server: Server<'a>,
) -> Vec<Cell> {
    let mut cells = Vec::new();
    let label = &server.member.label;
    let keyed = server.kind.secret().is_some();
    cells.push(own_key(standing, server).await);
    if keyed {
        let doors = server.try_keys(standing, &[None, Some("")]).await;
        let cell = Cell::new(Layer::Vectors, "anybody", label, "no key, and an empty one")
            .expect("refused");
        cells.push(judged(
            cell,
            &doors,
            &["no key".to_owned(), "an empty key".to_owned()],
        ));
    } else {
        cells.push(
            Cell::new(Layer::Vectors, "anybody", label, "no key")
                .expect("its network alone keeps others out")
                .not_in_force("this store has no authentication; the network layer carries it"),
        );
    }
    for other in scene
        .stacks
        .iter()
        .filter(|o| o.config.id != stack.config.id)
    {
        let secrets: Vec<(&str, &str)> = other
            .config
            .secrets
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
            .filter(|(_, value)| value.len() >= LEAST && !value.contains(char::is_control))
            .collect();
        if keyed {
            let tried = format!("each of its {} secrets as the key", secrets.len());
            let cell = Cell::new(Layer::Vectors, &other.name, label, tried).expect("each refused");
            let keys: Vec<Option<&str>> = secrets.iter().map(|(_, value)| Some(*value)).collect();
            let doors = server.try_keys(standing, &keys).await;
            let names: Vec<String> = secrets
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            cells.push(judged(cell, &doors, &names));
        }
        cells.extend(from_afar(scene, standing, server, other).await);
    }
    cells
}

/// A control: without it a refusal would prove nothing.
async fn own_key(standing: &Standing, server: Server<'_>) -> Cell {
    let cell = Cell::new(
        Layer::Vectors,
        &server.stack.name,
        &server.member.label,
        "its own key",
    )
    .expect("accepted");
    let key = server.own_key();
    if server.kind.secret().is_some() && key.is_none() {
        return cell.breach("its stack has no key for it");
    }
    match server.try_keys(standing, &[key]).await.remove(0) {
        Door::Opened(words) => cell.held(words),
        Door::Refused(words) => cell.breach(format!("refused: {words}")),
        Door::Unclear(words) => cell.not_tried(words),
    }
}

fn judged(cell: Cell, doors: &[Door], names: &[String]) -> Cell {
    let mut open = Vec::new();
    let mut unclear = Vec::new();
    let mut answers = BTreeSet::new();
    for (door, name) in doors.iter().zip(names) {
        match door {
            Door::Opened(words) => open.push(format!("{name} is accepted: {words}")),
            Door::Unclear(words) => unclear.push(format!("{name}: {words}")),
            Door::Refused(words) => drop(answers.insert(words.clone())),
        }
    }
    if open.is_empty() && !unclear.is_empty() {
        return cell.not_tried(unclear.join("; "));
    }
    let answers: Vec<String> = answers.into_iter().collect();
    cell.decided(
        &open,
        format!("{} refused: {}", doors.len(), answers.join(" ")),
    )
}

/// Another stack's clients with the right key and address, from where they stand.
async fn from_afar(
    scene: &Scene<'_>,
    standing: &Standing,
    server: Server<'_>,
    other: &Stack,
) -> Vec<Cell> {
    if server.kind == Kind::Redis {
        return Vec::new();
    }
    let Some(to) = server.address() else {
        return Vec::new();
    };
    let within = u64::try_from(scene.options.patience.as_millis()).unwrap_or(300);
    let attempts: Vec<Attempt> = vec![server.knock(to, server.own_key(), within)];
    let asked = other.members.iter().map(|member| {
        let attempts = attempts.clone();
        async move {
            let cell = Cell::new(
                Layer::Vectors,
                &member.label,
                &server.member.label,
                "its interface, with its right key",
            )
            .expect("not reached")
            .evidence(to.to_string());
            match standing.attempt(member, &attempts).await {
                Err(words) => cell.not_tried(words),
                Ok(seen) if seen[0].through() => cell.breach("it answers").took(seen[0].micros),
                Ok(seen) => cell.held(seen[0].text.clone()).took(seen[0].micros),
            }
        }
    });
    join_all(asked).await
}
