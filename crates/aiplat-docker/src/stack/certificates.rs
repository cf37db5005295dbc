//! The certificates that a stack's front door really serves.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::names::ServiceName;
use futures_util::future::join_all;

use crate::certificate::{Certificate, CertificateError, first_of_pem, served};
use crate::host::Host;

/// The service that is the front door.
pub(super) const FRONT_DOOR: &str = "caddy";

/// The certificate of the front door's own authority, below `BASE_DIR`.
const ROOT: &str = "caddy/data/caddy/pki/authorities/local/root.crt";

/// Largest file of certificates that is read, bytes.
const LARGEST: usize = 1024 * 1024;

/// Whose the front door's certificates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// The front door's own authority, for names that no public one vouches for.
    Internal,
    /// A certificate authority that is asked by the ACME protocol.
    Acme,
    /// The operator's own, in `ssl/certs/DOMAIN_NAME`.
    Own,
}

impl Authority {
    /// One lower-case word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Acme => "acme",
            Self::Own => "own",
        }
    }
}

/// What the front door serves under one host name.
#[derive(Debug, Clone)]
pub struct Served {
    /// The host name.
    pub name: String,
    /// The certificate.
    pub certificate: Result<Certificate, CertificateError>,
}

/// Whose certificates a stack has.
pub fn authority(config: &StackConfig) -> Authority {
    if *config.settings.own_certificate.get() {
        Authority::Own
    } else if config.local_domain() {
        Authority::Internal
    } else {
        Authority::Acme
    }
}

/// The host names under which the front door serves the stack, each once; none where the stack has no front door.
pub fn front_door_names(config: &StackConfig, catalogue: &Catalogue) -> Vec<String> {
    let door: Option<ServiceName> = FRONT_DOOR.parse().ok();
    if !door.is_some_and(|door| config.selection.has(&door)) {
        return Vec::new();
    }
    let services = config.selection.services().iter();
    let hosts: BTreeSet<String> = services
        .filter_map(|name| catalogue.get(name))
        .flat_map(|service| &service.routes)
        .map(|route| format!("{}.{}", route.host, config.domain()))
        .collect();
    hosts.into_iter().collect()
}

/// Where the front door answers on this host; `None` where it has no port.
pub fn front_door(config: &StackConfig) -> Option<SocketAddr> {
    let port = config.allocation.ports.get("CADDY_HTTPS_PORT")?;
    let address = *config.settings.front_door_address.get();
    // one that listens on all answers on the loopback address too
    let address = if address.is_unspecified() {
        Ipv4Addr::LOCALHOST
    } else {
        address
    };
    Some(SocketAddr::from((address, *port)))
}

/// Asks the front door for the certificate of every name, all at the same time.
pub async fn certificates(config: &StackConfig, catalogue: &Catalogue) -> Vec<Served> {
    let Some(at) = front_door(config) else {
        return Vec::new();
    };
    let names = front_door_names(config, catalogue);
    join_all(names.into_iter().map(async |name| {
        let certificate = served(at, &name).await;
        Served { name, certificate }
    }))
    .await
}

/// The certificate of the front door's own authority, where it is one and has made it.
pub fn own_authority<H: Host>(host: &H, config: &StackConfig) -> Option<Certificate> {
    let file = (authority(config) == Authority::Internal).then(|| config.path(ROOT))?;
    let pem = host.read_file(&file, LARGEST).ok()??;
    first_of_pem(&pem).ok()
}

/// The operator's own certificate: its file, and what is in it.
pub fn own_certificate<H: Host>(
    host: &H,
    config: &StackConfig,
) -> (PathBuf, Result<Certificate, CertificateError>) {
    let folder = config.path("ssl/certs").join(config.domain());
    let file = folder.join("fullchain.pem");
    let malformed = |words: String| CertificateError::Malformed { words };
    let read = match host.read_file(&file, LARGEST) {
        Ok(Some(pem)) => first_of_pem(&pem),
        Ok(None) => Err(malformed(format!("`{}` is not there", file.display()))),
        Err(error) => Err(malformed(error.to_string())),
    };
    (file, read)
}
