//! Typed settings of a stack, from four layers: command-line flag, process environment, manifest, default.
//!
//! ```
//! use aiplat_core::settings::{KnownKeys, Layers, Settings};
//!
//! let mut layers = Layers::default();
//! layers.environment.insert("BASE_DIR".into(), "/mnt/data2".into());
//! layers.flags.insert("STACK_USER_UID".into(), "3000".into());
//! let (settings, warnings) = Settings::resolve(&layers, &KnownKeys::default()).expect("valid");
//! assert_eq!(settings.base_dir.get().as_str(), "/mnt/data2");
//! assert_eq!(settings.stack_user_gid.get().get(), 3000);
//! assert!(warnings.is_empty());
//! ```
//!
//! Everything that is wrong is reported at once, as [`Problem`]s: key, line, layer and what was expected, never a
//! value. [`keys::KEYS`] is the one table of keys: parsing, the documented manifest ([`template::render`]), reference
//! pages and the search for misspelt keys all read it. What a key's value may be is its type's business
//! ([`BaseDir`], [`HostPort`], …), and holding one is the proof.
//!
//! Rules for all keys: blanks around a value do not count; an empty value means "not given" in that layer, so the
//! next layer is asked; only keys that are known are looked up in the environment.

pub mod keys;
pub mod preset;
pub mod template;

#[macro_use]
mod newtype;

mod address;
mod choices;
mod cross;
mod dns;
mod expected;
mod gpus;
mod ids;
mod image;
mod known;
mod layers;
mod misspelt;
mod model;
mod numbers;
mod path;
mod prefix;
mod problem;
mod reader;
mod resolve;
mod setting;
mod values;
mod warning;

#[cfg(test)]
mod tests;

pub use address::{LocalName, StackSubnet};
pub use choices::{AppArmorMode, Publish, Switch};
pub use dns::{AcmeDirectory, DnsLabel, Domain, Email};
pub use expected::Expected;
pub use gpus::Gpus;
pub use ids::{Gid, Uid};
pub use image::{ImageReference, RegistryPrefix};
pub use known::KnownKeys;
pub use layers::{Layers, Source};
pub use model::ModelName;
pub use numbers::{ByteSize, Cpus, Dimensions, HostPort, Pids};
pub use path::{AbsolutePath, BaseDir};
pub use prefix::ContainerPrefix;
pub use problem::{Problem, Problems};
pub use resolve::Settings;
pub use setting::Setting;
pub use warning::{Warning, WarningKind};
