//! aiplat's decisions, as pure functions: one `.env` manifest becomes one stack's plan.
//!
//! Nothing here reads a file, asks an engine, looks at a clock or draws a random number: all of that is handed in. So the
//! same input gives the same plan, byte for byte, and a plan can be shown, compared, checked and tested without a host.
//!
//! - [`manifest`] and [`settings`]: what was given, losslessly, and typed with all problems at once
//! - [`catalogue`]: the services, one file of data each
//! - [`allocation`]: ports, subnets and users that no other stack has
//! - [`config`]: a stack fully decided
//! - [`desired`]: what is wanted of host and engine
//! - [`backup`]: what of a stack is backed up, and by what means
//! - [`plan`]: what leads from what is there to what is wanted, and the checker that no plan passes unseen
//!
//! A plan for a host on which nothing is yet:
//!
//! ```
//! use aiplat_core::allocation::{Register, allocate};
//! use aiplat_core::catalogue::Catalogue;
//! use aiplat_core::config::{Secrets, StackConfig, known_keys, manifest, needed, request, select};
//! use aiplat_core::desired::desired;
//! use aiplat_core::manifest::Manifest;
//! use aiplat_core::names::StackId;
//! use aiplat_core::observed::Observed;
//! use aiplat_core::plan::{check, plan};
//! use aiplat_core::secret::RANDOM_BYTES;
//! use aiplat_core::settings::{Layers, Settings};
//!
//! let catalogue = Catalogue::built_in().expect("the built-in catalogue is complete");
//! let known = known_keys(&catalogue);
//! let text = "BASE_DIR=/mnt/data\nDOMAIN_NAME=ai.example.org\nSERVICES=postgres,redis,caddy\n";
//! let layers = Layers { manifest: Manifest::parse(text).expect("valid"), ..Layers::default() };
//! let (settings, _warnings) = Settings::resolve(&layers, &known).expect("valid");
//!
//! let selection = select(&settings, &catalogue).expect("known services");
//! let id = StackId::from_bytes([7; 6]);
//! let asked = request(&settings, &id, &selection, &catalogue);
//! let (seen, register) = (Observed::default(), Register::default());
//! let allocation = allocate(&asked, &seen, &register).expect("nothing else is there");
//! let needs = needed(&settings, settings.docker_network.get(), &selection, &catalogue);
//! let secrets = Secrets::gather(&needs, &settings.secrets, &Default::default(), || [9; RANDOM_BYTES])
//!     .expect("all can be drawn");
//! let manifest = manifest(Some(&layers.manifest), &settings, &allocation, &known).expect("valid");
//! let stack = StackConfig { settings, id, allocation, selection, secrets, manifest };
//!
//! let wanted = desired(&stack, &catalogue, &seen.engine).expect("every template renders");
//! let plan = plan(&stack, &wanted, &seen).expect("nothing stands in the way");
//! assert!(check(&plan, &stack, &catalogue, &register).is_empty());
//! assert_eq!(plan.services.len(), 3);
//! assert!(plan.steps.iter().any(|step| step.id == "service/postgres"));
//! ```

pub mod allocation;
pub mod audit;
pub mod backup;
pub mod catalogue;
pub mod compose;
pub mod config;
pub mod desired;
pub mod manifest;
pub mod names;
pub mod observed;
pub mod plan;
mod render;
pub mod secret;
pub mod settings;
pub mod spec;
pub mod text;
pub mod volume;
