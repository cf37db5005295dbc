//! What makes a plan impossible. Nothing has been touched when one of these is told.

use std::path::PathBuf;

use crate::names::ServiceName;
use crate::spec::{ImageRefused, Owner};

/// A reason why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanProblem {
    /// A container's name is held by an object that is not of this stack.
    #[error(
        "the container name `{name}` is held by {holder}; rename or remove that container, or give another `CONTAINER_PREFIX`"
    )]
    ContainerHeld {
        /// The name.
        name: String,
        /// Who holds it, in words.
        holder: String,
    },
    /// The network's name is held by an object that is not of this stack.
    #[error("the network name `{name}` is held by {holder}; give another `DOCKER_NETWORK`")]
    NetworkHeld {
        /// The name.
        name: String,
        /// Who holds it, in words.
        holder: String,
    },
    /// The stack's network has another subnet than the manifest.
    #[error(
        "the stack's network has the subnet {found}, not {wanted}; tear the stack down first (data stays), or give `STACK_SUBNET={found}`"
    )]
    SubnetChanged {
        /// As it is.
        found: String,
        /// As it should be.
        wanted: String,
    },
    /// A path of the stack is something else than it must be.
    #[error("`{}` is {found}, expected {expected}; move it away", .path.display())]
    WrongPath {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A directory belongs to another user.
    #[error("`{}` belongs to {}:{}, expected {}:{}; `chown -R {}:{}` it if it is this stack's", .path.display(), .found.uid, .found.gid, .expected.uid, .expected.gid, .expected.uid, .expected.gid)]
    WrongOwner {
        /// The path.
        path: PathBuf,
        /// As it is.
        found: Owner,
        /// As it must be.
        expected: Owner,
    },
    /// A limit of the whole stack that is too low.
    #[error("expected `{key}` of at least {least}, {who}, found {wanted}; give more, or none")]
    StackLimit {
        /// The setting.
        key: &'static str,
        /// What it was given.
        wanted: String,
        /// The least that it may be, as one would write it.
        least: String,
        /// What needs it, in words.
        who: &'static str,
    },
    /// An image that does not fit the data.
    #[error(transparent)]
    Image(#[from] ImageRefused),
    /// Data of another format.
    #[error("service `{service}`: its data (`{}`) is not of the format {expected}; go back to the image that wrote it, or move the data by the service's own means and remove the marker", .marker.display())]
    DataFormat {
        /// The service.
        service: ServiceName,
        /// The marker file.
        marker: PathBuf,
        /// The format that the service would write.
        expected: String,
    },
    /// A service that should run has no container.
    #[error("service `{service}` has no container; `aiplat deploy` brings it up")]
    NoContainer {
        /// The service.
        service: ServiceName,
    },
    /// The front door has no certificate that it could renew.
    #[error(
        "the front door keeps no certificate of its own for these names; it gets its first ones by itself, and `aiplat logs caddy` says why it has none"
    )]
    NoCertificate,
    /// No service of the stack signs in anywhere.
    #[error(
        "this stack has no Tailscale, and so no node to sign in; a deploy with `TAILSCALE_AUTH_KEY` brings it up, and OpenClaw with it"
    )]
    NoSignIn,
    /// A service does not run.
    #[error("service `{service}` does not run; `aiplat deploy` starts it")]
    NotRunning {
        /// The service.
        service: ServiceName,
    },
    /// An interrupted deploy left a service between two containers.
    #[error(
        "service `{service}` is between two containers: an interrupted deploy left it so; `aiplat deploy` finishes it"
    )]
    Unfinished {
        /// The service.
        service: ServiceName,
    },
    /// A service cannot take new configuration while it runs.
    #[error(
        "service `{service}` reads its configuration only when it starts; `aiplat deploy` or `aiplat restart {service}`"
    )]
    NoReload {
        /// The service.
        service: ServiceName,
    },
}
