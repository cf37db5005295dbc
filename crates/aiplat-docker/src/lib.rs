//! aiplat's hands: the container engine and the host.
//!
//! - [`engine`]: the seam to the engine, and its one real implementation
//! - [`host`]: the seam to the host: files, owners, firewall, cgroups, `AppArmor`
//! - [`certificate`]: the certificate that a port really serves
//! - [`observe`]: what is there, asked in few calls
//! - [`probe`]: whether a service is ready, asked from the host
//! - [`apply`]: carrying out a plan, with no choices of its own
//! - [`audit`]: who changed what, where it is kept
//!
//! Nothing here prints, reads the environment or decides.
//!
//! Asking an engine what it is:
//!
//! ```no_run
//! use aiplat_docker::engine::{Bollard, Engine};
//!
//! # async fn ask() -> Result<(), aiplat_docker::engine::EngineError> {
//! let engine = Bollard::connect("unix:///var/run/docker.sock").await?;
//! let facts = engine.facts().await?;
//! assert!(facts.cpus > 0);
//! # Ok(())
//! # }
//! ```

pub mod apply;
pub mod audit;
mod blocking;
pub mod certificate;
mod chain;
pub mod engine;
pub mod events;
pub mod host;
pub mod observe;
mod postgres;
pub mod probe;
mod programs;
pub mod redact;
mod resp;
pub mod stack;
