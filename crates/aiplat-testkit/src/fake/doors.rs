//! Which values services of the fake let in: those that a container was started with, and for `PostgreSQL` those that
//! its roles were given.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aiplat_core::spec::ContainerSpec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::state::{Node, State};

/// What a container lets in while it runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Door {
    /// Everything that it was started with: a file that is replaced later is not replaced inside it.
    known: Arc<String>,
    roles: Roles,
}

/// The roles of a database server, kept as its data is.
pub(super) type Roles = Arc<Mutex<BTreeMap<String, Password>>>;

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
            let below = state
                .tree
                .iter()
                .filter(|(p, _)| p.starts_with(&bind.source));
            for (_, node) in below {
                if let Node::File { content, .. } = node {
                    let text = String::from_utf8_lossy(content).into_owned();
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
            .contains_key(role)
    }

    /// Whether a role's password is this.
    pub(super) fn lets_in(&self, role: &str, password: &str) -> bool {
        let kept = self
            .roles
            .lock()
            .expect("no test panics in here")
            .get(role)
            .cloned();
        match kept {
            None => false,
            Some(Password::Plain(kept)) => kept == password,
            Some(Password::Verifier(verifier)) => fits(&verifier, password).unwrap_or(false),
        }
    }

    /// Takes `ALTER ROLE "x" … PASSWORD E'…'` in.
    pub(super) fn hear(&self, statement: &str) {
        if !statement.starts_with("ALTER ROLE") {
            return;
        }
        let after = |text: &str, mark: &str| text.split_once(mark).map(|(_, rest)| rest.to_owned());
        let role = after(statement, "\"").and_then(|r| Some(r.split_once('"')?.0.to_owned()));
        let password =
            after(statement, "PASSWORD E'").and_then(|p| Some(p.split_once('\'')?.0.to_owned()));
        if let (Some(role), Some(password)) = (role, password) {
            let mut roles = self.roles.lock().expect("no test panics in here");
            roles.insert(role, Password::Verifier(password));
        }
    }
}

/// Roles of their own with the same passwords.
pub(super) fn copied(roles: &Roles) -> Roles {
    let inner = roles.lock().expect("no test panics in here").clone();
    Arc::new(Mutex::new(inner))
}

/// RFC 5802: the stored key is the hash of the client key, which is made from the salted password.
fn fits(verifier: &str, password: &str) -> Option<bool> {
    let mut parts = verifier.strip_prefix("SCRAM-SHA-256$")?.split('$');
    let (iterations, salt) = parts.next()?.split_once(':')?;
    let stored = STANDARD.decode(parts.next()?.split_once(':')?.0).ok()?;
    let mut salt = STANDARD.decode(salt).ok()?;
    salt.extend_from_slice(&[0, 0, 0, 1]);
    let mut block = mac(password.as_bytes(), &salt);
    let mut salted = block;
    for _ in 1..iterations.parse::<u32>().ok()? {
        block = mac(password.as_bytes(), &block);
        salted.iter_mut().zip(block).for_each(|(a, b)| *a ^= b);
    }
    let key = mac(&salted, b"Client Key");
    Some(Sha256::digest(key).as_slice() == stored.as_slice())
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
