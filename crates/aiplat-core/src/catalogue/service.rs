//! One service as its file says it, typed.

use std::collections::BTreeMap;

use aiplat_vectordb::{StoreKind, WiringTable};
use serde::Deserialize;

use super::{ChangeTable, ProofTable};
use crate::names::{SecretName, ServiceName};

/// One service: everything the planner must know to run it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Name; also its alias on the stack's network.
    pub name: ServiceName,
    /// Name for people.
    pub title: String,
    /// What it is for, in a few words.
    pub summary: String,
    /// What sort of service it is; decides the order of starting where needs do not.
    pub tier: Tier,
    /// Services of one bundle are selected together under the bundle's name.
    pub bundle: Option<String>,
    /// Services that must be healthy before it starts; selecting it selects them.
    #[serde(default)]
    pub needs: Vec<ServiceName>,
    /// Services that are started before it when they are selected.
    #[serde(default)]
    pub wants: Vec<ServiceName>,
    /// The vector store it is: selected by `VECTOR_DB`, never by name.
    pub vector_store: Option<StoreKind>,
    /// It cannot run without a vector store it is wired to.
    #[serde(default)]
    pub needs_vector_store: bool,
    /// Manifest key without which it is left out.
    pub requires_key: Option<String>,
    /// Another service whose `[env]` it starts from; its own entries win.
    pub inherits_env: Option<ServiceName>,
    /// Image.
    pub image: Image,
    /// Licence.
    pub licence: Licence,
    /// How it is run.
    #[serde(default)]
    pub run: Run,
    /// Environment, as templates.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Ports it listens on.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Ports it listens on besides, inside its own network only, and which nobody is meant to ask.
    #[serde(default)]
    pub listens: Vec<Listen>,
    /// Directories of the stack that it sees.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// In-memory file systems.
    #[serde(default)]
    pub tmpfs: Vec<TmpfsMount>,
    /// Configuration files rendered for it.
    #[serde(default)]
    pub files: Vec<ConfigFile>,
    /// Secrets it owns.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// Databases of its own on the stack's `PostgreSQL`.
    #[serde(default)]
    pub databases: Vec<Database>,
    /// How it proves that it is ready.
    pub health: Health,
    /// Requests sent to it once, after it first became healthy and before it is served to anybody.
    #[serde(default)]
    pub setup: Vec<SetupRequest>,
    /// Names under which the front door serves it.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Where its metrics are, or why it has none.
    pub metrics: Metrics,
    /// It collects the metrics of all others, and so may read the keys they ask for.
    #[serde(default)]
    pub collects_metrics: bool,
    /// Limits.
    pub limits: LimitsTable,
    /// Format of the data it keeps, or why it keeps none.
    pub data: DataFormat,
    /// Departures from the default hardening.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
    /// Wiring to each vector store, or why there is none.
    pub vector: WiringTable,
    /// `AppArmor` profile.
    #[serde(default)]
    pub apparmor: AppArmor,
    /// How its data is backed up; [`Method::Freeze`] where nothing is said.
    ///
    /// [`Method::Freeze`]: crate::backup::Method::Freeze
    pub backup: Option<BackupTable>,
    /// How its configuration is checked before it is used.
    pub validate: Option<Validate>,
    /// How it takes new configuration without a restart.
    pub reload: Option<ReloadTable>,
    /// How it, as the front door, is made to get new certificates.
    pub renew: Option<RenewTable>,
    /// How it is signed in again where it is a node of, with another key.
    pub sign_in: Option<SignInTable>,
}

impl Service {
    /// The container port of this name; the checks of the catalogue hold that every name in use is there.
    pub(crate) fn container_port(&self, name: &str) -> u16 {
        self.ports
            .iter()
            .find(|p| p.name == name)
            .map_or(0, |p| p.container)
    }
}

/// What sort of service it is, in the order of starting.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Relational databases, caches, object stores.
    Database,
    /// Vector stores.
    Vector,
    /// Model serving.
    Model,
    /// The gateway to models.
    Gateway,
    /// Apps that people use.
    App,
    /// Agents with a network of their own.
    Agent,
    /// Metrics and dashboards.
    Monitoring,
    /// The front door, last of all.
    Edge,
}

/// The image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Pinned reference: a tag that is a version, or a digest.
    pub reference: String,
    /// Image used instead with a certain vector store.
    #[serde(default)]
    pub variant: BTreeMap<StoreKind, String>,
    /// Where the pin was read.
    pub source: String,
}

/// The licence, and what an operator must know of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// SPDX identifier, or `LicenseRef-…`.
    pub spdx: String,
    /// In words.
    #[serde(default)]
    pub note: String,
    /// Set when the licence restricts running it for others.
    pub multi_tenant: Option<String>,
}

/// Whose UID and GID it runs as.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// The stack's own.
    #[default]
    Stack,
    /// Openclaw's own, also its sidecar's.
    Openclaw,
    /// Root inside the container; needs an exception.
    Root,
}

