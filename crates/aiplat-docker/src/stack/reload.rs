//! Having running services read their configuration anew.

use std::path::Path;

use aiplat_core::catalogue::Catalogue;
use aiplat_core::names::ServiceName;
use aiplat_core::plan;

use super::{Change, Places, PrepareError, named, standing};
use crate::engine::Engine;
use crate::host::Host;

/// Plans to have services of the stack in a directory read their configuration anew, under its lock; all that can when
/// none is named.
///
/// The configuration is rendered from the manifest and checked in a container of its own; a service reads it even
/// where nothing changed. One that is refused changes nothing: the files stay, or are put back.
///
/// # Errors
/// [`PrepareError`]; nothing has been touched.
pub async fn reload<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    base_dir: &Path,
    places: &Places,
    words: &[ServiceName],
) -> Result<Change, PrepareError> {
    let standing = standing(engine, host, catalogue, base_dir, places, Some("reload")).await?;
    let named = named(catalogue, &standing.config, words)?;
    let able = |name: &&ServiceName| {
        let service = standing.desired.service(name);
        service.is_some_and(|s| s.reload.is_some())
    };
    // of a bundle that was named, those that can; a service that was named itself must be able to
    let named: Vec<ServiceName> = if named.iter().any(|name| able(&name)) {
        let asked = |name: &&ServiceName| able(name) || words.contains(name);
        named.iter().filter(asked).cloned().collect()
    } else {
        named
    };
    let (config, desired, observed) = (&standing.config, &standing.desired, &standing.observed);
    let plan = plan::reload(config, desired, observed, &named);
    standing.change(catalogue, places, plan)
}
