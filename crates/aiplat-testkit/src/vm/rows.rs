//! What is tried in real containers: `fixtures/apparmor/engine/rows.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::table::{Expect, TableError, read};

/// As whom a row is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Actor {
    /// As the container's own user, like any process of it.
    Service,
    /// As root with every capability, given by the engine.
    Root,
}

impl Actor {
    /// As files and the script spell it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Root => "root",
        }
    }
}

/// One thing to try in a service's container.
#[derive(Debug, Clone)]
pub struct EngineRow {
    /// Operation and arguments.
    pub words: Vec<String>,
    /// What has to become of it.
    pub expect: Expect,
    /// Whether the profile alone denies it.
    pub alone: bool,
    /// The name that the kernel's log has to have.
    pub logged: Option<String>,
    /// Why.
    pub why: String,
}

/// All rows, by service and actor.
#[derive(Debug, Clone)]
pub struct EngineRows {
    /// The rows of a service as an actor, in order.
    pub of: BTreeMap<(String, Actor), Vec<EngineRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowsFile {
    services: BTreeMap<String, Place>,
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    data: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(rename = "as")]
    actor: Actor,
    expect: Expect,
    #[serde(default)]
    alone: bool,
    logged: Option<String>,
    services: Option<Vec<String>>,
    why: String,
    #[serde(rename = "try")]
    rows: Vec<String>,
}

impl EngineRows {
    /// Reads `<directory>/rows.toml`.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn load(directory: &Path) -> Result<Self, TableError> {
        let file: RowsFile = read(&directory.join("rows.toml"))?;
        let mut of: BTreeMap<(String, Actor), Vec<EngineRow>> = BTreeMap::new();
        for (service, place) in &file.services {
            let filled = |text: &str| text.replace("{data}", &place.data);
            let here = |group: &&Group| group.services.as_ref().is_none_or(|s| s.contains(service));
            for group in file.group.iter().filter(here) {
                let rows = group.rows.iter().map(|row| EngineRow {
                    words: filled(row).split(' ').map(str::to_owned).collect(),
                    expect: group.expect,
                    alone: group.alone,
                    logged: group.logged.as_deref().map(filled),
                    why: group.why.clone(),
                });
                of.entry((service.clone(), group.actor))
                    .or_default()
                    .extend(rows);
            }
        }
        Ok(Self { of })
    }

    /// The lines that the probe reads, for each service and actor: a file's name and its text.
    pub fn files(&self) -> impl Iterator<Item = (String, String)> {
        self.of.iter().map(|((service, actor), rows)| {
            let lines: Vec<String> = rows.iter().map(|row| row.words.join("\t")).collect();
            (
                format!("rows.{service}.{}", actor.word()),
                format!("{}\n", lines.join("\n")),
            )
        })
    }
}
