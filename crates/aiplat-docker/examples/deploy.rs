//! Deploys one stack from the environment, as a program that embeds aiplat would.
//!
//! `BASE_DIR=/mnt/data AIPLAT_HOST=unix:///var/run/docker.sock cargo run --example deploy`

use std::error::Error;

use aiplat_core::catalogue::Catalogue;
use aiplat_docker::apply::ApplyOptions;
use aiplat_docker::engine::Bollard;
use aiplat_docker::events::Event;
use aiplat_docker::host::LinuxHost;
use aiplat_docker::stack::{Inputs, Intent, Places, prepare};

#[tokio::main]
#[allow(clippy::print_stdout)] // an example's only way to show anything
async fn main() -> Result<(), Box<dyn Error>> {
    let environment: std::collections::BTreeMap<String, String> = std::env::vars().collect();
    let address = environment
        .get("AIPLAT_HOST")
        .ok_or("expected AIPLAT_HOST")?;
    let engine = Bollard::connect(address).await?;
    let host = LinuxHost::default();
    let catalogue = Catalogue::built_in().map_err(|problems| {
        problems
            .iter()
            .map(|p| format!("{p}\n"))
            .collect::<String>()
    })?;
    let inputs = Inputs {
        environment,
        allow_unmounted: true,
        command: "deploy".to_owned(),
        ..Inputs::default()
    };
    let prepared = prepare(
        &engine,
        &host,
        &catalogue,
        &inputs,
        &Places::default(),
        Intent::Deploy,
    )
    .await
    .map_err(|e| e.problems().join("\n"))?;
    for step in &prepared.plan.steps {
        println!("{:?} {} ({})", step.change, step.id, step.why);
    }
    for note in &prepared.plan.notes {
        println!("note: {note}");
    }
    let events = |event: Event<'_>| {
        if let Event::Phase { .. } | Event::StepFailed { .. } = event {
            println!("{event:?}");
        }
    };
    let report = prepared
        .deploy(&engine, &host, &ApplyOptions::default(), &events)
        .await?;
    println!("{} steps in {:?}", report.steps.len(), report.took);
    Ok(())
}
