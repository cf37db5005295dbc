//! A service file made from flags.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aiplat_core::catalogue::{FromImage, HealthCheck, name_of_image, pinned, sounds_secret};
use aiplat_core::names::ServiceName;
use aiplat_docker::stack::ServiceFile;
use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;

/// A host port below this one is nobody's to prefer: such a port is looked for above.
const UNPRIVILEGED: u16 = 1024;

/// What is added to a privileged port to have one that may be preferred.
const ABOVE: u16 = 8000;

/// What is said of an image.
#[derive(Debug, Args)]
#[command(next_help_heading = "From an image")]
#[allow(clippy::struct_excessive_bools)] // each is a flag of its own
pub(super) struct FromFlags {
    /// The image, with a tag that is a version, or a digest
    #[arg(long, value_name = "REFERENCE")]
    image: Option<String>,
    /// The port that it listens on
    #[arg(long, value_name = "PORT", requires = "image", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The name of the service [default: from the image's]
    #[arg(long, value_name = "NAME", requires = "image")]
    name: Option<ServiceName>,
    /// What proves that it is ready: a path that answers 200, `tcp`, or `alive:SECONDS` [default: tcp; alive:10 without `--port`]
    #[arg(long, value_name = "/PATH|tcp|alive:SECONDS", requires = "image")]
    health: Option<HealthCheck>,
    /// Seconds in which it must be ready
    #[arg(long, value_name = "SECONDS", requires = "image", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    start_seconds: u32,
    /// A variable of its environment; the value is a template as in a service file, and no secret
    #[arg(long, value_name = "KEY=VALUE", requires = "image")]
    env: Vec<String>,
    /// A variable of its environment whose value is a secret: drawn, or taken from the variable NAME_KEY of this
    /// command's environment, and kept in `config/secrets`
    #[arg(long, value_name = "KEY", requires = "image")]
    secret: Vec<String>,
    /// A directory in the container that is kept, in `BASE_DIR/data`
    #[arg(long, value_name = "/PATH", requires = "image")]
    data: Vec<String>,
    /// A directory in the container that is kept in memory; `/tmp` always is
    #[arg(long, value_name = "/PATH[:SIZE]", requires = "image")]
    tmpfs: Vec<String>,
    /// A service that must be healthy first, and comes with it
    #[arg(long, value_name = "NAME", requires = "image")]
    needs: Vec<ServiceName>,
    /// The path of its metrics: makes a scrape job
    #[arg(long, value_name = "/PATH", requires = "image")]
    metrics: Option<String>,
    /// The first label of its name at the front door [default: the service's name]
    #[arg(
        long,
        value_name = "LABEL",
        requires = "image",
        conflicts_with = "no_route"
    )]
    route: Option<String>,
    /// It is not served at the front door
    #[arg(long, requires = "image")]
    no_route: bool,
    /// It has no port on the host
    #[arg(long, requires = "image")]
    no_publish: bool,
    /// Memory that it may use
    #[arg(long, value_name = "SIZE", requires = "image", default_value = "512m")]
    memory: String,
    /// Processors that it may use [default: all]
    #[arg(long, value_name = "NUMBER", requires = "image")]
    cpus: Option<f64>,
    /// Processes and threads that it may have
    #[arg(long, value_name = "NUMBER", requires = "image", default_value_t = 256)]
    pids: u32,
    /// A departure from the default hardening: `writable-root`, `root`, `capability:NAME`, `group:GID`
    #[arg(long, value_name = "WHAT", requires = "image")]
    allow: Vec<String>,
    /// Print the service file and do nothing
    #[arg(long, requires = "image")]
    pub(super) print: bool,
    /// Arguments of the program, after `--` [default: the image's own]
    #[arg(last = true, value_name = "ARGUMENT", requires = "image")]
    command: Vec<String>,
}

impl FromFlags {
    /// Whether there is a file to be made.
    pub(super) fn made(&self) -> bool {
        self.image.is_some()
    }

    /// The service file that the flags come to.
    pub(super) fn file(&self) -> Result<ServiceFile, Failure> {
        let image = self.image.clone().unwrap_or_default();
        let wrong = |words: String| Failure::new(Exit::Usage, words);
        if !pinned(&image) {
            return Err(wrong(format!(
                "`--image {image}`: expected a tag that is a version, or a digest"
            ))
            .hint("what a name or `latest` stands for is another program tomorrow"));
        }
        let name = match &self.name {
            Some(name) => name.clone(),
            None => name_of_image(&image)
                .map_err(|error| wrong(format!("`--name`: {error}; `{image}` suggests none")))?,
        };
        let health = self.health.clone().unwrap_or(match self.port {
            Some(_) => HealthCheck::Tcp,
            None => HealthCheck::Alive(10),
        });
        if self.port.is_none()
            && (self.metrics.is_some() || !matches!(health, HealthCheck::Alive(_)))
        {
            let words = "`--port`: expected the port that the program listens on";
            return Err(
                wrong(words.to_owned()).hint("one that listens nowhere has `--health alive:10`")
            );
        }
        let made = FromImage {
            host: self
                .port
                .filter(|_| !self.no_route)
                .map(|_| self.route.clone().unwrap_or_else(|| name.to_string())),
            publish: self.port.filter(|_| !self.no_publish).map(preferred),
            port: self.port,
            health,
            start_seconds: self.start_seconds,
            env: self.environment()?,
            secrets: self.secret.clone(),
            data: self.data.clone(),
            tmpfs: self.in_memory(),
            command: self.command.clone(),
            needs: self.needs.clone(),
            metrics: self.metrics.clone(),
            memory: self.memory.clone(),
            cpus: self.cpus,
            pids: self.pids,
            allow: self.allow.clone(),
            image,
            name,
        };
        Ok(ServiceFile {
            path: PathBuf::from(format!("{}.toml", made.name)),
            text: made.text(),
            templates: Vec::new(),
        })
    }

