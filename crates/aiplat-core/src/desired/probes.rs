//! How a service proves its health, what is made for it in others, and what is set up in it once.

use aiplat_vectordb::{Provision as StoreProvision, provisioning};

use super::{Context, Setup};
use crate::catalogue::{ProbeKind, Service};
use crate::names::ServiceName;
use crate::render::{RenderError, database_names};
use crate::spec::{FileSpec, Gate, HttpRequest, PostgresDatabase, Probe, Provision};
use crate::text::Text;

/// The superuser of the stack's `PostgreSQL`, and the database it connects to.
pub(super) const SUPERUSER: &str = "postgres";
pub(super) const SUPERUSER_SECRET: &str = "postgres_password";

pub(super) struct Probes {
    pub(super) gate: Gate,
    pub(super) provisions: Vec<(ServiceName, Provision)>,
    pub(super) setup: Option<Setup>,
}

pub(super) fn of(context: &Context<'_>, service: &Service) -> Result<Probes, Vec<RenderError>> {
    let gate = gate(context, service);
    let provisions = provisions(context, service);
    let setup = setup(context, service, &gate)?;
    Ok(Probes {
        gate,
        provisions,
        setup,
    })
}

/// The service's own probe, asked from the host at its address; the engine's where the host cannot reach it.
pub(super) fn gate(context: &Context<'_>, service: &Service) -> Gate {
    let health = &service.health;
    let port = health
        .port
        .as_deref()
        .map_or(0, |name| service.container_port(name));
    let own = match health.kind {
        ProbeKind::Http => Probe::Http {
            port,
            path: health.path.clone().unwrap_or_else(|| "/".to_owned()),
            status: health.status.unwrap_or(200),
            body: health.body.clone(),
        },
        ProbeKind::Postgres => Probe::Postgres {
            port,
            user: SUPERUSER.to_owned(),
            database: SUPERUSER.to_owned(),
        },
        ProbeKind::Redis => Probe::Redis {
            port,
            password: health
                .secret
                .as_ref()
                .and_then(|name| context.renderer.secret(name.as_str()))
                .unwrap_or_else(|| Text::plain("")),
        },
        ProbeKind::Tcp => Probe::Tcp { port },
        ProbeKind::Exec => Probe::Exec {
            argv: health.exec.clone(),
        },
        ProbeKind::Alive => Probe::Alive {
            settle_seconds: health.settle_seconds.unwrap_or_default(),
        },
    };
    let needs_address = !matches!(own, Probe::Exec { .. } | Probe::Alive { .. });
    let probe = if needs_address && !context.engine.reachable && !health.engine.is_empty() {
        Probe::Engine
    } else {
        own
    };
    let address_of = service.run.network_of.as_ref().unwrap_or(&service.name);
    Gate {
        service: service.name.clone(),
        container: context.config.container(&service.name),
        address_of: context.config.container(address_of),
        network: context.config.name().to_string(),
        at: None,
        probe,
        deadline_seconds: health.start_seconds,
    }
}

/// What must exist in `PostgreSQL` and in the vector store before this service starts.
fn provisions(context: &Context<'_>, service: &Service) -> Vec<(ServiceName, Provision)> {
    let mut databases: Vec<_> = service
        .databases
        .iter()
        .filter_map(|database| {
            let (role, name) = database_names(context.config, &database.name);
            Some(PostgresDatabase {
                role,
                password: context.renderer.secret(database.secret.as_str())?,
                database: name,
                schema: None,
                extensions: database.extensions.clone(),
            })
        })
        .collect();
    let mut requests = Vec::new();
    let vector = context.config.vector(service);
    for wanted in vector.iter().flat_map(provisioning) {
        match wanted {
            StoreProvision::Sql(sql) => {
                if let Some(password) = context.renderer.secret(&sql.password.name) {
                    databases.push(PostgresDatabase {
                        role: sql.role.to_string(),
                        password,
                        database: sql.database.to_string(),
                        schema: sql.schema.map(|s| s.to_string()),
                        extensions: sql.extensions.iter().map(ToString::to_string).collect(),
                    });
                }
            }
            StoreProvision::Http(http) => {
                let bearer = http.bearer.and_then(|b| context.renderer.secret(&b.name));
                requests.push(HttpRequest {
                    method: http.method.as_str().to_owned(),
                    path: http.path,
                    headers: bearer
                        .map(|b| ("authorization".to_owned(), prefixed(context, &b)))
                        .into_iter()
                        .collect(),
                    body: Some(Text::plain(http.body.to_string())),
                    accept: http.accepted,
                    what: http.what,
                });
            }
        }
    }
    let mut all = Vec::new();
    let server = |name: &str| {
        name.parse::<ServiceName>()
            .ok()
            .and_then(|n| context.catalogue.get(&n))
    };
    if let Some(postgres) = server("postgres").filter(|_| !databases.is_empty())
        && let Some(password) = context.renderer.secret(SUPERUSER_SECRET)
    {
        let provision = Provision::Postgres {
            gate: gate(context, postgres),
            port: postgres.container_port("sql"),
            user: SUPERUSER.to_owned(),
            password,
            databases,
        };
        all.push((postgres.name.clone(), provision));
    }
    let store = vector.as_ref().and_then(|v| server(v.kind.spec().service));
    if let (Some(store), Some(vector), false) = (store, &vector, requests.is_empty()) {
        let provision = Provision::Http {
            gate: gate(context, store),
            port: vector.port,
            requests,
        };
        all.push((store.name.clone(), provision));
    }
    all
}

/// `Bearer <key>`.
pub(super) fn prefixed(context: &Context<'_>, key: &Text) -> Text {
    Text::secret(
        format!("Bearer {}", key.shown()),
        format!("Bearer {}", key.expose()).into(),
        &context.config.secrets.fingerprint_key(),
    )
}

/// Requests sent once to the service itself. The record of them names what was asked, without its secrets, so that a
/// rotated password does not repeat them.
fn setup(
    context: &Context<'_>,
    service: &Service,
    gate: &Gate,
) -> Result<Option<Setup>, Vec<RenderError>> {
    if service.setup.is_empty() {
        return Ok(None);
    }
    let mut problems = Vec::new();
    let mut render = |place: &str, template: &str| {
        context
            .renderer
            .text(service, place, template)
            .unwrap_or_else(|problem| {
                problems.push(problem);
                Text::plain("")
            })
    };
    let requests: Vec<_> = service
        .setup
        .iter()
        .map(|request| HttpRequest {
            method: request.method.clone(),
            path: request.path.clone(),
            headers: request
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), render("setup.headers", value)))
                .collect(),
            body: request.body.as_ref().map(|body| render("setup.body", body)),
            accept: request
                .done
                .iter()
                .chain(&request.already)
                .copied()
                .collect(),
            what: request.name.clone(),
        })
        .collect();
    let Some(port) = service
        .setup
        .first()
        .map(|r| service.container_port(&r.port))
    else {
        return Ok(None);
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let record: String = requests
        .iter()
        .map(|r| {
            format!(
                "{} {} {}\n",
                r.method,
                r.path,
                r.body.as_ref().map_or("", |b| b.shown())
            )
        })
        .collect();
    Ok(Some(Setup {
        provision: Provision::Http {
            gate: gate.clone(),
            port,
            requests,
        },
        done: FileSpec {
            path: context.config_dir(service).join(".setup"),
            content: Text::plain(record),
            owner: context.owner(service),
            mode: 0o444,
        },
    }))
}
