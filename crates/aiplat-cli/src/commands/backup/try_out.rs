//! Restoring an archive into a scratch stack to see that it can be.

use aiplat_archive::{ArchiveName, Key, Target};
use aiplat_docker::stack::{Source, VerifyReport, verify_backup};
use serde_json::{Value, json};

use super::now;
use crate::failure::Failure;
use crate::live::Live;
use crate::session::Session;
use crate::words::{count, seconds};

/// What came of it.
pub(super) struct Tried {
    pub(super) json: Value,
    pub(super) text: String,
}

/// Restores, compares, removes, and notes beside the archive that it was done.
pub(super) async fn run(
    session: &Session,
    target: &Target,
    name: &ArchiveName,
    key: &Key,
) -> Result<Tried, Failure> {
    let base_dir = session.base_dir()?;
    let engine = session.engine().await?;
    let source = Source { target, name, key };
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
    // without a sidecar there is nothing to note it in, and retention does not know the archive either
    let noted = target.mark_verified(name, &report.sha256, verified)?;
    if !noted {
        let words = format!("nothing lies beside `{name}` to note that it was verified");
        session.printer.warning(&words);
    }
    let json = json!({
        "archive": name.to_string(),
        "verified": verified,
        "noted": noted,
        "files": report.files,
        "databases": report.databases,
        "tables": report.tables,
        "rows": report.rows,
        "keys": report.keys,
        "collections": report.collections,
        "points": report.points,
        "took_seconds": report.took.as_secs_f64(),
    });
    Ok(Tried {
        json,
        text: found(&report),
    })
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
