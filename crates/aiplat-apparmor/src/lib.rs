//! `AppArmor` profiles for the containers of a stack.
//!
//! A profile here is an allow-list: read and run what the image ships, write only the declared
//! mounts and scratch, never run what can be written, and talk to nobody outside the profile.
//! It is built from typed data ([`ProfileSpec`]), becomes typed rules ([`Profile`]) and only then
//! text, so that nothing in a name or a path can change what the text means. The crate does no
//! I/O: running `apparmor_parser` and loading is somebody else's, behind [`Parser`].
//!
//! ```
//! use aiplat_apparmor::{Kind, ProfileName, ProfileSpec, Writable, parse_label};
//!
//! let name = ProfileName::for_service("ai_platform", "postgres")?;
//! let mut spec = ProfileSpec::new(name, Kind::Default);
//! spec.writable.push(Writable::data("/var/lib/postgresql/data".parse()?));
//!
//! let profile = spec.profile();
//! let text = profile.to_string();
//! assert!(text.contains("profile aiplat-ai_platform.postgres flags="));
//! assert!(text.contains("audit deny /etc/{,g}shadow{,-} rwklmx,"));
//!
//! // after the container was started: is this process held by it?
//! let label = parse_label("aiplat-ai_platform.postgres (enforce)\n");
//! assert!(label.is_enforced_by(profile.name()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a profile cannot do
//!
//! - Keep a container from an engine's socket: mainline kernels do not mediate `connect()` to a
//!   unix socket. [`refuse_mount_source`] refuses the mount instead.
//! - Keep it from abstract unix sockets: these belong to the network namespace.
//! - Outlive its removal: a process whose profile is removed is unconfined at once and stays so.
//! - Grant a capability. It only allows what the engine added.

mod body;
mod capability;
mod label;
mod mode;
mod name;
mod parser;
mod path;
mod pattern;
mod profile;
mod quote;
mod rule;
mod source;
mod spec;

pub use capability::{Capability, CapabilityError};
pub use label::{Label, LabelMode, parse_label, policy_line, policy_lines};
pub use mode::{InForce, Mode, ModeError, Required};
pub use name::{MAX_NAME_LEN, NameError, ProfileName};
pub use parser::{
    CheckError, Parser, ParserOutput, Rejected, check_compiled, check_names, check_profile,
};
pub use path::{ContainerPath, PathError};
pub use pattern::Pattern;
pub use profile::Profile;
pub use quote::{QuoteError, escape, quote};
pub use rule::{Body, Family, Peer, Perms, Rule, Section, SocketKind, Verdict};
pub use source::{RefusedMount, refuse_mount_source, refuse_mount_source_given};
pub use spec::{Kind, KindError, ProfileSpec, Writable};
