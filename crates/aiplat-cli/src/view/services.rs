//! The services of a stack, as `deploy` and `status` show them.

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::names::ServiceName;
use aiplat_core::spec::PublishedPort;
use serde::Serialize;

use super::{Table, style};

/// Where the front door keeps the certificate of its own authority, below `BASE_DIR`.
const LOCAL_CA: &str = "caddy/data/caddy/pki/authorities/local/root.crt";

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
    /// The engine's words on how long it has been so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
}

impl Row {
    fn image_kind(&self) -> &'static str {
        match self.stand_in {
            Some(true) => "stand-in",
            Some(false) => "real",
            None => "unknown",
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

/// The table of services. The column of images says which are stand-ins.
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
        let image = match row.image_kind() {
            "stand-in" => style::changed("stand-in"),
            kind => kind.to_owned(),
        };
        table.row([
            row.service.clone(),
            row.coloured_state(),
            row.since.clone().unwrap_or_default(),
            row.urls.join(" "),
            row.ports.join(" "),
            image,
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
        };
        let text = anstream::adapter::strip_str(&table(&[row]).to_string()).to_string();
        assert!(
            text.contains("stand-in") && text.contains("127.0.0.1:5001"),
            "{text}"
        );
        assert!(!text.contains("APPARMOR"), "{text}");
    }
}
