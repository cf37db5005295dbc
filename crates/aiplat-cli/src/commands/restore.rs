//! `aiplat restore`

use std::path::PathBuf;

use aiplat_docker::stack::{RestoreQuestion, RestoreReport, Source, restore};
use clap::Args;
use serde_json::json;

use super::Ended;
use super::backup::now;
use crate::args::SettingsArgs;
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::kept::S3Args;
use crate::keys::KeyArgs;
use crate::live::Live;
use crate::session::Session;
use crate::words::{count, seconds};

/// Make a stack from an archive: in a directory of its own, or back in its own place.
///
/// The archive is read to its end and every hash checked before anything of it is used. Into a directory of its own: under
/// the archive's name everything but the directory is kept, as for a move to another host; with `--network` it becomes a
/// second stack, with a user, subnet, ports and prefix of its own that are derived and checked as for any new stack.
/// Secrets and keys are the archive's; the identity is new. Its databases, collections and classes keep their names,
/// since its applications know their data by them (key STORE_NAMES). Stores come up alone and are given their data before
/// anybody else runs.
///
/// Nothing is ever written over: a directory with something in it is refused. `--in-place` puts the stack that is there
/// back to what the archive has: it asks, keeps what was there aside until the restored stack is healthy, and puts it
/// back when that fails. A restore that was interrupted is finished by the same command, and `deploy` waits until then.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat restore /mnt/backup/ai_platform-20261122T093635Z.aiplat --identity key.txt --base-dir /mnt/data
      the same stack, on a fresh volume or another host
  aiplat restore /mnt/backup/ai_platform-20261122T093635Z.aiplat --identity key.txt \\
      --base-dir /mnt/data2 --network ai_platform_2 --domain ai2.example.org --uid 3000
      a second stack beside the first
  aiplat restore /mnt/backup/ai_platform-20261122T093635Z.aiplat --identity key.txt --in-place
      back to what the archive has")]
pub(crate) struct Restore {
    /// The archive: a path, or s3://BUCKET/FOLDER/NAME
    archive: String,
    /// Put the stack that is there back to what the archive has
    #[arg(long)]
    in_place: bool,
    /// The stack's name, instead of typing it; for `--in-place`
    #[arg(long, value_name = "NAME", requires = "in_place")]
    confirm: Option<String>,
    #[command(flatten)]
    s3: S3Args,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Restore {
    /// A restore of this archive into a directory of its own.
    pub(super) fn of(archive: String, s3: S3Args, key: KeyArgs, settings: SettingsArgs) -> Self {
        Self {
            archive,
            in_place: false,
            confirm: None,
            s3,
            key,
            settings,
        }
    }

    pub(super) async fn run(self, session: &Session) -> Ended {
        let key = self.key.key(session)?;
        let (target, name) = self.s3.archive(session, &self.archive)?;
        let base_dir = self.base_dir(session)?;
        let source = Source {
            target: &target,
            name: &name,
            key: &key,
        };
        if self.in_place {
            self.agreed(session)?;
        }
        let engine = session.engine().await?;
        let question = RestoreQuestion {
            base_dir,
            flags: self.settings.values(&session.known())?,
            environment: session.environment.variables.clone(),
            invoking_user: session.environment.invoking_user,
            allow_unmounted: self.settings.allow_unmounted,
            in_place: self.in_place,
            moment: now().to_string(),
            command: "restore".to_owned(),
            kill_after: session.environment.own.test_kill_after,
        };
        let live = Live::of(session);
        let done = Box::pin(restore(
            &engine,
            &session.host(),
            &source,
            &question,
            &session.places(),
            &session.apply_options(2),
            &live,
        ))
        .await;
        live.end();
        let report = done?;
        let shown = json!({
            "stack": report.stack,
            "stack_id": report.stack_id,
            "base_dir": report.base_dir,
            "from": report.contents.stack,
            "services": report.contents.services.len(),
            "notes": report.notes,
            "took_seconds": report.took.as_secs_f64(),
        });
        session.printer.result(&shown, || text(&report));
        Ok(Exit::Ok)
    }

    /// Never the stack that the current directory happens to be in.
    fn base_dir(&self, session: &Session) -> Result<PathBuf, Failure> {
        if self.in_place {
            return session.base_dir();
        }
        let given = session
            .global
            .base_dir
            .clone()
            .or_else(|| session.environment.get("BASE_DIR").map(PathBuf::from));
        given.ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "expected `--base-dir`: the directory of the restored stack",
            )
        })
    }

    fn agreed(&self, session: &Session) -> Result<(), Failure> {
        let name = session.opened()?.config.name().to_string();
        let confirm = self.confirm.as_deref();
        let lost = format!("what was done in `{name}` since the backup");
        ask::agree_by_name(session, &name, confirm, "a restore in place", &lost)
    }
}

fn text(report: &RestoreReport) -> String {
    let mut text = String::new();
    for note in &report.notes {
        text += &format!("note: {note}\n");
    }
    let services = count(
        report.contents.services.len(),
        "service's data",
        "services' data",
    );
    text + &format!(
        "`{}` in {} is up with {services} of `{}` ({})",
        report.stack,
        report.base_dir.display(),
        report.contents.stack.name,
        seconds(report.took),
    )
}
