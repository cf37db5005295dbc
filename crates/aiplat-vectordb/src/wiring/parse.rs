//! Reading the `[vector]` table, all problems at once.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::check::{self, WiringProblem};
use super::{Entry, Wiring, WiringFile, WiringTable};
use crate::spec::Provisioning;
use crate::stores::StoreKind;

/// A `[vector]` table that does not hold together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", join(.problems))]
pub struct WiringError {
    /// Everything that is wrong with it.
    pub problems: Vec<WiringProblem>,
}

fn join(problems: &[WiringProblem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// One store's entry as written.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<WiringFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_app: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    none: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provision: Option<bool>,
}

impl WiringTable {
    pub(super) fn from_raw(
        none: Option<String>,
        tenant: Option<String>,
        mut raw: BTreeMap<StoreKind, Raw>,
    ) -> Result<Self, WiringError> {
        let mut problems = Vec::new();
        if let Some(reason) = none {
            problems.extend(
                raw.keys()
                    .map(|kind| WiringProblem::NoneAndStore { store: *kind }),
            );
            problems.extend(check::words(None, "none", &reason));
            problems.extend(tenant.map(|_| WiringProblem::NoneAndTenant));
            return done(problems, Self::none(reason));
        }
        problems.extend(tenant.as_deref().and_then(check::tenant));
        let entries = StoreKind::ALL.map(|kind| {
            let read = match raw.remove(&kind) {
                Some(raw) => entry(kind, raw),
                None => Err(WiringProblem::Missing { store: kind }),
            };
            match read {
                Ok(entry) => {
                    problems.extend(check::entry(kind, &entry));
                    entry
                }
                // never seen: a table with a problem is not handed out
                Err(problem) => {
                    problems.push(problem);
                    Entry::none(String::new())
                }
            }
        });
        done(problems, Self { tenant, entries })
    }
}

fn done(problems: Vec<WiringProblem>, table: WiringTable) -> Result<WiringTable, WiringError> {
    if problems.is_empty() {
        Ok(table)
    } else {
        Err(WiringError { problems })
    }
}

fn entry(store: StoreKind, raw: Raw) -> Result<Entry, WiringProblem> {
    let Raw {
        env,
        files,
        in_app,
        none,
        config,
        provision,
    } = raw;
    let by_env = env.is_some() || !files.is_empty();
    let wiring = match (by_env, in_app, none) {
        (false, Some(words), None) => Wiring::InApp { words },
        (false, None, Some(reason)) => {
            if config.is_some() || provision.is_some() {
                return Err(WiringProblem::NoneWithMore { store });
            }
            Wiring::None { reason }
        }
        (_, None, None) if by_env || config.is_some() => Wiring::Env {
            env: env.unwrap_or_default(),
            files,
        },
        _ => return Err(WiringProblem::NotOneOf { store }),
    };
    let provision = match (store.spec().provisioning, provision) {
        (Provisioning::Always { reason }, Some(false))
            if !matches!(wiring, Wiring::None { .. }) =>
        {
            return Err(WiringProblem::MustProvision { store, reason });
        }
        (Provisioning::Never { reason }, Some(true)) => {
            return Err(WiringProblem::CannotProvision { store, reason });
        }
        (Provisioning::Always { .. }, _) => !matches!(wiring, Wiring::None { .. }),
        (_, given) => given.unwrap_or(false),
    };
    Ok(Entry {
        wiring,
        config,
        provision,
    })
}

impl<'de> Deserialize<'de> for WiringTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = WiringTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`none = \"reason\"`, or an entry for each of the vector stores")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WiringTable, A::Error> {
        let (mut none, mut tenant, mut stores) = (None, None, BTreeMap::new());
        while let Some(key) = map.next_key::<String>()? {
            match (key.as_str(), key.parse::<StoreKind>()) {
                ("none", _) => none = Some(map.next_value()?),
                ("tenant", _) => tenant = Some(map.next_value()?),
                (_, Ok(kind)) => {
                    if stores.insert(kind, map.next_value()?).is_some() {
                        return Err(A::Error::custom(format_args!("`{kind}` stands twice")));
                    }
                }
                (_, Err(_)) => return Err(A::Error::custom(check::unknown_key(&key))),
            }
        }
        WiringTable::from_raw(none, tenant, stores).map_err(A::Error::custom)
    }
}

/// As it would be written with an entry for each store.
impl Serialize for WiringTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(tenant) = self.tenant() {
            map.serialize_entry("tenant", tenant)?;
        }
        for (kind, entry) in self.entries() {
            map.serialize_entry(&kind, &Raw::from(entry.clone()))?;
        }
        map.end()
    }
}

impl From<Entry> for Raw {
    fn from(entry: Entry) -> Self {
        let Entry {
            wiring,
            config,
            provision,
        } = entry;
        let raw = Self {
            config,
            provision: provision.then_some(true),
            ..Self::default()
        };
        match wiring {
            Wiring::Env { env, files } => Self {
                env: Some(env),
                files,
                ..raw
            },
            Wiring::InApp { words } => Self {
                in_app: Some(words),
                ..raw
            },
            Wiring::None { reason } => Self {
                none: Some(reason),
                ..raw
            },
        }
    }
}
