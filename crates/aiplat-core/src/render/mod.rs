//! Templates of service files, rendered strictly: an undefined name is an error, and so is a secret that is not there.
//!
//! Every template is rendered twice, once with secrets and once with `<secret:name>` in their places; where the two
//! differ the result is a secret [`Text`].

mod functions;
mod values;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use aiplat_vectordb::{Part, store_users};
use minijinja::Environment;
use minijinja::value::Value;
use secrecy::{ExposeSecret, SecretString};

use crate::catalogue::{Catalogue, Service};
use crate::config::StackConfig;
use crate::names::ServiceName;
use crate::text::{FingerprintKey, Text};
use functions::{Asked, environment};
pub(crate) use values::database_names;
use values::{globals, object, selected};

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
    asked: Arc<Asked>,
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
            asked: Arc::new(Asked::of(config, catalogue)),
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
                environment: environment(&self.asked, service, reveal),
                names: self.names(service, reveal),
            })
        };
        let mut scopes = self.scopes.borrow_mut();
        let kept = scopes.entry((service.name.clone(), reveal));
        Rc::clone(kept.or_insert_with(made))
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
