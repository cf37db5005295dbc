//! Starting services again, in the order in which they need each other.

use std::path::Path;

use aiplat_core::catalogue::Catalogue;
use aiplat_core::names::ServiceName;
use aiplat_core::plan::{self, Reach};

use super::{Change, Places, PrepareError, named, standing};
use crate::engine::Engine;
use crate::host::Host;

/// Plans to start services of the stack in a directory again, under its lock; all of them when none is named.
///
/// Their containers stay: only what runs in them begins anew. A run that is killed leaves some of them stopped; the
/// same again, or a deploy, starts them.
///
/// # Errors
/// [`PrepareError`]; nothing has been touched.
pub async fn restart<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    base_dir: &Path,
    places: &Places,
    words: &[ServiceName],
    reach: Reach,
) -> Result<Change, PrepareError> {
    let standing = standing(engine, host, catalogue, base_dir, places, Some("restart")).await?;
    let named = named(catalogue, &standing.config, words)?;
    let (config, desired, observed) = (&standing.config, &standing.desired, &standing.observed);
    let plan = plan::restart(config, catalogue, desired, observed, &named, reach);
    standing.change(catalogue, places, plan)
}
