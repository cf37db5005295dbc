//! What a stand-in is started with: environment, arguments and the file system, handed in so that
//! a test can make one up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Why a stand-in does not start, in the words of the real image where they are known.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Refusal {
    /// A refusal with these words.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

/// Environment, arguments and file system of one stand-in.
#[derive(Debug, Clone)]
pub struct World {
    env: BTreeMap<String, String>,
    args: Vec<String>,
    root: PathBuf,
    uid: u32,
}

impl World {
    /// An empty environment whose absolute paths lie below `root`.
    pub fn new(root: &Path) -> Self {
        Self {
            env: BTreeMap::new(),
            args: Vec::new(),
            root: root.to_path_buf(),
            uid: 1000,
        }
    }

    /// The environment of this process. `STANDIN_ROOT` moves all absolute paths below a folder.
    pub fn of_process(args: Vec<String>) -> Self {
        let env: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let root = PathBuf::from(env.get("STANDIN_ROOT").map_or("/", String::as_str));
        Self {
            env,
            args,
            root,
            uid: own_uid(),
        }
    }

    /// The same with one more variable.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.env.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The same with the values of a `.env` file, where there is one; what is set already holds.
    #[must_use]
    pub fn with_env_file(mut self, path: &str) -> Self {
        let text = std::fs::read_to_string(self.path(path)).unwrap_or_default();
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
        {
            if let Some((key, value)) = line.split_once('=') {
                let value = value.trim().trim_matches('"').to_owned();
                self.env.entry(key.trim().to_owned()).or_insert(value);
            }
        }
        self
    }

    /// The same with these arguments.
    #[must_use]
    pub fn with_args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(ToString::to_string).collect();
        self
    }

    /// The same as if run by this user.
    #[must_use]
    pub fn with_uid(mut self, uid: u32) -> Self {
        self.uid = uid;
        self
    }

    /// The user this runs as.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// The arguments after the program's name.
    pub fn args(&self) -> &[String] {
        &self.args
    }

    /// The value after `--name` or in `--name=value`.
    pub fn option(&self, name: &str) -> Option<&str> {
        let with_equals = format!("{name}=");
        self.args.iter().enumerate().find_map(|(at, arg)| {
            if arg == name {
                self.args.get(at + 1).map(String::as_str)
            } else {
                arg.strip_prefix(&with_equals)
            }
        })
    }

    /// A variable that is set and not empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.env
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether a variable is set, be it empty.
    pub fn is_set(&self, key: &str) -> bool {
        self.env.contains_key(key)
    }

    /// Whether a variable says yes.
    pub fn flag(&self, key: &str) -> bool {
        matches!(
            self.get(key),
            Some("true" | "1" | "on" | "enabled" | "yes" | "True")
        )
    }

    /// A port number from a variable, or the default.
    pub fn port(&self, key: &str, default: u16) -> u16 {
        self.get(key)
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    }

    /// A secret from `KEY` or from the file that `KEY_FILE` names; both at once are refused, as
    /// the real images do.
    pub fn secret(&self, key: &str) -> Result<Option<String>, Refusal> {
        self.secret_by(key, &format!("{key}_FILE"))
    }

    /// As [`World::secret`], with the name of the file's variable given.
    pub fn secret_by(&self, key: &str, file_key: &str) -> Result<Option<String>, Refusal> {
        match (self.get(key), self.get(file_key)) {
            (Some(_), Some(_)) => Err(Refusal::new(format!(
                "both `{key}` and `{file_key}` are set (but are exclusive)"
            ))),
            (Some(value), None) => Ok(Some(value.to_owned())),
            (None, Some(path)) => self.read_secret(path).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The first line of a secret's file.
    pub fn read_secret(&self, path: &str) -> Result<String, Refusal> {
        std::fs::read_to_string(self.path(path))
            .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
            .map_err(|error| Refusal::new(format!("cannot read the secret file `{path}`: {error}")))
    }

    /// A configuration file that was named, whole.
    pub fn read_whole(&self, path: &str) -> Result<String, Refusal> {
        std::fs::read_to_string(self.path(path))
            .map_err(|error| Refusal::new(format!("cannot read `{path}`: {error}")))
    }

    /// Where an absolute path of the image lies.
    pub fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// The folder, made if need be, after proof that it can be written: a file `.stand-in` is left
    /// in it.
    pub fn writable(&self, folder: &str) -> Result<PathBuf, Refusal> {
        let path = self.path(folder);
        std::fs::create_dir_all(&path)
            .map_err(|error| Refusal::new(format!("cannot create `{folder}`: {error}")))?;
        std::fs::write(path.join(".stand-in"), "a stand-in of aiplat wrote this\n")
            .map_err(|error| Refusal::new(format!("`{folder}` is not writable: {error}")))?;
        Ok(path)
    }

    /// `HOME`, which the engine sets to `/` for a user without a passwd line.
    pub fn home(&self) -> Result<&str, Refusal> {
        self.get("HOME")
            .ok_or_else(|| Refusal::new("expected `HOME` to be set"))
    }

    /// Whether the user has a line in the passwd file.
    pub fn has_passwd_line(&self) -> bool {
        let uid = self.uid.to_string();
        std::fs::read_to_string(self.path("/etc/passwd")).is_ok_and(|text| {
            text.lines()
                .any(|line| line.split(':').nth(2) == Some(&uid))
        })
    }

    /// Milliseconds from a variable.
    pub fn duration(&self, key: &str, default: u64) -> Duration {
        Duration::from_millis(
            self.get(key)
                .and_then(|value| value.parse().ok())
                .unwrap_or(default),
        )
    }

    /// A clock that says ready after `STANDIN_READY_AFTER_MS`, or the default given.
    pub fn ready_after(&self, default_ms: u64) -> Ready {
        Ready {
            since: Instant::now(),
            after: self.duration("STANDIN_READY_AFTER_MS", default_ms),
        }
    }
}

/// Tells live from ready.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    since: Instant,
    after: Duration,
}

impl Ready {
    /// Whether enough time has passed.
    pub fn is_ready(&self) -> bool {
        self.since.elapsed() >= self.after
    }
}

/// The effective user of this process; without `unsafe`, the kernel's own text is the source.
fn own_uid() -> u32 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("Uid:"))?
                .to_owned();
            line.split_whitespace().nth(1)?.parse().ok()
        })
        .unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_from_the_value_or_the_file_but_not_both() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("k"), "from-file\n").unwrap();
        let world = World::new(dir.path());
        assert_eq!(world.secret("KEY").unwrap(), None);
        let by_file = world.clone().with("KEY_FILE", "/k");
        assert_eq!(by_file.secret("KEY").unwrap().as_deref(), Some("from-file"));
        let both = by_file.with("KEY", "value");
        assert!(
            both.secret("KEY")
                .unwrap_err()
                .to_string()
                .contains("exclusive")
        );
    }

    #[test]
    fn options_are_read_in_both_forms() {
        let world = World::new(Path::new("/")).with_args(&["gateway", "--port", "1", "--bind=lan"]);
        assert_eq!(world.option("--port"), Some("1"));
        assert_eq!(world.option("--bind"), Some("lan"));
        assert_eq!(world.option("--absent"), None);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let refusal = World::new(dir.path()).writable("/file/below").unwrap_err();
        assert!(refusal.to_string().contains("`/file/below`"), "{refusal}");
    }
}
