//! `aiplat verify`

use std::path::{Path, PathBuf};

use aiplat_core::config::StackConfig;
use aiplat_docker::engine::Bollard;
use aiplat_docker::stack::{catalogue, list, open};
use aiplat_testkit::proof::{Bed, Layer, Options, ProofError, Report, render, verify};
use clap::Args;

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// The word under which this program is its own prober.
pub(crate) const PROBER: &str = "internal-prober";

/// Prove that stacks are isolated, on the stacks as they run.
///
/// Derives from the plans what must and must not be reachable, and tries each of it from inside the containers' own
/// networks and mounts. It only looks: nothing is restarted, and the few marks that it sets it removes. Without
/// `--against` or `--all`, this stack is held against every other stack on the host. Takes root on the engine's host.
///
/// Ends with 0 only when nothing is broken and everything could be tried.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat verify
      this stack against every other one on the host
  aiplat verify --against ai_platform_2 --html isolation.html
  aiplat verify --all --layer network --layer files
  aiplat verify --all --layer resources --hog
      also: what one stack takes up to its limits, the others do not notice
  aiplat verify --all --json | jq '.ok, .totals, (.cells[] | select(.verdict == \"breach\"))'")]
pub(crate) struct Verify {
    /// Against this stack only; may be given several times
    #[arg(long, value_name = "STACK", conflicts_with = "all")]
    against: Vec<String>,
    /// Every stack on the host, each against each
    #[arg(long)]
    all: bool,
    /// This layer only; may be given several times: process, files, network, ports, apparmor, vectors, secrets, resources,
    /// collisions
    #[arg(long, value_name = "LAYER")]
    layer: Vec<Layer>,
    /// Let a hog loose in each stack in turn, while the others are watched: a container of our own that takes processes and
    /// memory up to the limits of the stack's smallest service. Some ten seconds a stack in which the machine is busy
    #[arg(long)]
    hog: bool,
    /// Show cells that held, too, and each that is not in force by itself
    #[arg(long)]
    cells: bool,
    /// Write JUnit's XML to this file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write one HTML page with the matrix as a picture to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Verify {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let engine = Bollard::connect(&session.engine_address()).await?;
        let (host, places) = (session.host(), session.places());
        let stacks = self.stacks(session, &engine).await?;
        let own = std::env::current_exe().map_err(|e| Failure::of(Exit::Host, &e))?;
        let mut options = Options::new(vec![own.into(), PROBER.into()]);
        if !self.layer.is_empty() {
            options = options.only(&self.layer);
        }
        if self.hog && !options.layers.contains(&Layer::Resources) {
            return Err(
                Failure::new(Exit::Usage, "`--hog` is part of the layer `resources`")
                    .hint("add `--layer resources`, or leave `--layer` out"),
            );
        }
        options = options.with_hog(self.hog);
        let bed = Bed::new(&engine, &host, &session.catalogue, &places);
        let report = verify(&bed, stacks, &options).await?;
        for (path, text) in [
            (&self.junit, render::junit as fn(&Report) -> String),
            (&self.html, render::html),
        ] {
            if let Some(path) = path {
                write(path, &text(&report))?;
            }
        }
        session
            .printer
            .result(&report.document(), || render::text(&report, self.cells));
        Ok(if report.proven() {
            Exit::Ok
        } else {
            Exit::Breach
        })
    }

    /// The stacks under proof, this one first.
    async fn stacks(
        &self,
        session: &Session,
        engine: &Bollard,
    ) -> Result<Vec<StackConfig>, Failure> {
        let host = session.host();
        let mut stacks = Vec::new();
        if !self.all {
            stacks.push(session.opened()?.config);
        }
        let known = list(engine, &host, &session.catalogue, &session.places()).await?;
        for name in &self.against {
            if !known.iter().any(|k| k.stack.as_str() == name) {
                return Err(Failure::new(Exit::NoStack, format!("no stack `{name}`"))
                    .hint("`aiplat ls` shows every stack on this host"));
            }
        }
        for other in known {
            let wanted =
                self.against.is_empty() || self.against.iter().any(|n| n == other.stack.as_str());
            let there = stacks.iter().any(|s| s.id == other.stack_id);
            if wanted && !there {
                // its own service files, and nobody else's
                let catalogue = catalogue(&other.base_dir)?;
                stacks.push(open(&host, &catalogue, &other.base_dir)?.config);
            }
        }
        if stacks.is_empty() {
            return Err(Failure::new(
                Exit::NoStack,
                "there is no stack on this host",
            ));
        }
        Ok(stacks)
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs_err::write(path, text).map_err(|e| Failure::of(Exit::Failure, &e))
}

impl From<ProofError> for Failure {
    fn from(error: ProofError) -> Self {
        let exit = match &error {
            ProofError::Rights(_) | ProofError::Host(_) | ProofError::Observe(_) => Exit::Host,
            ProofError::Busy => Exit::Locked,
            ProofError::Plan(_) => Exit::Invalid,
            ProofError::Engine(_) | ProofError::Raw(_) => Exit::Engine,
        };
        Self::of(exit, &error)
    }
}