    /// The variables that are no secrets. What is told of a wrong one is its name alone.
    fn environment(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut all = BTreeMap::new();
        for given in &self.env {
            let Some((key, value)) = given.split_once('=').filter(|(key, _)| is_variable(key))
            else {
                let words = "`--env`: expected KEY=VALUE, KEY of letters, digits and `_`";
                return Err(Failure::new(Exit::Usage, words));
            };
            if sounds_secret(key) && !value.contains("{{") {
                let words = format!(
                    "`--env {key}=…`: expected a value that may stand in a file that is shown"
                );
                return Err(Failure::new(Exit::Usage, words).hint(format!(
                    "`--secret {key}` keeps it as a secret: drawn, or given in the environment of this command"
                )));
            }
            all.insert(key.to_owned(), value.to_owned());
        }
        for key in &self.secret {
            if !is_variable(key) || all.contains_key(key) {
                let words = "`--secret`: expected the name of a variable, of letters, digits and `_`, that no `--env` sets";
                return Err(Failure::new(Exit::Usage, words).hint(
                    "the value is drawn, or given in the environment of this command; it never stands on a command line",
                ));
            }
        }
        Ok(all)
    }

    /// What is kept in memory, `/tmp` included unless it is kept on disk.
    fn in_memory(&self) -> Vec<(String, String)> {
        let given = self.tmpfs.iter().map(|given| match given.split_once(':') {
            Some((path, size)) => (path.to_owned(), size.to_owned()),
            None => (given.clone(), "64m".to_owned()),
        });
        let mut all: Vec<(String, String)> = given.collect();
        let taken = |path: &str| path == "/tmp" || path.starts_with("/tmp/");
        if !all.iter().any(|(path, _)| taken(path)) && !self.data.iter().any(|path| taken(path)) {
            all.push(("/tmp".to_owned(), "64m".to_owned()));
        }
        all
    }
}

/// The host port that is preferred for a port in the container.
fn preferred(port: u16) -> u16 {
    if port < UNPRIVILEGED {
        port + ABOVE
    } else {
        port
    }
}

fn is_variable(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    key.chars().all(plain) && key.chars().next().is_some_and(|c| !c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        flags: FromFlags,
    }

    fn file(arguments: &[&str]) -> Result<String, Failure> {
        let words = ["add", "--image", "example/wiki:4.2"]
            .iter()
            .chain(arguments);
        let line =
            Line::try_parse_from(words).map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
        line.flags.file().map(|file| file.text)
    }

    #[test]
    fn a_port_below_1024_has_another_one_on_the_host() {
        let text = file(&["--port", "80"]).unwrap();
        assert!(
            text.contains("container = 80\n") && text.contains("default = 8080\n"),
            "{text}"
        );
        assert!(text.contains("kind = \"tcp\""), "{text}");
        let text = file(&["--port", "80", "--no-publish", "--no-route"]).unwrap();
        assert!(
            !text.contains("default =") && !text.contains("[[routes]]"),
            "{text}"
        );
    }

    #[test]
    fn a_value_that_sounds_like_a_secret_is_refused_without_being_told() {
        let failure = file(&["--port", "80", "--env", "API_TOKEN=canary"]).unwrap_err();
        let told = failure.text();
        assert!(
            told.contains("--secret API_TOKEN") && !told.contains("canary"),
            "{told}"
        );
        let text = file(&["--port", "80", "--env", "DB_PASSWORD={{ secret('x') }}"]).unwrap();
        assert!(text.contains("secret('x')"), "{text}");
        let failure = file(&["--port", "80", "--secret", "API_TOKEN=canary"]).unwrap_err();
        assert!(!failure.text().contains("canary"), "{}", failure.text());
        let failure = file(&["--port", "80", "--env", "canary"]).unwrap_err();
        assert!(!failure.text().contains("canary"), "{}", failure.text());
    }

    #[test]
    fn an_image_that_means_another_program_tomorrow_is_refused_by_its_flag() {
        for image in ["caddy", "caddy:latest", "registry:5000/caddy"] {
            let line = Line::try_parse_from(["add", "--image", image]).unwrap();
            let told = line.flags.file().unwrap_err().text();
            assert!(told.contains(&format!("`--image {image}`")), "{told}");
        }
    }

    #[test]
    fn one_that_listens_nowhere_has_to_stay_up() {
        assert!(file(&[]).unwrap().contains("kind = \"alive\""));
        let failure = file(&["--health", "/ready"]).unwrap_err();
        assert!(failure.text().contains("--port"), "{}", failure.text());
    }

    #[test]
    fn tmp_is_in_memory_unless_it_is_kept() {
        assert!(
            file(&["--port", "80"])
                .unwrap()
                .contains("target = \"/tmp\"")
        );
        let text = file(&["--port", "80", "--data", "/tmp/kept"]).unwrap();
        assert!(!text.contains("[[tmpfs]]"), "{text}");
        let text = file(&["--port", "80", "--tmpfs", "/tmp:1g", "--tmpfs", "/run/x"]).unwrap();
        assert!(
            text.contains("\"1g\"") && text.matches("[[tmpfs]]").count() == 2,
            "{text}"
        );
    }
}
