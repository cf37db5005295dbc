//! `aiplat backup`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use aiplat_archive::{Stamp, Target};
use aiplat_core::backup::BackupPlan;
use aiplat_docker::stack::{
    BackupQuestion, Destination, Source, VerifyReport, prepare_backup, verify_backup,
};
use clap::Args;
use serde_json::json;

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::{KeyArgs, SealArgs};
use crate::live::Live;
use crate::session::Session;
use crate::words::{count, seconds};

/// Copy everything of the stack that must not be lost into one sealed archive, or prove that an archive can be restored.
///
/// Databases are dumped by their own program in one snapshot, in which their rows are counted; the cache is saved, the
/// vector store gives snapshots; all other directories are copied while their services run, and then once more what
/// changed meanwhile, while those are paused: the pause is measured and told. Manifest, secrets, keys, the front door's
/// certificates and your own service files are in it too, so an archive is sealed for an age recipient or a passphrase.
///
/// `--verify` restores an archive into a scratch stack of its own on the same volume (own network, user and names, no
/// ports), compares hashes, rows, keys and points with what was backed up, and removes the scratch stack.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat backup --to /mnt/backup --recipient age1…
      one archive more in /mnt/backup
  aiplat backup --dry-run
      what would be copied, by what means, and which services would be paused
  aiplat backup --verify /mnt/backup/ai_platform-20261122T093635Z.aiplat --identity key.txt
      restores it into a scratch stack, compares, and removes it")]
pub(crate) struct Backup {
    /// The directory for the archive [default: BASE_DIR/backups]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Take along what the service's file leaves out; may be given several times
    #[arg(long, value_name = "SERVICE")]
    with: Vec<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Restore this archive into a scratch stack, compare, and remove the scratch stack
    #[arg(long, value_name = "ARCHIVE", conflicts_with_all = ["to", "with", "dry_run"])]
    verify: Option<PathBuf>,
    #[command(flatten)]
    seal: SealArgs,
    /// A file of age identities (`AGE-SECRET-KEY-1…`) that opens the archive; for `--verify`
    #[arg(long, value_name = "FILE", requires = "verify")]
    identity: Option<PathBuf>,
}

impl Backup {
    /// A backup into this directory that takes these along too.
    pub(super) fn of(to: PathBuf, with: Vec<String>, seal: SealArgs) -> Self {
        Self {
            to: Some(to),
            with,
            dry_run: false,
            verify: None,
            seal,
            identity: None,
        }
    }

    pub(super) async fn run(self, session: &Session) -> Ended {
        match &self.verify {
            Some(path) => self.try_out(session, path).await,
            None => self.make(session).await,
        }
    }

    async fn make(&self, session: &Session) -> Ended {
        let base_dir = session.base_dir()?;
        session.expect_own_services()?;
        let engine = session.engine().await?;
        let seal = if self.dry_run {
            None
        } else {
            Some(self.seal.seal()?)
        };
        let question = BackupQuestion {
            base_dir: base_dir.clone(),
            with: self.with.iter().cloned().collect::<BTreeSet<_>>(),
            look_only: self.dry_run,
            command: "backup".to_owned(),
        };
        let prepared = prepare_backup(
            &engine,
            &session.host(),
            &session.catalogue,
            &question,
            &session.places(),
        )
        .await?;
        session.warn(&prepared.warnings);
        let Some(seal) = seal else {
            let shown = json!({
                "stack": prepared.config.name(),
                "expected_bytes": prepared.expected_bytes,
                "free_bytes": prepared.free_bytes,
                "plan": prepared.plan,
            });
            let plan = prepared.plan;
            session.printer.result(&shown, || planned(&plan));
            return Ok(Exit::Ok);
        };
        let target = Target::directory(self.to.clone().unwrap_or_else(|| base_dir.join("backups")));
        let destination = Destination {
            target: &target,
            seal: &seal,
            at: now(),
            kill_after: session.environment.own.test_kill_after,
        };
        let live = Live::of(session);
        let made = prepared
            .run(&engine, &session.catalogue, &destination, &live)
            .await;
        live.end();
        let report = made?;
        let file = target.file(&report.sidecar.name);
        let shown = json!({
            "archive": file,
            "sidecar": report.sidecar,
            "contents": report.contents,
            "not_copied": report.not_copied,
        });
        for (path, why) in &report.not_copied {
            session
                .printer
                .warning(&format!("`{path}` is not in the backup: {why}"));
        }
        session.printer.result(&shown, || {
            let mut text = String::new();
            for service in &report.contents.services {
                let pause = match service.paused_ms {
                    0 => "no pause".to_owned(),
                    ms => format!("paused for {ms} ms"),
                };
                text += &format!(
                    "{:<20} {:<17} {:>12} bytes  {pause}\n",
                    service.service,
                    service.method.word(),
                    service.bytes
                );
            }
            for (service, why) in &report.contents.left_out {
                text += &format!("{service:<20} left out: {why}\n");
            }
            let place = file.map_or_else(
                || report.sidecar.name.to_string(),
                |f| f.display().to_string(),
            );
            text + &format!("\n{place} ({} bytes)", report.sidecar.size)
        });
        Ok(Exit::Ok)
    }

