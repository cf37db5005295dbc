//! `aiplat completions`

use clap::Args;
use clap_complete::Shell;

use super::Ended;
use crate::exit::Exit;
use crate::session::Session;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat completions bash > /etc/bash_completion.d/aiplat
  aiplat completions zsh > \"${fpath[1]}/_aiplat\"
  aiplat completions fish > ~/.config/fish/completions/aiplat.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    #[allow(clippy::unnecessary_wraps)] // one shape for all commands
    pub(super) fn run(self, session: &Session) -> Ended {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::command(), "aiplat", &mut script);
        session
            .printer
            .text(String::from_utf8_lossy(&script).trim_end());
        Ok(Exit::Ok)
    }
}
