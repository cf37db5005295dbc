//! Signing the stack's node in again with another key.

use std::path::Path;

use aiplat_core::catalogue::Catalogue;
use aiplat_core::plan;
use secrecy::SecretString;

use super::{Change, Places, PrepareError, standing};
use crate::engine::Engine;
use crate::host::Host;

/// Plans to sign the node of the stack in a directory in again with this key, under the stack's lock: the same node,
/// in the same container, whose state stays. The key is kept with the stack's other secrets once it is taken.
///
/// A run that is killed is finished by the same one with the same key, which is not used twice.
///
/// # Errors
/// [`PrepareError`]; nothing has been touched.
pub async fn sign_in<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    base_dir: &Path,
    places: &Places,
    key: SecretString,
) -> Result<Change, PrepareError> {
    let command = Some("tailscale refresh");
    let standing = standing(engine, host, catalogue, base_dir, places, command).await?;
    let (config, desired, observed) = (&standing.config, &standing.desired, &standing.observed);
    let plan = plan::sign_in(config, desired, observed, key);
    standing.change(catalogue, places, plan)
}
