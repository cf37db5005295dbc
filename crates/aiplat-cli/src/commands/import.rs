//! `aiplat import`

use clap::Args;

use super::Ended;
use super::restore::Restore;
use crate::args::SettingsArgs;
use crate::kept::S3Args;
use crate::keys::KeyArgs;
use crate::session::Session;

/// Bring a stack up on this host from an archive that `aiplat export` or `aiplat backup` wrote.
///
/// Users, subnet and ports are kept where this host has them free; what is held by somebody else is told with its key, and
/// given another value by its flag. With `--network` it gets another name and everything of its own. Directory, user,
/// subnet and domain may all differ from the old host's: files get the owners that their roles have here.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat import /media/disk/ai_platform-20261122T093635Z.aiplat --identity key.txt --base-dir /mnt/data
      the same stack on this host
  aiplat import /media/disk/ai_platform-20261122T093635Z.aiplat --identity key.txt \\
      --base-dir /srv/ai --uid 3000 --gid 3000 --subnet 10.200.7.0/24 --domain ai2.example.org
      where the old values are taken")]
pub(crate) struct Import {
    /// The archive: a path, or s3://BUCKET/FOLDER/NAME
    archive: String,
    #[command(flatten)]
    s3: S3Args,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Import {
    pub(super) async fn run(self, session: &Session) -> Ended {
        Restore::of(self.archive, self.s3, self.key, self.settings)
            .run(session)
            .await
    }
}
