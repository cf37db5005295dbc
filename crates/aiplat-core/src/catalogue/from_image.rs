//! A service file for a program of which no more is known than its image and what somebody says on a command line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use crate::names::{InvalidName, ServiceName};

/// Why an exception that was asked for on a command line stands in the file.
const ASKED: &str = "asked for when it was added";

/// How it is asked whether it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthCheck {
    /// GET of this path answers 200.
    Path(String),
    /// The port accepts a connection.
    Tcp,
    /// It has run for so many seconds.
    Alive(u32),
}

/// A question of health that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a path such as `/health`, `tcp`, or `alive` with seconds such as `alive:10`")]
pub struct InvalidHealthCheck;

impl FromStr for HealthCheck {
    type Err = InvalidHealthCheck;

    fn from_str(text: &str) -> Result<Self, InvalidHealthCheck> {
        match text.split_once(':') {
            _ if text.starts_with('/') => Ok(Self::Path(text.to_owned())),
            None if text == "tcp" => Ok(Self::Tcp),
            None if text == "alive" => Ok(Self::Alive(10)),
            Some(("alive", seconds)) => match seconds.parse() {
                Ok(seconds) if seconds > 0 => Ok(Self::Alive(seconds)),
                _ => Err(InvalidHealthCheck),
            },
            _ => Err(InvalidHealthCheck),
        }
    }
}

/// What is said of the program. What is not said is as safe as it can be: no right, no writable path but `/tmp`, no
/// directory of data.
#[derive(Debug, Clone, PartialEq)]
pub struct FromImage {
    /// Name of the service.
    pub name: ServiceName,
    /// Pinned image.
    pub image: String,
    /// Port that it listens on; none for one that listens nowhere.
    pub port: Option<u16>,
    /// Host port preferred for it; none where it has none.
    pub publish: Option<u16>,
    /// First label of its name at the front door; none where it is not served there.
    pub host: Option<String>,
    /// How it is asked whether it is ready.
    pub health: HealthCheck,
    /// Seconds until it must be.
    pub start_seconds: u32,
    /// Environment, as templates.
    pub env: BTreeMap<String, String>,
    /// Variables of the environment whose values are secrets, drawn and kept by the stack.
    pub secrets: Vec<String>,
    /// Paths in the container that are kept.
    pub data: Vec<String>,
    /// Paths in the container that are kept in memory, with their sizes.
    pub tmpfs: Vec<(String, String)>,
    /// Arguments, as templates; the image's own where empty.
    pub command: Vec<String>,
    /// Services that must be healthy first.
    pub needs: Vec<ServiceName>,
    /// Path of its metrics on the port.
    pub metrics: Option<String>,
    /// Memory, such as `512m`.
    pub memory: String,
    /// Processors.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: u32,
    /// Departures from the default hardening, as `[[exceptions]]` name them.
    pub allow: Vec<String>,
}

/// The name that an image suggests: the last part of its reference, without tag and digest.
///
/// # Errors
/// [`InvalidName`] where that is no service's name.
pub fn name_of_image(image: &str) -> Result<ServiceName, InvalidName> {
    let last = image.rsplit('/').next().unwrap_or(image);
    let name = last.split(['@', ':']).next().unwrap_or(last);
    name.to_ascii_lowercase().replace(['_', '.'], "-").parse()
}

/// Whether the name of a variable says that its value is nobody's business.
pub fn sounds_secret(key: &str) -> bool {
    const WORDS: [&str; 7] = [
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "TOKEN",
        "SECRET",
        "CREDENTIAL",
        "CREDENTIALS",
    ];
    let key = key.to_ascii_uppercase();
    let last = key.rsplit('_').next().unwrap_or(&key);
    WORDS.contains(&last)
        || [
            "API_KEY",
            "SECRET_KEY",
            "PRIVATE_KEY",
            "ACCESS_KEY",
            "APIKEY",
        ]
        .iter()
        .any(|end| key.ends_with(end))
}

