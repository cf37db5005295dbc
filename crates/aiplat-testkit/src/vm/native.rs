//! The running kernel, where it enforces `AppArmor`: the same probe and the same script as in the machine, in namespaces
//! of its own.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::machine::{BootError, Heard, Patience, Transcript, listen};
use super::{Policies, Script, Table};

/// What the kernel says of itself.
const ENABLED: &str = "/sys/module/apparmor/parameters/enabled";

/// Operations that concern the whole host, where they get through against their table: they are left to the machine.
const MACHINE_WIDE: [&str; 8] = [
    "set-clock",
    "load-module",
    "raise-limit",
    "signalled-by",
    "change-profile",
    "change-at-exec",
    "huge-pages",
    "unshare",
];

/// The folder becomes the root of the mount namespace: the kernel names a file for a profile by its path from there, however
/// a process has changed its own root.
const ENTER: &str =
    r#"mount --bind "$0" "$0" && cd "$0" && mount --move . / && exec chroot . /init native"#;

/// The running kernel.
#[derive(Debug, Clone)]
pub struct Native {
    /// The static probe.
    pub probe: Vec<u8>,
    /// Wall-clock limit.
    pub limit: Duration,
}

impl Native {
    /// Why the running kernel cannot be used; nothing where it can.
    pub fn missing() -> Option<&'static str> {
        if !fs::read_to_string(ENABLED).is_ok_and(|text| text.trim() == "Y") {
            return Some("this kernel has no AppArmor");
        }
        if !rustix::process::geteuid().is_root() {
            return Some("only root loads profiles");
        }
        if !Path::new("/sys/kernel/security/apparmor/features").is_dir() {
            return Some("the kernel's security file system is not mounted");
        }
        None
    }

    /// The features that policies are compiled for.
    pub fn features() -> &'static Path {
        Path::new("/sys/kernel/security/apparmor/features")
    }

    /// Takes the rows out of a table that are not for a host that others use, and answers how many.
    pub fn spare(table: &mut Table) -> usize {
        let before = table.rows().len();
        table.retain(|row| {
            let kernel = row
                .args
                .iter()
                .any(|a| a.starts_with("/proc/sys") || a.starts_with("/sys/"));
            !(MACHINE_WIDE.contains(&row.op.as_str()) || kernel && row.op == "write")
        });
        before - table.rows().len()
    }

    /// Works through a script. What it loads, it has to remove.
    ///
    /// # Errors
    /// [`BootError`].
    pub fn run(&self, script: &Script, policies: &Policies) -> Result<Transcript, BootError> {
        let io = |what| move |source: io::Error| BootError::Io { what, source };
        let root = tempfile::tempdir().map_err(io("make a directory"))?;
        self.furnish(root.path(), script, policies)
            .map_err(io("write the probe's files"))?;
        let begin = Instant::now();
        let mut heard = Heard::default();
        let child = Command::new("unshare")
            .args([
                "--fork",
                "--kill-child",
                "--pid",
                "--mount",
                "--net",
                "--ipc",
                "--uts",
            ])
            .args(["sh", "-c", ENTER])
            .arg(root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(io("start the probe"))?;
        listen(child, Patience::whole(self.limit), |line| heard.line(line))?;
        Ok(heard.transcript(begin.elapsed()))
    }

    /// The probe's own root, as the machine's archive has it.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn furnish(&self, root: &Path, script: &Script, policies: &Policies) -> io::Result<()> {
        for folder in ["policies", "dev", "proc", "sys"] {
            fs::create_dir_all(root.join(folder))?;
        }
        let init = root.join("init");
        fs::write(&init, &self.probe)?;
        fs::set_permissions(&init, PermissionsExt::from_mode(0o755))?;
        fs::write(root.join("script"), script.text())?;
        for (name, bytes) in policies.files() {
            fs::write(root.join("policies").join(name), bytes)?;
        }
        Ok(())
    }
}
