//! `aiplat remove`

use aiplat_core::catalogue::Catalogue;
use aiplat_core::names::ServiceName;
use aiplat_docker::stack::own_services;
use clap::Args;

use super::Ended;
use super::add::{forget, selecting};
use super::deploy::Deploy;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// Take a service out of the running stack; its data stays.
///
/// Its container, route and scrape job go, and its name leaves the manifest. Directories, secrets and databases stay, so
/// that `aiplat add` brings it back as it was. A service that another one needs is refused, with that one's name.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat remove flowise
      asks first
  aiplat remove flowise --yes")]
pub(crate) struct Remove {
    /// The service, or the name of a bundle such as `dify`
    service: ServiceName,
}

impl Remove {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        let running = opened.config.selection.services();
        let (gone, stay): (Vec<_>, Vec<_>) = running
            .iter()
            .cloned()
            .partition(|name| self.means(&session.catalogue, name));
        if gone.is_empty() {
            let words = format!("`{}` does not run in this stack", self.service);
            return Err(Failure::new(Exit::Invalid, words).hint("`aiplat status` shows what runs"));
        }
        if let Some((needed, by)) = needed(&session.catalogue, &gone, &stay) {
            let words = format!("`{needed}` is needed by `{by}`");
            return Err(Failure::new(Exit::Refused, words).hint(format!("remove `{by}` first")));
        }
        let ended = Deploy::of(selecting(&stay)).run(session).await?;
        for name in &gone {
            let file = own_services(opened.config.base_dir()).join(format!("{name}.toml"));
            if file.is_file() {
                forget(&file)?;
            }
        }
        Ok(ended)
    }

    /// Whether a service is the one meant, or a part of the bundle that is meant.
    fn means(&self, catalogue: &Catalogue, name: &ServiceName) -> bool {
        let bundle = catalogue.get(name).and_then(|s| s.bundle.as_deref());
        *name == self.service || bundle == Some(self.service.as_str())
    }
}

/// A service that goes although one that stays needs it, with the latter.
fn needed<'a>(
    catalogue: &'a Catalogue,
    gone: &'a [ServiceName],
    stay: &'a [ServiceName],
) -> Option<(&'a ServiceName, &'a ServiceName)> {
    stay.iter().find_map(|by| {
        let service = catalogue.get(by)?;
        let needs = service.needs.iter().chain(&service.run.network_of);
        let needed = needs
            .into_iter()
            .find_map(|n| gone.iter().find(|g| *g == n))?;
        Some((needed, by))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_service_needs_is_not_taken_away() {
        let catalogue = Catalogue::built_in().unwrap();
        let names = |all: &[&str]| {
            all.iter()
                .map(|n| n.parse().unwrap())
                .collect::<Vec<ServiceName>>()
        };
        let (gone, stay) = (names(&["redis"]), names(&["postgres", "litellm"]));
        let (needed, by) = needed(&catalogue, &gone, &stay).expect("litellm needs redis");
        assert_eq!((needed.as_str(), by.as_str()), ("redis", "litellm"));
        assert!(super::needed(&catalogue, &names(&["litellm"]), &names(&["redis"])).is_none());
    }

    #[test]
    fn a_bundle_goes_as_a_whole() {
        let catalogue = Catalogue::built_in().unwrap();
        let remove = Remove {
            service: "dify".parse().unwrap(),
        };
        assert!(remove.means(&catalogue, &"dify-web".parse().unwrap()));
        assert!(!remove.means(&catalogue, &"n8n".parse().unwrap()));
    }
}
