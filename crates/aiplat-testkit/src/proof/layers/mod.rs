//! The layers, one file each.

pub(super) mod apparmor;
mod batch;
mod collisions;
mod files;
mod groups;
mod hogs;
mod host_addresses;
pub(super) mod inet6;
mod listeners;
mod network;
mod ports;
mod process;
mod resources;
mod secrets;
mod standing;
mod vectors;

pub(super) use hogs::sweep as sweep_hogs;
pub(super) use standing::Standing;
pub(super) use vectors::sweep;

use super::{Cell, Layer, Scene};

/// All cells of one layer.
pub(super) async fn run(scene: &Scene<'_>, standing: &Standing, layer: Layer) -> Vec<Cell> {
    match layer {
        Layer::Process => process::cells(scene),
        Layer::Files => files::cells(scene, standing).await,
        Layer::Network => network::cells(scene, standing).await,
        Layer::Ports => ports::cells(scene, standing),
        Layer::Apparmor => apparmor::cells(scene),
        Layer::Vectors => vectors::cells(scene, standing).await,
        Layer::Secrets => secrets::cells(scene).await,
        Layer::Resources => {
            let mut cells = resources::cells(scene);
            if scene.options.hog {
                cells.extend(hogs::cells(scene).await);
            }
            cells
        }
        Layer::Collisions => collisions::cells(scene).await,
    }
}

/// A planned service that does not run cannot be tried: each layer says so.
pub(super) fn missing(scene: &Scene<'_>, layer: Layer) -> Vec<Cell> {
    let per_stack = scene.stacks.iter().flat_map(|stack| {
        stack.missing.iter().map(|service| {
            Cell::new(
                layer,
                format!("{}/{service}", stack.name),
                "everything",
                "anything",
            )
            .expect("the service runs, as planned")
            .not_tried("its container does not run; deploy the stack, or remove the service")
        })
    });
    per_stack.collect()
}
