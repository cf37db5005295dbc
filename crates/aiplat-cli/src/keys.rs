//! For whom an archive is sealed, and what opens one.

use std::path::PathBuf;

use aiplat_archive::{Key, Seal};
use clap::Args;
use secrecy::SecretString;

use crate::exit::Exit;
use crate::failure::Failure;

/// For whom an archive is sealed.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "For whom the archive is sealed")]
pub(crate) struct SealArgs {
    /// An age recipient (`age1…`) who can open it; may be given several times
    #[arg(long, value_name = "KEY", conflicts_with_all = ["passphrase_file", "unencrypted"])]
    pub(crate) recipient: Vec<String>,
    /// A file with the passphrase that opens it
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
    /// A file of age identities (`AGE-SECRET-KEY-1…`)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["passphrase_file", "unencrypted"])]
    pub(crate) identity: Option<PathBuf>,
    /// A file with the passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "unencrypted")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// It is not sealed
    #[arg(long)]
    pub(crate) unencrypted: bool,
}

impl SealArgs {
    /// The seal that was asked for; nothing is left unsealed because somebody forgot to say.
    pub(crate) fn seal(&self) -> Result<Seal, Failure> {
        if !self.recipient.is_empty() {
            return Ok(Seal::recipients(self.recipient.iter().map(String::as_str))?);
        }
        if let Some(path) = &self.passphrase_file {
            return Ok(Seal::passphrase(read(path)?)?);
        }
        if self.unencrypted {
            return Ok(Seal::Unencrypted);
        }
        Err(missing(
            "give `--recipient age1…`, `--passphrase-file FILE`, or `--unencrypted`",
        ))
    }
}

impl KeyArgs {
    /// What was given to open an archive.
    pub(crate) fn key(&self) -> Result<Key, Failure> {
        if let Some(path) = &self.identity {
            return Ok(Key::identities(&read(path)?)?);
        }
        if let Some(path) = &self.passphrase_file {
            return Ok(Key::Passphrase(read(path)?));
        }
        if self.unencrypted {
            return Ok(Key::Unencrypted);
        }
        Err(missing(
            "give `--identity FILE`, `--passphrase-file FILE`, or `--unencrypted`",
        ))
    }
}

fn missing(hint: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        "expected to be told who can open the archive: it holds every secret of the stack",
    )
    .hint(hint)
}

fn read(path: &PathBuf) -> Result<SecretString, Failure> {
    let text = fs_err::read_to_string(path).map_err(|e| Failure::of(Exit::Host, &e))?;
    Ok(SecretString::from(text.trim_end_matches(['\n', '\r'])))
}
