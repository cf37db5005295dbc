//! Proves the isolation of the stacks in the directories that are given, as a program that embeds the proof would.
//!
//! `AIPLAT_HOST=unix:///var/run/docker.sock cargo run -p aiplat-testkit --example verify -- /mnt/data /mnt/data2`

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use aiplat_core::catalogue::Catalogue;
use aiplat_docker::engine::Bollard;
use aiplat_docker::host::LinuxHost;
use aiplat_docker::stack::{Places, open};
use aiplat_testkit::proof::{Bed, Options, prober, render, verify};

/// The word under which this program is its own prober.
const PROBER: &str = "internal-prober";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // before there is any thread
    if std::env::args().nth(1).as_deref() == Some(PROBER) {
        return Ok(prober::serve());
    }
    tokio::runtime::Runtime::new()?.block_on(prove())
}

#[allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example's only way to be told and to show anything"
)]
async fn prove() -> Result<ExitCode, Box<dyn Error>> {
    let address = std::env::var("AIPLAT_HOST")?;
    let engine = Bollard::connect(&address).await?;
    let places = std::env::var("AIPLAT_STATE_DIR").map_or_else(
        |_| Places::default(),
        |dir| Places {
            state_dir: dir.into(),
            ..Places::default()
        },
    );
    let host = LinuxHost {
        state_dir: places.state_dir.clone(),
        ..LinuxHost::default()
    };
    let catalogue = Catalogue::built_in().map_err(|problems| format!("{problems:?}"))?;
    let mut stacks = Vec::new();
    for directory in std::env::args().skip(1) {
        let opened =
            open(&host, &catalogue, Path::new(&directory)).map_err(|e| e.problems().join("\n"))?;
        stacks.push(opened.config);
    }
    let options = Options::new(vec![std::env::current_exe()?.into(), PROBER.into()]);
    let report = verify(
        &Bed::new(&engine, &host, &catalogue, &places),
        stacks,
        &options,
    )
    .await?;
    println!("{}", render::text(&report, false));
    if let Ok(path) = std::env::var("HTML") {
        std::fs::write(path, render::html(&report))?;
    }
    println!("milliseconds: {:?}", report.phases);
    Ok(if report.proven() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
