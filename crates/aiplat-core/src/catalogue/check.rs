//! What makes a service file complete. The same checks hold for built-in services and for the user's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use aiplat_apparmor::ContainerPath;

use super::missing::missing;
use super::service::{Identity, MountKind, ProbeKind, Service};
use super::{Allowance, Catalogue, FORBIDDEN, ProofTable};
use crate::names::ServiceName;
use crate::settings::KnownKeys;
use crate::settings::keys::Group;

/// One thing that is wrong in a service file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: `{key}`: expected {expected}")]
pub struct CatalogueProblem {
    /// Which file.
    pub place: Place,
    /// Which key.
    pub key: String,
    /// What was expected.
    pub expected: String,
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file, by its path.
    File(String),
    /// A service of the catalogue.
    Service(ServiceName),
}

impl Place {
    /// The file with this path.
    pub fn file(path: &str) -> Self {
        Self::File(path.to_owned())
    }

    pub(super) fn is_of(&self, path: &str, name: &ServiceName) -> bool {
        match self {
            Self::File(file) => file == path,
            Self::Service(service) => service == name,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "service file `{path}`"),
            Self::Service(name) => write!(f, "service `{name}`"),
        }
    }
}

impl CatalogueProblem {
    pub(super) fn new(place: Place, key: &str, expected: impl Into<String>) -> Self {
        Self {
            place,
            key: key.to_owned(),
            expected: expected.into(),
        }
    }
}

pub(super) fn parse(path: &str, text: &str) -> Result<Service, Vec<CatalogueProblem>> {
    toml::from_str(text).map_err(|error| {
        let missing = missing(text);
        if !missing.is_empty() && error.message().starts_with("missing field") {
            let told = |key: &&str| {
                let expected = "to be given: every service file has it";
                CatalogueProblem::new(Place::file(path), key, expected)
            };
            return missing.iter().map(told).collect();
        }
        let line = error
            .span()
            .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        vec![CatalogueProblem::new(
            Place::file(path),
            &format!("line {line}"),
            format!("a service file of the documented form: {}", error.message()),
        )]
    })
}

/// Everything that can be said of one file alone.
pub(super) fn service(
    path: &str,
    service: &Service,
    templates: &BTreeMap<String, String>,
) -> Vec<CatalogueProblem> {
    let mut check = Check {
        path,
        problems: Vec::new(),
    };
    check.words(service);
    check.image(service);
    check.hardening(service);
    check.mounts(service);
    check.files(service, templates);
    check.health(service);
    check.ports(service);
    check.sign_in(service);
    check.keys(service);
    check.problems
}

/// Folders in `config/` in which a stack keeps what is no service's.
const TAKEN: [&str; 2] = ["secrets", "services"];

struct Check<'a> {
    path: &'a str,
    problems: Vec<CatalogueProblem>,
}

