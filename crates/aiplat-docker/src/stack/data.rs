//! What must be known of the services' data and images before containers are made anew.

use aiplat_core::config::StackConfig;
use aiplat_core::desired::{Desired, DesiredService};
use aiplat_core::observed::Observed;
use aiplat_core::spec::label;

use super::PrepareError;
use crate::blocking::blocking;
use crate::engine::Engine;
use crate::host::{Host, HostError};

/// A version is a few characters.
const LINE: usize = 256;

/// Adds the versions of data on disk, and what images say of themselves that a container is to be made from.
pub(super) async fn look<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    config: &StackConfig,
    desired: &Desired,
    observed: &mut Observed,
) -> Result<(), PrepareError> {
    let versions = desired
        .services
        .iter()
        .filter_map(|s| s.guard.version.as_ref());
    for version in versions {
        let text = blocking(|| match host.read_file(&version.file, LINE) {
            Err(HostError::NoParent { .. }) => Ok(None),
            other => other,
        })?;
        let line = text.and_then(|bytes| {
            let text = String::from_utf8(bytes).ok()?;
            text.lines().next().map(|line| line.trim().to_owned())
        });
        if let Some(line) = line {
            observed.versions.insert(version.file.clone(), line);
        }
    }
    let mut images: Vec<&str> = desired
        .services
        .iter()
        .filter(|s| is_made(config, s, observed) && observed.has_image(&s.container.image))
        .filter(|s| s.guard.covered.is_some() || s.guard.version.is_some())
        .map(|s| s.container.image.as_str())
        .collect();
    images.sort_unstable();
    images.dedup();
    let asked = images.iter().map(|image| engine.image(image));
    let found = futures_util::future::try_join_all(asked).await?;
    let found: Vec<_> = images.into_iter().map(str::to_owned).zip(found).collect();
    for (image, facts) in found {
        if let Some(facts) = facts {
            observed.look_at_image(&image, facts);
        }
    }
    Ok(())
}

/// Whether a container is to be made from its image.
fn is_made(config: &StackConfig, service: &DesiredService, observed: &Observed) -> bool {
    let hash = service.container.hash();
    !observed.containers.iter().any(|c| {
        c.name == service.container.name.as_str()
            && c.belongs_to(&config.id)
            && c.label(label::SPEC_HASH) == Some(&hash)
    })
}
