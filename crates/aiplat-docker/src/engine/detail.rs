//! What the engine tells of one object.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use aiplat_core::names::StackId;
use aiplat_core::observed::ContainerState;
use aiplat_core::spec::{Owner, label};

/// How long a new container lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life<'a> {
    /// A service: restarted unless it is stopped, wears the hash of its specification.
    Service {
        /// [`aiplat_core::spec::ContainerSpec::hash`].
        hash: &'a str,
    },
    /// Runs once and is never restarted; wears `aiplat.purpose`.
    Once {
        /// Value of that label when the specification has none, such as `check`.
        purpose: &'a str,
    },
}

/// Who runs a command in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserOf {
    /// Whoever runs the container itself.
    Container,
    /// Somebody else.
    Owner(Owner),
}

/// One container, in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerDetail {
    /// Engine id.
    pub id: String,
    /// Name, without slash.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Engine id of its image.
    pub image_id: String,
    /// Image reference as it was given.
    pub image: String,
    /// State.
    pub state: ContainerState,
    /// First process on the host; `None` where it does not run.
    pub pid: Option<u32>,
    /// Exit code of the last run; meaningless while it runs.
    pub exit_code: i64,
    /// The kernel killed it for want of memory.
    pub out_of_memory: bool,
    /// The engine's words on why it did not start; empty when there is nothing to say.
    pub error: String,
    /// How often the engine restarted it by itself.
    pub restart_count: u64,
    /// The engine's own health check; `None` where it has none.
    pub health: Option<Health>,
    /// Its address in each network, where it has one.
    pub addresses: BTreeMap<String, Ipv4Addr>,
    /// The network mode as the engine keeps it, such as `container:<id>`.
    pub network_mode: String,
    /// `AppArmor` profile that the engine says it applied; empty where none.
    pub apparmor_profile: String,
    /// When it was started last, in the engine's words (RFC 3339); empty when never.
    pub started_at: String,
    /// When it ended last, in the same words; empty when never.
    pub finished_at: String,
}

/// The engine's own view of a container's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// State.
    pub state: HealthState,
    /// What the last check wrote.
    pub last_output: String,
}

/// What the engine's own check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthState {
    /// Not known yet.
    Starting,
    /// It passed.
    Healthy,
    /// It failed repeatedly.
    Unhealthy,
}

/// One network, in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkDetail {
    /// Engine id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Driver, such as `bridge`.
    pub driver: String,
    /// Subnets, as the engine writes them.
    pub subnets: Vec<String>,
    /// Driver options, such as the bridge's name.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Names of running containers attached to it.
    pub attached: Vec<String>,
}

/// One line that a container wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// It went to standard error.
    pub stderr: bool,
    /// The line, without its end; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// How a command in a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Exit code.
    pub exit_code: i64,
    /// Both outputs, as they came, at most 64 KiB.
    pub output: String,
}

/// One movement of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullProgress {
    /// Layer; empty for words on the whole image.
    pub layer: String,
    /// The engine's words, such as `Downloading`.
    pub status: String,
    /// Bytes done of this layer.
    pub current: Option<u64>,
    /// Bytes of this layer.
    pub total: Option<u64>,
}

impl ContainerDetail {
    /// Whether it says it belongs to the stack with this identity.
    pub fn belongs_to(&self, stack: &StackId) -> bool {
        self.labels
            .get(label::STACK_ID)
            .is_some_and(|id| id == stack.as_str())
    }

    /// Whether it runs, or is about to by itself.
    pub fn is_up(&self) -> bool {
        matches!(
            self.state,
            ContainerState::Running | ContainerState::Restarting | ContainerState::Paused
        )
    }
}

impl NetworkDetail {
    /// Whether it says it belongs to the stack with this identity.
    pub fn belongs_to(&self, stack: &StackId) -> bool {
        self.labels
            .get(label::STACK_ID)
            .is_some_and(|id| id == stack.as_str())
    }
}
