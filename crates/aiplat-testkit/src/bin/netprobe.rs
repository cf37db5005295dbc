//! The prober as a program of its own: `aiplat_testkit::proof::prober::serve` and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    aiplat_testkit::proof::prober::serve()
}
