//! `aiplat backup show`

use aiplat_archive::{Limits, Reader, Sidecar, Stamp};
use aiplat_core::backup::Contents;
use clap::Args;
use serde_json::{Value, json};

use super::sealed;
use crate::commands::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::kept::KeptArgs;
use crate::keys::KeyArgs;
use crate::session::Session;
use crate::words::{bytes, count};

/// Show what an archive holds
///
/// Needs no key: it is told from what lies beside the archive, which is not encrypted and has no secrets. With `--check` the
/// archive itself is opened and read to its end: every hash is compared, nothing may be missing, extra or changed.
/// Whether it can be restored is what `aiplat backup --verify` tries.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  aiplat backup show ai_platform-20261122T093635Z.aiplat\n  aiplat backup show /mnt/backup/ai_platform-20261122T093635Z.aiplat --check --identity key.txt"
)]
pub(crate) struct Show {
    /// The archive: a path, s3://BUCKET/FOLDER/NAME, or its name alone where archives are kept
    archive: String,
    /// Read it to its end and compare every hash
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    kept: KeptArgs,
    #[command(flatten)]
    key: KeyArgs,
}

impl Show {
    pub(super) fn run(self, session: &Session) -> Ended {
        let keyed = self.key.identity.is_some()
            || self.key.passphrase_file.is_some()
            || self.key.unencrypted;
        if keyed && !self.check {
            let words = "a key opens the archive itself, which is read with `--check` only";
            return Err(Failure::new(Exit::Usage, words)
                .hint("give `--check` too, or no key: what lies beside the archive needs none"));
        }
        let (target, name) = self.kept.archive(session, &self.archive)?;
        let sidecar = target.sidecar(&name)?;
        let checked = if self.check {
            let key = self.key.key(session)?;
            let reader = Reader::open(target.open(&name)?, &key, Limits::default())?;
            let checked = reader.verify()?;
            if let Some(sidecar) = sidecar.as_ref().filter(|s| s.sha256 != checked.sha256) {
                return Err(Failure::new(
                    Exit::Findings,
                    format!(
                        "expected the archive that `{}` speaks of, this is another one",
                        sidecar.name.sidecar()
                    ),
                ));
            }
            Some(checked)
        } else {
            None
        };
        // what an archive says of itself, once it is checked, goes before what lies beside it
        let described = checked
            .as_ref()
            .map(|c| &c.manifest.metadata)
            .or_else(|| sidecar.as_ref().map(|s| &s.metadata));
        let Some(described) = described else {
            return Err(Failure::new(
                Exit::Invalid,
                format!("expected `{}` beside the archive", name.sidecar()),
            )
            .hint("`--check` reads the archive itself, with its key"));
        };
        let contents = serde_json::from_value::<Contents>(described.clone()).ok();
        let left_out = checked.as_ref().map(|c| &c.manifest.left_out);
        let shown = json!({
            "name": name,
            "sidecar": sidecar,
            "contents": described,
            "checked": checked.as_ref().map_or(Value::Null, |c| json!({
                "sha256": c.sha256,
                "size": c.size,
                "content": c.content,
                "entries": c.manifest.entries.len(),
                "left_out": left_out,
            })),
        });
        session.printer.result(&shown, || {
            let mut text = format!("{name}\n");
            text.extend(sidecar.as_ref().map(beside));
            text.extend(contents.as_ref().map(inside));
            text.extend(checked.as_ref().map(|c| {
                let all = count(c.manifest.entries.len(), "entry", "entries");
                format!(
                    "\nchecked: {all} with {}, every hash as it was",
                    bytes(c.content)
                )
            }));
            text
        });
        Ok(Exit::Ok)
    }
}

fn beside(sidecar: &Sidecar) -> String {
    let verified = sidecar.verified.map_or_else(|| "no".to_owned(), Stamp::iso);
    format!(
        "created     {}\nsize        {}, {} of content\nsha256      {}\nsealed for  {}\nverified    {verified}\n",
        sidecar.created.iso(),
        bytes(sidecar.size),
        bytes(sidecar.content),
        sidecar.sha256,
        sealed(&sidecar.sealed),
    )
}

fn inside(contents: &Contents) -> String {
    let stack = &contents.stack;
    let mut text = format!(
        "stack       {} ({}) of {}, with {}\n\n",
        stack.name, stack.id, stack.base_dir, stack.vector_db
    );
    for service in &contents.services {
        let (method, size) = (service.method.word(), bytes(service.bytes));
        let image = service.image.as_deref().unwrap_or_default();
        text += format!("{:<20} {method:<17} {size:>10}  {image}", service.service).trim_end();
        text.push('\n');
    }
    for (service, why) in &contents.left_out {
        text += &format!("{service:<20} left out: {why}\n");
    }
    text
}
