//! `aiplat backup`

mod keep;
mod list;
mod make;
mod show;
mod try_out;

use std::time::{SystemTime, UNIX_EPOCH};

use aiplat_archive::{Sealed, Stamp};
use clap::{Args, Subcommand};

use super::Ended;
use crate::kept::KeptArgs;
use crate::keys::SealArgs;
use crate::session::Session;

/// Copy everything of the stack that must not be lost into one sealed archive, or prove that an archive can be restored.
///
/// Databases are dumped by their own program in one snapshot, in which their rows are counted; the cache is saved, the
/// vector store gives snapshots; all other directories are copied while their services run, and then once more what
/// changed meanwhile, while those are paused: the pause is measured and told. Manifest, secrets, keys, the front door's
/// certificates and your own service files are in it too, so an archive is sealed for an age recipient or a passphrase.
///
/// `--verify` restores an archive into a scratch stack of its own on the same volume (own network, user and names, no
/// ports), compares hashes, rows, keys and points with what was backed up, and removes the scratch stack. Given alone it
/// does so with the archive just made.
///
/// An archive has no name before it is whole, and older ones are deleted (`--keep-last` and its like) only when the new one
/// is there, and verified where that was asked for: never the newest, never the newest that was verified, never another
/// stack's.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_long_help = "\
Examples:
  aiplat backup --to /mnt/backup --recipient age1… --keep-daily 7 --keep-weekly 4
      one archive more in /mnt/backup, and those that are not needed any more go
  aiplat backup --to s3://bucket/folder --s3-endpoint https://s3.example.org --passphrase-file /root/passphrase
      to a bucket; the keys are in AIPLAT_S3_ACCESS_KEY_ID and AIPLAT_S3_SECRET_ACCESS_KEY
  aiplat backup --dry-run
      what would be copied, by what means, and which services would be paused
  aiplat backup --verify /mnt/backup/ai_platform-20261122T093635Z.aiplat --identity key.txt
      restores it into a scratch stack, compares, and removes it")]
pub(crate) struct Backup {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    make: make::Make,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::List),
    Show(show::Show),
}

impl Backup {
    /// A backup to this place that takes these along too.
    pub(super) fn of(kept: KeptArgs, with: Vec<String>, seal: SealArgs) -> Self {
        Self {
            what: None,
            make: make::Make::of(kept, with, seal),
        }
    }

    pub(super) async fn run(self, session: &Session) -> Ended {
        match self.what {
            Some(What::List(list)) => list.run(session),
            Some(What::Show(show)) => show.run(session),
            None => self.make.run(session).await,
        }
    }
}

/// This moment.
pub(crate) fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Stamp::from_unix(since.map_or(0, |d| d.as_secs()))
}

/// For whom an archive is sealed, in words.
fn sealed(sealed: &Sealed) -> String {
    match sealed {
        Sealed::Recipients(all) => all.join(" "),
        Sealed::Passphrase => "passphrase".to_owned(),
        Sealed::Unencrypted => "nobody".to_owned(),
    }
}
