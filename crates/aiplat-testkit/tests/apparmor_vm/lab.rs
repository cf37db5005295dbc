//! What every test here needs: tables, compiled policies, a machine.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use aiplat_apparmor::{Profile, ProfileName};
use aiplat_testkit::vm::{ApparmorParser, Kernel, Machine, Policies, Table, build_probe};

/// The stand-ins for the host's runtimes, and a stranger who may do everything.
pub(crate) const RUNTIMES: &str = "runtimes";

/// Every table of `fixtures/apparmor`.
pub(crate) const TABLES: [&str; 7] = [
    "default",
    "openclaw",
    "tailscale",
    "tailscale-tun",
    "exec-inside",
    "options",
    "other-stack",
];

pub(crate) fn fixtures() -> PathBuf {
    root().join("fixtures/apparmor")
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn tables() -> Vec<Table> {
    TABLES
        .iter()
        .map(|name| Table::load(&fixtures(), name).unwrap())
        .collect()
}

/// The emulator, kernel, probe and parser; nothing, loudly, where one is missing.
pub(crate) struct Lab {
    pub(crate) machine: Machine,
    pub(crate) parser: ApparmorParser,
}

pub(crate) fn lab() -> Option<&'static Lab> {
    static LAB: OnceLock<Result<Lab, String>> = OnceLock::new();
    match LAB.get_or_init(set_up) {
        Ok(lab) => Some(lab),
        Err(missing) => {
            let required = std::env::var_os("AIPLAT_REQUIRE_VM").is_some_and(|value| value == "1");
            assert!(!required, "the AppArmor machine cannot run: {missing}");
            eprintln!("NOT RUN: no profile was tried on a kernel that enforces it: {missing}");
            None
        }
    }
}

fn set_up() -> Result<Lab, String> {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let parser = ApparmorParser::find(fixtures().join("features-6.1"))
        .ok_or("no apparmor_parser (Debian package `apparmor`)")?;
    let qemu = find("qemu-system-x86_64").ok_or("no qemu (Debian package `qemu-system-x86`)")?;
    let kernel = match std::env::var_os("AIPLAT_VM_KERNEL") {
        Some(path) => Kernel::at(PathBuf::from(path)),
        None => Kernel::fetch(&scratch.join("vm")).map_err(|error| error.to_string())?,
    };
    let probe = build_probe(env!("CARGO").as_ref(), &root(), &scratch.join("probe"))
        .map_err(|error| error.to_string())?;
    let probe = fs::read(probe).map_err(|error| error.to_string())?;
    Ok(Lab {
        machine: Machine {
            qemu,
            kernel,
            probe,
            limit: Duration::from_secs(180),
        },
        parser,
    })
}

fn find(program: &str) -> Option<PathBuf> {
    let path: OsString = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|p| p.exists())
}

impl Lab {
    /// Compiles profiles and the runtimes' stand-ins; the files are named as the profiles.
    pub(crate) fn compile(&self, profiles: &[&Profile]) -> Policies {
        let runtimes = Policies::foreign(&fixtures().join("runtimes.apparmor")).unwrap();
        let mut texts: Vec<(String, ProfileName, String)> = profiles
            .iter()
            .map(|profile| {
                (
                    profile.name().to_string(),
                    profile.name().clone(),
                    profile.to_string(),
                )
            })
            .collect();
        texts.push((RUNTIMES.to_owned(), "runc".parse().unwrap(), runtimes));
        Policies::compile(&self.parser, &texts, 2).unwrap()
    }
}