/// How it is run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Replaces the image's entry point.
    pub entrypoint: Option<Vec<String>>,
    /// Arguments, as templates.
    pub command: Option<Vec<String>>,
    /// Whose UID.
    pub identity: Identity,
    /// HOME and the passwd line's home; `/` when not given.
    pub home: Option<String>,
    /// Working directory.
    pub workdir: Option<String>,
    /// Whether the engine's init runs as PID 1.
    pub init: bool,
    /// Signal that asks it to stop.
    pub stop_signal: Option<String>,
    /// Seconds until SIGKILL; 10 when not given.
    pub stop_seconds: Option<u32>,
    /// Service whose network namespace it shares.
    pub network_of: Option<ServiceName>,
    /// Size of `/dev/shm`, such as `256m`.
    pub shm: Option<String>,
    /// It computes on graphics processors, where the stack has any.
    pub gpu: bool,
    /// Further aliases on the stack's network.
    pub aliases: Vec<String>,
}

/// A port it listens on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Name within the service, such as `http`.
    pub name: String,
    /// Port inside the container.
    pub container: u16,
    /// Transport; TCP when not given.
    #[serde(default = "tcp")]
    pub protocol: crate::spec::IpProtocol,
    /// Manifest key of its host port, when it has one.
    pub key: Option<String>,
    /// Preferred host port.
    pub default: Option<u16>,
}

/// A port that the program opens inside its own network although nobody of the stack asks it there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Port inside the container.
    pub port: u16,
    /// Transport; TCP when not given.
    #[serde(default = "tcp")]
    pub protocol: crate::spec::IpProtocol,
    /// Why it is there and cannot be closed.
    pub reason: String,
}

fn tcp() -> crate::spec::IpProtocol {
    crate::spec::IpProtocol::Tcp
}

/// Which of the stack's directories a mount comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MountKind {
    /// `data/<service>/<source>`: what must not be lost.
    Data,
    /// `logs/<service>/<source>`.
    Logs,
    /// `config/<service>/<source>`: rendered, read-only.
    Config,
    /// `caddy/<source>`: the front door's storage.
    Caddy,
    /// `ssl/certs/<domain>/<source>`.
    Certs,
}

/// A directory of the stack inside the container.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Which directory.
    pub kind: MountKind,
    /// Path below it; may be empty for configuration.
    #[serde(default)]
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Read-only; configuration always is.
    #[serde(default)]
    pub read_only: bool,
    /// `AppArmor` may run what is written there; needs an exception.
    #[serde(default)]
    pub exec: bool,
    /// The service whose directory it is, when not its own (parts of a bundle share one).
    pub of: Option<ServiceName>,
    /// The source is one file, created empty when it is absent, for images that write into a single file.
    #[serde(default)]
    pub file: bool,
}

/// An in-memory file system.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TmpfsMount {
    /// Path in the container.
    pub target: String,
    /// Size, such as `64m`.
    pub size: String,
    /// Programs may be run from it; needs an exception.
    #[serde(default)]
    pub exec: bool,
    /// Octal mode as text; `1777` when not given.
    pub mode: Option<String>,
}

/// A configuration file rendered for the service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// Template beside the service file.
    pub template: String,
    /// Path below `config/<service>/`.
    pub path: String,
}

/// A secret that the service owns: drawn once, kept in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Name and file name.
    pub name: SecretName,
    /// Manifest key by which an operator may give it; none for what is made from another secret.
    pub key: Option<String>,
    /// How it is drawn.
    pub format: crate::secret::Format,
    /// Whether it is mounted at `/run/secrets/<name>` in the service.
    #[serde(default)]
    pub file: bool,
    /// Why it must never change, when it must not.
    pub rotation: Option<String>,
    /// Its service can let two values in at once: its templates use `accepted(name)`.
    #[serde(default)]
    pub overlap: bool,
    /// The service reads it at its first start alone and keeps it in its own data: how it is changed there.
    pub change: Option<ChangeTable>,
    /// How to ask whether a value is let in; for the password of a database's role that is known.
    pub proof: Option<ProofTable>,
}

/// A database of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Name within the stack; role and database are derived from it.
    pub name: String,
    /// The secret that holds the role's password.
    pub secret: SecretName,
    /// Extensions made in it.
    #[serde(default)]
    pub extensions: Vec<String>,
}

/// The kind of question that proves readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeKind {
    /// HTTP GET.
    Http,
    /// The start-up handshake of `PostgreSQL`.
    Postgres,
    /// AUTH and PING.
    Redis,
    /// A connection is accepted.
    Tcp,
    /// A command in the container.
    Exec,
    /// It stays up: where it listens nowhere.
    Alive,
}

