//! `aiplat renew`

use aiplat_docker::certificate::{Certificate, now};
use aiplat_docker::stack::{
    Authority, Opened, authority, certificates as served, own_authority, own_certificate, renew,
};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::live::Live;
use crate::session::Session;
use crate::view::Table;
use crate::view::certificates::{left, moment};
use crate::words::seconds;

/// Get new certificates for the front door now.
///
/// It renews them by itself in the last third of their life; this is for a key that became known, or an authority that
/// changed. The old certificates are served until the new ones are there, and where none comes nothing changes. Afterwards
/// the front door is asked by a handshake whether it serves them: another serial number, and a later end.
///
/// Certificates of your own (`OWN_CERTIFICATE`) are not renewed: it says where they lie and when they end. A public
/// authority issues only so many a week for the same names.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat renew
  aiplat renew grafana.ai.example.org
      this name only")]
pub(crate) struct Renew {
    /// Host names; all of the front door when none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// One host name before and after.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    issuer: String,
    old_serial: String,
    serial: String,
    old_not_after: String,
    not_after: String,
    renewed: bool,
}

impl Renew {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        if authority(&opened.config) == Authority::Own {
            return Err(operators(session, &opened));
        }
        let catalogue = &session.catalogue;
        let before = served(&opened.config, catalogue).await;
        let unknown: Vec<String> = self
            .names
            .iter()
            .filter(|name| !before.iter().any(|s| s.name == **name))
            .map(|name| format!("`{name}` is no host name of this front door"))
            .collect();
        if !unknown.is_empty() {
            return Err(
                Failure::new(Exit::Invalid, "expected host names of the front door")
                    .all(unknown)
                    .hint("`aiplat status --json | jq -r '.certificates[].name'` shows them"),
            );
        }
        let (engine, host) = (session.engine().await?, session.host());
        let base_dir = session.base_dir()?;
        let places = session.places();
        let change = renew(&engine, &host, catalogue, &base_dir, &places, &self.names).await?;
        let options = session.apply_options(change.standing.observed.engine.cpus);
        let live = Live::of(session);
        let done = change.run(&engine, &host, &options, &live).await;
        live.end();
        let report = done?;
        let after = served(&opened.config, catalogue).await;
        let rows: Vec<Row> = before
            .iter()
            .zip(&after)
            .filter(|(old, _)| self.names.is_empty() || self.names.contains(&old.name))
            .filter_map(|(old, new)| {
                let certificate = new.certificate.as_ref().ok()?;
                Some(row(&new.name, old.certificate.as_ref().ok(), certificate))
            })
            .collect();
        let ca = own_authority(&host, &opened.config).map(|c| c.not_after);
        let stale = rows.iter().filter(|row| !row.renewed).count();
        let document = json!({
            "stack": opened.config.name(),
            "stack_id": opened.config.id,
            "certificates": rows,
            "authority_not_after": ca.map(moment),
            "took_seconds": report.took.as_secs_f64(),
        });
        session.printer.result(&document, || {
            let mut text = table(&rows).to_string();
            if let Some(ca) = ca {
                let in_words = left(ca.saturating_sub(now()));
                text += &format!(
                    "\nThe front door's own authority ends in {in_words} ({}).\n",
                    moment(ca)
                );
            }
            text += &format!("\nServed since {} ago.\n", seconds(report.took));
            text
        });
        if stale > 0 || rows.is_empty() {
            let words = "the front door got new certificates, and does not serve them";
            return Err(Failure::new(Exit::Unhealthy, words).hint("`aiplat restart caddy --only`"));
        }
        Ok(Exit::Ok)
    }
}

/// The operator's own certificates are the operator's to renew.
fn operators(session: &Session, opened: &Opened) -> Failure {
    let (file, found) = own_certificate(&session.host(), &opened.config);
    let ends = match found {
        Ok(found) => format!(
            "it ends in {} ({})",
            left(found.seconds_left(now())),
            moment(found.not_after)
        ),
        Err(error) => error.to_string(),
    };
    let words = format!(
        "`OWN_CERTIFICATE`: `{}` is your own, and nobody else can renew it; {ends}",
        file.display()
    );
    Failure::new(Exit::Refused, words)
        .hint("put a newer one there with its `privkey.pem`, then `aiplat reload caddy`")
}

fn row(name: &str, old: Option<&Certificate>, new: &Certificate) -> Row {
    let old_after = old.map_or(0, |c| c.not_after);
    let old_serial = old.map(|c| c.serial.clone()).unwrap_or_default();
    Row {
        name: name.to_owned(),
        issuer: new.issuer.clone(),
        renewed: old_serial != new.serial && new.not_after >= old_after,
        old_serial,
        serial: new.serial.clone(),
        old_not_after: moment(old_after),
        not_after: moment(new.not_after),
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&["NAME", "SERIAL", "UNTIL", "BEFORE"]);
    for row in rows {
        table.row([
            row.name.clone(),
            row.serial.clone(),
            row.not_after.clone(),
            row.old_not_after.clone(),
        ]);
    }
    table
}
