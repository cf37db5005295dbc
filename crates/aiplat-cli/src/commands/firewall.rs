//! `aiplat firewall`

use aiplat_docker::stack::guard;
use clap::Args;

use super::Ended;
use crate::exit::Exit;
use crate::session::Session;
use crate::view::Table;

/// Close the host to the containers of all its stacks, as every boot does.
///
/// A deploy puts rules in the host's firewall that keep a stack's containers from the host's own listeners and from the
/// clouds' metadata address. No kernel keeps rules over a reboot, and the engine starts containers by itself. Where systemd
/// starts the host, a deploy also writes `aiplat-firewall.service`, which runs this command before the engine; elsewhere
/// let the host's own start do so. It needs no engine and no volume: stacks are known from the host-wide register.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat firewall
  aiplat firewall --json | jq -r '.[] | select(.changed).stack'
      of which stacks rules were missing")]
pub(crate) struct Firewall;

impl Firewall {
    #[allow(clippy::unused_self, reason = "as all commands are run")]
    pub(super) fn run(self, session: &Session) -> Ended {
        let all = guard(&session.host(), &session.places())?;
        session.printer.result(&all, || {
            if all.is_empty() {
                return "No stack on this host.".to_owned();
            }
            let mut table = Table::new(&["STACK", "BRIDGE", "RULES"]);
            for one in &all {
                let rules = if one.changed {
                    "put in place"
                } else {
                    "were there"
                };
                table.row([one.stack.to_string(), one.bridge.clone(), rules.to_owned()]);
            }
            table.to_string()
        });
        Ok(Exit::Ok)
    }
}
