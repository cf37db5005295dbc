//! `aiplat man`: the manual pages, for packages.

use std::path::PathBuf;

use clap::Args;
use clap_mangen::Man as Page;

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// Write the manual pages.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat man --dir /usr/local/share/man/man1
  aiplat man | man -l -")]
pub(crate) struct Man {
    /// Write one page a command into this directory, instead of the first page to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, session: &Session) -> Ended {
        let mut command = crate::command();
        command.build();
        let failed = |error: std::io::Error| Failure::of(Exit::Host, &error);
        let Some(dir) = self.dir else {
            session.printer.text(&page(command).map_err(failed)?);
            return Ok(Exit::Ok);
        };
        fs_err::create_dir_all(&dir).map_err(failed)?;
        let mut open = vec![("aiplat".to_owned(), command)];
        while let Some((name, command)) = open.pop() {
            let inner = command
                .get_subcommands()
                .filter(|c| !c.is_hide_set() && c.get_name() != "help");
            open.extend(inner.map(|c| (format!("{name}-{}", c.get_name()), c.clone())));
            fs_err::write(
                dir.join(format!("{name}.1")),
                page(command).map_err(failed)?,
            )
            .map_err(failed)?;
        }
        Ok(Exit::Ok)
    }
}

fn page(command: clap::Command) -> std::io::Result<String> {
    let mut page = Vec::new();
    Page::new(command).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
