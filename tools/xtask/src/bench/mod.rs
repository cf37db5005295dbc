//! Sixteen tiny services brought up by aiplat, by Compose and by the bare API, on one engine, turn and turn about.

mod build;
mod compose_file;
mod machine;
pub(crate) mod measure;
mod numbers;
mod place;
mod proxy;
mod report;
mod samples;
mod service_file;
mod subject;
mod sweep;
pub(crate) mod tiny;

use std::path::PathBuf;

use measure::{Measured, measured};
use place::Place;
use proxy::Proxy;
use samples::Samples;
use subject::{ALL, Action, Bed, Subject};

use crate::Result;

/// How often in a round the short things are done; the round's number is the middle one.
const SHORT: usize = 5;

/// How the bench is run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Interleaved rounds, after one that warms up and counts calls
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The engine
    #[arg(
        long,
        short = 'H',
        default_value = "unix:///run/aiplat-engine/docker.sock"
    )]
    host: String,
    /// The bench's own folder; `BASE_DIR` is made in it
    #[arg(long, default_value = "/var/tmp/aiplat-bench")]
    dir: PathBuf,
    /// The folder of the register in which the product reserves what its stack needs
    #[arg(long, default_value = "/var/lib/aiplat")]
    state_dir: PathBuf,
    /// Take the release programs that are there
    #[arg(long)]
    no_build: bool,
    /// List what the engine is asked
    #[arg(long)]
    calls: bool,
}

/// Runs it, prints the table, leaves nothing behind.
pub(crate) fn run(options: &Options) -> Result<()> {
    let place = Place::take(&options.dir)?;
    let (tool, aiplat) = build::release(!options.no_build)?;
    let compose = build::compose()?;
    let (engine, cpus) = machine::engine(&options.host)?;
    // as the product has it for an engine with so many processors
    let concurrency = aiplat_docker::apply::ApplyOptions::for_cpus(cpus).concurrency;
    let state_dir = options.state_dir.clone();
    let bed = Bed::make(&place, tool, aiplat, compose, state_dir, concurrency)?;
    sweep::sweep(&bed, &place, &options.host)?;
    println!("{}", machine::host(place.root()));
    println!("{engine}");
    println!(
        "{}",
        machine::said(&bed.compose.display().to_string(), &["version"])
    );
    println!(
        "aiplat {} at {}, release build; concurrency {concurrency} (aiplat and floor); {}",
        env!("CARGO_PKG_VERSION"),
        machine::said("git", &["rev-parse", "--short", "HEAD"]),
        machine::said("date", &["-u", "+%F %H:%M UTC"]),
    );
    println!(
        "16 services of `{}` in 4 layers (3, 4, 8, 1), 4 host ports; healthy is `GET {}` answered 200 `{}` by the service",
        tiny::IMAGE,
        tiny::PATH,
        tiny::BODY
    );
    println!(
        "aiplat: the command, with the services as files of its stack's own; load {}\n",
        machine::load()
    );
    let result = rounds(options, &place, &bed);
    let swept = sweep::sweep(&bed, &place, &options.host);
    let samples = result?;
    swept?;
    println!("{}", report::text(&samples, options.rounds));
    if options.calls {
        println!("{}", report::calls(&samples));
    }
    Ok(())
}

fn rounds(options: &Options, place: &Place, bed: &Bed) -> Result<Samples> {
    let mut samples = Samples::default();
    let proxy = Proxy::before(&options.host, place.path("engine.sock"))?;
    eprintln!("warming up, counting calls …");
    for subject in ALL {
        bed.fresh(place)?;
        for action in [Action::Up, Action::Noop, Action::Plan, Action::Down] {
            if let Some(task) = bed.task(subject, action, &proxy.address()) {
                measured(&bed.tool, place.root(), &task)?;
                samples.put_calls((subject, action), proxy.taken());
            }
        }
    }
    for round in 0..options.rounds {
        eprintln!(
            "round {} of {} (load {}) …",
            round + 1,
            options.rounds,
            machine::load()
        );
        for turn in 0..ALL.len() {
            // nobody is always first
            let subject = ALL[(turn + round) % ALL.len()];
            bed.fresh(place)?;
            one(place, bed, &options.host, subject, &mut samples)?;
        }
    }
    Ok(samples)
}

fn one(
    place: &Place,
    bed: &Bed,
    address: &str,
    subject: Subject,
    samples: &mut Samples,
) -> Result<()> {
    let actions = [
        (Action::Version, 2 * SHORT),
        (Action::Up, 1),
        (Action::Noop, SHORT),
        (Action::Plan, SHORT),
        (Action::Down, 1),
    ];
    for (action, times) in actions {
        let Some(task) = bed.task(subject, action, address) else {
            continue;
        };
        let runs: Vec<Measured> = (0..times)
            .map(|_| measured(&bed.tool, place.root(), &task))
            .collect::<Result<_>>()?;
        samples.put((subject, action), &runs);
    }
    Ok(())
}
