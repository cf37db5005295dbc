//! What the machines with a real engine are booted from, and one boot of each for all tests of this program.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Once, OnceLock};
use std::thread;
use std::time::Duration;

use aiplat_testkit::vm::{EngineDisk, EngineRows, Guest, Report, build_probe};

use super::quota::MACHINE;

/// Images of the stacks that are deployed there, below the tests' registry.
const IMAGES: [&str; 4] = ["postgres", "redis", "caddy", "chroma"];
/// The kernel's package that names the newest kernel of the release.
const KERNEL: &str = "linux-image-cloud-amd64";

/// What came of the boot.
pub(crate) struct Lab {
    pub(crate) report: Report,
    pub(crate) rows: EngineRows,
}

static LAB: LazyLock<Result<Lab, String>> = LazyLock::new(boot);

/// What the machine with profiles said; nothing, loudly, where something for it is missing.
pub(crate) fn lab() -> Option<&'static Lab> {
    let lab = booted(&LAB, "no container of a real engine was held by a profile")?;
    show(&lab.report);
    Some(lab)
}

/// What came of a boot; nothing, loudly, where something for it is missing.
pub(crate) fn booted<T>(
    machine: &'static LazyLock<Result<T, String>>,
    not_run: &str,
) -> Option<&'static T> {
    static BESIDE: Once = Once::new();
    // whoever runs all tests needs both machines, and each has but one processor
    BESIDE.call_once(|| {
        let picked = std::env::args().skip(1).any(|word| !word.starts_with('-'));
        if !picked {
            thread::spawn(|| LAB.is_ok());
            thread::spawn(|| MACHINE.is_ok());
        }
    });
    match &**machine {
        Ok(booted) => Some(booted),
        Err(missing) => {
            let required = std::env::var_os("AIPLAT_REQUIRE_VM").is_some_and(|value| value == "1");
            assert!(!required, "the machine did not run: {missing}");
            eprintln!("NOT RUN: {not_run}: {missing}");
            None
        }
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a machine is booted from, and the program that is tested in it.
pub(crate) struct Parts {
    guest: Guest,
    aiplat: Vec<u8>,
}

impl Parts {
    /// The same for all machines of a run; the first that asks makes it.
    pub(crate) fn get() -> Result<&'static Self, String> {
        static PARTS: OnceLock<Result<Parts, String>> = OnceLock::new();
        PARTS.get_or_init(Self::make).as_ref().map_err(Clone::clone)
    }

    fn make() -> Result<Self, String> {
        let engine = std::env::var_os("AIPLAT_TEST_ENGINE")
            .and_then(|value| value.into_string().ok())
            .ok_or("set AIPLAT_TEST_ENGINE to the socket of an engine that has the images of `scripts/images`")?;
        let qemu =
            find("qemu-system-x86_64").ok_or("no qemu (Debian package `qemu-system-x86`)")?;
        let cache = scratch().join("vm");
        let bridge = Path::new("/sys/class/net/docker0");
        let had_bridge = bridge.exists();
        let disk = EngineDisk::fetch(&cache, &kernel_package()?, &engine, &images())
            .map_err(|e| words(&e))?;
        if had_bridge && !bridge.exists() {
            return Err("`docker0`, which belongs to an engine of this host, is gone".to_owned());
        }
        Ok(Self {
            guest: Guest {
                qemu,
                disk,
                // some four minutes where nothing else runs, and half a minute between two lines; emulation is at the
                // host's mercy
                limit: Duration::from_secs(1500),
                silence: Duration::from_secs(300),
            },
            aiplat: stripped(Path::new(env!("CARGO_BIN_EXE_aiplat")))?,
        })
    }

    /// Boots with `init` of a folder of fixtures, the program and these files.
    pub(crate) fn boot(
        &self,
        name: &str,
        fixtures: &Path,
        more: Vec<(String, Vec<u8>)>,
    ) -> Result<Report, String> {
        let mut files = vec![
            ("init".to_owned(), read(&fixtures.join("init"))?),
            ("aiplat".to_owned(), self.aiplat.clone()),
        ];
        files.extend(more);
        let files: Vec<(&str, Vec<u8>)> =
            files.iter().map(|(n, b)| (n.as_str(), b.clone())).collect();
        self.guest.run(name, &files).map_err(|e| words(&e))
    }
}

/// What the console said, for whoever reads of a test that fails.
pub(crate) fn show(report: &Report) {
    for line in &report.console {
        println!("{line}");
    }
    for why in &report.earlier {
        println!("BOOTED AGAIN: {why}");
    }
    for (name, at) in &report.marks {
        if !name.starts_with("label") && name != "denied" {
            println!("{:6.1} s {name}", at.as_secs_f64());
        }
    }
}

fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

fn boot() -> Result<Lab, String> {
    let parts = Parts::get()?;
    let fixtures = root().join("fixtures/apparmor/engine");
    let rows = EngineRows::load(&fixtures).map_err(|e| words(&e))?;
    let probe = build_probe(env!("CARGO").as_ref(), &root(), &scratch().join("probe"))
        .map_err(|e| words(&e))?;
    let mut files = vec![
        ("runc".to_owned(), read(&fixtures.join("runc"))?),
        ("probe".to_owned(), read(&probe)?),
    ];
    files.extend(rows.files().map(|(name, text)| (name, text.into_bytes())));
    let report = parts.boot("profiles", &fixtures, files)?;
    Ok(Lab { report, rows })
}

/// The real images of the services, as the catalogue names them.
fn images() -> Vec<String> {
    let catalogue = aiplat_core::catalogue::Catalogue::built_in().expect("the catalogue is valid");
    IMAGES
        .iter()
        .map(|service| {
            let service = catalogue
                .get(&service.parse().expect("a name"))
                .expect("a service");
            let reference = service.image.reference.clone();
            let last = reference.rsplit('/').next().unwrap_or_default().to_owned();
            format!("localhost/aiplat/{last}")
        })
        .collect()
}

/// The newest kernel of the release.
fn kernel_package() -> Result<String, String> {
    let depends = Command::new("apt-cache")
        .args(["depends", KERNEL])
        .output()
        .map_err(|e| format!("apt-cache: {e}"))?;
    String::from_utf8_lossy(&depends.stdout)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .find(|name| name.starts_with("linux-image-"))
        .map(str::to_owned)
        .ok_or_else(|| format!("`apt-cache depends {KERNEL}` names no kernel"))
}

/// Without what only a debugger reads, where there is a program that takes it out.
fn stripped(program: &Path) -> Result<Vec<u8>, String> {
    let small = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    let done = Command::new("strip")
        .arg("-o")
        .arg(small.path())
        .arg(program)
        .status();
    let path = if done.is_ok_and(|status| status.success()) {
        small.path()
    } else {
        program
    };
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn find(program: &str) -> Option<PathBuf> {
    let path: OsString = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|d| d.join(program))
        .find(|p| p.exists())
}
