//! A machine with a disk, which runs a script of the caller's as its first program and answers by the serial line.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use super::machine::{BootError, Patience, boot, of_the_kernel, until_it_holds};
use super::{EngineDisk, Initramfs};

/// What the first root does: finds the disk, hands over what was brought along, and lets the script go on there.
const FIRST: &str = "#!/bin/busybox sh
B=/bin/busybox
$B mount -t devtmpfs d /dev
for module in $($B cat /modules/order); do $B insmod /modules/$module; done
$B mount -t ext4 /dev/vda /new || $B poweroff -f
$B mount -t tmpfs t /new/lab
$B cp -a /lab/. /new/lab/
$B mount --move /dev /new/dev
exec $B switch_root /new /lab/init
";

/// How to boot.
#[derive(Debug, Clone)]
pub struct Guest {
    /// The emulator.
    pub qemu: std::path::PathBuf,
    /// The disk; what is written to it is forgotten, so that several machines can have it at once.
    pub disk: EngineDisk,
    /// Wall-clock limit of one boot.
    pub limit: Duration,
    /// How long no program in it may say anything: then the machine is given up for stuck.
    pub silence: Duration,
}

/// What a script said: `@`, a name and a value, separated by tabs; and everything else as it came.
#[derive(Debug, Clone, Default)]
pub struct Report {
    values: BTreeMap<String, Vec<String>>,
    /// Every line of the console.
    pub console: Vec<String>,
    /// Why earlier boots came to nothing.
    pub earlier: Vec<String>,
    /// From the start of the emulator to the end.
    pub took: Duration,
    /// When each line with a name came.
    pub marks: Vec<(String, Duration)>,
}

impl Report {
    /// The first value of a name; empty where it was never said.
    pub fn of(&self, name: &str) -> &str {
        self.all(name).first().map_or("", String::as_str)
    }

    /// Every value of a name.
    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
}

impl Guest {
    /// Boots with these files (`init` has to be among them) in `/lab`; again where the machine itself fails,
    /// [`Report::earlier`] tells. The console is written down beside the disk, under the machine's `name`.
    ///
    /// # Errors
    /// [`BootError`]; a script that ends without `@`, `end` is one.
    pub fn run(&self, name: &str, lab: &[(&str, Vec<u8>)]) -> Result<Report, BootError> {
        let archive = self.archive(lab)?;
        let (report, earlier) = until_it_holds(|| self.boot(name, &archive))?;
        Ok(Report { earlier, ..report })
    }

    fn archive(&self, lab: &[(&str, Vec<u8>)]) -> Result<Vec<u8>, BootError> {
        let mut archive = Initramfs::new();
        archive.file("init", 0o755, FIRST.as_bytes());
        archive.file("new/empty", 0o644, b"");
        let mut order = String::new();
        for (name, path) in &self.disk.first {
            let bytes = fs::read(path).map_err(|source| BootError::Io {
                what: "read the kernel's modules",
                source,
            })?;
            if let Some(module) = name.strip_prefix("modules/") {
                order.push_str(module);
                order.push('\n');
            }
            archive.file(name, 0o755, &bytes);
        }
        archive.file("modules/order", 0o644, order.as_bytes());
        for (name, bytes) in lab {
            archive.file(&format!("lab/{name}"), 0o755, bytes);
        }
        Ok(archive.finish())
    }

    fn boot(&self, name: &str, archive: &[u8]) -> Result<Report, BootError> {
        let begin = Instant::now();
        let mut report = Report::default();
        // for whoever wants to see why it takes so long
        let mut log = fs::File::create(self.disk.image.with_extension(format!("{name}.log"))).ok();
        let drive = format!(
            "file={},if=virtio,format=raw,snapshot=on",
            self.disk.image.display()
        );
        // one processor: emulated beside each other, two now and then wait for each other for ever
        let arguments = ["-smp", "1", "-m", "3072", "-drive", &drive];
        let patience = Patience {
            whole: self.limit,
            silence: self.silence,
        };
        let ended = boot(
            &self.qemu,
            &self.disk.kernel,
            archive,
            &arguments,
            patience,
            |line| {
                if let Some(log) = &mut log {
                    let _ = writeln!(log, "{line}");
                }
                let mut words = line.splitn(3, '\t');
                let found = (words.next(), words.next(), words.next());
                if let (Some("@"), Some(name), value) = found {
                    report.marks.push((name.to_owned(), begin.elapsed()));
                    if name == "end" {
                        return Some(Ok(()));
                    }
                    let all = report.values.entry(name.to_owned()).or_default();
                    all.push(value.unwrap_or_default().to_owned());
                }
                report.console.push(line.to_owned());
                None
            },
        );
        report.took = begin.elapsed();
        match ended {
            Ok(()) => Ok(report),
            Err(error) => Err(explained(error, &report.console)),
        }
    }
}

/// With the end of the console, which is what tells why: what programs said, and what the kernel complains of.
fn explained(error: BootError, console: &[String]) -> BootError {
    let end = |kernel: bool, most: usize| {
        let lines = console.iter().filter(|line| of_the_kernel(line) == kernel);
        let mut lines: Vec<&str> = lines.rev().take(most).map(String::as_str).collect();
        lines.reverse();
        lines
    };
    let last = [end(false, 30), end(true, 10)].concat().join("\n");
    match error {
        BootError::TimedOut { limit, .. } => BootError::TimedOut { limit, last },
        BootError::Stuck { silence, .. } => BootError::Stuck { silence, last },
        BootError::EndedEarly { how, .. } => BootError::EndedEarly { how, last },
        other => other,
    }
}