impl FromImage {
    /// The service file, in the same form as those written by hand.
    pub fn text(&self) -> String {
        let mut file = String::new();
        self.head(&mut file);
        self.program(&mut file);
        self.places(&mut file);
        self.front(&mut file);
        self.rest(&mut file);
        file
    }

    /// The manifest key of something of this service.
    fn key(&self, of: &str) -> String {
        format!(
            "{}_{of}",
            self.name.as_str().to_ascii_uppercase().replace('-', "_")
        )
    }

    /// The name of the secret behind a variable.
    fn secret(&self, variable: &str) -> String {
        format!(
            "{}_{}",
            self.name.as_str().replace('-', "_"),
            variable.to_ascii_lowercase()
        )
    }

    fn head(&self, file: &mut String) {
        let Self {
            name, image, needs, ..
        } = self;
        line(file, "name", &quoted(name.as_str()));
        line(file, "title", &quoted(name.as_str()));
        line(
            file,
            "summary",
            &quoted(&format!("added from the image {image}")),
        );
        line(file, "tier", &quoted("app"));
        if !needs.is_empty() {
            line(file, "needs", &list(needs.iter().map(ServiceName::as_str)));
        }
        table(file, "[image]");
        line(file, "reference", &quoted(image));
        line(file, "source", &quoted("given when it was added"));
        table(file, "[licence]");
        line(file, "spdx", &quoted("LicenseRef-unknown"));
        line(
            file,
            "note",
            &quoted("not looked into: added from its image alone"),
        );
    }

    fn program(&self, file: &mut String) {
        table(file, "[run]");
        line(
            file,
            "home",
            &quoted(self.data.first().map_or("/tmp", String::as_str)),
        );
        line(file, "init", "true");
        if !self.command.is_empty() {
            line(
                file,
                "command",
                &list(self.command.iter().map(String::as_str)),
            );
        }
        if !self.env.is_empty() || !self.secrets.is_empty() {
            table(file, "[env]");
        }
        for (key, value) in &self.env {
            line(file, key, &quoted(value));
        }
        for key in &self.secrets {
            line(
                file,
                key,
                &quoted(&format!("{{{{ secret('{}') }}}}", self.secret(key))),
            );
        }
        for key in &self.secrets {
            table(file, "[[secrets]]");
            line(file, "name", &quoted(&self.secret(key)));
            line(file, "key", &quoted(&self.key(&key.to_ascii_uppercase())));
            line(file, "format", &quoted("alnum32"));
        }
    }

    fn places(&self, file: &mut String) {
        if let Some(port) = self.port {
            table(file, "[[ports]]");
            line(file, "name", &quoted("http"));
            line(file, "container", &port.to_string());
            if let Some(publish) = self.publish {
                line(file, "key", &quoted(&self.key("PORT")));
                line(file, "default", &publish.to_string());
            }
        }
        for target in &self.data {
            table(file, "[[mounts]]");
            line(file, "kind", &quoted("data"));
            line(file, "source", &quoted(&source(target)));
            line(file, "target", &quoted(target));
        }
        for (target, size) in &self.tmpfs {
            table(file, "[[tmpfs]]");
            line(file, "target", &quoted(target));
            line(file, "size", &quoted(size));
        }
    }

    fn front(&self, file: &mut String) {
        table(file, "[health]");
        let kind = match &self.health {
            HealthCheck::Path(_) => "http",
            HealthCheck::Tcp => "tcp",
            HealthCheck::Alive(_) => "alive",
        };
        line(file, "kind", &quoted(kind));
        match &self.health {
            HealthCheck::Path(path) => {
                line(file, "port", &quoted("http"));
                line(file, "path", &quoted(path));
            }
            HealthCheck::Tcp => line(file, "port", &quoted("http")),
            HealthCheck::Alive(seconds) => line(file, "settle_seconds", &seconds.to_string()),
        }
        line(file, "start_seconds", &self.start_seconds.to_string());
        line(
            file,
            "engine_none",
            &quoted("which tools are in the image is not known"),
        );
        if let Some(host) = &self.host {
            table(file, "[[routes]]");
            line(file, "host", &quoted(host));
            line(file, "port", &quoted("http"));
            if let Some(path) = &self.metrics {
                line(file, "hide", &list([path.as_str()]));
            }
        }
        table(file, "[metrics]");
        match &self.metrics {
            Some(path) => {
                line(file, "port", &quoted("http"));
                line(file, "path", &quoted(path));
            }
            None => line(file, "none", &quoted("none are known")),
        }
    }

