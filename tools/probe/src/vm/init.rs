//! Process 1 of the machine: prepares it, works through `/script`, prints `@`-lines.

use std::fs;
use std::io::{self, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use rustix::mount::{MountFlags, mount};
use rustix::net::{AddressFamily, SendFlags, SocketType, netlink, sendto, socket};

use super::kernel_log;
use crate::answer::{Failure, Outcome, Word};
use crate::lines;

const POLICY: &str = "/sys/kernel/security/apparmor";

/// Never returns: the machine ends with the script. `native` is a host that others use, seen from a process namespace of
/// one's own, which is what ends then.
pub(crate) fn boot(native: bool) -> ExitCode {
    if let Err(error) = prepare(native).and_then(|()| work()) {
        lines::say(&format!("@\tbroken\t{error}"));
    }
    lines::say("@\tend");
    let _ = rustix::system::reboot(rustix::system::RebootCommand::Restart);
    ExitCode::FAILURE
}

fn prepare(native: bool) -> io::Result<()> {
    let none = MountFlags::empty();
    for (what, place) in [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("securityfs", "/sys/kernel/security"),
        ("devtmpfs", "/dev"),
    ] {
        fs::create_dir_all(place)?;
        mount(what, place, what, none, c"")?;
    }
    // every denial is to be seen in the log
    if !native {
        fs::write("/proc/sys/kernel/printk_ratelimit", "0")?;
        fs::write("/proc/sys/vm/nr_hugepages", "2")?;
    }
    loopback_up()?;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    lines::say(&format!("@\tkernel\t{}", release.trim()));
    Ok(())
}

/// `ip link set lo up`, as the one message it is.
fn loopback_up() -> io::Result<()> {
    let mut message = Vec::new();
    message.extend(32_u32.to_ne_bytes()); // length
    message.extend(16_u16.to_ne_bytes()); // RTM_NEWLINK
    message.extend(1_u16.to_ne_bytes()); // NLM_F_REQUEST
    message.extend([0; 8]); // sequence, port
    message.extend([0; 4]); // family, padding, device type
    message.extend(1_i32.to_ne_bytes()); // the loopback device's index
    message.extend(1_u32.to_ne_bytes()); // IFF_UP
    message.extend(1_u32.to_ne_bytes()); // of which this bit is meant
    // protocol 0 of netlink is routing
    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    let kernel = netlink::SocketAddrNetlink::new(0, 0);
    sendto(&socket, &message, SendFlags::empty(), &kernel)?;
    Ok(())
}

/// Answers `@<TAB>number<TAB>answer` for each line of the script.
fn work() -> io::Result<()> {
    let script = fs::read_to_string("/script")?;
    let mut container: Option<Container> = None;
    for (number, line) in script.lines().enumerate() {
        let words: Vec<&str> = line.split('\t').collect();
        let answer = match words[..] {
            ["load", file] => policy(".replace", &fs::read(Path::new("/policies").join(file))?),
            ["remove", name] => policy(".remove", name.as_bytes()),
            ["profiles"] => fs::read_to_string(format!("{POLICY}/profiles"))?.replace('\n', "\t"),
            ["features"] => {
                features(Path::new(POLICY).join("features").as_path())?.replace('\n', "\\n")
            }
            // denials are still denials, but nobody writes them down: a third of the time
            ["quiet"] => {
                fs::write("/sys/module/apparmor/parameters/audit", "quiet_denied")?;
                "ok".to_owned()
            }
            ["log"] => kernel_log::denials()
                .into_iter()
                .collect::<Vec<_>>()
                .join("\t\t"),
            ["container", ref image @ ..] => {
                drop(container.take());
                container = Some(Container::start(image)?);
                "ok".to_owned()
            }
            ["add", ..] => {
                if let Some(container) = &mut container {
                    container.tell(line)?;
                }
                continue;
            }
            _ => match &mut container {
                Some(container) => container.ask(line)?,
                None => "broken\tno container".to_owned(),
            },
        };
        lines::say(&format!("@\t{number}\t{answer}"));
    }
    Ok(())
}

/// One write is one operation on the policy.
fn policy(file: &str, bytes: &[u8]) -> String {
    let attempt = || -> Outcome {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .open(format!("{POLICY}/{file}"))?;
        let written = file.write(bytes)?;
        if written == bytes.len() {
            Ok(())
        } else {
            Err(Failure::odd("partly-written"))
        }
    };
    Word(attempt()).to_string()
}

/// The tree of features in the form the parser reads (`--features-file`).
fn features(directory: &Path) -> io::Result<String> {
    let mut entries: Vec<_> = fs::read_dir(directory)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    let mut text = String::new();
    for path in entries {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let inside = if path.is_dir() {
            features(&path)?
        } else {
            fs::read_to_string(&path)?
        };
        text.extend([&name, " {", &inside, "}\n"].map(str::to_owned));
    }
    Ok(text)
}

struct Container {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Container {
    fn start(image: &[&str]) -> io::Result<Self> {
        let mut child = Command::new("/init")
            .arg("namespaces")
            .args(image)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().map(BufReader::new);
        let output = output.ok_or_else(|| io::Error::other("no pipe"))?;
        let mut container = Self {
            input: child.stdin.take(),
            child,
            output,
        };
        match container.answer()?.as_str() {
            "ready" => Ok(container),
            other => Err(io::Error::other(other.to_owned())),
        }
    }

    fn tell(&mut self, line: &str) -> io::Result<()> {
        self.input
            .as_mut()
            .map_or(Ok(()), |input| writeln!(input, "{line}"))
    }

    fn ask(&mut self, line: &str) -> io::Result<String> {
        self.tell(line)?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<String> {
        lines::next(&mut self.output)
            .ok_or_else(|| io::Error::other("the container's runtime ended"))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
