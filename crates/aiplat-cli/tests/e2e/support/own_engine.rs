//! An engine of a test's own, which may be stopped and started: the one that all tests share may not. It has a network of
//! its own too, since a daemon that starts writes packet filter rules, and those of the shared engine are in use.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::until;
use crate::pages::root;

/// What holds the namespaces: the network is fresh, and of the mounts only those that tell of the network and of processes
/// are others. It is the first of its processes, all of which end with it, and it with the test, however that ends.
const HOLD: &str = r#"set -eu
mkdir -p "$1/cgroup"
mount --rbind /sys/fs/cgroup "$1/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$1/cgroup" /sys/fs/cgroup
ip link set lo up
echo ready
while :; do sleep 3600 & wait; done"#;

/// An engine, gone with its value.
#[derive(Debug)]
pub(crate) struct OwnEngine {
    holder: Child,
    directory: PathBuf,
}

impl OwnEngine {
    /// Starts it with these images of another engine.
    pub(crate) fn start(directory: &Path, from: &Path, images: &[&str]) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        let mut holder = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "KILL",
                "--",
                "unshare",
                "--net",
                "--mount",
                "--mount-proc",
                "--pid",
                "--fork",
                "--kill-child=SIGKILL",
                "--propagation",
                "slave",
                "bash",
                "-c",
                HOLD,
                "hold",
            ])
            .arg(directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv and unshare, of util-linux");
        let mut line = String::new();
        let output = holder.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).unwrap();
        let engine = Self {
            holder,
            directory: directory.to_path_buf(),
        };
        assert_eq!(
            line.trim(),
            "ready",
            "expected namespaces of the test's own"
        );
        engine.up();
        let all: Vec<String> = images
            .iter()
            .map(|image| format!("names={image}"))
            .collect();
        let script = format!(
            "curl -fsS --unix-socket {} 'http://engine/images/get?{}' | curl -fsS --unix-socket {} -X POST -T - -H 'Content-Type: application/x-tar' 'http://engine/images/load?quiet=1' >/dev/null",
            from.display(),
            all.join("&"),
            engine.socket().display()
        );
        let done = Command::new("bash")
            .args(["-o", "pipefail", "-c", &script])
            .status();
        assert!(done.unwrap().success(), "expected the images to be copied");
        engine
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join("run/docker.sock")
    }

    /// A program that runs where the engine runs.
    pub(crate) fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let pid = self.first().to_string();
        command.args(["-t", &pid, "--net", "--mount", "--pid", "--", program]);
        command
    }

    /// The first process inside, as the test sees it: the only child of what waits for it.
    fn first(&self) -> u32 {
        let pid = self.holder.id();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let children = std::fs::read_to_string(children).unwrap_or_default();
        children.trim().parse().expect("one process holds it")
    }

    /// Every process inside ends at this moment, the engine and all containers, as in a power cut.
    pub(crate) fn power_cut(&self) {
        let done = self.inside("bash").args(["-c", "kill -KILL -1"]).status();
        done.expect("nsenter, of util-linux");
        until("every process ended", || {
            let list = self.inside("ps").args(["-e", "-o", "comm="]).output();
            let list = String::from_utf8_lossy(&list.unwrap().stdout).into_owned();
            !list.contains("dockerd") && !list.contains("containerd")
        });
    }

    pub(crate) fn up(&self) {
        self.script("up");
    }

    pub(crate) fn down(&self) {
        self.script("down");
    }

    fn script(&self, what: &str) {
        let program = root().join("scripts/engine").display().to_string();
        let done = self
            .inside(&program)
            .arg(what)
            .env("AIPLAT_ENGINE_DIR", &self.directory)
            .env_remove("AIPLAT_ENGINE_RUN_DIR")
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "scripts/engine {what}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // its own words are the ones to read
            let program = root().join("scripts/engine").display().to_string();
            let _ = self
                .inside(&program)
                .arg("down")
                .env("AIPLAT_ENGINE_DIR", &self.directory)
                .output();
        } else {
            self.down();
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