    async fn try_out(&self, session: &Session, path: &std::path::Path) -> Ended {
        let base_dir = session.base_dir()?;
        let engine = session.engine().await?;
        let (target, name) = of_file(path)?;
        let key = KeyArgs {
            identity: self.identity.clone(),
            passphrase_file: self.seal.passphrase_file.clone(),
            unencrypted: self.seal.unencrypted,
        };
        let key = key.key()?;
        let source = Source {
            target: &target,
            name: &name,
            key: &key,
        };
        let live = Live::of(session);
        let tried = verify_backup(
            &engine,
            &session.host(),
            &source,
            &base_dir,
            &session.places(),
            &session.apply_options(2),
            session.environment.own.test_kill_after,
            &live,
        )
        .await;
        live.end();
        let report = tried?;
        let verified = now();
        target.mark_verified(&name, &report.sha256, verified)?;
        let shown = json!({
            "archive": path,
            "verified": verified.to_string(),
            "files": report.files,
            "databases": report.databases,
            "tables": report.tables,
            "rows": report.rows,
            "keys": report.keys,
            "collections": report.collections,
            "points": report.points,
            "took_seconds": report.took.as_secs_f64(),
        });
        session.printer.result(&shown, || found(&report));
        Ok(Exit::Ok)
    }
}

fn found(report: &VerifyReport) -> String {
    format!(
        "restored and compared in {}: {}, {} with {} and {}, {} of the cache, {} with {}; the scratch stack is gone",
        seconds(report.took),
        count(report.files, "file", "files"),
        count(report.databases, "database", "databases"),
        count(report.tables, "table", "tables"),
        count(number(report.rows), "row", "rows"),
        count(number(report.keys), "key", "keys"),
        count(report.collections, "collection", "collections"),
        count(number(report.points), "point", "points"),
    )
}

fn number(many: u64) -> usize {
    usize::try_from(many).unwrap_or(usize::MAX)
}

fn planned(plan: &BackupPlan) -> String {
    let mut text = String::new();
    for service in &plan.services {
        let pause: Vec<&str> = service.pause.iter().map(|p| p.service.as_str()).collect();
        let pause = if pause.is_empty() {
            String::new()
        } else {
            format!("  pauses {} for a moment", pause.join(", "))
        };
        text += &format!(
            "{:<20} {:<17} at most {} bytes{pause}\n",
            service.service,
            service.method.word(),
            service.bytes
        );
    }
    for (service, why) in &plan.left_out {
        text += &format!("{service:<20} left out: {why}\n");
    }
    text.trim_end().to_owned()
}

/// An archive that is a file of this host.
pub(crate) fn of_file(
    path: &std::path::Path,
) -> Result<(Target, aiplat_archive::ArchiveName), Failure> {
    Target::of_file(path).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!(
                "expected an archive such as `ai_platform-20261122T093635Z.aiplat`, not `{}`",
                path.display()
            ),
        )
    })
}

/// This moment.
pub(crate) fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Stamp::from_unix(since.map_or(0, |d| d.as_secs()))
}
