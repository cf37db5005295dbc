//! What the engine can answer instead of doing what it was asked.

use std::net::IpAddr;

/// A request that the engine did not carry out. Never holds a request: those carry secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Nothing answers at the address.
    #[error("expected a container engine at `{address}`: {words}")]
    Unreachable {
        /// The address, such as `unix:///var/run/docker.sock`.
        address: String,
        /// The system's words.
        words: String,
    },
    /// The address is of a kind that is not used.
    #[error(
        "expected an engine address such as `unix:///var/run/docker.sock`, or plain HTTP on a loopback address, not `{address}`"
    )]
    Address {
        /// The address as it was given.
        address: String,
    },
    /// The engine speaks only an older API.
    #[error("expected an engine that speaks API {needed} or newer, this one speaks {api}")]
    TooOld {
        /// Newest API version it has.
        api: String,
        /// Oldest that will do.
        needed: &'static str,
    },
    /// No such container, network or image.
    #[error("the engine has no {what}")]
    NotFound {
        /// What was asked for, such as "container `abc`".
        what: String,
    },
    /// A container or network of that name exists.
    #[error("the name `{name}` is in use on the engine")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A host port is in use.
    #[error("port {port} at {address} is in use")]
    PortTaken {
        /// Host address.
        address: IpAddr,
        /// Host port.
        port: u16,
    },
    /// The subnet overlaps one that the engine has.
    #[error("subnet {subnet} overlaps a network that the engine has")]
    SubnetTaken {
        /// The subnet that was asked for.
        subnet: String,
    },
    /// The engine does not have the image.
    #[error("the engine has no image `{reference}`")]
    ImageAbsent {
        /// Reference.
        reference: String,
    },
    /// A pull failed.
    #[error("image `{reference}` could not be pulled: {words}")]
    PullFailed {
        /// Reference.
        reference: String,
        /// The engine's words.
        words: String,
    },
    /// No space is left where the engine keeps its data.
    #[error("no space is left where the engine keeps its data: {words}")]
    DiskFull {
        /// The engine's words.
        words: String,
    },
    /// The engine answered, and said no.
    #[error("the engine refused to {what}: {words} (status {status})")]
    Refused {
        /// What it was asked, in words.
        what: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        words: String,
    },
    /// The engine's answer could not be understood, or the connection broke.
    #[error("the engine's answer to {what} could not be read: {words}")]
    Garbled {
        /// What it was asked, in words.
        what: String,
        /// What is wrong with it.
        words: String,
    },
    /// The engine did not answer in time.
    #[error("the engine did not answer in time when asked to {what}")]
    Silent {
        /// What it was asked, in words.
        what: String,
    },
}

impl EngineError {
    /// Whether it says that the object is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}
