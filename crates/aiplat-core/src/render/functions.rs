//! The functions that templates may call.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use secrecy::{ExposeSecret, SecretString};

use super::Reveal;
use crate::catalogue::{Catalogue, Port, Service};
use crate::config::StackConfig;

/// What functions of templates answer from; they live as long as their environment, and a borrow does not.
pub(super) struct Asked {
    config: StackConfig,
    /// By service and name.
    ports: BTreeMap<(String, String), u16>,
    /// By service.
    hosts: BTreeMap<String, String>,
}

impl Asked {
    pub(super) fn of(config: &StackConfig, catalogue: &Catalogue) -> Self {
        let ports = catalogue.services().flat_map(|s| {
            let port = move |p: &Port| ((s.name.to_string(), p.name.clone()), p.container);
            s.ports.iter().map(port)
        });
        let hosts = catalogue
            .services()
            .filter_map(|s| Some((s.name.to_string(), s.routes.first()?.host.clone())));
        Self {
            config: config.clone(),
            ports: ports.collect(),
            hosts: hosts.collect(),
        }
    }

    /// The host name at which the front door serves a service.
    fn host(&self, service: &str) -> Result<String, minijinja::Error> {
        let host = self.hosts.get(service);
        host.map(|host| self.config.public_host(host))
            .ok_or_else(|| missing(&format!("a service with a route, not `{service}`")))
    }
}

/// What a service's templates are rendered in.
pub(super) fn environment(
    asked: &Arc<Asked>,
    service: &Service,
    reveal: Reveal,
) -> Environment<'static> {
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
    let secrets = Arc::clone(asked);
    env.add_function("secret", move |name: String| {
        match (secrets.config.secrets.get(&name), reveal) {
            (None, _) => Err(missing(&format!(
                "a secret of a selected service, not `{name}`"
            ))),
            (Some(_), Reveal::Names) => Ok(format!("<secret:{name}>")),
            (Some(value), Reveal::Values) => Ok(value.expose_secret().to_owned()),
        }
    });
    let accepted = Arc::clone(asked);
    env.add_function("accepted", move |name: String| {
        let all = accepted.config.secrets.accepted(&name);
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
    let known = Arc::clone(asked);
    env.add_function("port", move |service: String, port: String| {
        let unknown = format!("a port of a service, not `{port}` of `{service}`");
        let found = known.ports.get(&(service, port)).copied();
        found.ok_or_else(|| missing(&unknown))
    });
    let door = Arc::clone(asked);
    env.add_function("host", move |name: String| door.host(&name));
    let front = Arc::clone(asked);
    env.add_function("url", move |name: String| {
        front.host(&name).map(|host| format!("https://{host}"))
    });
    env
}

fn missing(expected: &str) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, format!("expected {expected}"))
}