    fn rest(&self, file: &mut String) {
        table(file, "[limits]");
        line(file, "memory", &quoted(&self.memory));
        if let Some(cpus) = self.cpus {
            line(file, "cpus", &format!("{cpus:?}"));
        }
        line(file, "pids", &self.pids.to_string());
        for allow in &self.allow {
            table(file, "[[exceptions]]");
            line(file, "allow", &quoted(allow));
            line(file, "reason", &quoted(ASKED));
        }
        table(file, "[data]");
        if self.data.is_empty() {
            line(file, "none", &quoted("no directory was given for any"));
        } else {
            line(file, "format", &quoted(&format!("{}-1", self.name)));
        }
        table(file, "[vector]");
        line(
            file,
            "none",
            &quoted("it is not known how it would use a vector store"),
        );
    }
}

/// The folder of a mount: its path in the container, so that two of them never share one.
fn source(target: &str) -> String {
    let name = target.trim_matches('/').replace('/', "-");
    if name.is_empty() {
        "root".to_owned()
    } else {
        name
    }
}

fn table(file: &mut String, head: &str) {
    let _ = writeln!(file, "\n{head}");
}

fn line(file: &mut String, key: &str, value: &str) {
    let _ = writeln!(file, "{} = {value}", bare_or_quoted(key));
}

