//! Real programs that have to start, serve and stop under a profile: `programs.toml`.

use std::path::Path;

use aiplat_apparmor::{ContainerPath, Kind};
use serde::Deserialize;

use super::table::{TableError, read};

/// One program and how one sees that it works.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// The Debian packages it comes from.
    pub packages: Vec<String>,
    /// Packages these depend on and that are not used at run time.
    #[serde(default)]
    pub leave_out: Vec<String>,
    /// The kinds of profile it is run under.
    pub kinds: Vec<Kind>,
    /// Its data directory.
    pub data: ContainerPath,
    /// The command line, in the image.
    pub start: Vec<String>,
    /// The port it serves.
    pub port: u16,
    /// What is said to it and what it has to answer. `\r`, `\n`, `\\` and `\xNN` are escapes.
    pub ask: Vec<Exchange>,
    /// How it ends when it is stopped politely, such as `exit 0` or `signal 15`.
    pub ends: String,
    /// Files it tries and may be refused, as they stand in the kernel's log; everything else that
    /// is denied is a failure. A `*` at the end stands for the rest.
    #[serde(default)]
    pub may_be_denied: Vec<String>,
}

/// Something said and something heard.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// What is sent.
    pub say: String,
    /// What has to be in the answer.
    pub expect: String,
}

impl Program {
    /// True where this denial was to be expected.
    pub fn expects_denial(&self, name: &str) -> bool {
        self.may_be_denied.iter().any(|pattern| {
            pattern
                .strip_suffix('*')
                .map_or(pattern == name, |start| name.starts_with(start))
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramsFile {
    program: Vec<Program>,
}

/// Reads `<directory>/programs.toml`.
pub fn load_programs(directory: &Path) -> Result<Vec<Program>, TableError> {
    let file: ProgramsFile = read(&directory.join("programs.toml"))?;
    Ok(file.program)
}
