//! What templates see of the stack as a whole.

use std::collections::BTreeMap;

use aiplat_vectordb::{litellm_cache, names_for};
use minijinja::value::Value;

use crate::catalogue::{Catalogue, Service};
use crate::config::StackConfig;

/// What every template sees, whatever its service.
pub(super) fn globals(config: &StackConfig, catalogue: &Catalogue) -> BTreeMap<String, Value> {
    let s = &config.settings;
    let store = config.vector_store();
    let services: BTreeMap<String, Value> = catalogue
        .services()
        .map(|s| {
            (
                s.name.identifier(),
                Value::from(config.selection.has(&s.name)),
            )
        })
        .collect();
    let values = [
        ("domain", Value::from(config.domain())),
        ("base_dir", Value::from(s.base_dir.get().as_str())),
        ("stack", Value::from(config.name().as_str())),
        ("network", Value::from(config.name().as_str())),
        ("uid", Value::from(config.allocation.uid)),
        ("gid", Value::from(config.allocation.gid)),
        ("subnet", Value::from(config.allocation.subnet.to_string())),
        ("services", object(services)),
        ("db", databases(config, catalogue)),
        ("routes", routes(config, catalogue)),
        ("scrapes", scrapes(config, catalogue)),
        ("local_domain", Value::from(config.local_domain())),
        (
            "acme_ca",
            Value::from(
                s.acme_ca
                    .get()
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ),
        ),
        ("acme_ca_root", Value::from(*s.acme_ca_root.get())),
        ("own_certificate", Value::from(*s.own_certificate.get())),
        (
            "https_port",
            Value::from(
                config
                    .allocation
                    .ports
                    .get("CADDY_HTTPS_PORT")
                    .copied()
                    .unwrap_or(443),
            ),
        ),
        (
            "acme_email",
            Value::from(
                s.acme_email
                    .get()
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ),
        ),
        ("model", Value::from(s.ollama_model.get().as_str())),
        (
            "embedding_model",
            Value::from(s.embedding_model.get().as_str()),
        ),
        (
            "embedding_dimensions",
            Value::from(s.embedding_dimensions.get().get()),
        ),
        ("vector_store", Value::from(store.as_str())),
        ("litellm_cache", Value::from(litellm_cache(store).as_str())),
        (
            "tailscale_hostname",
            Value::from(s.tailscale_hostname.get().as_str()),
        ),
    ];
    values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn databases(config: &StackConfig, catalogue: &Catalogue) -> Value {
    let databases = catalogue
        .services()
        .flat_map(|s| &s.databases)
        .map(|database| {
            let names = database_names(config, &database.name);
            let fields = [
                ("role", Value::from(names.0)),
                ("name", Value::from(names.1)),
                ("host", Value::from("postgres")),
                ("port", Value::from(5432)),
            ];
            (database.name.clone(), object(fields))
        });
    object(databases.collect::<BTreeMap<_, _>>())
}

/// Role and database of a `[[databases]]` entry: told apart from those that the same service has for its vectors.
pub(crate) fn database_names(config: &StackConfig, name: &str) -> (String, String) {
    let names = names_for(config.store_names().as_str(), &format!("{name}-app"));
    (names.role.to_string(), names.database.to_string())
}

pub(super) fn selected<'a>(
    config: &'a StackConfig,
    catalogue: &'a Catalogue,
) -> impl Iterator<Item = &'a Service> {
    config
        .selection
        .services()
        .iter()
        .filter_map(|name| catalogue.get(name))
}

/// Routes by host, those with paths before the one that takes the rest.
fn routes(config: &StackConfig, catalogue: &Catalogue) -> Value {
    let mut routes: Vec<_> = selected(config, catalogue)
        .flat_map(|s| s.routes.iter().map(move |r| (s, r)))
        .collect();
    routes.sort_by_key(|(s, r)| (&r.host, r.paths.is_empty(), &s.name));
    routes
        .into_iter()
        .map(|(service, route)| {
            let upstream = format!("{}:{}", service.name, service.container_port(&route.port));
            object([
                ("host", Value::from(route.host.clone())),
                ("service", Value::from(service.name.as_str())),
                ("upstream", Value::from(upstream)),
                ("paths", Value::from(route.paths.clone())),
                ("hide", Value::from(route.hide.clone())),
                ("header", object(route.header.clone())),
            ])
        })
        .collect()
}

fn scrapes(config: &StackConfig, catalogue: &Catalogue) -> Value {
    selected(config, catalogue)
        .filter_map(|service| {
            let metrics = &service.metrics;
            let port = service.container_port(metrics.port.as_deref()?);
            let bearer = metrics.bearer.as_ref();
            Some(object([
                ("job", Value::from(service.name.as_str())),
                ("target", Value::from(format!("{}:{port}", service.name))),
                (
                    "path",
                    Value::from(
                        metrics
                            .path
                            .clone()
                            .unwrap_or_else(|| "/metrics".to_owned()),
                    ),
                ),
                (
                    "bearer_file",
                    Value::from(
                        bearer
                            .map(|b| format!("/run/secrets/{b}"))
                            .unwrap_or_default(),
                    ),
                ),
            ]))
        })
        .collect()
}

/// A template's object.
pub(super) fn object<K: Into<String>>(
    entries: impl IntoIterator<Item = (K, impl Into<Value>)>,
) -> Value {
    let map: BTreeMap<String, Value> = entries
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    Value::from(map)
}
