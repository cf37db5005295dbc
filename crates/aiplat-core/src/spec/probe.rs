//! How a service proves that it is ready, what is made inside it then, and how it takes new configuration.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::host::Owner;
use crate::names::{ContainerName, ServiceName};
use crate::text::Text;

/// One question whose answer proves readiness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// An HTTP GET to the container's own address.
    Http {
        /// Container port.
        port: u16,
        /// Path with leading slash.
        path: String,
        /// The status that must come back.
        status: u16,
        /// Text that the body must contain.
        body: Option<String>,
    },
    /// `PostgreSQL`'s start-up handshake: the server asks for a password, and is not starting up.
    Postgres {
        /// Container port.
        port: u16,
        /// Role named in the handshake.
        user: String,
        /// Database named in the handshake.
        database: String,
    },
    /// Redis' AUTH and PING, answered by PONG.
    Redis {
        /// Container port.
        port: u16,
        /// Password.
        password: Text,
    },
    /// The port accepts a connection. No proof of health; only where the service has nothing better.
    Tcp {
        /// Container port.
        port: u16,
    },
    /// A command inside the container that must exit 0.
    Exec {
        /// Program and arguments.
        argv: Vec<String>,
    },
    /// It has been running for this long without a restart.
    Alive {
        /// Seconds.
        settle_seconds: u32,
    },
    /// The engine's own health check, where the host cannot reach the container.
    Engine,
}

/// A probe repeated until it succeeds or the deadline passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// The service.
    pub service: ServiceName,
    /// Its container.
    pub container: ContainerName,
    /// The container whose network namespace holds the address: itself, or the one it shares with.
    pub address_of: ContainerName,
    /// The network whose address is asked.
    pub network: String,
    /// Where it answered when the plan was made: asked first, so that a healthy running container costs the engine
    /// no call.
    pub at: Option<Ipv4Addr>,
    /// The question.
    pub probe: Probe,
    /// Seconds until it counts as failed.
    pub deadline_seconds: u32,
}

/// What must exist inside a service before those that need it start. Each is idempotent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provision {
    /// Roles and databases, made with the superuser's password over the wire protocol.
    Postgres {
        /// Where the server answers.
        gate: Gate,
        /// Container port.
        port: u16,
        /// Superuser.
        user: String,
        /// Its password.
        password: Text,
        /// What must be there.
        databases: Vec<PostgresDatabase>,
    },
    /// Requests to a store's own HTTP interface, in order.
    Http {
        /// Where it answers.
        gate: Gate,
        /// Container port.
        port: u16,
        /// The requests.
        requests: Vec<HttpRequest>,
    },
}

/// A role and its own database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostgresDatabase {
    /// Login role; owns the database.
    pub role: String,
    /// Its password.
    pub password: Text,
    /// The database.
    pub database: String,
    /// A schema owned by the role, besides `public`.
    pub schema: Option<String>,
    /// Extensions made by the superuser in the database.
    pub extensions: Vec<String>,
}

/// One request of a provisioning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpRequest {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// Path with leading slash.
    pub path: String,
    /// Header values, such as a bearer key.
    pub headers: Vec<(String, Text)>,
    /// JSON body.
    pub body: Option<Text>,
    /// Statuses that count as done, such as 409 for "exists".
    pub accept: Vec<u16>,
    /// What it makes, in words.
    pub what: String,
}

/// How a running service takes new configuration files without a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reload {
    /// The service.
    pub service: ServiceName,
    /// Its container.
    pub container: ContainerName,
    /// As whom an `exec` runs.
    pub user: Owner,
    /// How.
    pub action: ReloadAction,
    /// Proof that it still works.
    pub gate: Gate,
}

/// The act of reloading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReloadAction {
    /// A command inside the container.
    Exec(Vec<String>),
    /// A signal to the first process.
    Signal(String),
}
