//! What was tried and what came of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A layer of isolation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Users, capabilities, seccomp, namespaces.
    Process,
    /// Paths, mounts, owners and modes.
    Files,
    /// Packets and names.
    Network,
    /// Reservations and listening sockets.
    Ports,
    /// Labels of processes.
    Apparmor,
    /// The vector stores and their keys.
    Vectors,
    /// Where secrets stand.
    Secrets,
    /// Limits, as the kernel has them.
    Resources,
    /// Names and numbers that another stack has.
    Collisions,
}

impl Layer {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 9] = [
        Self::Process,
        Self::Files,
        Self::Network,
        Self::Ports,
        Self::Apparmor,
        Self::Vectors,
        Self::Secrets,
        Self::Resources,
        Self::Collisions,
    ];

    /// Its name, as options and reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Files => "files",
            Self::Network => "network",
            Self::Ports => "ports",
            Self::Apparmor => "apparmor",
            Self::Vectors => "vectors",
            Self::Secrets => "secrets",
            Self::Resources => "resources",
            Self::Collisions => "collisions",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no layer's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `process`, `files`, `network`, `ports`, `apparmor`, `vectors`, `secrets`, `resources` or `collisions`"
)]
pub struct InvalidLayer;

impl std::str::FromStr for Layer {
    type Err = InvalidLayer;

    fn from_str(text: &str) -> Result<Self, InvalidLayer> {
        Self::ALL
            .into_iter()
            .find(|l| l.name() == text)
            .ok_or(InvalidLayer)
    }
}

/// How a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As expected.
    Held,
    /// The layer is not there, and the plan says so: nothing was proven and nothing was promised.
    NotInForce,
    /// It could not be tried.
    NotTried,
    /// Not as expected.
    Breach,
}

/// One cell of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Layer.
    pub layer: Layer,
    /// Who: `stack/service`, a stack, or `host`.
    pub from: String,
    /// Towards whom.
    pub to: String,
    /// What was tried.
    pub tried: String,
    /// What had to be seen.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// Where it can be seen again: a file of the kernel's, an address, an answer. Never a secret.
    pub evidence: String,
    /// How long it took, microseconds.
    pub micros: u64,
    /// How it ended.
    pub verdict: Verdict,
}

impl Cell {
    /// A cell that has not been decided: it counts as not tried.
    pub fn new(
        layer: Layer,
        from: impl Into<String>,
        to: impl Into<String>,
        tried: impl Into<String>,
    ) -> Self {
        Self {
            layer,
            from: from.into(),
            to: to.into(),
            tried: tried.into(),
            expected: String::new(),
            seen: String::new(),
            evidence: String::new(),
            micros: 0,
            verdict: Verdict::NotTried,
        }
    }

    /// Says what must be seen.
    #[must_use]
    pub fn expect(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// Adds where it was seen.
    #[must_use]
    pub fn evidence(mut self, evidence: impl Into<String>) -> Self {
        self.evidence = evidence.into();
        self
    }

    /// Adds how long it took.
    #[must_use]
    pub fn took(mut self, micros: u64) -> Self {
        self.micros = micros;
        self
    }

    /// Decided: `problems` is what was not as expected; none of them means that it held.
    #[must_use]
    pub fn decided(mut self, problems: &[String], otherwise: impl Into<String>) -> Self {
        (self.verdict, self.seen) = if problems.is_empty() {
            (Verdict::Held, otherwise.into())
        } else {
            let more = problems.len().saturating_sub(6);
            let mut words = problems[..problems.len().min(6)].join("; ");
            if more > 0 {
                words = format!("{words}; and {more} more");
            }
            (Verdict::Breach, words)
        };
        self
    }

    /// Held.
    #[must_use]
    pub fn held(self, seen: impl Into<String>) -> Self {
        self.decided(&[], seen)
    }

    /// A breach.
    #[must_use]
    pub fn breach(self, seen: impl Into<String>) -> Self {
        self.decided(&[seen.into()], "")
    }

    /// It could not be tried.
    #[must_use]
    pub fn not_tried(mut self, why: impl Into<String>) -> Self {
        (self.verdict, self.seen) = (Verdict::NotTried, why.into());
        self
    }

    /// The layer is not in force, as the plan says.
    #[must_use]
    pub fn not_in_force(mut self, why: impl Into<String>) -> Self {
        (self.verdict, self.seen) = (Verdict::NotInForce, why.into());
        self
    }
}

/// The whole table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The stacks, by name.
    pub stacks: Vec<String>,
    /// Services of each of them that were looked at, in the same order.
    pub services: Vec<usize>,
    /// Every cell.
    pub cells: Vec<Cell>,
    /// Things left by an earlier run that did not end, and were removed first.
    pub removed: Vec<String>,
    /// Milliseconds that each layer took, and what came before them.
    pub phases: Vec<(String, u64)>,
    /// Seconds in all.
    pub seconds: f64,
}

impl Report {
    /// Cells that ended like this.
    pub fn of(&self, verdict: Verdict) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(move |c| c.verdict == verdict)
    }

    /// How many cells ended like this.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.of(verdict).count()
    }

    /// Every breach.
    pub fn breaches(&self) -> Vec<&Cell> {
        self.of(Verdict::Breach).collect()
    }

    /// Whether isolation is proven: no breach, and nothing that could not be tried.
    pub fn proven(&self) -> bool {
        self.count(Verdict::Breach) == 0 && self.count(Verdict::NotTried) == 0
    }

    /// How many cells were tried: all but those that could not be, and those of layers that are not in force.
    pub fn tried(&self) -> usize {
        self.count(Verdict::Held) + self.count(Verdict::Breach)
    }
}
