//! `aiplat export`

use clap::Args;

use super::Ended;
use super::backup::Backup;
use crate::kept::{KeptArgs, S3Args};
use crate::keys::SealArgs;
use crate::session::Session;

/// Write the whole stack into one sealed archive, to bring it up on another host with `aiplat import`.
///
/// It is a backup that leaves nothing out: what could be fetched again, such as models, is in it too, since the other host
/// may have no way to. The stack goes on; what is done in it after the export is not in the archive, so stop using it
/// before you move, and tear it down when the other one is up.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat export /mnt/backup --recipient age1…
      one archive in /mnt/backup, for whoever has the key
  aiplat export /media/disk --passphrase-file words.txt --base-dir /mnt/data2")]
pub(crate) struct Export {
    /// A directory for the archive, or a folder of a bucket as s3://BUCKET/FOLDER
    place: String,
    #[command(flatten)]
    s3: S3Args,
    #[command(flatten)]
    seal: SealArgs,
}

impl Export {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        let left_out = opened
            .config
            .selection
            .services()
            .iter()
            .filter_map(|name| session.catalogue.get(name))
            .filter(|s| s.backup.as_ref().is_some_and(|b| b.none.is_some()))
            .map(|s| s.name.to_string())
            .collect();
        Backup::of(KeptArgs::at(self.place, self.s3), left_out, self.seal)
            .run(session)
            .await
    }
}
