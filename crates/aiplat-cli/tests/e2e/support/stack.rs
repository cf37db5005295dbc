//! One stack of a test: its values, and the command run with them.

use std::collections::BTreeMap;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Command;

use super::bed::Bed;
use super::run::{Run, Running, start};

/// A stack that is told by the environment alone.
#[derive(Debug, Clone)]
pub(crate) struct Stack<'b> {
    pub(crate) bed: &'b Bed,
    pub(crate) name: String,
    pub(crate) base: PathBuf,
    pub(crate) env: BTreeMap<String, String>,
}

impl Stack<'_> {
    /// With another value.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.env.insert(key.to_owned(), value.into());
        self
    }

    /// Without a value.
    pub(crate) fn without(mut self, key: &str) -> Self {
        self.env.remove(key);
        self
    }

    /// The command with nothing but these values in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bed.bare();
        command.args(arguments).envs(&self.env);
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.start(arguments).end()
    }

    /// Starts the command.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        start(self.command(arguments))
    }

    /// `aiplat deploy`, by the environment alone.
    pub(crate) fn deploy(&self) -> Run {
        self.run(&["deploy"])
    }

    /// The name of a service's container.
    pub(crate) fn container(&self, service: &str) -> String {
        format!("{}-{service}", self.name)
    }

    /// The stack's identity, once it has one.
    pub(crate) fn id(&self) -> String {
        let text = std::fs::read_to_string(self.base.join("config/stack-id"));
        text.expect("the stack has an identity").trim().to_owned()
    }

    /// A value of the stack's own manifest.
    pub(crate) fn manifest(&self, key: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.base.join("config/.env")).ok()?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key}=")))?;
        Some(value.trim_matches(['"', '\'']).to_owned())
    }

    /// A manifest in its place, written as an operator would before the first deploy.
    pub(crate) fn write_manifest(&self, text: &str) {
        let config = self.base.join("config");
        std::fs::create_dir_all(&config).unwrap();
        let file = config.join(".env");
        std::fs::write(&file, text).unwrap();
        let uid = self
            .env
            .get("STACK_USER_UID")
            .map(|uid| uid.parse().unwrap());
        for path in [&config, &file] {
            chown(path, uid, uid).unwrap();
        }
    }
}
