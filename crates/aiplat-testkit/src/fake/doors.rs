//! Which values services of the fake let in: those that a container was started with, and for `PostgreSQL` those that
//! its roles were given.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use aiplat_core::spec::ContainerSpec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use sha2::Sha256;

use super::state::{Node, State};

/// What a container lets in while it runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Door {
    /// Everything that it was started with: a file that is replaced later is not replaced inside it.
    known: Arc<String>,
    roles: Roles,
}

/// The roles of a database server, kept as its data is.
pub(super) type Roles = Arc<Mutex<Server>>;

/// What a database server keeps.
#[derive(Debug, Clone, Default)]
pub(super) struct Server {
    passwords: BTreeMap<String, Password>,
    /// Databases with their owners.
    databases: BTreeMap<String, String>,
}

/// A role's password, as the server has it.
#[derive(Debug, Clone)]
pub(super) enum Password {
    /// Of the first start.
    Plain(String),
    /// `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`.
    Verifier(String),
}

impl Door {
    /// The door of a container that starts now.
    pub(super) fn of(state: &mut State, name: &str, spec: &ContainerSpec) -> Self {
        let mut known: String = spec
            .env
            .values()
            .map(|t| format!("{}\n", t.expose()))
            .collect();
        let mut first = None;
        for bind in spec.binds.iter().filter(|b| b.read_only) {
            for node in state.below(&bind.source).into_values() {
                if let Node::File { content, .. } = node {
                    let text = String::from_utf8_lossy(&content).into_owned();
                    if bind.target == "/run/secrets/postgres_password" {
                        first = Some(text.trim().to_owned());
                    }
                    known.push_str(&text);
                    known.push('\n');
                }
            }
        }
        let roles = Arc::clone(state.roles.entry(name.to_owned()).or_default());
        if let Some(password) = first {
            let mut roles = roles.lock().expect("no test panics in here");
            roles
                .passwords
                .entry("postgres".to_owned())
                .or_insert(Password::Plain(password));
        }
        Self {
            known: Arc::new(known),
            roles,
        }
    }

    /// The same with roles of another machine's.
    pub(super) fn with_roles(&self, roles: Roles) -> Self {
        Self {
            known: Arc::clone(&self.known),
            roles,
        }
    }

    /// Whether it was started with a value.
    pub(super) fn knows(&self, value: &str) -> bool {
        !value.is_empty() && self.known.contains(value)
    }

    /// Whether a role is there, and so must show its password.
    pub(super) fn asks(&self, role: &str) -> bool {
        self.roles
            .lock()
            .expect("no test panics in here")
            .passwords
            .contains_key(role)
    }

    /// Whether a role's password is this.
    pub(super) fn lets_in(&self, role: &str, password: &str) -> bool {
        let kept = self
            .roles
            .lock()
            .expect("no test panics in here")
            .passwords
            .get(role)
            .cloned();
        match kept {
            None => false,
            Some(Password::Plain(kept)) => kept == password,
            Some(Password::Verifier(verifier)) => asked_before(verifier, password),
        }
    }

    /// Takes in what a statement of ours changes.
    pub(super) fn hear(&self, statement: &str) {
        let mut server = self.roles.lock().expect("no test panics in here");
        let mut quoted = statement.split('"').skip(1).step_by(2).map(str::to_owned);
        let (first, second) = (quoted.next(), quoted.next());
        let begins = |words: &str| statement.starts_with(words);
        match (first, second) {
            (Some(role), _) if begins("ALTER ROLE") => {
                if let Some(password) = after(statement, "PASSWORD E'") {
                    server.passwords.insert(role, Password::Verifier(password));
                }
            }
            (Some(database), Some(owner)) if begins("CREATE DATABASE") => {
                server.databases.insert(database, owner);
            }
            (Some(database), _) if begins("DROP DATABASE") => {
                server.databases.remove(&database);
            }
            (Some(role), _) if begins("DROP ROLE") => {
                server.passwords.remove(&role);
            }
            _ => {}
        }
    }

    /// The row that answers a question of ours, where there is one.
    pub(super) fn row(&self, statement: &str) -> Option<Vec<Option<String>>> {
        let server = self.roles.lock().expect("no test panics in here");
        let role = |mark: &str| after(statement, mark).filter(|r| server.passwords.contains_key(r));
        let owner = |mark: &str| server.databases.get(&after(statement, mark)?).cloned();
        if statement.starts_with("SELECT 1 FROM pg_roles") {
            return role("rolname = E'").map(|_| vec![Some("1".to_owned())]);
        }
        if statement.starts_with("SELECT 1 FROM pg_database") {
            return owner("datname = E'").map(|_| vec![Some("1".to_owned())]);
        }
        if statement.starts_with("SELECT o.rolname") {
            // nobody else is ever in one of these
            return owner("d.datname = E'").map(|owner| vec![Some(owner), None, None]);
        }
        let elsewhere = statement.starts_with("SELECT (SELECT");
        elsewhere
            .then(|| role("r.rolname = E'").map(|_| vec![None]))
            .flatten()
    }
}

/// The literal after some words.
fn after(statement: &str, mark: &str) -> Option<String> {
    let rest = statement.split_once(mark)?.1;
    Some(rest.split_once('\'')?.0.to_owned())
}

/// Databases with their owners, and roles.
pub(super) fn content(roles: &Roles) -> (BTreeMap<String, String>, Vec<String>) {
    let server = roles.lock().expect("no test panics in here");
    let roles = server.passwords.keys().cloned().collect();
    (server.databases.clone(), roles)
}

/// The same in a server of its own.
pub(super) fn copied(roles: &Roles) -> Roles {
    let inner = roles.lock().expect("no test panics in here").clone();
    Arc::new(Mutex::new(inner))
}

/// Whether a password fits a verifier. A rotation's test asks the same of one server thousands of times.
fn asked_before(verifier: String, password: &str) -> bool {
    static ANSWERS: LazyLock<Mutex<HashMap<(String, String), bool>>> =
        LazyLock::new(Mutex::default);
    let question = (verifier, password.to_owned());
    let known = ANSWERS.lock().expect("no test panics in here");
    if let Some(answer) = known.get(&question) {
        return *answer;
    }
    drop(known);
    let answer = fits(&question.0, password).unwrap_or(false);
    let mut known = ANSWERS.lock().expect("no test panics in here");
    known.insert(question, answer);
    answer
}

/// RFC 5802: both sides of a log-in are played, and the client checks the signature that only the holder of the server
/// key can make for its password. The client is the one that real servers see, so that its thousands of rounds are
/// counted in a crate that is optimised in tests too.
fn fits(verifier: &str, password: &str) -> Option<bool> {
    let mut parts = verifier.strip_prefix("SCRAM-SHA-256$")?.split('$');
    let (iterations, salt) = parts.next()?.split_once(':')?;
    let server_key = STANDARD.decode(parts.next()?.split_once(':')?.1).ok()?;
    let mut client = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
    let begin = String::from_utf8(client.message().to_vec()).ok()?;
    let begin = begin.strip_prefix("n,,")?;
    let nonce = begin.strip_prefix("n=,r=")?;
    let challenge = format!("r={nonce},s={salt},i={iterations}");
    client.update(challenge.as_bytes()).ok()?;
    let end = String::from_utf8(client.message().to_vec()).ok()?;
    let (end, _proof) = end.split_once(",p=")?;
    let said = format!("{begin},{challenge},{end}");
    let signature = STANDARD.encode(mac(&server_key, said.as_bytes()));
    Some(client.finish(format!("v={signature}").as_bytes()).is_ok())
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
