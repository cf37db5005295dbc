//! What the engine tells of containers while they run: attached commands, what they use, what happens to them.

use std::collections::BTreeMap;
use std::pin::Pin;

use aiplat_core::names::StackId;
use aiplat_core::spec::label;
use bytes::Bytes;
use futures_util::Stream;
use tokio::io::AsyncWrite;

use super::{Answer, UserOf};

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// A command that is run in a container with its streams attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// As whom.
    pub user: UserOf,
    /// Whether it is given an input; without one it reads its end at once.
    pub stdin: bool,
    /// A terminal of this size inside the container; both outputs come as one then.
    pub terminal: Option<TerminalSize>,
}

/// A command that runs in a container.
pub struct ExecAttached {
    /// The engine's id of this run.
    pub exec: String,
    /// Its input; shutting it down is the end of it.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// Its output; ends with the program.
    pub output: Pin<Box<dyn Stream<Item = Answer<ExecPiece>> + Send>>,
}

impl std::fmt::Debug for ExecAttached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecAttached")
            .field("exec", &self.exec)
            .finish_non_exhaustive()
    }
}

/// Some output of an attached command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecPiece {
    /// It went to standard error.
    pub stderr: bool,
    /// The bytes, as they were written; a piece is no line.
    pub bytes: Bytes,
}

/// What a running container has used since it was started, and what it holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContainerUsage {
    /// Processor time, nanoseconds.
    pub cpu_nanoseconds: u64,
    /// Processor time of the whole host, nanoseconds; 0 where the engine does not tell.
    pub host_cpu_nanoseconds: u64,
    /// Processors of the host.
    pub cpus: u32,
    /// Memory in use, without file pages that the kernel takes back when it needs them, bytes.
    pub memory_bytes: u64,
    /// Limit of memory, bytes; the host's own memory where the container has none.
    pub memory_limit_bytes: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Bytes received and sent on its networks; `None` where it shares another container's.
    pub network: Option<(u64, u64)>,
    /// Bytes read from and written to disks.
    pub disk: (u64, u64),
}

/// Something that happened to an object on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEvent {
    /// Nanoseconds since 1970.
    pub at: i64,
    /// `container` or `network`.
    pub kind: String,
    /// Such as `start`, `die`, `health_status: healthy`.
    pub action: String,
    /// Engine id of the object.
    pub id: String,
    /// The object's labels and what else the engine tells, such as `name`, `exitCode`.
    pub attributes: BTreeMap<String, String>,
}

impl EngineEvent {
    /// Whether the object says that it belongs to the stack with this identity.
    pub fn belongs_to(&self, stack: &StackId) -> bool {
        self.attributes
            .get(label::STACK_ID)
            .is_some_and(|id| id == stack.as_str())
    }
}

/// Where following a log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogsFrom {
    /// With this many of the last lines.
    Last(u32),
    /// With what was written from this second on, since 1970.
    Second(i64),
}

/// Which events are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuestion {
    /// Only objects that wear this identity. Networks' events carry no labels and never come.
    pub stack: StackId,
    /// Seconds since 1970 of the first; from now on when `None`.
    pub since: Option<i64>,
    /// Seconds since 1970 of the last; without an end when `None`.
    pub until: Option<i64>,
}
