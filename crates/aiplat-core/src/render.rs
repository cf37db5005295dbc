//! Templates of service files, rendered strictly: an undefined name is an error, and so is a secret that is not there.
//!
//! Every template is rendered twice, once with secrets and once with `<secret:name>` in their places; where the two
//! differ the result is a secret [`Text`].

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use aiplat_vectordb::{Part, litellm_cache, names_for, store_users};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use secrecy::{ExposeSecret, SecretString};

use crate::catalogue::{Catalogue, Service};
use crate::config::StackConfig;
use crate::names::ServiceName;
use crate::text::{FingerprintKey, Text};

/// A template that could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("service `{service}`: `{place}`: {what}")]
pub struct RenderError {
    /// The service.
    pub service: ServiceName,
    /// Which value or file.
    pub place: String,
    /// What is wrong; never a value.
    pub what: String,
}

/// Renders the templates of one stack.
pub(crate) struct Renderer<'a> {
    config: &'a StackConfig,
    catalogue: &'a Catalogue,
    key: FingerprintKey,
    globals: BTreeMap<String, Value>,
    /// Kept, since a service has dozens of templates and making one of these costs more than rendering a template.
    scopes: RefCell<BTreeMap<(ServiceName, Reveal), Rc<Scope>>>,
}

/// What the templates of one service see and may call.
struct Scope {
    environment: Environment<'static>,
    names: BTreeMap<String, Value>,
}

/// Whether secrets are shown as themselves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reveal {
    Names,
    Values,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(config: &'a StackConfig, catalogue: &'a Catalogue) -> Self {
        let key = config.secrets.fingerprint_key();
        let globals = globals(config, catalogue);
        Self {
            config,
            catalogue,
            key,
            globals,
            scopes: RefCell::default(),
        }
    }

    /// Renders one template of a service.
    pub(crate) fn text(
        &self,
        service: &Service,
        place: &str,
        template: &str,
    ) -> Result<Text, RenderError> {
        self.text_with(service, place, template, &[])
    }

    /// The same with values of its own.
    pub(crate) fn text_with(
        &self,
        service: &Service,
        place: &str,
        template: &str,
        values: &[(&str, &Text)],
    ) -> Result<Text, RenderError> {
        if !template.contains('{') {
            return Ok(Text::plain(template));
        }
        let render = |reveal| {
            let scope = self.scope(service, reveal);
            let mut names = scope.names.clone();
            for (name, text) in values {
                let value = match reveal {
                    Reveal::Names => text.shown(),
                    Reveal::Values => text.expose(),
                };
                names.insert((*name).to_owned(), Value::from(value));
            }
            scope
                .environment
                .render_str(template, object(names))
                .map_err(|error| RenderError {
                    service: service.name.clone(),
                    place: place.to_owned(),
                    what: words(&error),
                })
        };
        let (shown, value) = (render(Reveal::Names)?, render(Reveal::Values)?);
        Ok(if shown == value {
            Text::plain(value)
        } else {
            Text::secret(shown, SecretString::from(value), &self.key)
        })
    }

    /// A secret by name.
    pub(crate) fn secret(&self, name: &str) -> Option<Text> {
        let value = self.config.secrets.get(name)?;
        Some(Text::secret(
            format!("<secret:{name}>"),
            value.clone(),
            &self.key,
        ))
    }

    fn scope(&self, service: &Service, reveal: Reveal) -> Rc<Scope> {
        let made = || {
            Rc::new(Scope {
                environment: self.environment(service, reveal),
                names: self.names(service, reveal),
            })
        };
        let mut scopes = self.scopes.borrow_mut();
        let kept = scopes.entry((service.name.clone(), reveal));
        Rc::clone(kept.or_insert_with(made))
    }

    fn environment(&self, service: &Service, reveal: Reveal) -> Environment<'static> {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|_| AutoEscape::None);
        let syntax = SyntaxConfig::builder()
            .keep_trailing_newline(true)
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .expect("the default delimiters are valid");
        env.set_syntax(syntax);
        let secrets = self.config.secrets.clone();
        env.add_function("secret", move |name: String| {
            match (secrets.get(&name), reveal) {
                (None, _) => Err(missing(&format!(
                    "a secret of a selected service, not `{name}`"
                ))),
                (Some(_), Reveal::Names) => Ok(format!("<secret:{name}>")),
                (Some(value), Reveal::Values) => Ok(value.expose_secret().to_owned()),
            }
        });
        let secrets = self.config.secrets.clone();
        env.add_function("accepted", move |name: String| {
            let all = secrets.accepted(&name);
            if all.is_empty() {
                return Err(missing(&format!(
                    "a secret of a selected service, not `{name}`"
                )));
            }
            let show = |value: &SecretString| match reveal {
                Reveal::Names => format!("<secret:{name}>"),
                Reveal::Values => value.expose_secret().to_owned(),
            };
            Ok(all.into_iter().map(show).collect::<Vec<_>>())
        });
        // what is shown stays readable, and the encoded form is a secret like the plain one
        env.add_function(
            "basic",
            move |user: String, password: String| match reveal {
                Reveal::Names => format!("Basic {password}"),
                Reveal::Values => {
                    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
                }
            },
        );
        let files: Vec<String> = service
            .secrets
            .iter()
            .filter(|s| s.file)
            .map(|s| s.name.to_string())
            .collect();
        env.add_function("secret_file", move |name: String| {
            let known = files.contains(&name);
            let path = format!("/run/secrets/{name}");
            known.then_some(path).ok_or_else(|| {
                missing(&format!(
                    "a secret of this service with `file = true`, not `{name}`"
                ))
            })
        });
        let ports: Arc<BTreeMap<(String, String), u16>> = Arc::new(
            self.catalogue
                .services()
                .flat_map(|s| {
                    s.ports
                        .iter()
                        .map(|p| ((s.name.to_string(), p.name.clone()), p.container))
                })
                .collect(),
        );
        env.add_function("port", move |service: String, port: String| {
            ports
                .get(&(service.clone(), port.clone()))
                .copied()
                .ok_or_else(|| {
                    missing(&format!("a port of a service, not `{port}` of `{service}`"))
                })
        });
        let hosts: Arc<BTreeMap<String, String>> = Arc::new(
            self.catalogue
                .services()
                .filter_map(|s| Some((s.name.to_string(), s.routes.first()?.host.clone())))
                .collect(),
        );
        let config = self.config.clone();
        let public = Arc::new(move |name: &str| {
            hosts
                .get(name)
                .map(|host| config.public_host(host))
                .ok_or_else(|| missing(&format!("a service with a route, not `{name}`")))
        });
        let host = Arc::clone(&public);
        env.add_function("host", move |name: String| host(&name));
        env.add_function("url", move |name: String| {
            public(&name).map(|h| format!("https://{h}"))
        });
        env
    }

    fn names(&self, service: &Service, reveal: Reveal) -> BTreeMap<String, Value> {
        let mut names = self.globals.clone();
        names.insert("store_users".to_owned(), self.store_users(reveal));
        if let Some(vector) = self.config.vector(service) {
            let variables: BTreeMap<String, Value> = vector
                .variables()
                .into_iter()
                .filter_map(|(name, var)| {
                    let text = var.text();
                    let value = match reveal {
                        Reveal::Names => shown(text.parts()),
                        Reveal::Values => text
                            .reveal(|s| {
                                self.config
                                    .secrets
                                    .get(&s.name)
                                    .map(|v| v.expose_secret().into())
                            })
                            .ok()?,
                    };
                    Some((name.to_owned(), Value::from(value)))
                })
                .collect();
            names.insert("vector".to_owned(), object(variables));
        }
        names
    }
}

