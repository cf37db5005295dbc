//! For whom an archive is sealed, and what opens one. No key and no passphrase is ever an argument: those can be read by
//! everybody on the host.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aiplat_archive::{Key, Seal};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// The variable that holds the passphrase where a file is not wanted.
const VARIABLE: &str = "AIPLAT_BACKUP_PASSPHRASE";

/// For whom an archive is sealed.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "For whom the archive is sealed")]
pub(crate) struct SealArgs {
    /// An age recipient (`age1…`) who can open it; may be given several times
    ///
    /// Nothing on this host can open it then: the identity that belongs to the recipient is kept elsewhere.
    #[arg(long, value_name = "KEY", conflicts_with_all = ["passphrase_file", "unencrypted"])]
    pub(crate) recipient: Vec<String>,
    /// A file whose first line is the passphrase that opens it, at least 12 characters
    ///
    /// Without this and without a recipient, AIPLAT_BACKUP_PASSPHRASE is taken; else, at a terminal, it is asked for twice.
    #[arg(long, value_name = "FILE", conflicts_with = "unencrypted")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// For nobody: whoever has the file has every secret of the stack
    #[arg(long)]
    pub(crate) unencrypted: bool,
}

/// What opens an archive.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What opens the archive")]
pub(crate) struct KeyArgs {
    /// A file of age identities (`AGE-SECRET-KEY-1…`), one a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["passphrase_file", "unencrypted"])]
    pub(crate) identity: Option<PathBuf>,
    /// A file whose first line is the passphrase
    ///
    /// Without this and without an identity, AIPLAT_BACKUP_PASSPHRASE is taken; else, at a terminal, it is asked for.
    #[arg(long, value_name = "FILE", conflicts_with = "unencrypted")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// It is not sealed
    #[arg(long)]
    pub(crate) unencrypted: bool,
}

impl SealArgs {
    /// The seal that was asked for; nothing is left unsealed because somebody forgot to say.
    pub(crate) fn seal(&self, session: &Session) -> Result<Seal, Failure> {
        if !self.recipient.is_empty() {
            return Ok(Seal::recipients(self.recipient.iter().map(String::as_str))?);
        }
        if self.unencrypted {
            return Ok(Seal::Unencrypted);
        }
        if let Some(passphrase) = given(session, self.passphrase_file.as_deref())? {
            return Ok(Seal::passphrase(passphrase)?);
        }
        if can_ask(session) {
            let passphrase = ask::new_passphrase("Passphrase for the archive", &|text| {
                let seal = Seal::passphrase(text.to_owned().into());
                seal.map(|_| ()).map_err(|e| e.to_string())
            })?;
            return Ok(Seal::passphrase(passphrase)?);
        }
        Err(missing(
            "give `--recipient age1…`, `--passphrase-file FILE`, AIPLAT_BACKUP_PASSPHRASE, or `--unencrypted`",
        ))
    }
}

impl KeyArgs {
    /// What was given to open an archive.
    pub(crate) fn key(&self, session: &Session) -> Result<Key, Failure> {
        if let Some(path) = &self.identity {
            return Ok(Key::identities(&read(session, path)?)?);
        }
        if self.unencrypted {
            return Ok(Key::Unencrypted);
        }
        if let Some(passphrase) = given(session, self.passphrase_file.as_deref())? {
            return Ok(Key::Passphrase(passphrase));
        }
        if can_ask(session) {
            return Ok(Key::Passphrase(ask::passphrase(
                "Passphrase of the archive",
            )?));
        }
        Err(missing(
            "give `--identity FILE`, `--passphrase-file FILE`, AIPLAT_BACKUP_PASSPHRASE, or `--unencrypted`",
        ))
    }
}

/// A passphrase from a file or from the environment.
fn given(session: &Session, file: Option<&Path>) -> Result<Option<SecretString>, Failure> {
    if let Some(path) = file {
        let text = read(session, path)?;
        let first = text.expose_secret().lines().next().unwrap_or_default();
        return Ok(Some(first.to_owned().into()));
    }
    let variable = session.environment.get(VARIABLE);
    Ok(variable.map(|text| text.to_owned().into()))
}

/// Whether somebody can be asked for a secret.
pub(crate) fn can_ask(session: &Session) -> bool {
    session.environment.can_ask() && !session.printer.is_json()
}

fn missing(hint: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        "expected to be told who can open the archive: it holds every secret of the stack",
    )
    .hint(hint)
}

/// What is in a file that holds a secret, with a warning where others can read it; `-` is standard input.
pub(crate) fn read(session: &Session, path: &Path) -> Result<SecretString, Failure> {
    let wrong = |error: &std::io::Error| {
        let exit = match error.kind() {
            std::io::ErrorKind::NotFound => Exit::Invalid,
            _ => Exit::Host,
        };
        let words = format!(
            "expected a file that can be read, `{}`: {error}",
            path.display()
        );
        Failure::new(exit, words)
    };
    if path == Path::new("-") {
        let text = std::io::read_to_string(std::io::stdin()).map_err(|e| wrong(&e))?;
        return Ok(text.into());
    }
    let open = std::fs::metadata(path).map_err(|e| wrong(&e))?;
    // a pipe of the shell's own, such as <(…), is nobody else's
    if open.is_file() && open.mode() & 0o077 != 0 {
        session.printer.warning(&format!(
            "others can read `{}`: `chmod 600` it",
            path.display()
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|e| wrong(&e))?;
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use aiplat_archive::Sealed;

    use super::*;
    use crate::args::Global;
    use crate::environment::Environment;

    fn session(pairs: &[(&str, &str)]) -> Session {
        let variables = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        let environment = Environment {
            variables: variables.collect(),
            ..Environment::default()
        };
        Session::new(Global::default(), environment).unwrap()
    }

    #[test]
    fn a_file_goes_before_the_environment_and_its_first_line_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passphrase");
        std::fs::write(&file, "from the file, long enough\nnot this\n").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        let session = session(&[(VARIABLE, "from the environment")]);
        let args = KeyArgs {
            passphrase_file: Some(file),
            ..KeyArgs::default()
        };
        let shown = |key: Key| match key {
            Key::Passphrase(text) => text.expose_secret().to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(
            shown(args.key(&session).unwrap()),
            "from the file, long enough"
        );
        assert_eq!(
            shown(KeyArgs::default().key(&session).unwrap()),
            "from the environment"
        );
        let seal = SealArgs::default().seal(&session).unwrap();
        assert_eq!(seal.shown(), Sealed::Passphrase);
    }

    #[test]
    fn nothing_is_sealed_for_nobody_unasked_and_no_error_says_a_passphrase() {
        let nobody = SealArgs::default().seal(&session(&[])).unwrap_err();
        assert_eq!(nobody.exit(), Exit::Usage);
        let short = SealArgs::default()
            .seal(&session(&[(VARIABLE, "canary")]))
            .unwrap_err();
        assert!(!short.text().contains("canary"), "{}", short.text());
        let secret = SealArgs {
            recipient: vec!["AGE-SECRET-KEY-1CANARY".to_owned()],
            ..SealArgs::default()
        };
        let wrong = secret.seal(&session(&[])).unwrap_err();
        assert!(!wrong.text().contains("CANARY"), "{}", wrong.text());
        let open = SealArgs {
            unencrypted: true,
            ..SealArgs::default()
        };
        assert_eq!(
            open.seal(&session(&[])).unwrap().shown(),
            Sealed::Unencrypted
        );
    }
}
