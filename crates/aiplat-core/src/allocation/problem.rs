//! What can stand in the way of an allocation.

/// A collision or an exhaustion, with what holds it or how much there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllocationProblem {
    /// A given value belongs to another stack.
    #[error("`{key}`: the {what} belongs to stack `{holder}`; give another")]
    Taken {
        /// Manifest key.
        key: String,
        /// What kind of thing it is.
        what: &'static str,
        /// The stack that has it.
        holder: String,
    },
    /// A given port is in use.
    #[error("`{key}`: port {port} is in use on {address} by {holder}; free it or give another")]
    PortInUse {
        /// Manifest key.
        key: String,
        /// The port.
        port: u16,
        /// The address asked for.
        address: std::net::Ipv4Addr,
        /// Who has it, as far as can be seen.
        holder: String,
    },
    /// Two keys were given the same port.
    #[error("`{key}` and `{other}`: both ask for port {port}; give one of them another")]
    PortTwice {
        /// Manifest key.
        key: String,
        /// The other key.
        other: String,
        /// The port.
        port: u16,
    },
    /// A given subnet overlaps with something.
    #[error(
        "`STACK_SUBNET`: {subnet} overlaps with {with}; give another or leave it out to have one chosen"
    )]
    SubnetOverlaps {
        /// The subnet.
        subnet: ipnet::Ipv4Net,
        /// What it overlaps with, in words.
        with: String,
    },
    /// No free subnet is left.
    #[error("no free subnet: all {tried} of the pools {pools} are in use; give `STACK_SUBNET`")]
    SubnetsExhausted {
        /// How many were tried.
        tried: usize,
        /// The pools, in words.
        pools: String,
    },
    /// No free block of ports is left.
    #[error(
        "no free block of {wanted} ports: {tried} blocks from {from} to {to} have a port in use; give the ports by their keys"
    )]
    PortsExhausted {
        /// Ports wanted.
        wanted: usize,
        /// Blocks tried.
        tried: usize,
        /// First port tried.
        from: u16,
        /// Last port tried.
        to: u16,
    },
    /// No free user is left.
    #[error("no free user for `{key}`: all {tried} candidates are used by other stacks; give one")]
    UsersExhausted {
        /// Manifest key.
        key: &'static str,
        /// Candidates tried.
        tried: usize,
    },
    /// A graphics processor belongs to another stack.
    #[error("`STACK_GPUS`: graphics processor {gpu} belongs to stack `{holder}`; give another")]
    GpuTaken {
        /// Its number.
        gpu: u32,
        /// The stack that has it.
        holder: String,
    },
    /// There is no such graphics processor.
    #[error(
        "`STACK_GPUS`: expected graphics processor {gpu} on this host, its NVIDIA driver has {on_host}; give others, or load the driver"
    )]
    NoGpu {
        /// Its number.
        gpu: u32,
        /// How many there are.
        on_host: u32,
    },
    /// A user was given twice within the stack.
    #[error("`{key}`: is the stack's own user; give another, since openclaw must not run as it")]
    SameUser {
        /// Manifest key.
        key: &'static str,
    },
}
