//! Which images an upgrade asks for, and which would be the way back.

use std::collections::BTreeMap;

use aiplat_core::catalogue::{Catalogue, Service};
use aiplat_core::config::StackConfig;
use aiplat_core::names::ServiceName;
use aiplat_core::observed::ObservedContainer;
use aiplat_core::settings::KnownKeys;
use aiplat_core::spec::label;

use super::UpgradeError;
use crate::stack::{Inputs, PrepareError};

/// Images of services, each by reference, or `None` for the catalogue's own pin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Images(BTreeMap<ServiceName, Option<String>>);

impl Images {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asks a run for these images.
    pub(super) fn ask(&self, inputs: &mut Inputs) {
        for (service, image) in &self.0 {
            let key = KnownKeys::image_key(service);
            match image {
                Some(image) => {
                    inputs.flags.insert(key, image.clone());
                }
                None => {
                    inputs.unset.insert(key);
                }
            }
        }
    }
}

/// One service's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The service.
    pub service: ServiceName,
    /// The image that it runs from; `None` where it has no container.
    pub from: Option<String>,
    /// The image that it is to run from.
    pub to: String,
}

/// What an upgrade comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decided {
    /// The services whose image changes.
    pub(super) changed: Vec<Changed>,
    /// What is asked for.
    pub(super) forward: Images,
    /// What brings the manifest back to what runs now.
    pub(super) back: Images,
}

/// Decides an upgrade of one service, of a bundle, or of everything that runs: to a tag or a whole reference, or back to
/// the catalogue's own pins.
pub(super) fn decide(
    config: &StackConfig,
    catalogue: &Catalogue,
    containers: &[ObservedContainer],
    what: Option<&str>,
    to: Option<&str>,
) -> Result<Decided, UpgradeError> {
    let meant: Vec<&Service> = config
        .selection
        .services()
        .iter()
        .filter_map(|name| catalogue.get(name))
        .filter(|s| what.is_none_or(|w| s.name.as_str() == w || s.bundle.as_deref() == Some(w)))
        .collect();
    if let (Some(word), true) = (what, meant.is_empty()) {
        let unknown = PrepareError::Unknown {
            words: vec![word.to_owned()],
            services: config.selection.services().to_vec(),
        };
        return Err(unknown.into());
    }
    if to.is_some() {
        one_tag(config, what, &meant)?;
    }
    let mut decided = Decided::default();
    for service in meant {
        let pinned = config.pinned_image(service);
        let wanted = to.map(|to| reference(&config.image(service), to));
        let target = wanted.clone().unwrap_or_else(|| pinned.clone());
        let from = running(config, containers, &service.name);
        let named = config.settings.images.contains_key(&service.name);
        let same = from.as_ref() == Some(&target) && config.image(service) == target;
        if same && (wanted.is_some() || !named) {
            continue;
        }
        let before = from.clone().unwrap_or_else(|| config.image(service));
        let name = service.name.clone();
        let asked = wanted.filter(|image| *image != pinned);
        decided.forward.0.insert(name.clone(), asked);
        let back = Some(before).filter(|image| *image != pinned);
        decided.back.0.insert(name.clone(), back);
        if from.as_ref() != Some(&target) {
            decided.changed.push(Changed {
                service: name,
                from,
                to: target,
            });
        }
    }
    Ok(decided)
}

/// A tag must fit every service that it is for.
fn one_tag(
    config: &StackConfig,
    what: Option<&str>,
    meant: &[&Service],
) -> Result<(), UpgradeError> {
    let Some(what) = what else {
        return Err(UpgradeError::Everything);
    };
    let tag = |s: &Service| {
        let image = config.pinned_image(s);
        image
            .rsplit_once(':')
            .map_or(image.clone(), |(_, tag)| tag.to_owned())
    };
    let first = tag(meant[0]);
    if meant.iter().all(|s| tag(s) == first) {
        return Ok(());
    }
    let found: Vec<_> = meant
        .iter()
        .map(|s| format!("{} {}", s.name, tag(s)))
        .collect();
    Err(UpgradeError::Several {
        bundle: what.to_owned(),
        found: found.join(", "),
    })
}

/// The same image with another tag, or a whole reference as it was given.
fn reference(image: &str, to: &str) -> String {
    if to.contains([':', '/', '@']) {
        return to.to_owned();
    }
    let bare = image.split('@').next().unwrap_or(image);
    let name = bare.rfind('/').map_or(0, |slash| slash + 1);
    let end = bare[name..]
        .find(':')
        .map_or(bare.len(), |colon| name + colon);
    format!("{}:{to}", &bare[..end])
}

/// The image that a service runs from. A predecessor that an interrupted run set aside is the last that was proved.
fn running(
    config: &StackConfig,
    containers: &[ObservedContainer],
    service: &ServiceName,
) -> Option<String> {
    let name = config.container(service);
    let own = |wanted: &str| {
        containers.iter().find(|c| {
            c.name == wanted
                && c.belongs_to(&config.id)
                && c.label(label::SERVICE) == Some(service.as_str())
        })
    };
    let found = own(&name.superseded()).or_else(|| own(name.as_str()))?;
    Some(found.image.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_takes_the_place_of_the_tag_and_of_nothing_else() {
        for (image, to, expected) in [
            (
                "postgres:17.11-trixie",
                "17.12-trixie",
                "postgres:17.12-trixie",
            ),
            (
                "localhost:5000/x/postgres:17",
                "18",
                "localhost:5000/x/postgres:18",
            ),
            (
                "localhost:5000/postgres",
                "18",
                "localhost:5000/postgres:18",
            ),
            ("postgres:17", "mine/postgres:17", "mine/postgres:17"),
            ("postgres:17@sha256:aaaa", "18", "postgres:18"),
        ] {
            assert_eq!(reference(image, to), expected);
        }
    }
}
