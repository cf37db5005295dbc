//! The services of a stack, as `deploy` and `status` show them.

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::names::ServiceName;
use aiplat_core::spec::PublishedPort;
use serde::Serialize;

use super::{Table, style};

/// Where the front door keeps the certificate of its own authority, below `BASE_DIR`.
const LOCAL_CA: &str = "caddy/data/caddy/pki/authorities/local/root.crt";

/// Characters of a digest that are shown: enough to tell two.
const DIGEST_SHOWN: usize = "sha256:".len() + 12;

/// One service.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) service: String,
    pub(crate) container: String,
    /// One word, such as `healthy`.
    pub(crate) state: String,
    /// Where the front door serves it.
    pub(crate) urls: Vec<String>,
    /// Its ports on the host, `address:port`.
    pub(crate) ports: Vec<String>,
    pub(crate) image: String,
    /// Whether the image only imitates the service; unknown where the engine does not have it.
    pub(crate) stand_in: Option<bool>,
    /// The profile that confines it, when one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) apparmor: Option<String>,
    /// When its container was started, ended or made, whichever its state is from; RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
    /// The engine's words on how long it has been so, for people.
    #[serde(skip)]
    pub(crate) lasts: Option<String>,
}

impl Row {
    /// The image's tag, or the head of its digest, and whether it only imitates the service.
    fn coloured_image(&self) -> String {
        let version = match self.image.rsplit_once('@') {
            Some((_, digest)) => digest.get(..DIGEST_SHOWN).unwrap_or(digest),
            None => self.image.rsplit([':', '/']).next().unwrap_or_default(),
        };
        match self.stand_in {
            Some(true) => format!("{version} {}", style::changed("stand-in")),
            Some(false) => version.to_owned(),
            None => format!("{version} unknown"),
        }
    }

    fn coloured_state(&self) -> String {
        match self.state.as_str() {
            "healthy" | "running" => style::good(&self.state),
            "starting" | "created" | "paused" => style::changed(&self.state),
            _ => style::bad(&self.state),
        }
    }
}

/// The table of services. The column of images has their tags, and says which are stand-ins.
pub(crate) fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        "SERVICE",
        "STATE",
        "SINCE",
        "URL",
        "HOST PORT",
        "IMAGE",
        "APPARMOR",
    ]);
    for row in rows {
        table.row([
            row.service.clone(),
            row.coloured_state(),
            row.lasts.clone().unwrap_or_default(),
            row.urls.join(" "),
            row.ports.join(" "),
            row.coloured_image(),
            row.apparmor.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// Where the front door serves a service.
pub(crate) fn urls(
    config: &StackConfig,
    catalogue: &Catalogue,
    service: &ServiceName,
) -> Vec<String> {
    let door: Option<ServiceName> = "caddy".parse().ok();
    if !door.is_some_and(|door| config.selection.has(&door)) {
        return Vec::new();
    }
    let mut urls: Vec<String> = catalogue
        .get(service)
        .map(|s| {
            s.routes
                .iter()
                .map(|route| format!("{}/", config.origin(&route.host)))
                .collect()
        })
        .unwrap_or_default();
    urls.dedup();
    urls
}

/// Ports as `address:port`.
pub(crate) fn ports(ports: &[PublishedPort]) -> Vec<String> {
    ports
        .iter()
        .map(|p| format!("{}:{}", p.address, p.host))
        .collect()
}

/// The certificate that a browser must trust, where the front door is its own authority.
pub(crate) fn local_ca(config: &StackConfig) -> Option<String> {
    config
        .local_domain()
        .then(|| config.path(LOCAL_CA).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_called_one() {
        let row = Row {
            service: "grafana".into(),
            container: "ai-grafana".into(),
            state: "healthy".into(),
            urls: vec!["https://grafana.ai.localhost/".into()],
            ports: vec!["127.0.0.1:5001".into()],
            image: "x/grafana:1".into(),
            stand_in: Some(true),
            apparmor: None,
            since: None,
            lasts: None,
        };
        let text = anstream::adapter::strip_str(&table(&[row]).to_string()).to_string();
        assert!(
            text.contains("  1 stand-in") && text.contains("127.0.0.1:5001"),
            "{text}"
        );
        assert!(!text.contains("APPARMOR"), "{text}");
    }
}
