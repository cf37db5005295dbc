//! Asking a stack's own stores as their own programs do, inside their containers.

use std::path::Path;

use super::stack::Stack;

impl Stack<'_> {
    /// A file of the stack's secrets.
    pub(crate) fn secret(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.base.join("config/secrets").join(name));
        let text = text.unwrap_or_else(|error| panic!("{name}: {error}"));
        text.trim().to_owned()
    }

    /// What a shell in a service's container prints.
    pub(crate) fn shell(&self, service: &str, script: &str) -> String {
        let output = self
            .bed
            .engine
            .exec(&self.container(service), &["sh", "-c", script]);
        output.replace('\r', "").trim_end().to_owned()
    }

    /// `valkey-cli` with the stack's own password.
    pub(crate) fn redis(&self, arguments: &str) -> String {
        let script = format!(
            "REDISCLI_AUTH=$(cat /run/secrets/redis_password) valkey-cli --raw {arguments}"
        );
        self.shell("redis", &script)
    }

    /// `psql` as the superuser, with the stack's own password, over the network; rows without decoration.
    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        // from the host: in a running container the file of a password that was rotated is the old one
        let password = self.secret("postgres_password").replace('\'', r"'\''");
        let password = format!("PGPASSWORD='{password}'");
        let script = format!(
            "{password} psql -h 127.0.0.1 -U postgres -d {database} -AtqX <<'END'\n{sql}\nEND"
        );
        self.shell("postgres", &script)
    }

    /// The address of a service's container, which the host can reach.
    pub(crate) fn address(&self, service: &str) -> String {
        let path = format!("/containers/{}/json", self.container(service));
        let container = self.bed.engine.get(&path);
        let network = &container["NetworkSettings"]["Networks"][&self.name];
        network["IPAddress"]
            .as_str()
            .expect("an address")
            .to_owned()
    }

    /// Every file below a directory of the stack that holds these bytes.
    pub(crate) fn holding(&self, needle: &str) -> Vec<String> {
        let mut found = Vec::new();
        search(&self.base, needle.as_bytes(), &mut found);
        found
    }
}

fn search(directory: &Path, needle: &[u8], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(facts) = path.symlink_metadata() else {
            continue;
        };
        if facts.is_dir() {
            search(&path, needle, found);
        } else if facts.is_file() {
            let content = std::fs::read(&path).unwrap_or_default();
            if content.windows(needle.len()).any(|window| window == needle) {
                found.push(path.display().to_string());
            }
        }
    }
}
