//! What is wanted, complete: nothing in here is left for an executor to choose.

mod container;
mod copy;
mod databases;
mod guard;
mod host;
mod probe;
mod secret;
mod sections;
mod sign_in;
mod withdraw;

pub use container::{
    Bind, ContainerSpec, EngineHealth, IpProtocol, Limits, NetworkMode, PublishedPort, RunOnce,
    Tmpfs,
};
pub use copy::DataCopy;
pub use databases::{OwnDatabase, OwnDatabases};
pub use guard::{ImageGuard, ImageRefused, VersionGuard};
pub use host::{
    CgroupSpec, DirectorySpec, FIREWALL_CHAIN, FileSpec, FirewallSpec, NetworkSpec, Owner,
    ProfileFile, QuotaSpec, is_project, project,
};
pub use probe::{Gate, HttpRequest, PostgresDatabase, Probe, Provision, Reload, ReloadAction};
pub use secret::{Ask, SecretAct, SecretChange, SecretDeed};
pub use sign_in::SignIn;
pub use withdraw::{Shelf, Withdrawal};

/// Labels that every object of a stack carries on the engine; the code acts on no object without them.
pub mod label {
    /// The stack's name.
    pub const STACK: &str = "aiplat.stack";
    /// The stack's random identity.
    pub const STACK_ID: &str = "aiplat.stack-id";
    /// The catalogue service a container runs.
    pub const SERVICE: &str = "aiplat.service";
    /// SHA-256 (first 16 hexadecimal digits) of the container's whole specification.
    pub const SPEC_HASH: &str = "aiplat.spec-hash";
    /// The same in sections, so that a plan can tell what changed; decides nothing.
    pub const SPEC_SECTIONS: &str = "aiplat.spec-sections";
    /// The stack's `BASE_DIR`.
    pub const BASE_DIR: &str = "aiplat.base-dir";
    /// What a short-lived container is for (`check`, `probe`); absent on services.
    pub const PURPOSE: &str = "aiplat.purpose";
    /// Set on images that imitate a service which no reachable registry carries.
    pub const STAND_IN: &str = "aiplat.stand-in";
}
