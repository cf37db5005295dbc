//! The vector stores, and the other servers that ask for a key: whose key opens which, and whose vectors are where.

mod canary;
mod client;
mod keys;

use futures_util::future::join_all;

use super::Standing;
use crate::proof::{Cell, Layer, Scene, Stack};
use client::{Kind, Server};

/// The beginning of the names of our collections; what follows is a run's twelve digits.
pub(super) const NAME: &str = "aiplat_proof_";

pub(super) async fn cells(scene: &Scene<'_>, standing: &Standing) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut work = Vec::new();
    for stack in &scene.stacks {
        let servers = servers(stack);
        let store = Kind::of_store(stack.config.vector_store());
        if !servers.iter().any(|s| s.kind == store)
            && stack
                .config
                .selection
                .services()
                .iter()
                .any(|s| s.as_str() == store.service())
        {
            cells.push(
                Cell::new(Layer::Vectors, "everybody", &stack.name, "its vector store")
                    .not_tried("it does not run"),
            );
        }
        for server in servers {
            work.push(keys::cells(scene, standing, stack, server));
        }
    }
    cells.extend(join_all(work).await.into_iter().flatten());
    for stack in &scene.stacks {
        cells.extend(canary::cells(scene, standing, stack).await);
    }
    cells
}

/// Every container of a stack that is a store or asks for a key, unplanned ones too.
fn servers(stack: &Stack) -> Vec<Server<'_>> {
    let of = |member| {
        Some(Server {
            kind: Kind::of_service(stack, member)?,
            stack,
            member,
        })
    };
    stack.members.iter().filter_map(of).collect()
}

/// The stack's vector store.
fn store(stack: &Stack) -> Option<Server<'_>> {
    let kind = Kind::of_store(stack.config.vector_store());
    servers(stack)
        .into_iter()
        .find(|s| s.kind == kind && s.member.planned)
}

/// Removes canaries that an earlier run left in a stack's store, and says which.
pub(in crate::proof) async fn sweep(stack: &Stack, standing: &Standing) -> Vec<String> {
    let Some(server) = store(stack) else {
        return Vec::new();
    };
    let mut removed = Vec::new();
    for name in server.names(standing).await.unwrap_or_default() {
        if is_ours(&name) && server.drop_canary(standing, &name).await.is_ok() {
            removed.push(format!("{} in {}", name, server.member.label));
        }
    }
    removed
}

/// Our name and twelve digits, in either spelling: weaviate's classes begin with a capital.
fn is_ours(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower
        .strip_prefix(NAME)
        .is_some_and(|rest| rest.len() == 12 && rest.chars().all(|c| c.is_ascii_hexdigit()))
}
