//! The product as its command runs it, with a catalogue that has a user's own service files in it.
//!
//! The command does not read such files yet; the library takes them. Everything from the process' start to its end is
//! what `aiplat deploy` does, apart from the parsing of its flags and the drawing of its live view.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use aiplat_core::catalogue::{Catalogue, CatalogueProblem};
use aiplat_docker::apply::ApplyOptions;
use aiplat_docker::engine::Bollard;
use aiplat_docker::events::{Event, Events};
use aiplat_docker::host::LinuxHost;
use aiplat_docker::stack::{Inputs, Intent, Places, ServiceFile, prepare, teardown};

use crate::Result;

/// What to do, and where the service files are. The stack's settings come from the environment, as for the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(value_enum)]
    action: Action,
    /// Folder of service files, added in the order of their names
    #[arg(long)]
    services: PathBuf,
    /// The host-wide register's folder
    #[arg(long)]
    state_dir: PathBuf,
    /// Tell on standard error when what begins and ends
    #[arg(long)]
    trace: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Action {
    Deploy,
    Plan,
    Teardown,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let trace = Trace {
        began: Instant::now(),
        on: options.trace,
    };
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let named = |key: &str| {
        let value = environment.get(key).cloned();
        value.ok_or_else(|| format!("expected {key} in the environment"))
    };
    let (address, base_dir) = (named("AIPLAT_HOST")?, PathBuf::from(named("BASE_DIR")?));
    let catalogue = catalogue(&options.services)?;
    trace.tell("catalogue read");
    let engine = Bollard::connect(&address).await?;
    trace.tell("engine connected");
    let places = Places {
        state_dir: options.state_dir.clone(),
        ..Places::default()
    };
    let host = LinuxHost {
        state_dir: options.state_dir,
        ..LinuxHost::default()
    };
    if options.action == Action::Teardown {
        let planned = teardown(&engine, &host, &catalogue, &base_dir, true, &places).await?;
        trace.tell("planned");
        let apply = applied_with(planned.observed.engine.cpus);
        let report = planned.run(&engine, &host, &apply, &trace).await?;
        println!("{} steps in {:?}", report.steps.len(), report.took);
        return Ok(());
    }
    let intent = if options.action == Action::Plan {
        Intent::Plan
    } else {
        Intent::Deploy
    };
    let inputs = Inputs {
        environment,
        allow_unmounted: true,
        command: "deploy".to_owned(),
        ..Inputs::default()
    };
    let prepared = prepare(&engine, &host, &catalogue, &inputs, &places, intent)
        .await
        .map_err(|error| error.problems().join("\n"))?;
    trace.tell("planned");
    if options.action == Action::Plan {
        println!("{} steps", prepared.plan.steps.len());
        return Ok(());
    }
    let apply = applied_with(prepared.observed.engine.cpus);
    let report = prepared.deploy(&engine, &host, &apply, &trace).await?;
    println!(
        "{} steps, {} changes in {:?}",
        report.steps.len(),
        report.changes(),
        report.took
    );
    Ok(())
}

/// As the command does.
fn applied_with(cpus: u32) -> ApplyOptions {
    ApplyOptions::for_cpus(cpus.max(1) as usize)
}

fn catalogue(folder: &Path) -> Result<Catalogue> {
    let words = |problems: Vec<CatalogueProblem>| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        lines.join("\n")
    };
    let mut catalogue = Catalogue::built_in().map_err(words)?;
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<std::io::Result<_>>()?;
    paths.sort();
    for path in paths {
        let file = ServiceFile {
            text: std::fs::read_to_string(&path)?,
            path,
            templates: Vec::new(),
        };
        file.add_to(&mut catalogue).map_err(words)?;
    }
    Ok(catalogue)
}

/// Milliseconds since the process began, one event a line.
struct Trace {
    began: Instant,
    on: bool,
}

impl Trace {
    fn tell(&self, what: &str) {
        if self.on {
            eprintln!("{:8.1} {what}", self.began.elapsed().as_secs_f64() * 1e3);
        }
    }
}

impl Events for Trace {
    fn on(&self, event: Event<'_>) {
        if !self.on {
            return;
        }
        match event {
            Event::StepStarted { id, .. } => self.tell(&format!("begin {id}")),
            Event::StepDone { id, took, .. } => {
                self.tell(&format!("done  {id} {:.1}", took.as_secs_f64() * 1e3));
            }
            Event::Phase { service, phase } => self.tell(&format!("phase {service} {phase:?}")),
            Event::Waiting { service, last, .. } => self.tell(&format!("wait  {service} {last}")),
            Event::StepFailed { id, words, .. } => self.tell(&format!("FAILED {id} {words}")),
            Event::NotInForce { service, missing } => {
                self.tell(&format!("weak  {service} {}", missing.join("; ")));
            }
            Event::Pull { .. } => {}
        }
    }
}
