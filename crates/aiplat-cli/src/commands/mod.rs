//! The commands, one file each.

mod add;
mod audit;
mod backup;
mod catalog;
mod completions;
mod course;
mod deploy;
mod doctor;
mod events;
mod exec;
mod exit_codes;
mod export;
mod firewall;
mod health;
mod import;
mod logs;
mod ls;
mod man;
mod metrics;
mod plan;
mod reload;
mod remove;
mod render;
mod renew;
mod restart;
mod restore;
mod rotate;
mod setup;
mod status;
mod tailscale;
mod teardown;
mod top;
mod upgrade;
pub(crate) mod verify;

use clap::Subcommand;

use crate::args::Cli;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::session::Session;

/// What a command came to: how it ends, or why it did not do what was asked.
pub(crate) type Ended = Result<Exit, Failure>;

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    // no words here: each command's own say what it does, and words here would replace them
    Setup(setup::Setup),
    Plan(plan::Plan),
    Deploy(deploy::Deploy),
    Status(status::Status),
    Health(health::Health),
    Logs(logs::Logs),
    Top(top::Top),
    Exec(exec::Exec),
    Events(events::Events),
    Ls(ls::Ls),
    Metrics(metrics::Metrics),
    Doctor(doctor::Doctor),
    Verify(verify::Verify),
    Firewall(firewall::Firewall),
    Add(Box<add::Add>),
    Remove(remove::Remove),
    Restart(restart::Restart),
    Reload(reload::Reload),
    Rotate(rotate::Rotate),
    Renew(renew::Renew),
    Tailscale(tailscale::Tailscale),
    Upgrade(upgrade::Upgrade),
    Render(render::Render),
    Teardown(teardown::Teardown),
    Backup(Box<backup::Backup>),
    Restore(Box<restore::Restore>),
    Export(export::Export),
    Import(Box<import::Import>),
    Audit(audit::Audit),
    Catalog(catalog::Catalog),
    Completions(completions::Completions),
    #[command(hide = true)]
    Man(man::Man),
    ExitCodes(exit_codes::ExitCodes),
}

/// Runs a command to its end.
pub(crate) fn run(cli: Cli, environment: Environment) -> Exit {
    let printer = Printer::new(&cli.global, &environment);
    dispatch(cli, environment).unwrap_or_else(|failure| {
        printer.failure(&failure);
        failure.exit()
    })
}

fn dispatch(cli: Cli, environment: Environment) -> Ended {
    let session = Session::new(cli.global, environment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::of(Exit::Host, &error))?;
    runtime.block_on(async {
        match cli.command {
            Command::Setup(command) => command.run(&session).await,
            Command::Plan(command) => command.run(&session).await,
            Command::Deploy(command) => command.run(&session).await,
            Command::Status(command) => command.run(&session).await,
            Command::Health(command) => command.run(&session).await,
            Command::Logs(command) => command.run(&session).await,
            Command::Top(command) => command.run(&session).await,
            Command::Exec(command) => command.run(&session).await,
            Command::Events(command) => command.run(&session).await,
            Command::Ls(command) => command.run(&session).await,
            Command::Metrics(command) => command.run(&session).await,
            Command::Doctor(command) => command.run(&session).await,
            Command::Verify(command) => command.run(&session).await,
            Command::Add(command) => command.run(&session).await,
            Command::Remove(command) => command.run(&session).await,
            Command::Restart(command) => command.run(&session).await,
            Command::Reload(command) => command.run(&session).await,
            Command::Rotate(command) => command.run(&session).await,
            Command::Renew(command) => command.run(&session).await,
            Command::Tailscale(command) => command.run(&session).await,
            Command::Upgrade(command) => command.run(&session).await,
            Command::Render(command) => command.run(&session).await,
            Command::Teardown(command) => command.run(&session).await,
            Command::Backup(command) => command.run(&session).await,
            Command::Restore(command) => command.run(&session).await,
            Command::Export(command) => command.run(&session).await,
            Command::Import(command) => command.run(&session).await,
            Command::Audit(command) => command.run(&session),
            Command::Firewall(command) => command.run(&session),
            Command::Catalog(command) => command.run(&session),
            Command::Completions(command) => command.run(&session),
            Command::Man(command) => command.run(&session),
            Command::ExitCodes(command) => command.run(&session),
        }
    })
}