/// A key of TOML: quoted unless it is made of letters, digits, `_` and `-`.
fn bare_or_quoted(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(plain) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<String> = all.into_iter().map(quoted).collect();
    format!("[{}]", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Catalogue, Identity, MountKind, ProbeKind};

    fn least() -> FromImage {
        FromImage {
            name: "wiki".parse().unwrap(),
            image: "example/wiki:4.2".to_owned(),
            port: Some(8080),
            publish: None,
            host: Some("wiki".to_owned()),
            health: HealthCheck::Tcp,
            start_seconds: 60,
            env: BTreeMap::new(),
            secrets: Vec::new(),
            data: Vec::new(),
            tmpfs: vec![("/tmp".to_owned(), "64m".to_owned())],
            command: Vec::new(),
            needs: Vec::new(),
            metrics: None,
            memory: "512m".to_owned(),
            cpus: None,
            pids: 256,
            allow: Vec::new(),
        }
    }

    fn most() -> FromImage {
        FromImage {
            publish: Some(8080),
            health: HealthCheck::Path("/health".to_owned()),
            env: [
                ("GREETING".to_owned(), "say \"hi\"\n{{ stack }}".to_owned()),
                ("odd.key".to_owned(), "\\ \u{7f}".to_owned()),
            ]
            .into(),
            secrets: vec!["API_TOKEN".to_owned()],
            data: vec!["/data".to_owned(), "/var/lib/data".to_owned()],
            command: vec!["serve".to_owned(), "--name={{ stack }}".to_owned()],
            needs: vec!["redis".parse().unwrap()],
            metrics: Some("/metrics".to_owned()),
            cpus: Some(2.0),
            allow: vec!["writable-root".to_owned(), "capability:CHOWN".to_owned()],
            ..least()
        }
    }

    #[test]
    fn what_is_made_passes_the_checks_of_every_service_file() {
        for made in [least(), most()] {
            let mut catalogue = Catalogue::built_in().unwrap();
            let text = made.text();
            let name = catalogue.add("made", &text, []);
            let name = name.unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
            let service = catalogue.get(&name).unwrap();
            assert_eq!(service.run.identity, Identity::Stack);
            assert_eq!(service.exceptions.len(), made.allow.len());
            let secret = |key: &String| format!("{{{{ secret('wiki_{}') }}}}", key.to_lowercase());
            let secrets = made.secrets.iter().map(|key| (key.clone(), secret(key)));
            let env: BTreeMap<_, _> = made.env.clone().into_iter().chain(secrets).collect();
            assert_eq!(service.env, env);
            assert_eq!(
                service.run.command.clone().unwrap_or_default(),
                made.command
            );
            assert_eq!(service.needs, made.needs);
            let targets: Vec<_> = service.mounts.iter().map(|m| m.target.clone()).collect();
            assert_eq!(targets, made.data);
            assert!(service.mounts.iter().all(|m| m.kind == MountKind::Data));
        }
        let mut catalogue = Catalogue::built_in().unwrap();
        let name = catalogue.add("made", &most().text(), []).unwrap();
        let service = catalogue.get(&name).unwrap();
        assert_eq!(service.health.kind, ProbeKind::Http);
        assert_eq!(service.ports[0].key.as_deref(), Some("WIKI_PORT"));
        assert_eq!(service.secrets[0].key.as_deref(), Some("WIKI_API_TOKEN"));
        assert_eq!(service.routes[0].hide, ["/metrics"]);
    }

    #[test]
    fn what_a_stack_has_itself_is_no_services_name_or_key() {
        let refused = |made: &FromImage, key: &str, words: &str| {
            let mut catalogue = Catalogue::built_in().unwrap();
            let problems = catalogue.add("made", &made.text(), []).unwrap_err();
            let found = problems
                .iter()
                .any(|p| p.key == key && p.expected.contains(words));
            assert!(found, "{problems:?}");
        };
        for (name, words) in [
            ("registry", "`IMAGE_REGISTRY` is a key of the stack's own"),
            ("secrets", "`config/secrets` is the stack's own"),
            ("services", "`config/services` is the stack's own"),
        ] {
            let name = name.parse().unwrap();
            refused(&FromImage { name, ..least() }, "name", words);
        }
        // `STACK` and `CPUS`, put together
        let made = FromImage {
            name: "stack".parse().unwrap(),
            secrets: vec!["CPUS".to_owned()],
            ..least()
        };
        refused(
            &made,
            "secrets.key",
            "`STACK_CPUS` is one of the stack's own",
        );
    }

    #[test]
    fn a_name_comes_from_the_image() {
        for (image, name) in [
            ("registry.example:5000/a/My_App.Two:1.2", "my-app-two"),
            ("traefik/whoami:v1.11.0", "whoami"),
            ("wiki@sha256:aaaa", "wiki"),
        ] {
            assert_eq!(name_of_image(image).unwrap().as_str(), name);
        }
        assert!(name_of_image("example/9to5:1").is_err());
    }

    #[test]
    fn what_sounds_like_a_secret_is_told_from_what_does_not() {
        for key in [
            "DB_PASSWORD",
            "TOKEN",
            "OPENAI_API_KEY",
            "api_key",
            "AWS_SECRET",
        ] {
            assert!(sounds_secret(key), "{key}");
        }
        for key in [
            "TOKENS_PER_MINUTE",
            "CACHE_KEY_PREFIX",
            "KEY",
            "PASSWORD_FILE",
        ] {
            assert!(!sounds_secret(key), "{key}");
        }
    }

    #[test]
    fn a_question_of_health_says_what_was_expected() {
        assert_eq!("/ready".parse(), Ok(HealthCheck::Path("/ready".to_owned())));
        assert_eq!("alive:5".parse(), Ok(HealthCheck::Alive(5)));
        for wrong in ["ready", "alive:0", "alive:soon", "tcp:80", ""] {
            assert_eq!(wrong.parse::<HealthCheck>(), Err(InvalidHealthCheck));
        }
    }
}
