//! What a container of a stack looks like from inside, with a few things that went wrong on
//! purpose: the host's and the other stack's files are there, and everything is writable but for
//! the profile.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};

use nix::sched::CloneFlags;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_move,
};

use super::{INTERPRETER, PROGRAM};
use crate::tiny;

const ROOT: &str = "/container";

const DIRECTORIES: &[&str] = &[
    "bin",
    "sbin",
    "lib",
    "lib64",
    "usr/bin",
    "usr/lib",
    "usr/share/node",
    "usr/local/bin",
    "opt/app",
    "app/data",
    "etc/ssl",
    "home/node/.openclaw",
    "home/user",
    "workspace",
    "root/.ssh",
    "srv/host",
    "var/lib/tailscale",
    "var/lib/other",
    "var/cache",
    "var/log",
    "var/spool",
    "var/tmp",
    "mnt/data",
    "media",
    "run/secrets",
    "run/lock",
    "tmp",
    "dev/pts",
    "dev/shm",
    "dev/net",
    "proc",
    "sys",
    "data/plugins",
    "data-b",
    "plugins",
    "newroot",
    "tailscale",
];

const FILES: &[&str] = &[
    "etc/passwd",
    "etc/group",
    "etc/shadow",
    "etc/gshadow",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/ssl/cert.pem",
    "usr/share/node/lexer.js",
    "app/server.js",
    "home/node/.openclaw/file",
    "home/user/file",
    "workspace/file",
    "root/.ssh/id",
    "srv/host/file",
    "var/lib/tailscale/file",
    "var/lib/other/file",
    "var/log/file",
    "run/secrets/key",
    "run/xtables.lock",
    "run/file",
    "tmp/file",
    "var/tmp/file",
    "dev/shm/file",
    "data/file",
    "data-b/file",
    "plugins/file",
    ".dockerenv",
    "file",
    "mnt/data/file",
];

/// Programs that do nothing.
const PROGRAMS: &[&str] = &[
    "bin/tool",
    "opt/app/tool",
    "usr/local/bin/tool",
    "data/tool",
    "data/plugins/tool",
    "data-b/tool",
    "plugins/tool",
    "workspace/tool",
    "home/node/.openclaw/tool",
    "var/lib/tailscale/tool",
    "srv/host/tool",
    "tmp/tool",
    "tailscale/run.sh",
];

/// Name, character (or block), major, minor.
const DEVICES: &[(&str, bool, u32, u32)] = &[
    ("null", true, 1, 3),
    ("zero", true, 1, 5),
    ("full", true, 1, 7),
    ("random", true, 1, 8),
    ("urandom", true, 1, 9),
    ("tty", true, 5, 0),
    ("kmsg", true, 1, 11),
    ("mem", true, 1, 1),
    ("fuse", true, 10, 229),
    ("net/tun", true, 10, 200),
    ("kvm", true, 10, 232),
    ("sda", false, 8, 0),
    ("nvidia0", true, 195, 0),
    ("kfd", true, 511, 0),
];

/// New namespaces for the process that will be the container's runtime.
pub(crate) fn namespaces() -> io::Result<()> {
    use CloneFlags as C;
    let all = C::CLONE_NEWNS | C::CLONE_NEWPID | C::CLONE_NEWUTS | C::CLONE_NEWIPC;
    Ok(nix::sched::unshare(all)?)
}

/// Builds the root and moves into it. Moved and not only changed into: the kernel names files
/// from the root of the mount namespace.
pub(crate) fn build(image: Option<&str>) -> io::Result<()> {
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )?;
    fs::create_dir_all(ROOT)?;
    match image {
        Some(image) => mount_bind(image, ROOT)?,
        None => tmpfs(ROOT)?,
    }
    match image {
        Some(_) => fill_image()?,
        None => fill()?,
    }
    for (name, character, major, minor) in DEVICES {
        let kind = if *character {
            FileType::CharacterDevice
        } else {
            FileType::BlockDevice
        };
        let mode = Mode::from_raw_mode(0o666);
        let outcome = mknodat(
            CWD,
            at(&format!("dev/{name}")),
            kind,
            mode,
            makedev(*major, *minor),
        );
        // a second container of the same image finds them there
        if outcome != Err(rustix::io::Errno::EXIST) {
            outcome?;
        }
        fs::set_permissions(
            at(&format!("dev/{name}")),
            fs::Permissions::from_mode(0o666),
        )?;
    }
    kernel_file_systems()?;
    std::env::set_current_dir(ROOT)?;
    mount_move(".", "/")?;
    rustix::process::chroot(".")?;
    std::env::set_current_dir("/")
}

