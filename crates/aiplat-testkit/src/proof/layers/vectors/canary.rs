//! A vector of one stack, looked for in the stores of the others.

use super::super::Standing;
use super::{NAME, store};
use crate::proof::{Cell, Layer, Scene, Stack};

pub(super) async fn cells(scene: &Scene<'_>, standing: &Standing, stack: &Stack) -> Vec<Cell> {
    let Some(own) = store(stack) else {
        return Vec::new();
    };
    let others: Vec<&Stack> = scene
        .stacks
        .iter()
        .filter(|o| o.config.id != stack.config.id)
        .collect();
    let (name, words) = (
        name(&scene.run),
        format!("canary {} {}", stack.config.id, scene.run),
    );
    let mut cells = Vec::new();
    let planted = own.plant(standing, &name, &words).await;
    let control = Cell::new(
        Layer::Vectors,
        &stack.name,
        &own.member.label,
        "a vector of its own, made and found again",
    )
    .expect("found");
    let found = match &planted {
        Err(error) => Err(format!("it could not be made: {error}")),
        Ok(()) => own.find(standing, &name, &words).await,
    };
    let usable = matches!(&found, Ok(found) if !found.is_empty());
    cells.push(match found {
        Err(error) => control.not_tried(error),
        Ok(found) if found.is_empty() => control.not_tried("its own store does not find it"),
        Ok(found) => control.held(found.join("; ")),
    });
    for other in others {
        let Some(there) = store(other) else { continue };
        let cell = Cell::new(
            Layer::Vectors,
            &other.name,
            &there.member.label,
            format!("stack `{}`'s vector, by list, name and search", stack.name),
        )
        .expect("not found")
        .evidence(name.clone());
        cells.push(if usable {
            match there.find(standing, &name, &words).await {
                Err(error) => cell.not_tried(error),
                Ok(found) => cell.decided(&found, "not found"),
            }
        } else {
            cell.not_tried("there is no vector to look for")
        });
    }
    let gone = own.drop_canary(standing, &name).await;
    if planted.is_ok()
        && let Err(error) = gone
    {
        cells.push(
            Cell::new(
                Layer::Vectors,
                &stack.name,
                &own.member.label,
                "removing the vector again",
            )
            .expect("gone")
            .not_tried(format!("collection `{name}` stays behind: {error}")),
        );
    }
    cells
}

/// A name that is valid in every store: weaviate's classes begin with a capital, the others' may.
fn name(run: &str) -> String {
    let mut name = format!("{NAME}{run}");
    name[..1].make_ascii_uppercase();
    name
}