impl Check<'_> {
    fn expect(&mut self, holds: bool, key: &str, expected: impl Into<String>) {
        if !holds {
            self.problems
                .push(CatalogueProblem::new(Place::file(self.path), key, expected));
        }
    }

    fn words(&mut self, s: &Service) {
        self.expect(
            !TAKEN.contains(&s.name.as_str()),
            "name",
            format!("another name: `config/{}` is the stack's own", s.name),
        );
        let words = |text: &str| !text.trim().is_empty();
        self.expect(words(&s.title), "title", "a title");
        self.expect(
            words(&s.summary),
            "summary",
            "what the service is for, in a few words",
        );
        self.expect(
            words(&s.licence.spdx),
            "licence.spdx",
            "an SPDX identifier or `LicenseRef-…`",
        );
        self.expect(
            words(&s.image.source),
            "image.source",
            "where the pin was read",
        );
        let one = s.data.format.is_some() != s.data.none.is_some();
        self.expect(
            one,
            "data",
            "either `format` (the data-format marker) or `none` with the reason",
        );
        let keeps = s
            .mounts
            .iter()
            .any(|m| m.kind == MountKind::Data && m.of.is_none() && !m.read_only);
        self.expect(
            !keeps || s.data.format.is_some(),
            "data.format",
            "a marker, since the service has a directory for data",
        );
        self.backup(s);
        let one = s.metrics.port.is_some() != s.metrics.none.is_some();
        self.expect(one, "metrics", "either `port` or `none` with the reason");
    }

    fn backup(&mut self, s: &Service) {
        use super::ProbeKind;
        use crate::backup::Method;
        let Some(table) = &s.backup else { return };
        let wanted = match table.method {
            Some(Method::PostgresDump) => Some((ProbeKind::Postgres, "postgres")),
            Some(Method::RedisSave) => Some((ProbeKind::Redis, "redis")),
            Some(Method::QdrantSnapshots) => Some((ProbeKind::Http, "http")),
            Some(Method::Freeze | Method::Files) | None => None,
        };
        if let Some((kind, word)) = wanted {
            self.expect(
                s.health.kind == kind,
                "backup.method",
                format!(
                    "a service whose `health.kind` is `{word}`, since it is spoken to at that port"
                ),
            );
        }
        self.expect(
            table.method != Some(Method::Files),
            "backup.method",
            "`postgres-dump`, `redis-save`, `qdrant-snapshots` or `freeze`",
        );
        self.expect(
            table.method.is_none() || table.none.is_none(),
            "backup",
            "either `method` or `none` with the reason",
        );
    }

    fn image(&mut self, s: &Service) {
        for reference in std::iter::once(&s.image.reference).chain(s.image.variant.values()) {
            self.expect(
                pinned(reference),
                "image.reference",
                "a tag that is a version, or a digest",
            );
        }
        self.expect(
            s.limits.pids > 0,
            "limits.pids",
            "a limit of processes and threads",
        );
        let sizes = [
            ("limits.memory", s.limits.memory.as_deref()),
            ("run.shm", s.run.shm.as_deref()),
        ];
        for (key, size) in sizes {
            let valid = size.is_none_or(|size| bytes(size).is_some());
            self.expect(valid, key, "a size such as `512m` or `2g`");
        }
    }

    fn hardening(&mut self, s: &Service) {
        let allowed: BTreeSet<_> = s.exceptions.iter().map(|e| e.allow.clone()).collect();
        for exception in &s.exceptions {
            self.expect(
                exception.reason.trim().len() >= 12,
                "exceptions.reason",
                format!("why `{}` must be allowed", exception.allow),
            );
            if let Allowance::Capability(name) = &exception.allow {
                self.expect(
                    !FORBIDDEN.contains(&name.as_str()),
                    "exceptions.allow",
                    format!("no capability `{name}`: it opens the host"),
                );
            }
        }
        self.expect(
            s.run.identity != Identity::Root || allowed.contains(&Allowance::Root),
            "run.identity",
            "an exception `root` with its reason",
        );
        let writable_places = s.mounts.iter().map(|m| (&m.target, m.exec));
        let exec: BTreeSet<_> = writable_places
            .chain(s.tmpfs.iter().map(|t| (&t.target, t.exec)))
            .filter(|(_, exec)| *exec)
            .map(|(target, _)| target.clone())
            .collect();
        for target in &exec {
            self.expect(
                allowed.contains(&Allowance::Exec(target.clone())),
                "exec",
                format!("an exception `exec:{target}` with its reason"),
            );
        }
        for allowance in &allowed {
            if let Allowance::Exec(target) = allowance {
                self.expect(
                    exec.contains(target)
                        || (target == "/" && allowed.contains(&Allowance::WritableRoot)),
                    "exceptions.allow",
                    format!("a mount at `{target}` that says `exec = true`"),
                );
            }
        }
    }

    fn mounts(&mut self, s: &Service) {
        let targets = s
            .mounts
            .iter()
            .map(|m| &m.target)
            .chain(s.tmpfs.iter().map(|t| &t.target));
        let mut seen = BTreeSet::new();
        for target in targets {
            self.expect(seen.insert(target), "target", format!("`{target}` once"));
        }
        for mount in &s.mounts {
            self.expect(
                relative(&mount.source),
                "mounts.source",
                "a relative path without `..`; data, logs and caddy need one",
            );
            self.expect(
                !mount.source.is_empty()
                    || matches!(mount.kind, MountKind::Config | MountKind::Certs),
                "mounts.source",
                "a folder below the service's own",
            );
            let writable = !mount.read_only && mount.kind != MountKind::Config;
            let target = mount.target.parse::<ContainerPath>();
            self.expect(
                !writable || target.is_ok(),
                "mounts.target",
                format!(
                    "a path that may be writable in the container, not `{}`",
                    mount.target
                ),
            );
        }
        for tmpfs in &s.tmpfs {
            self.expect(
                bytes(&tmpfs.size).is_some(),
                "tmpfs.size",
                "a size such as `64m`",
            );
            let octal = tmpfs
                .mode
                .as_deref()
                .is_none_or(|m| u32::from_str_radix(m, 8).is_ok());
            self.expect(octal, "tmpfs.mode", "an octal mode such as `1777`");
        }
    }

    fn sign_in(&mut self, s: &Service) {
        let Some(table) = &s.sign_in else { return };
        let own = s.secrets.iter().any(|secret| secret.name == table.secret);
        self.expect(own, "sign_in.secret", "one of the service's own secrets");
        let folder = Path::new(&table.key_file).parent();
        let mut mounts = s.mounts.iter();
        let below = mounts.any(|m| {
            m.kind == MountKind::Data && !m.read_only && folder == Some(Path::new(&m.target))
        });
        let expected = "a file right below a writable mount of data";
        self.expect(below, "sign_in.key_file", expected);
        let named = table.command.iter().any(|w| w.contains(&table.key_file));
        self.expect(named, "sign_in.command", "a command that names `key_file`");
        let asked = !table.status.is_empty();
        self.expect(asked, "sign_in.status", "a command");
    }

    fn files(&mut self, s: &Service, templates: &BTreeMap<String, String>) {
        for file in &s.files {
            self.expect(
                templates.contains_key(&file.template),
                "files.template",
                format!("a template `{}` beside the service file", file.template),
            );
            self.expect(
                relative(&file.path) && !file.path.is_empty(),
                "files.path",
                "a relative path without `..`",
            );
        }
        let mounted = s.mounts.iter().any(|m| m.kind == MountKind::Config);
        self.expect(
            s.files.is_empty() || mounted,
            "mounts",
            "a mount of kind `config`, since the service has configuration files",
        );
        let names: BTreeSet<_> = s.secrets.iter().map(|secret| &secret.name).collect();
        for secret in &s.secrets {
            self.expect(
                secret.key.is_some() != secret.format.derived(),
                "secrets.key",
                "a manifest key, except for what is made from another secret",
            );
            self.expect(
                secret.change.is_none()
                    || !matches!(secret.proof, None | Some(ProofTable::None { .. })),
                "secrets.proof",
                "a way to ask, for what is changed inside the service",
            );
            if let Some(ProofTable::S3 { access_key }) = &secret.proof {
                self.expect(
                    names.contains(access_key) && s.ports.iter().any(|p| p.name == "s3"),
                    "secrets.proof",
                    "a secret of the same service as `access_key`, and a port `s3`",
                );
            }
            if let Some(ProofTable::Http {
                of: None,
                port,
                path,
                ..
            }) = &secret.proof
            {
                let port = port.as_deref().unwrap_or("http");
                self.expect(
                    s.ports.iter().any(|p| p.name == port),
                    "secrets.proof.port",
                    "the name of one of its ports",
                );
                self.expect(
                    path.starts_with('/'),
                    "secrets.proof.path",
                    "a path with leading slash",
                );
            }
        }
        for database in &s.databases {
            self.expect(
                names.contains(&database.secret),
                "databases.secret",
                "a secret of the same service",
            );
        }
    }

    fn health(&mut self, s: &Service) {
        let health = &s.health;
        let port = health.port.as_ref();
        let known = port.is_some_and(|name| s.ports.iter().any(|p| p.name == *name));
        self.expect(
            known || matches!(health.kind, ProbeKind::Exec | ProbeKind::Alive),
            "health.port",
            "the name of one of its ports",
        );
        let path = health.path.as_deref().is_some_and(|p| p.starts_with('/'));
        self.expect(
            path || health.kind != ProbeKind::Http,
            "health.path",
            "a path for an HTTP probe",
        );
        self.expect(
            !health.exec.is_empty() || health.kind != ProbeKind::Exec,
            "health.exec",
            "a command for an exec probe",
        );
        self.expect(
            health.settle_seconds.is_some() == (health.kind == ProbeKind::Alive),
            "health.settle_seconds",
            "seconds exactly where the kind is `alive`",
        );
        self.expect(
            health.start_seconds > 0,
            "health.start_seconds",
            "a deadline",
        );
        let one = health.engine.is_empty() == health.engine_none.is_some();
        self.expect(
            one,
            "health.engine",
            "either the engine's own check or `engine_none` with the reason",
        );
        let form = health
            .engine
            .first()
            .is_none_or(|w| w == "CMD" || w == "CMD-SHELL");
        self.expect(form, "health.engine", "`CMD` or `CMD-SHELL` first");
    }

    /// A manifest key of a service's must not be one that means something else.
    fn keys(&mut self, s: &Service) {
        use crate::settings::keys::find;
        let image = KnownKeys::image_key(&s.name);
        self.expect(
            find(&image).is_none(),
            "name",
            format!("another name: `{image}` is a key of the stack's own"),
        );
        for key in s.ports.iter().filter_map(|p| p.key.as_ref()) {
            self.expect(
                find(key).is_none_or(|known| known.group == Group::Ports),
                "ports.key",
                format!("another key: `{key}` is one of the stack's own"),
            );
        }
        for key in s.secrets.iter().filter_map(|s| s.key.as_ref()) {
            self.expect(
                find(key).is_none_or(|known| known.secret),
                "secrets.key",
                format!("another key: `{key}` is one of the stack's own"),
            );
        }
    }

    fn ports(&mut self, s: &Service) {
        let names: BTreeSet<_> = s.ports.iter().map(|p| p.name.as_str()).collect();
        self.expect(names.len() == s.ports.len(), "ports.name", "each name once");
        for port in &s.ports {
            self.expect(
                port.key.is_some() == port.default.is_some(),
                "ports.default",
                "a preferred host port exactly where there is a `key`",
            );
        }
        for listen in &s.listens {
            self.expect(
                !listen.reason.trim().is_empty(),
                "listens.reason",
                "why the port is open",
            );
            let planned = s
                .ports
                .iter()
                .any(|p| p.container == listen.port && p.protocol == listen.protocol);
            self.expect(!planned, "listens.port", "one that is not among `ports`");
        }
        let used = s.routes.iter().map(|r| &r.port).chain(&s.metrics.port);
        for port in used {
            self.expect(
                names.contains(port.as_str()),
                "port",
                format!("a port named `{port}`"),
            );
        }
        for route in &s.routes {
            self.expect(
                route.host.parse::<ServiceName>().is_ok(),
                "routes.host",
                "the first label of a host name",
            );
            self.expect(
                route.paths.iter().all(|p| p.starts_with('/')),
                "routes.paths",
                "paths with a leading slash",
            );
        }
    }
}

