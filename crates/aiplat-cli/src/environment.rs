//! The process environment: the only place that reads it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

use serde::Deserialize;

/// Where an engine is looked for when nobody says where.
const DEFAULT_ENGINE: &str = "unix:///var/run/docker.sock";

/// The command's own settings, none of them secret: `AIPLAT_HOST`, `AIPLAT_STATE_DIR` and their like.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Own {
    /// The engine's address.
    pub(crate) host: Option<String>,
    /// Where the host-wide register is kept.
    pub(crate) state_dir: Option<PathBuf>,
    /// Only for tests: the table of what is mounted at boot, instead of `/etc/fstab`.
    pub(crate) test_fstab: Option<PathBuf>,
    /// Only for tests: where systemd reads its units, instead of `/etc/systemd/system`.
    pub(crate) test_systemd: Option<PathBuf>,
    /// Only for tests: the process kills itself after this many records of the journal.
    pub(crate) test_kill_after: Option<usize>,
}

/// What the process was started in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// Variables whose names and values are UTF-8.
    pub(crate) variables: BTreeMap<String, String>,
    /// The command's own settings.
    pub(crate) own: Own,
    /// Why the own settings could not be read, in words without values.
    pub(crate) own_problem: Option<String>,
    /// The program itself.
    pub(crate) program: Option<PathBuf>,
    /// The process' arguments without its own name.
    pub(crate) arguments: Vec<String>,
    /// The terminal that is standard input.
    pub(crate) tty: Option<String>,
    /// Working directory.
    pub(crate) directory: Option<PathBuf>,
    /// User and group of the person behind the command; `None` for root.
    pub(crate) invoking_user: Option<(u32, u32)>,
    /// Standard input is a terminal.
    pub(crate) terminal_in: bool,
    /// Standard output is a terminal.
    pub(crate) terminal_out: bool,
    /// Standard error is a terminal.
    pub(crate) terminal_err: bool,
}

impl Environment {
    /// This process' own.
    pub(crate) fn of_process() -> Self {
        let own = |key: &str, value: &str| key.starts_with("AIPLAT_") && !value.is_empty();
        let variables = utf8(std::env::vars_os());
        let settings = variables
            .iter()
            .filter(|(key, value)| own(key, value))
            .map(|(key, value)| (key.clone(), value.clone()));
        let (own, own_problem) = match envy::prefixed("AIPLAT_").from_iter::<_, Own>(settings) {
            Ok(own) => (own, None),
            // the library's own words may hold the value
            Err(_) => (
                Own::default(),
                Some("expected `AIPLAT_TEST_KILL_AFTER` to be a number".to_owned()),
            ),
        };
        Self {
            invoking_user: invoking_user(&variables),
            own,
            own_problem,
            program: std::env::current_exe().ok(),
            arguments: std::env::args_os()
                .skip(1)
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
            tty: tty(),
            directory: std::env::current_dir().ok(),
            terminal_in: std::io::stdin().is_terminal(),
            terminal_out: std::io::stdout().is_terminal(),
            terminal_err: std::io::stderr().is_terminal(),
            variables,
        }
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.variables
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.trim().is_empty())
    }

    /// The engine's address: the flag, `AIPLAT_HOST`, `DOCKER_HOST`, the default.
    pub(crate) fn engine_address(&self, flag: Option<&str>) -> String {
        flag.or(self.own.host.as_deref())
            .or_else(|| self.get("DOCKER_HOST"))
            .unwrap_or(DEFAULT_ENGINE)
            .to_owned()
    }

    /// Whether questions can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        self.terminal_in && self.terminal_err && !self.ci()
    }

    /// Whether a live view can be drawn.
    pub(crate) fn can_draw(&self) -> bool {
        self.terminal_err && !self.ci() && self.get("TERM") != Some("dumb")
    }

    /// Whether colours are wanted at all; the streams decide for themselves whether they show them.
    pub(crate) fn colour(&self) -> bool {
        self.get("NO_COLOR").is_none() && self.get("TERM") != Some("dumb")
    }

    fn ci(&self) -> bool {
        self.get("CI").is_some_and(|ci| ci != "false" && ci != "0")
    }
}

/// The terminal of standard input, by its path.
fn tty() -> Option<String> {
    let terminal = std::io::stdin().is_terminal();
    let path = terminal.then(|| fs_err::read_link("/proc/self/fd/0").ok())??;
    Some(path.display().to_string())
}

/// What is no UTF-8 is left out: no key of ours needs it, and the `envy` crate panics on it.
fn utf8(variables: impl Iterator<Item = (OsString, OsString)>) -> BTreeMap<String, String> {
    variables
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The person behind the command: whoever called `sudo`, else the process' own user.
fn invoking_user(variables: &BTreeMap<String, String>) -> Option<(u32, u32)> {
    let number = |key: &str| variables.get(key)?.parse::<u32>().ok();
    let uid = rustix::process::getuid().as_raw();
    if uid != 0 {
        return Some((uid, rustix::process::getgid().as_raw()));
    }
    number("SUDO_UID")
        .zip(number("SUDO_GID"))
        .filter(|(uid, _)| *uid != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Environment {
        Environment {
            variables: pairs
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
            ..Environment::default()
        }
    }

    #[test]
    fn what_is_no_utf8_is_left_out() {
        let odd = OsString::from_vec(vec![0xff, 0xfe]);
        let pairs = [
            ("A".into(), odd.clone()),
            (odd, "b".into()),
            ("C".into(), "d".into()),
        ];
        assert_eq!(
            utf8(pairs.into_iter()),
            BTreeMap::from([("C".into(), "d".into())])
        );
    }

    #[test]
    fn the_flag_goes_before_docker_host_and_that_before_the_default() {
        let environment = with(&[("DOCKER_HOST", "unix:///x")]);
        assert_eq!(environment.engine_address(Some("unix:///y")), "unix:///y");
        assert_eq!(environment.engine_address(None), "unix:///x");
        assert_eq!(
            with(&[("DOCKER_HOST", " ")]).engine_address(None),
            DEFAULT_ENGINE
        );
    }

    #[test]
    fn sudo_tells_who_is_behind_root() {
        if rustix::process::getuid().is_root() {
            let user =
                |uid: &str| invoking_user(&with(&[("SUDO_UID", uid), ("SUDO_GID", "7")]).variables);
            assert_eq!(user("1234"), Some((1234, 7)));
            assert_eq!(user("0"), None);
        }
    }

    #[test]
    fn no_question_and_no_drawing_in_ci() {
        let mut environment = with(&[("CI", "true")]);
        environment.terminal_in = true;
        environment.terminal_err = true;
        assert!(!environment.can_ask() && !environment.can_draw());
        environment.variables.clear();
        assert!(environment.can_ask() && environment.can_draw());
    }

    #[test]
    fn no_color_is_respected_when_it_says_something() {
        assert!(!with(&[("NO_COLOR", "1")]).colour());
        assert!(with(&[("NO_COLOR", "")]).colour());
    }
}
