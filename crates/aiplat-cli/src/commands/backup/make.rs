//! Making an archive.

use std::collections::BTreeSet;

use aiplat_archive::{Key, Target};
use aiplat_core::backup::BackupPlan;
use aiplat_docker::stack::{BackupQuestion, BackupReport, Destination, prepare_backup};
use clap::Args;
use serde_json::{Value, json};

use super::keep::KeepArgs;
use super::{now, try_out};
use crate::commands::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::kept::KeptArgs;
use crate::keys::{KeyArgs, SealArgs};
use crate::live::Live;
use crate::session::Session;
use crate::words::bytes;

#[derive(Debug, Args)]
pub(crate) struct Make {
    /// Take along what the service's file leaves out; may be given several times
    #[arg(long, value_name = "SERVICE")]
    with: Vec<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Restore the archive into a scratch stack, compare, and remove the scratch stack: the one just made, or the one given
    ///
    /// An archive is given as a path, as s3://BUCKET/FOLDER/NAME, or by its name alone where archives are kept.
    #[arg(long, value_name = "ARCHIVE", num_args = 0..=1, default_missing_value = "", conflicts_with = "dry_run")]
    verify: Option<String>,
    #[command(flatten)]
    kept: KeptArgs,
    #[command(flatten)]
    seal: SealArgs,
    /// A file of age identities (`AGE-SECRET-KEY-1…`) that opens the archive; for `--verify`
    #[arg(long, value_name = "FILE", requires = "verify")]
    identity: Option<std::path::PathBuf>,
    #[command(flatten)]
    keep: KeepArgs,
}

impl Make {
    pub(super) fn of(kept: KeptArgs, with: Vec<String>, seal: SealArgs) -> Self {
        Self {
            with,
            dry_run: false,
            verify: None,
            kept,
            seal,
            identity: None,
            keep: KeepArgs::default(),
        }
    }

    pub(super) async fn run(self, session: &Session) -> Ended {
        match self.verify.as_deref() {
            Some("") => self.make(session, true).await,
            None => self.make(session, false).await,
            Some(archive) => self.verify(session, archive).await,
        }
    }

    /// One that is there.
    async fn verify(&self, session: &Session, archive: &str) -> Ended {
        if !self.with.is_empty() || self.keep.is_given() || !self.seal.recipient.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                "expected `--verify ARCHIVE` without what makes an archive",
            )
            .hint("`--verify` alone makes one and verifies it"));
        }
        let key = KeyArgs {
            identity: self.identity.clone(),
            passphrase_file: self.seal.passphrase_file.clone(),
            unencrypted: self.seal.unencrypted,
        };
        let (target, name) = self.kept.archive(session, archive)?;
        let shown = try_out::run(session, &target, &name, &key.key(session)?).await?;
        session.printer.result(&shown.json, || shown.text.clone());
        Ok(Exit::Ok)
    }

    async fn make(&self, session: &Session, verify: bool) -> Ended {
        let base_dir = session.base_dir()?;
        session.expect_own_services()?;
        let target = self.kept.target(session, || Ok(base_dir.clone()))?;
        let engine = session.engine().await?;
        let sealing = if self.dry_run {
            None
        } else {
            let seal = self.seal.seal(session)?;
            let key = if verify {
                self.opens(session, &seal)?
            } else {
                None
            };
            Some((seal, key))
        };
        let question = BackupQuestion {
            base_dir,
            with: self.with.iter().cloned().collect::<BTreeSet<_>>(),
            look_only: self.dry_run,
            command: "backup".to_owned(),
        };
        let (host, places) = (session.host(), session.places());
        let prepared =
            prepare_backup(&engine, &host, &session.catalogue, &question, &places).await?;
        session.warn(&prepared.warnings);
        let Some((seal, key)) = sealing else {
            let shown = json!({
                "stack": prepared.config.name(),
                "stack_id": prepared.config.id,
                "to": target.place(),
                "expected_bytes": prepared.expected_bytes,
                "free_bytes": prepared.free_bytes,
                "plan": prepared.plan,
            });
            session
                .printer
                .result(&shown, || planned(&prepared.plan, &target));
            return Ok(Exit::Ok);
        };
        // under the stack's lock: what is half-written now belongs to no run
        target.ready()?;
        target.sweep(prepared.config.name().as_str())?;
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
        for (path, why) in &report.not_copied {
            let words = format!("`{path}` is not in the backup: {why}");
            session.printer.warning(&words);
        }
        let name = &report.sidecar.name;
        let verified = match &key {
            Some(key) => Some(try_out::run(session, &target, name, key).await?),
            None => None,
        };
        let deleted = self.keep.carry_out(session, &target, &report.sidecar)?;
        let shown = json!({
            "archive": place(&target, &report),
            "sidecar": target.sidecar(name)?.unwrap_or_else(|| report.sidecar.clone()),
            "contents": report.contents,
            "not_copied": report.not_copied,
            "verified": verified.as_ref().map_or(&Value::Null, |v| &v.json),
            "deleted": deleted,
        });
        session.printer.result(&shown, || {
            let mut text = told(&report, &target);
            text.extend(verified.iter().map(|v| format!("\n{}", v.text)));
            text.extend(deleted.iter().map(|name| format!("\n{name} deleted")));
            text
        });
        Ok(Exit::Ok)
    }

    /// What opens the archive that is about to be made, known before hours of work.
    fn opens(
        &self,
        session: &Session,
        seal: &aiplat_archive::Seal,
    ) -> Result<Option<Key>, Failure> {
        if let Some(key) = Key::of(seal) {
            return Ok(Some(key));
        }
        if self.identity.is_none() {
            return Err(Failure::new(
                Exit::Usage,
                "expected what opens the archive, to verify one that is sealed for a recipient",
            )
            .hint("give `--identity FILE`, or verify it where the identity is kept"));
        }
        let args = KeyArgs {
            identity: self.identity.clone(),
            ..KeyArgs::default()
        };
        args.key(session).map(Some)
    }
}

fn place(target: &Target, report: &BackupReport) -> String {
    let name = &report.sidecar.name;
    match target.file(name) {
        Some(path) => path.display().to_string(),
        None => format!("{}/{name}", target.place().trim_end_matches('/')),
    }
}

fn told(report: &BackupReport, target: &Target) -> String {
    let mut text = String::new();
    for service in &report.contents.services {
        let pause = match service.paused_ms {
            0 => "no pause".to_owned(),
            ms => format!("paused for {ms} ms"),
        };
        let (method, size) = (service.method.word(), bytes(service.bytes));
        text += &format!("{:<20} {method:<17} {size:>10}  {pause}\n", service.service);
    }
    for (service, why) in &report.contents.left_out {
        text += &format!("{service:<20} left out: {why}\n");
    }
    let size = bytes(report.sidecar.size);
    text + &format!("\n{} ({size})", place(target, report))
}

fn planned(plan: &BackupPlan, target: &Target) -> String {
    let mut text = format!("to {}\n\n", target.place());
    for service in &plan.services {
        let pause: Vec<&str> = service.pause.iter().map(|p| p.service.as_str()).collect();
        let pause = if pause.is_empty() {
            String::new()
        } else {
            format!("  pauses {} for a moment", pause.join(", "))
        };
        let (method, size) = (service.method.word(), bytes(service.bytes));
        text += &format!(
            "{:<20} {method:<17} at most {size}{pause}\n",
            service.service
        );
    }
    for (service, why) in &plan.left_out {
        text += &format!("{service:<20} left out: {why}\n");
    }
    text.trim_end().to_owned()
}