/// What can only be said of all services together. Where two claim the same, the one that was `added` is at fault, or
/// else the later one by name.
pub(super) fn whole(catalogue: &Catalogue, added: Option<&ServiceName>) -> Vec<CatalogueProblem> {
    let mut problems = Vec::new();
    let mut taken: BTreeMap<(&str, String), &ServiceName> = BTreeMap::new();
    let secrets: BTreeSet<_> = catalogue
        .services()
        .flat_map(|s| s.secrets.iter().map(|secret| &secret.name))
        .collect();
    let (newest, older): (Vec<_>, Vec<_>) =
        catalogue.services().partition(|s| Some(&s.name) == added);
    for service in older.into_iter().chain(newest) {
        let place = || Place::Service(service.name.clone());
        let related = service
            .needs
            .iter()
            .chain(&service.wants)
            .chain(&service.inherits_env);
        for other in related.chain(&service.run.network_of) {
            if catalogue.get(other).is_none() {
                let expected = format!("a service of the catalogue, not `{other}`");
                problems.push(CatalogueProblem::new(place(), "needs", expected));
            }
        }
        for other in service.mounts.iter().filter_map(|m| m.of.as_ref()) {
            let bundled = |s: &Service| s.bundle.is_some() && s.bundle == service.bundle;
            if !catalogue.get(other).is_some_and(bundled) {
                let expected = format!("a service of the same bundle, not `{other}`");
                problems.push(CatalogueProblem::new(place(), "mounts.of", expected));
            }
        }
        let whole_hosts = service.routes.iter().filter(|r| r.paths.is_empty());
        let claims = service
            .ports
            .iter()
            .filter_map(|p| p.key.clone().map(|key| ("ports.key", key)))
            .chain(whole_hosts.map(|r| ("routes.host", r.host.clone())))
            .chain(
                service
                    .secrets
                    .iter()
                    .map(|s| ("secrets.name", s.name.to_string())),
            )
            .chain(
                service
                    .secrets
                    .iter()
                    .filter_map(|s| Some(("secrets.key", s.key.clone()?))),
            )
            .chain(
                service
                    .databases
                    .iter()
                    .map(|d| ("databases.name", d.name.clone())),
            );
        for (key, value) in claims {
            if let Some(owner) = taken.insert((key, value.clone()), &service.name) {
                let expected = format!("a value of its own; `{value}` is `{owner}`'s");
                problems.push(CatalogueProblem::new(place(), key, expected));
            }
        }
        for secret in service.metrics.bearer.iter().chain(&service.health.secret) {
            if !secrets.contains(secret) {
                let expected = format!("a secret of the catalogue, not `{secret}`");
                problems.push(CatalogueProblem::new(place(), "secret", expected));
            }
        }
    }
    if let Err(service) = super::order::sorted(catalogue, |_| true) {
        let expected = "needs and wants without a circle";
        problems.push(CatalogueProblem::new(
            Place::Service(service),
            "needs",
            expected,
        ));
    }
    problems
}

/// Whether a reference cannot come to mean another image by a release: a digest, or a tag that holds a digit.
pub fn pinned(reference: &str) -> bool {
    let last = reference.rsplit('/').next().unwrap_or_default();
    match last.split_once('@') {
        Some((_, digest)) => digest.starts_with("sha256:") && digest.len() == 71,
        None => last
            .split_once(':')
            .is_some_and(|(_, tag)| tag.chars().any(|c| c.is_ascii_digit())),
    }
}

fn relative(path: &str) -> bool {
    !path.starts_with('/')
        && path
            .split('/')
            .all(|part| part != ".." && part != "." && (!part.is_empty() || path.is_empty()))
}

/// Bytes of a size such as `512m`, `2g`, `64k` or `1024`.
pub(crate) fn bytes(size: &str) -> Option<u64> {
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &size[digits.len()..].to_ascii_lowercase()[..] {
        "" | "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        _ => return None,
    };
    digits
        .parse::<u64>()
        .ok()?
        .checked_mul(unit)
        .filter(|bytes| *bytes > 0)
}
