//! The same stack as a plain Compose file, so that nobody is locked in.
//!
//! A pure function of what is wanted. Secrets never stand in the file unless that is asked for: where one is part of a
//! value, the file has `${SECRET_<NAME>:?…}`, which Compose refuses to leave empty; [`variables`] gives the lines of
//! the `.env` that Compose reads them from. Secrets that a service reads as files are bind mounts of the stack's own
//! files, as in the stack itself.
//!
//! Not in a Compose file: the firewall rules, the parent cgroup's limits, profiles, what is made inside services, and the
//! order of reloads. Its containers do not wear aiplat's labels, so that aiplat never takes them for its own.

mod model;
mod service;
mod text;

use std::collections::BTreeMap;

pub use text::variables;

use crate::desired::Desired;
use crate::names::{SecretName, StackName};
use model::{Bridge, File, Ipam, Network, Subnet};

/// How secrets stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretsAs {
    /// `${SECRET_<NAME>:?…}`: the values stay out of the file.
    Variables,
    /// The values themselves.
    Values,
}

/// A Compose file could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Compose file could not be written: {words}")]
pub struct ComposeError {
    /// The serialiser's words.
    words: String,
}

/// The stack as a Compose file, with a head that says what it lacks.
///
/// # Errors
/// [`ComposeError`]; never for a target state that a plan can be made from.
pub fn compose(
    stack: &StackName,
    desired: &Desired,
    secrets: SecretsAs,
) -> Result<String, ComposeError> {
    let network = Network {
        name: desired.network.name.clone(),
        driver: "bridge",
        driver_opts: Bridge {
            name: desired.network.bridge.clone(),
        },
        ipam: Ipam {
            config: vec![Subnet {
                subnet: desired.network.subnet.to_string(),
                gateway: desired.network.gateway.to_string(),
            }],
        },
    };
    let services: BTreeMap<String, model::Service> = desired
        .services
        .iter()
        .map(|wanted| {
            (
                wanted.name.to_string(),
                service::of(wanted, desired, secrets),
            )
        })
        .collect();
    let file = File {
        name: stack.to_string(),
        services,
        networks: BTreeMap::from([(text::STACK_NETWORK, network)]),
    };
    let yaml = serde_saphyr::to_string(&file).map_err(|error| ComposeError {
        words: error.to_string(),
    })?;
    Ok(head(stack, secrets) + &yaml)
}

fn head(stack: &StackName, secrets: SecretsAs) -> String {
    let about = match secrets {
        SecretsAs::Variables => {
            "# Secrets are variables: `aiplat render --output DIR` writes the `.env` that gives them, beside this file.\n"
        }
        SecretsAs::Values => "# Secrets stand in this file: keep it like one.\n",
    };
    format!(
        "# The stack `{stack}` as a Compose file. Directories, configuration and secret files must be there, as aiplat\n\
         # made them. Not in here: firewall rules, limits of the whole stack, loading AppArmor profiles, databases and\n\
         # roles made inside services. Tear the stack down with aiplat before Compose brings it up: both use the same\n\
         # names, ports and directories.\n{about}"
    )
}

/// The variable that stands for a secret.
pub fn variable(name: &SecretName) -> String {
    format!("SECRET_{}", name.as_str().to_uppercase())
}
