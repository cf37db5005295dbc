//! `aiplat rotate`

use aiplat_core::names::{SecretName, ServiceName};
use aiplat_docker::stack::rotate::{Leg, Outline, Planned, Rotation};
use clap::Args;
use serde::Serialize;

use super::Ended;
use crate::args::SettingsArgs;
use crate::ask;
use crate::exit::Exit;
use crate::live::Live;
use crate::session::Session;
use crate::view::style;
use crate::words::count;

/// Give secrets other values, inside the services too, and prove the old ones dead.
///
/// New values are drawn, let in beside the old ones where a service can hold two, put into force everywhere at once with
/// every service that uses them proved healthy, and then the old ones are taken out: the service that knows a secret
/// must let the new value in and refuse the old one. Where something does not become healthy with the new values, the old
/// ones come into force again, everywhere, and the command says so and fails.
///
/// Without a name, every secret changes that may. What data is encrypted with never changes; a secret that you gave
/// yourself, in the manifest or the environment, changes when you give another value there. A run that was interrupted
/// is finished by the same command; `aiplat status` says when there is one.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat rotate --dry-run
      what would change, which services would be made anew, what stays and why
  aiplat rotate redis_password litellm_master_key --yes
  POSTGRES_PASSWORD='a value of my own' aiplat rotate postgres_password --yes")]
pub(crate) struct Rotate {
    /// Secrets, by the names of their files in `config/secrets` or by their manifest keys; all that may change without any
    #[arg(value_name = "SECRET")]
    secrets: Vec<String>,

    /// Show what would happen, and change nothing
    #[arg(long, visible_alias = "plan")]
    dry_run: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    stack: &'a str,
    stack_id: &'a str,
    rotated: Vec<&'a SecretName>,
    finished: Vec<&'a SecretName>,
    left_out: &'a [(SecretName, String)],
    changes: usize,
}

impl Rotate {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        let (engine, host, places) = (session.engine().await?, session.host(), session.places());
        let inputs = session.inputs(&SettingsArgs::default(), "rotate")?;
        let options = session.apply_options(2);
        let live = Live::of(session);
        let rotation = Rotation {
            engine: &engine,
            host: &host,
            events: &live,
            catalogue: &session.catalogue,
            inputs: &inputs,
            places: &places,
            options: &options,
            names: &self.secrets,
        };
        let outline = rotation.outline().await?;
        if self.dry_run {
            live.end();
            session.printer.result(&outline, || text(&outline));
            return Ok(Exit::Ok);
        }
        if !session.global.yes {
            session.printer.progress(text(&outline).trim_end());
            let secrets = count(outline.secrets.len(), "secret", "secrets");
            let question = format!("change {secrets}; go on");
            ask::agree(
                session,
                &question,
                "look at `aiplat rotate --dry-run`, then run `aiplat rotate --yes`",
            )?;
        }
        let printer = &session.printer;
        let mut tell = |leg| printer.progress(said(leg));
        let done = rotation.run(&mut tell).await;
        live.end();
        let rotated = done?;
        let outcome = Outcome {
            stack: opened.config.name().as_str(),
            stack_id: opened.config.id.as_str(),
            rotated: rotated.secrets.iter().collect(),
            finished: rotated.finished.iter().collect(),
            left_out: &rotated.left_out,
            changes: rotated.changes,
        };
        session.printer.result(&outcome, || ended(&outcome));
        Ok(Exit::Ok)
    }
}

const fn said(leg: Leg) -> &'static str {
    match leg {
        Leg::Checking => "The stack is brought to what is wanted first",
        Leg::Drawing => "New values are drawn, and let in beside the old ones where a service can",
        Leg::Switching => "New values come into force",
        Leg::Retiring => "Old values are taken out, and proved dead",
        Leg::Settling => "Copies of old values are removed",
        Leg::Returning => "Something failed: the old values come into force again",
    }
}

fn text(outline: &Outline) -> String {
    let mut text = String::new();
    if !outline.unfinished.is_empty() {
        text += &format!(
            "An interrupted run is finished first: {}\n\n",
            names(&outline.unfinished)
        );
    }
    if outline.secrets.is_empty() {
        text += "No secret would change.\n";
    } else {
        text += &format!("{}\n", style::heading("Secrets that change"));
        let width = widest(outline.secrets.iter().map(|s| s.name.as_str()));
        for secret in &outline.secrets {
            text += &format!("  {:width$}  {}\n", secret.name.as_str(), how(secret));
        }
    }
    for (what, services) in [
        ("Made anew to let both values in", &outline.widened),
        ("Made anew with the new values", &outline.switched),
        ("Made anew without the old values", &outline.narrowed),
    ] {
        if !services.is_empty() {
            text += &format!("\n{}\n  {}\n", style::heading(what), names(services));
        }
    }
    left_out(&mut text, &outline.left_out);
    text
}

fn how(secret: &Planned) -> String {
    let way = match (secret.inside, secret.overlap) {
        (true, _) => "changed inside",
        (false, true) => "both values are let in meanwhile by",
        (false, false) => "in one go; what still has the old value is refused meanwhile by",
    };
    match &secret.asked {
        Some(service) => format!("{way} {service}, which is asked for both values at the end"),
        None => "in one go; nothing answers to it, so nothing is asked".to_owned(),
    }
}

fn ended(outcome: &Outcome<'_>) -> String {
    let mut text = match outcome.rotated.as_slice() {
        [] => "No secret changed.\n".to_owned(),
        rotated => format!(
            "\n{} changed, the old values are let in nowhere: {}.\n",
            count(rotated.len(), "secret", "secrets"),
            names(rotated)
        ),
    };
    if !outcome.finished.is_empty() {
        text += "An interrupted run was finished.\n";
    }
    left_out(&mut text, outcome.left_out);
    text
}

fn left_out(text: &mut String, left_out: &[(SecretName, String)]) {
    if left_out.is_empty() {
        return;
    }
    *text += &format!("\n{}\n", style::heading("Secrets that stay"));
    let width = widest(left_out.iter().map(|(name, _)| name.as_str()));
    for (name, reason) in left_out {
        *text += &format!("  {:width$}  {reason}\n", name.as_str());
    }
}

fn widest<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(str::len).max().unwrap_or_default()
}

fn names<T: Named>(all: &[T]) -> String {
    all.iter().map(T::name).collect::<Vec<_>>().join(", ")
}

trait Named {
    fn name(&self) -> &str;
}

impl Named for SecretName {
    fn name(&self) -> &str {
        self.as_str()
    }
}

impl Named for &SecretName {
    fn name(&self) -> &str {
        self.as_str()
    }
}

impl Named for ServiceName {
    fn name(&self) -> &str {
        self.as_str()
    }
}
