//! Paths: tried from inside every container, tried as every user of a stack on the host itself, and looked at.

mod inside;
mod mounts;
mod owners;
mod users;

use futures_util::future::join_all;

use super::Standing;
use super::batch::Batch;
use crate::proof::{Cell, Scene};

pub(super) async fn cells(scene: &Scene<'_>, standing: &Standing) -> Vec<Cell> {
    let mut work = Vec::new();
    let mut cells = Vec::new();
    for stack in &scene.stacks {
        for member in &stack.members {
            let mut batch = Batch::default();
            inside::host(scene, member, &mut batch);
            for other in scene
                .stacks
                .iter()
                .filter(|o| o.config.id != stack.config.id)
            {
                inside::paths(member, other, &mut batch);
                inside::links(member, other, &mut batch);
            }
            inside::neighbours(stack, member, &mut batch);
            inside::system(member, &mut batch);
            work.push(batch.run(standing, member));
            cells.push(mounts::cell(scene, stack, member));
        }
        cells.push(owners::cell(stack));
        for other in scene
            .stacks
            .iter()
            .filter(|o| o.config.id != stack.config.id)
        {
            cells.push(owners::links(stack, other));
        }
        cells.extend(users::cells(scene, stack).await);
    }
    cells.extend(join_all(work).await.into_iter().flatten());
    cells
}
