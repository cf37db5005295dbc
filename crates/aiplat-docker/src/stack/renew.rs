//! New certificates for the front door.

use std::path::{Path, PathBuf};

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::observed::PathState;
use aiplat_core::plan::{self, PlanProblem, RenewedCertificate};

use super::certificates::FRONT_DOOR;
use super::{
    Authority, Change, Places, PrepareError, Standing, authority, front_door_names, standing,
};
use crate::engine::Engine;
use crate::host::{Host, HostError};

/// Where the front door keeps certificates, below `BASE_DIR`; one folder for each authority in it.
const STORE: &str = "caddy/data/caddy/certificates";

/// The authorities that a front door asks where none is named, as it names their folders.
const PUBLIC: [&str; 2] = [
    "acme-v02.api.letsencrypt.org-directory",
    "acme.zerossl.com-v2-dv90",
];

/// Plans to renew the certificates of the stack in a directory, under its lock: all of them, or those of these host
/// names. Whose certificates they are is [`authority`]'s answer: the operator's own are not renewed.
///
/// # Errors
/// [`PrepareError`]; nothing has been touched.
pub async fn renew<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    base_dir: &Path,
    places: &Places,
    only: &[String],
) -> Result<Change, PrepareError> {
    let standing = standing(engine, host, catalogue, base_dir, places, Some("renew")).await?;
    let certificates = certificates(host, catalogue, &standing, only)?;
    let (config, desired, observed) = (&standing.config, &standing.desired, &standing.observed);
    let plan = match FRONT_DOOR.parse() {
        Ok(door) if !certificates.is_empty() => {
            plan::renew(config, catalogue, desired, observed, &door, certificates)
        }
        _ => Err(vec![PlanProblem::NoCertificate]),
    };
    standing.change(catalogue, places, plan)
}

/// The files of the certificates, where there are any.
fn certificates<H: Host>(
    host: &H,
    catalogue: &Catalogue,
    standing: &Standing,
    only: &[String],
) -> Result<Vec<RenewedCertificate>, HostError> {
    let config = &standing.config;
    let store = config.path(STORE);
    let mut all = Vec::new();
    for name in front_door_names(config, catalogue) {
        if !only.is_empty() && !only.contains(&name) {
            continue;
        }
        for issuer in issuers(config) {
            let folder: PathBuf = store.join(issuer).join(&name);
            if matches!(host.path_state(&folder)?, PathState::Directory { .. }) {
                all.push(RenewedCertificate { name, folder });
                break;
            }
        }
    }
    Ok(all)
}

/// The folders in which certificates may be, by who issued them.
fn issuers(config: &StackConfig) -> Vec<String> {
    match (authority(config), config.settings.acme_ca.get()) {
        (Authority::Own, _) => Vec::new(),
        (Authority::Internal, _) => vec!["local".to_owned()],
        (Authority::Acme, Some(url)) => vec![folder_of(url.as_str())],
        (Authority::Acme, None) => PUBLIC.map(str::to_owned).into(),
    }
}

/// The folder's name that a front door makes of an authority's address.
fn folder_of(url: &str) -> String {
    let rest = url.trim_start_matches("https://");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '@');
    let name: String = rest
        .to_ascii_lowercase()
        .replace(['/', ':'], "-")
        .chars()
        .filter(|c| plain(*c))
        .collect();
    name.replace("..", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authoritys_folder_is_named_after_its_address() {
        for (url, folder) in [
            ("https://acme-v02.api.letsencrypt.org/directory", PUBLIC[0]),
            ("https://acme.zerossl.com/v2/DV90", PUBLIC[1]),
            (
                "https://ca.example.org:8443/acme/local/directory",
                "ca.example.org-8443-acme-local-directory",
            ),
        ] {
            assert_eq!(folder_of(url), folder);
        }
    }
}
