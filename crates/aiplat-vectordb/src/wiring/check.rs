//! What a `[vector]` table must hold beside its shape.

use minijinja::Environment;

use super::{Entry, Wiring};
use crate::stores::StoreKind;

/// One thing that is wrong with a `[vector]` table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WiringProblem {
    /// A store is left out.
    #[error(
        "`vector.{store}` is missing: say how this service uses it (`env`, `config` or `in_app`), or why not (`none = \"reason\"`)"
    )]
    Missing {
        /// The store.
        store: StoreKind,
    },
    /// `none` for all, and yet an entry.
    #[error("`vector.none` speaks for every store, so `vector.{store}` cannot stand beside it")]
    NoneAndStore {
        /// The store.
        store: StoreKind,
    },
    /// `none` for all, and yet a tenant.
    #[error("`vector.none` leaves nothing for `vector.tenant` to share, remove one of them")]
    NoneAndTenant,
    /// None of the ways, or more than one.
    #[error("`vector.{store}` expects one of `env` (with `files`, `config`), `in_app` or `none`")]
    NotOneOf {
        /// The store.
        store: StoreKind,
    },
    /// `none` beside settings.
    #[error(
        "`vector.{store}.none` leaves nothing to configure or provision, remove the other keys"
    )]
    NoneWithMore {
        /// The store.
        store: StoreKind,
    },
    /// `provision = false` where it cannot be.
    #[error("`vector.{store}.provision` cannot be false: {reason}")]
    MustProvision {
        /// The store.
        store: StoreKind,
        /// Why.
        reason: &'static str,
    },
    /// `provision = true` where it cannot be.
    #[error("`vector.{store}.provision` cannot be true: {reason}")]
    CannotProvision {
        /// The store.
        store: StoreKind,
        /// Why.
        reason: &'static str,
    },
    /// Words that say nothing.
    #[error("`{path}` is empty: say it in words that an operator can use")]
    NoWords {
        /// Where.
        path: String,
    },
    /// A tenant that is no service's name.
    #[error("`vector.tenant` expects a service's name, `[a-z][a-z0-9-]*` of at most 24 bytes")]
    Tenant,
    /// A name no shell or engine would take.
    #[error(
        "`vector.{store}.env` expects names of `A-Z a-z 0-9 _` that start with no digit, not `{name}`"
    )]
    EnvName {
        /// The store.
        store: StoreKind,
        /// The name.
        name: String,
    },
    /// A template that does not parse.
    #[error("`vector.{store}.env.{name}` is no template: {words}")]
    Template {
        /// The store.
        store: StoreKind,
        /// The variable.
        name: String,
        /// What the parser says.
        words: String,
    },
    /// A template asks for what the store does not have.
    #[error(
        "`vector.{store}.env.{name}` asks for `{variable}`, which {store} does not have here; it has {has}"
    )]
    Variable {
        /// The store.
        store: StoreKind,
        /// The environment variable.
        name: String,
        /// The template variable.
        variable: String,
        /// What there is.
        has: String,
    },
    /// A configuration file outside its folder.
    #[error(
        "`vector.{store}.files` expects a path below the service's folder, without `..`, not `{path}`"
    )]
    FilePath {
        /// The store.
        store: StoreKind,
        /// The path.
        path: String,
    },
}

/// A key that is neither a store nor one of the table's own.
pub(super) fn unknown_key(key: &str) -> String {
    let stores = StoreKind::words();
    format!("unknown key `{key}` in `vector`, expected `none`, `tenant` or one of {stores}")
}

pub(super) fn words(store: Option<StoreKind>, key: &str, words: &str) -> Option<WiringProblem> {
    let path = match store {
        Some(store) => format!("vector.{store}.{key}"),
        None => format!("vector.{key}"),
    };
    words
        .trim()
        .is_empty()
        .then_some(WiringProblem::NoWords { path })
}

pub(super) fn tenant(name: &str) -> Option<WiringProblem> {
    let fits = name.len() <= 24
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (!fits).then_some(WiringProblem::Tenant)
}

pub(super) fn entry(store: StoreKind, entry: &Entry) -> Vec<WiringProblem> {
    let mut problems = Vec::new();
    if let Some(config) = &entry.config {
        problems.extend(words(Some(store), "config", config));
    }
    match &entry.wiring {
        Wiring::InApp { words: text } => problems.extend(words(Some(store), "in_app", text)),
        Wiring::None { reason } => problems.extend(words(Some(store), "none", reason)),
        Wiring::Env { env, files } => {
            let has = store.spec().variable_names(entry.provision);
            for (name, template) in env {
                if !is_env_name(name) {
                    problems.push(WiringProblem::EnvName {
                        store,
                        name: name.clone(),
                    });
                }
                problems.extend(template_problems(store, name, template, &has));
            }
            problems.extend(
                files
                    .iter()
                    .filter(|file| !is_below(&file.path))
                    .map(|file| WiringProblem::FilePath {
                        store,
                        path: file.path.clone(),
                    }),
            );
        }
    }
    problems
}

fn is_env_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_below(path: &str) -> bool {
    path.split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..")
}

/// A template is read when the table is, so that a misspelt variable is found with every store and
/// not only with the one that is chosen.
fn template_problems(
    store: StoreKind,
    name: &str,
    template: &str,
    has: &[&'static str],
) -> Vec<WiringProblem> {
    let environment = Environment::new();
    let parsed = match environment.template_from_str(template) {
        Ok(parsed) => parsed,
        Err(error) => {
            let words = error
                .detail()
                .map_or_else(|| error.kind().to_string(), str::to_owned);
            return vec![WiringProblem::Template {
                store,
                name: name.to_owned(),
                words,
            }];
        }
    };
    let mut unknown: Vec<String> = parsed
        .undeclared_variables(true)
        .into_iter()
        .filter(|variable| match variable.strip_prefix("vector.") {
            Some(field) => !has.contains(&field),
            None => false,
        })
        .collect();
    unknown.sort();
    unknown
        .into_iter()
        .map(|variable| WiringProblem::Variable {
            store,
            name: name.to_owned(),
            variable,
            has: has
                .iter()
                .map(|field| format!("`vector.{field}`"))
                .collect::<Vec<_>>()
                .join(", "),
        })
        .collect()
}
