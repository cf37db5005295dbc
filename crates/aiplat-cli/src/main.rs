//! The `aiplat` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    aiplat_cli::main()
}