/// How it proves that it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// The kind of question.
    pub kind: ProbeKind,
    /// Name of the port.
    pub port: Option<String>,
    /// Path, for HTTP.
    pub path: Option<String>,
    /// Status, for HTTP; 200 when not given.
    pub status: Option<u16>,
    /// Text that the body must contain, for HTTP.
    pub body: Option<String>,
    /// Program and arguments, for a command.
    #[serde(default)]
    pub exec: Vec<String>,
    /// Seconds for which it must have run, where it answers nothing.
    pub settle_seconds: Option<u32>,
    /// The secret that holds the password, for Redis.
    pub secret: Option<SecretName>,
    /// Deadline in seconds.
    pub start_seconds: u32,
    /// The engine's own check, in its form (`CMD` first).
    #[serde(default)]
    pub engine: Vec<String>,
    /// Why the engine has no check of its own.
    pub engine_none: Option<String>,
}

/// A request sent to it once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    /// What it makes, in a word.
    pub name: String,
    /// Name of the port.
    pub port: String,
    /// HTTP method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Headers, as templates.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON body, as a template.
    pub body: Option<String>,
    /// Statuses that mean it was done now.
    pub done: Vec<u16>,
    /// Statuses that mean it had been done before.
    #[serde(default)]
    pub already: Vec<u16>,
}

/// A name under which the front door serves it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// First label of the host name, before `DOMAIN_NAME`.
    pub host: String,
    /// Name of the port.
    pub port: String,
    /// Paths served by it; all when empty.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Paths that the front door answers with 404, such as metrics.
    #[serde(default)]
    pub hide: Vec<String>,
    /// Headers set on the way to it, as front-door placeholders.
    #[serde(default)]
    pub header: BTreeMap<String, String>,
}

/// Where its metrics are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Name of the port.
    pub port: Option<String>,
    /// Path; `/metrics` when not given.
    pub path: Option<String>,
    /// Secret sent as a bearer key.
    pub bearer: Option<SecretName>,
    /// Why there are none.
    pub none: Option<String>,
}

/// Limits.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsTable {
    /// Memory, such as `512m`.
    pub memory: Option<String>,
    /// Processors, such as 1.5.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: u32,
}

/// Format of the data it keeps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFormat {
    /// Marker, such as `postgres-17`: data of one format is never started on with another.
    pub format: Option<String>,
    /// Why it keeps none.
    pub none: Option<String>,
    /// Marker that holds with a certain vector store's image instead.
    #[serde(default)]
    pub variant: BTreeMap<StoreKind, String>,
    /// How the version of the data is told, where only one version of the program reads it.
    pub version: Option<DataVersion>,
    /// Paths that the image declares to be volumes and that hold nothing worth keeping. Any other that has no mount is
    /// refused where the service keeps data, or where this is given at all.
    pub scratch: Option<Vec<String>>,
    /// The folder below the service's own in `data` in which there is an entry for each collection of vectors.
    pub collections: Option<String>,
}

/// How the version of data is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataVersion {
    /// File below the service's own folder in `data`, whose first line is the version.
    pub file: String,
    /// Variable of the image's environment that says its version.
    pub env: String,
    /// What stands before the version in the image's tag, in the order in which they are tried.
    pub tag: Vec<String>,
    /// How data is brought to another version, in words that go on from `or`.
    pub how: String,
}

/// A departure from the default hardening.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// What is allowed.
    pub allow: super::Allowance,
    /// Why it must be.
    pub reason: String,
}

/// `AppArmor` profile of the service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppArmor {
    /// `default`, `openclaw` or `tailscale`.
    pub profile: aiplat_apparmor::Kind,
}

/// How its data is backed up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupTable {
    /// By what means; `freeze` where only `none` or `bound` is given.
    pub method: Option<crate::backup::Method>,
    /// Why it is left out, unless it is asked for by name.
    pub none: Option<String>,
    /// Why its data goes back into the same stack only, such as an identity on another network.
    pub bound: Option<String>,
}

/// How its configuration is checked before it is used, in a container of its own without a network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validate {
    /// Replaces the image's entry point for the check.
    pub entrypoint: Option<Vec<String>>,
    /// Program and arguments.
    pub command: Vec<String>,
}

/// How it takes new configuration without a restart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReloadTable {
    /// A command in the container.
    pub exec: Option<Vec<String>>,
    /// Arguments after it that make it read again what did not change.
    #[serde(default)]
    pub force: Vec<String>,
    /// A signal to its first process.
    pub signal: Option<String>,
}

/// How the front door is made to get new certificates before it would by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewTable {
    /// A command that writes its configuration, as JSON, to its standard output.
    pub adapt: Vec<String>,
    /// A command that has it read a configuration, as JSON, from its standard input.
    pub load: Vec<String>,
    /// Path in the container of a folder in which old certificates are kept meanwhile.
    pub kept: String,
    /// Seconds in which the new ones must have come.
    pub deadline_seconds: u32,
}

/// How it is signed in again, with another key, as the node that it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInTable {
    /// The secret that the key is; nothing is made anew because it changed.
    pub secret: SecretName,
    /// Path in the container, right below a writable mount, at which the key lies meanwhile.
    pub key_file: String,
    /// The command that signs it in with that file; templates.
    pub command: Vec<String>,
    /// The command that says, as JSON, which node it is.
    pub status: Vec<String>,
}
