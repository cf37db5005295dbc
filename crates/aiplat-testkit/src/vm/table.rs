//! The allow and deny tables of `fixtures/apparmor`, and the judgement of an answer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aiplat_apparmor::ProfileSpec;
use serde::Deserialize;
use thiserror::Error;

/// What has to become of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// It works.
    Allow,
    /// It fails with `EACCES` or `EPERM`, and with nothing else: any other error says that the
    /// row tested something different.
    Deny,
    /// It works although it should not: a stated gap of the kernel, held so that we notice when
    /// it is closed.
    Gap,
}

/// One thing to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What has to become of it.
    pub expect: Expect,
    /// The probe's operation.
    pub op: String,
    /// Its arguments. `{host}` is a process without a profile, `{other}` one of the other stack.
    pub args: Vec<String>,
    /// Why this has to work, or must not.
    pub why: String,
}

/// How one answer compares with its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As the table says.
    AsExpected,
    /// Not so: the word that was answered instead.
    Unexpected(String),
}

/// A profile and everything that is tried under it.
#[derive(Debug, Clone)]
pub struct Table {
    /// The table's name, which is its file's.
    pub name: String,
    /// The profile the rows are tried under.
    pub profile: ProfileSpec,
    /// The name of the other stack's profile whose process stands beside.
    pub other: String,
    /// Whether the mutation test goes through this profile's rules.
    pub mutate: bool,
    rows: Vec<Row>,
}

/// A rule whose removal no row notices, and why that is right.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Survivor {
    /// The tables it survives in.
    pub tables: Vec<String>,
    /// The rule's id.
    pub rule: String,
    /// Why nothing can notice.
    pub why: String,
}

/// Why a table cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// A file cannot be read.
    #[error("could not read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{path}` is no table")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A row comes twice, says nothing, or carries a character that separates words.
    #[error("`{path}`: the row `{row}` {problem}")]
    Row {
        /// In which file.
        path: PathBuf,
        /// Its operation and arguments.
        row: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    #[serde(default)]
    include: Vec<String>,
    profile: ProfileSpec,
    other: String,
    #[serde(default)]
    mutate: bool,
    #[serde(default)]
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowsFile {
    group: Vec<Group>,
}

/// Rows with one expectation for one reason: each of `try` is an operation and its arguments,
/// separated by spaces.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    expect: Expect,
    why: String,
    r#try: Vec<String>,
}

impl Group {
    fn rows(&self) -> impl Iterator<Item = Row> {
        self.r#try.iter().map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            let op = words.next().unwrap_or_default();
            Row {
                expect: self.expect,
                op,
                args: words.collect(),
                why: self.why.clone(),
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SurvivorsFile {
    survivor: Vec<Survivor>,
}

impl Row {
    /// Operation and arguments, which tell rows apart.
    pub fn words(&self) -> String {
        std::iter::once(self.op.as_str())
            .chain(self.args.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Compares the probe's answer with the row.
    pub fn judge(&self, answer: &str) -> Verdict {
        let as_expected = match self.expect {
            Expect::Allow | Expect::Gap => answer == "ok",
            Expect::Deny => answer == "EACCES" || answer == "EPERM",
        };
        if as_expected {
            Verdict::AsExpected
        } else {
            Verdict::Unexpected(answer.to_owned())
        }
    }
}

impl Survivor {
    /// True where this is the entry for `rule` of `table`.
    pub fn is(&self, table: &str, rule: &str) -> bool {
        self.rule == rule && self.tables.iter().any(|name| name == table)
    }
}

impl Table {
    /// Reads `<directory>/<name>.toml` and what it includes. A row of its own replaces an
    /// included one with the same words.
    pub fn load(directory: &Path, name: &str) -> Result<Self, TableError> {
        let path = directory.join(format!("{name}.toml"));
        let file: TableFile = read(&path)?;
        let mut rows: Vec<Row> = Vec::new();
        for include in &file.include {
            let path = directory.join(format!("{include}.toml"));
            let included: RowsFile = read(&path)?;
            for row in included.group.iter().flat_map(Group::rows) {
                check(&path, &row, &rows)?;
                rows.push(row);
            }
        }
        let mut own: Vec<Row> = Vec::new();
        for row in file.group.iter().flat_map(Group::rows) {
            check(&path, &row, &own)?;
            own.push(row);
        }
        rows.retain(|row| own.iter().all(|other| other.words() != row.words()));
        rows.extend(own);
        Ok(Self {
            name: name.to_owned(),
            profile: file.profile,
            other: file.other,
            mutate: file.mutate,
            rows,
        })
    }

    /// Keeps only some of the rows.
    pub fn retain(&mut self, keep: impl FnMut(&Row) -> bool) {
        self.rows.retain(keep);
    }

    /// The rows, in the order they are tried.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// Reads `<directory>/survivors.toml`.
pub fn load_survivors(directory: &Path) -> Result<Vec<Survivor>, TableError> {
    let file: SurvivorsFile = read(&directory.join("survivors.toml"))?;
    Ok(file.survivor)
}

fn check(path: &Path, row: &Row, before: &[Row]) -> Result<(), TableError> {
    let problem = if before.iter().any(|other| other.words() == row.words()) {
        "comes twice"
    } else if row.why.trim().is_empty() {
        "does not say why"
    } else if row.words().contains(['\t', '\n']) {
        "has a tab or a line end in it"
    } else {
        return Ok(());
    };
    Err(TableError::Row {
        path: path.to_owned(),
        row: row.words(),
        problem,
    })
}

pub(super) fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, TableError> {
    let text = fs::read_to_string(path).map_err(|source| TableError::Read {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|source| TableError::Parse {
        path: path.to_owned(),
        source: Box::new(source),
    })
}
