//! The isolation proof: everything that must and must not be reachable between deployed stacks, tried for real.
//!
//! [`verify`] takes stacks as their manifests describe them, derives from their plans the whole table of what must hold,
//! tries every cell, and answers with a [`Report`]. Each layer is a file below `layers`; each is also broken on purpose in
//! the tests beside this crate, which show that the proof notices and names the cell.
//!
//! It only looks: no service is restarted and nothing is written but canaries of its own, which it removes, and
//! which a later run removes when this one is killed. It takes root on the engine's own host.

mod cleanup;
mod layers;
pub mod prober;
mod raw;
pub mod render;
mod report;
mod subject;
mod totals;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::observed::Observed;
use aiplat_core::text::hex;
use aiplat_docker::engine::{Bollard, EngineError};
use aiplat_docker::host::{HostError, LinuxHost};
use aiplat_docker::observe::{ObserveError, ObserveQuestion, observe};
use aiplat_docker::stack::Places;

pub use layers::apparmor::judge as judge_label;
pub use raw::{Raw, RawError};
pub use report::{Cell, InvalidLayer, Layer, Report, Verdict};
pub use subject::{Member, Stack};
pub use totals::{Document, Totals};

/// What a proof is run with, besides the stacks.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which layers.
    pub layers: BTreeSet<Layer>,
    /// A program that calls [`prober::serve`] at once, and its arguments.
    pub prober: Vec<OsString>,
    /// How long an answer is waited for that must not come.
    pub patience: Duration,
    /// Let a hog loose in each stack in turn, as part of [`Layer::Resources`]: a canary container that takes processes
    /// and memory up to the limits of one service, while the other stacks are watched. Off unless asked for, since it
    /// makes the machine busy for some ten seconds a stack.
    pub hog: bool,
}

impl Options {
    /// All layers, with this prober.
    pub fn new(prober: Vec<OsString>) -> Self {
        Self {
            layers: Layer::ALL.into(),
            prober,
            patience: Duration::from_millis(300),
            hog: false,
        }
    }

    /// With hogs, or without.
    #[must_use]
    pub fn with_hog(mut self, hog: bool) -> Self {
        self.hog = hog;
        self
    }

    /// These layers only.
    #[must_use]
    pub fn only(mut self, layers: &[Layer]) -> Self {
        self.layers = layers.iter().copied().collect();
        self
    }
}

/// The engine, the host, and what is known of them.
#[derive(Debug)]
pub struct Bed<'a> {
    /// The engine.
    pub engine: &'a Bollard,
    /// The same engine, for what our own types leave out.
    pub raw: Raw,
    /// The host.
    pub host: &'a LinuxHost,
    /// The services.
    pub catalogue: &'a Catalogue,
    /// Where the register is.
    pub places: &'a Places,
}

impl<'a> Bed<'a> {
    /// The bed of a proof.
    pub fn new(
        engine: &'a Bollard,
        host: &'a LinuxHost,
        catalogue: &'a Catalogue,
        places: &'a Places,
    ) -> Self {
        Self {
            raw: Raw::new(engine.address()),
            engine,
            host,
            catalogue,
            places,
        }
    }
}

/// Everything that the layers work with.
#[derive(Debug)]
struct Scene<'a> {
    bed: &'a Bed<'a>,
    options: &'a Options,
    observed: Observed,
    stacks: Vec<Stack>,
    /// Twelve hexadecimal digits: the names of this run's canaries.
    run: String,
}

/// Why there is no report at all.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The proof reads every process and enters namespaces.
    #[error("expected to run as root on the engine's own host; {0}")]
    Rights(String),
    /// Another proof runs on this host.
    #[error("another proof runs on this host; wait for its end")]
    Busy,
    /// A stack's plan cannot be made.
    #[error("the plan of a stack cannot be made: {}", .0.join("; "))]
    Plan(Vec<String>),
    /// The engine did not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine did not answer.
    #[error(transparent)]
    Raw(#[from] RawError),
    /// The host did not answer.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Engine or host did not answer.
    #[error(transparent)]
    Observe(#[from] ObserveError),
}

/// Proves, or shows where it fails, that these stacks are isolated from each other and the host from them.
///
/// # Errors
/// [`ProofError`] where nothing could be tried at all. A single cell that could not be tried is in the report.
pub async fn verify(
    bed: &Bed<'_>,
    stacks: Vec<StackConfig>,
    options: &Options,
) -> Result<Report, ProofError> {
    let began = Instant::now();
    rights()?;
    let _turn = cleanup::Turn::take(&bed.places.state_dir)?;
    let observed = look_around(bed).await?;
    if !observed.engine.reachable {
        return Err(ProofError::Rights(
            "this engine's containers are on another one".to_owned(),
        ));
    }
    let mut found = Vec::new();
    for config in stacks {
        found.push(Stack::look(bed, config, &observed).await?);
    }
    let scene = Scene {
        bed,
        options,
        observed,
        stacks: found,
        run: hex(&aiplat_docker::host::draw(6)?),
    };
    let mut phases = Vec::new();
    let mut phase = |name: &str, from: Instant| {
        phases.push((
            name.to_owned(),
            u64::try_from(from.elapsed().as_millis()).unwrap_or(u64::MAX),
        ));
    };
    phase("look", began);
    let at = Instant::now();
    let standing = layers::Standing::take(&scene).await;
    phase("probers", at);
    let at = Instant::now();
    let removed = cleanup::leftovers(&scene, &standing).await;
    phase("leftovers", at);
    let mut cells = Vec::new();
    for layer in Layer::ALL
        .into_iter()
        .filter(|l| options.layers.contains(l))
    {
        let at = Instant::now();
        cells.extend(layers::missing(&scene, layer));
        cells.extend(layers::run(&scene, &standing, layer).await);
        phase(layer.name(), at);
    }
    standing.leave().await;
    Ok(Report {
        stacks: scene.stacks.iter().map(|s| s.name.clone()).collect(),
        services: scene.stacks.iter().map(|s| s.members.len()).collect(),
        cells,
        removed,
        phases,
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// What is there; no stack's volume is asked about.
async fn look_around(bed: &Bed<'_>) -> Result<Observed, ObserveError> {
    let question = ObserveQuestion {
        base_dir: "/".into(),
        ..ObserveQuestion::default()
    };
    observe(bed.engine, bed.host, &question).await
}

fn rights() -> Result<(), ProofError> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(ProofError::Rights("this is another user".to_owned()))
}
