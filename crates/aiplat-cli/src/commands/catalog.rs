//! `aiplat catalog`

use std::path::{Path, PathBuf};

use aiplat_core::catalogue::{Catalogue, Service};
use aiplat_core::names::ServiceName;
use aiplat_docker::stack::read_service;
use aiplat_vectordb::{StoreKind, Wiring};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{Session, catalogue_failure};
use crate::view::{Table, style};

/// Show the services that a stack can have, or check a service file.
///
/// One service is one file of data. The same format serves the built-in services and your own.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat catalog list
  aiplat catalog show grafana
  aiplat catalog check ./my-service.toml")]
pub(crate) struct Catalog {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List all services
    #[command(
        after_long_help = "Examples:\n  aiplat catalog list\n  aiplat catalog list --json | jq -r '.[].name'"
    )]
    List,
    /// Show one service: image, ports, needs, licence, vector stores
    #[command(after_long_help = "Examples:\n  aiplat catalog show litellm")]
    Show {
        /// Its name
        service: ServiceName,
    },
    /// Check a service file of your own, with the templates beside it
    #[command(after_long_help = "Examples:\n  aiplat catalog check ./my-service.toml")]
    Check {
        /// The file
        file: PathBuf,
    },
}

impl Catalog {
    pub(super) fn run(self, session: &Session) -> Ended {
        match self.what {
            What::List => {
                let all: Vec<Value> = session.catalogue.services().map(short).collect();
                session
                    .printer
                    .result(&all, || table(&session.catalogue).to_string());
            }
            What::Show { service } => {
                let found = session.catalogue.get(&service).ok_or_else(|| {
                    Failure::new(
                        Exit::Invalid,
                        format!("no service `{service}` in the catalogue"),
                    )
                    .hint("`aiplat catalog list` shows them")
                })?;
                session.printer.result(&whole(found), || shown(found));
            }
            What::Check { file } => {
                let name = check(session.catalogue.clone(), &file)?;
                session
                    .printer
                    .result(&json!({"service": name, "problems": []}), || {
                        format!("`{name}` in {} is as expected", file.display())
                    });
            }
        }
        Ok(Exit::Ok)
    }
}

fn table(catalogue: &Catalogue) -> Table {
    let mut table = Table::new(&["SERVICE", "TIER", "BUNDLE", "LICENCE", "WHAT IT IS"]);
    for s in catalogue.services() {
        table.row([
            s.name.to_string(),
            tier(s),
            s.bundle.clone().unwrap_or_default(),
            s.licence.spdx.clone(),
            s.summary.clone(),
        ]);
    }
    table
}

fn tier(service: &Service) -> String {
    serde_json::to_value(service.tier)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn short(s: &Service) -> Value {
    json!({
        "name": s.name, "title": s.title, "summary": s.summary, "tier": s.tier, "bundle": s.bundle,
        "image": s.image.reference, "licence": s.licence.spdx,
    })
}

fn whole(s: &Service) -> Value {
    let mut value = short(s);
    let ports: Vec<Value> = s
        .ports
        .iter()
        .map(|p| json!({"name": p.name, "container": p.container, "key": p.key, "default": p.default}))
        .collect();
    let exceptions: Vec<Value> = s
        .exceptions
        .iter()
        .map(|e| json!({"allow": e.allow, "reason": e.reason}))
        .collect();
    value["needs"] = json!(s.needs);
    value["wants"] = json!(s.wants);
    value["ports"] = json!(ports);
    value["exceptions"] = json!(exceptions);
    value["routes"] = json!(s.routes.iter().map(|r| &r.host).collect::<Vec<_>>());
    value["licence_note"] = json!(s.licence.note);
    value["multi_tenant"] = json!(s.licence.multi_tenant);
    value["requires_key"] = json!(s.requires_key);
    value["vector_stores"] = stores(s).into_iter().map(|(k, v)| (k, json!(v))).collect();
    value
}

/// For each store how the service is wired to it, or why not.
fn stores(s: &Service) -> Vec<(String, String)> {
    StoreKind::ALL
        .iter()
        .map(|store| {
            let words = match s.vector.get(*store) {
                Wiring::None { reason } => format!("no: {reason}"),
                Wiring::Env { .. } => "yes".to_owned(),
                Wiring::InApp { .. } => "in the app itself".to_owned(),
            };
            (store.to_string(), words)
        })
        .collect()
}

fn shown(s: &Service) -> String {
    let mut text = format!("{}  {}\n\n", style::heading(s.name.as_str()), s.summary);
    let mut line = |key: &str, value: String| {
        if !value.is_empty() {
            text += &format!("{key:14} {value}\n");
        }
    };
    let names = |all: &[ServiceName]| {
        all.iter()
            .map(ServiceName::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    line("title", s.title.clone());
    line("image", s.image.reference.clone());
    line("needs", names(&s.needs));
    line("starts after", names(&s.wants));
    line(
        "served at",
        s.routes
            .iter()
            .map(|r| format!("{}.DOMAIN_NAME", r.host))
            .collect::<Vec<_>>()
            .join(", "),
    );
    for port in &s.ports {
        let host = port
            .key
            .as_ref()
            .map(|key| format!(", on the host by {key}"))
            .unwrap_or_default();
        line("port", format!("{} ({}{host})", port.container, port.name));
    }
    line("needs key", s.requires_key.clone().unwrap_or_default());
    line(
        "licence",
        format!("{} {}", s.licence.spdx, s.licence.note)
            .trim()
            .to_owned(),
    );
    line(
        "for others",
        s.licence.multi_tenant.clone().unwrap_or_default(),
    );
    for exception in &s.exceptions {
        line(
            "exception",
            format!("{}: {}", exception.allow, exception.reason),
        );
    }
    for (store, words) in stores(s) {
        line("vector store", format!("{store}: {words}"));
    }
    text
}

/// Adds the user's file to the catalogue, as a deploy would.
fn check(mut catalogue: Catalogue, file: &Path) -> Result<ServiceName, Failure> {
    let service = read_service(file)?;
    let (path, text) = (service.path.display().to_string(), service.text);
    catalogue
        .add(&path, &text, service.templates)
        .map_err(|problems| catalogue_failure(&problems))
}