impl Renderer<'_> {
    /// The users that the store takes from its own settings, with their keys: one on its way to another key stands
    /// there with both.
    fn store_users(&self, reveal: Reveal) -> Value {
        let store = self.config.vector_store();
        let provisioned: BTreeSet<String> = selected(self.config, self.catalogue)
            .filter_map(|s| {
                let provisioned = self.config.vector(s)?.provisioned;
                let tenant = s.vector.tenant().unwrap_or(s.name.as_str()).to_owned();
                provisioned.then_some(tenant)
            })
            .collect();
        let provisioned = provisioned.iter().map(String::as_str);
        store_users(store, self.config.store_names().as_str(), provisioned)
            .into_iter()
            .flat_map(|user| {
                let name = &user.secret.name;
                let keys = self.config.secrets.accepted(name);
                let keys = keys.into_iter().enumerate().map(|(number, value)| {
                    let key = match reveal {
                        Reveal::Values => value.expose_secret().to_owned(),
                        Reveal::Names => format!("<secret:{name}>"),
                    };
                    object([
                        ("name", Value::from(user.name.clone())),
                        ("key", Value::from(key)),
                        ("root", Value::from(user.root && number == 0)),
                    ])
                });
                keys.collect::<Vec<_>>()
            })
            .collect()
    }
}

/// A store's text with its secrets by name, in the one form in which this crate writes those.
fn shown(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| match part {
            Part::Plain(text) => text.clone(),
            Part::Secret { secret, .. } => format!("<secret:{}>", secret.name),
        })
        .collect()
}

/// What every template sees, whatever its service.
fn globals(config: &StackConfig, catalogue: &Catalogue) -> BTreeMap<String, Value> {
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

fn selected<'a>(
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
fn object<K: Into<String>>(entries: impl IntoIterator<Item = (K, impl Into<Value>)>) -> Value {
    let map: BTreeMap<String, Value> = entries
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    Value::from(map)
}

fn missing(expected: &str) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, format!("expected {expected}"))
}

/// The error without the template's text, which may hold a secret once rendered.
fn words(error: &minijinja::Error) -> String {
    let line = error
        .line()
        .map(|l| format!(" in line {l}"))
        .unwrap_or_default();
    match error.detail() {
        Some(detail) => format!("{}{line}: {detail}", error.kind()),
        None => format!("{}{line}", error.kind()),
    }
}