/// What an engine adds to an image: one user, a place for its data, scratch, names.
fn fill_image() -> io::Result<()> {
    for directory in [
        "usr/bin", "etc", "proc", "sys", "dev/net", "dev/pts", "dev/shm", "tmp", "run", "var/tmp",
        "data", "mnt",
    ] {
        fs::create_dir_all(at(directory))?;
    }
    let program = at(PROGRAM.trim_start_matches('/'));
    fs::copy("/init", &program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    fs::write(
        at("etc/passwd"),
        "root:x:0:0::/:/bin/sh\nservice:x:1000:1000::/data:/bin/sh\n",
    )?;
    fs::write(at("etc/group"), "root:x:0:\nservice:x:1000:\n")?;
    fs::write(at("etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
    fs::write(
        at("etc/nsswitch.conf"),
        "passwd: files\ngroup: files\nhosts: files\n",
    )?;
    for scratch in ["tmp", "run", "var/tmp", "dev/shm", "data"] {
        tmpfs(&at(scratch))?;
        fs::set_permissions(at(scratch), fs::Permissions::from_mode(0o1777))?;
    }
    std::os::unix::fs::chown(at("data"), Some(1000), Some(1000))?;
    fs::set_permissions(at("data"), fs::Permissions::from_mode(0o750))
}

/// The stage for the tables' rows.
fn fill() -> io::Result<()> {
    for directory in DIRECTORIES {
        fs::create_dir_all(at(directory))?;
    }
    for file in FILES {
        fs::write(at(file), "x\n")?;
    }
    let program = at(PROGRAM.trim_start_matches('/'));
    fs::copy("/init", &program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    for name in PROGRAMS {
        fs::write(at(name), tiny::PROGRAM)?;
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o755))?;
    }
    for script in ["entrypoint.sh", "docker-entrypoint.sh", "srv/host/script"] {
        fs::write(at(script), format!("#!{INTERPRETER}\n"))?;
        fs::set_permissions(at(script), fs::Permissions::from_mode(0o755))?;
    }
    fs::write(at("etc/secret-of-12345"), "x\n")?;
    fs::set_permissions(at("etc/secret-of-12345"), fs::Permissions::from_mode(0o600))?;
    std::os::unix::fs::chown(at("etc/secret-of-12345"), Some(12345), Some(12345))?;
    for path in ["tmp/foreign", "data/foreign"] {
        fs::write(at(path), "x\n")?;
        fs::set_permissions(at(path), fs::Permissions::from_mode(0o600))?;
        std::os::unix::fs::chown(at(path), Some(12345), Some(12345))?;
    }
    symlink("pts/ptmx", at("dev/ptmx"))
}

fn kernel_file_systems() -> io::Result<()> {
    let none = MountFlags::empty();
    mount(
        "devpts",
        at("dev/pts"),
        "devpts",
        none,
        c"newinstance,ptmxmode=0666",
    )?;
    mount("proc", at("proc"), "proc", none, c"")?;
    mount("sysfs", at("sys"), "sysfs", none, c"")?;
    mount(
        "securityfs",
        at("sys/kernel/security"),
        "securityfs",
        none,
        c"",
    )?;
    mount("debugfs", at("sys/kernel/debug"), "debugfs", none, c"")?;
    mount("cgroup2", at("sys/fs/cgroup"), "cgroup2", none, c"")?;
    // something to unmount and to move
    fs::create_dir_all(at("mnt/mounted"))?;
    fs::create_dir_all(at("mnt/free"))?;
    tmpfs(&at("mnt/mounted"))
}

fn tmpfs(path: &str) -> io::Result<()> {
    Ok(mount("tmpfs", path, "tmpfs", MountFlags::empty(), c"")?)
}

fn at(path: &str) -> String {
    format!("{ROOT}/{path}")
}
