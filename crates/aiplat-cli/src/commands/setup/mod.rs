//! `aiplat setup`

mod device;
mod preset;
mod questions;

use std::collections::BTreeMap;
use std::path::PathBuf;

use aiplat_core::config::StackConfig;
use aiplat_core::names::ServiceName;
use aiplat_docker::events::Silent;
use aiplat_docker::stack::{Inputs, Intent};
use clap::Args;
use serde_json::{Value, json};

use super::Ended;
use crate::args::SettingsArgs;
use crate::ask;
use crate::exit::Exit;
use crate::session::Session;
use crate::view::Table;

/// Ask what a stack needs to know, check the host, and write the manifest.
///
/// Asks for what matters, each with an explanation and a good default; what is given by flag or in the environment is
/// not asked for. Without a terminal, or with `--yes`, nothing is asked: what is not given is the default.
///
/// Checks the volume, users, ports, names, subnet and engine, reserves what the stack needs, draws its secrets, and
/// writes `BASE_DIR/config/.env` with every key explained. No container is made: `aiplat deploy` does that, and does all
/// of this itself where there is no manifest. Run again, it keeps what is there and changes what is given.
///
/// `--device` makes an empty block device the stack's volume first. One that holds anything at all, is mounted or in use
/// is refused and not touched.
#[derive(Debug, Args)]
#[command(after_long_help = after())]
pub(crate) struct Setup {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Start from one user's own values: directory, domain, name and ports by its number (default: who calls)
    #[arg(long, value_name = "UID", num_args = 0..=1, default_missing_value = "caller")]
    from_user: Option<String>,
    /// Make this empty block device the stack's own volume: an ext4 file system, mounted at BASE_DIR now and at every boot
    #[arg(long, value_name = "DEVICE")]
    device: Option<PathBuf>,
}

fn after() -> String {
    let mut text = "\
Examples:
  aiplat setup
      asks
  aiplat setup --yes --base-dir /mnt/data2 --network ai_platform_2 --domain ai2.example.org --uid 3000
      asks nothing
  aiplat setup --yes --from-user 1007 --domain example.org
      tenant-1007.example.org in /mnt/data-tenant-1007, as user 1007
  aiplat setup --yes --device /dev/sdb --base-dir /mnt/data2 --network ai_platform_2 --domain ai2.example.org
      on a volume of its own, made of an empty disk

Keys of the manifest:
"
    .to_owned();
    let mut group = None;
    for key in aiplat_core::settings::keys::KEYS {
        if group != Some(key.group) {
            group = Some(key.group);
            text += &format!("\n  {}\n", key.group.title());
        }
        text += &format!(
            "  {}\n      {}\n      default: {}\n",
            key.name,
            key.about,
            key.default.words()
        );
    }
    text
}

impl Setup {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let mut inputs = session.inputs(&self.settings, "setup")?;
        if let Some(user) = &self.from_user {
            preset::apply(session, user, &mut inputs)?;
        }
        let asks =
            session.environment.can_ask() && !session.global.yes && !session.printer.is_json();
        if asks {
            questions::ask_all(session, &mut inputs)?;
        }
        if let Some(device) = &self.device {
            device::mount(session, device, &inputs)?;
        }
        let engine = session.engine().await?;
        let host = session.host();
        if asks {
            // looked at first without any lock, since somebody reads now
            let seen = session.prepare(&engine, &inputs, Intent::Plan).await?;
            session.printer.progress(&table(&seen.config).to_string());
            ask::agree(session, "write this manifest", "give `--yes`")?;
        }
        let prepared = session.prepare(&engine, &inputs, Intent::Setup).await?;
        session.warn(&prepared.warnings);
        session.warn_volume(&prepared.observed.host.volume);
        let config = prepared.config.clone();
        let notes = prepared.plan.notes.clone();
        prepared.setup(&engine, &host, &Silent).await?;
        session
            .printer
            .result(&document(&config, &notes), || text(&config, &notes, asks));
        Ok(Exit::Ok)
    }
}

/// What was decided, by what people call it.
fn decided(config: &StackConfig) -> Vec<(&'static str, String)> {
    let a = &config.allocation;
    let services: Vec<&str> = config
        .selection
        .services()
        .iter()
        .map(ServiceName::as_str)
        .collect();
    let ports: Vec<String> = a
        .ports
        .iter()
        .map(|(key, port)| format!("{key}={port}"))
        .collect();
    vec![
        ("name", config.name().to_string()),
        ("base_dir", config.base_dir().display().to_string()),
        ("domain", config.domain().to_owned()),
        ("user", format!("{}:{}", a.uid, a.gid)),
        (
            "openclaw_user",
            format!("{}:{}", a.openclaw_uid, a.openclaw_gid),
        ),
        ("subnet", a.subnet.to_string()),
        ("vector_db", config.vector_store().to_string()),
        ("services", services.join(", ")),
        ("ports", ports.join(", ")),
        ("manifest", config.path("config/.env").display().to_string()),
    ]
}

fn document(config: &StackConfig, notes: &[String]) -> Value {
    let decided: BTreeMap<&str, String> = decided(config).into_iter().collect();
    let mut document = json!(decided);
    document["stack_id"] = json!(config.id);
    document["ports"] = json!(config.allocation.ports);
    document["services"] = json!(config.selection.services());
    document["notes"] = json!(notes);
    document
}

fn table(config: &StackConfig) -> Table {
    let mut table = Table::new(&["WHAT", "VALUE"]);
    for (what, value) in decided(config) {
        table.row([what.to_owned(), value]);
    }
    table
}

fn text(config: &StackConfig, notes: &[String], shown: bool) -> String {
    let mut text = if shown {
        String::new()
    } else {
        table(config).to_string()
    };
    for note in notes {
        text += &format!("note: {note}\n");
    }
    let manifest = config.path("config/.env");
    text + &format!(
        "\n{} is written. Next: `aiplat --base-dir {} deploy`\n",
        manifest.display(),
        config.base_dir().display()
    )
}

/// Whether a key was given by flag or in the environment.
fn given(inputs: &Inputs, key: &str) -> bool {
    let named =
        |map: &BTreeMap<String, String>| map.get(key).is_some_and(|value| !value.trim().is_empty());
    named(&inputs.flags) || named(&inputs.environment)
}
