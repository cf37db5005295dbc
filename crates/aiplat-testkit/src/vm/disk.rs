//! A disk with a container engine and images on it, for a machine whose kernel enforces `AppArmor`.
//!
//! The engine and what it needs come from Debian's packages, unpacked and never installed. Its images are put there by a
//! second engine of our own that runs on this host for some seconds with a directory of its own: nothing has to be loaded
//! under emulation, which would take minutes.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::kernel::{KernelError, run};
use super::packages::Image;

/// Raised when what is built here changes.
const FORMAT: &str = "2";
/// What the machine is made of.
const PACKAGES: [&str; 11] = [
    "docker.io",
    "containerd",
    "runc",
    "iptables",
    "kmod",
    "busybox-static",
    "apparmor",
    "e2fsprogs",
    "quota",
    "util-linux",
    "xfsprogs",
];
/// What packages depend on for their installation, which never happens.
const LEAVE_OUT: [&str; 40] = [
    "adduser",
    "coreutils",
    "cpio",
    "debconf",
    "dmsetup",
    "dpkg",
    "gcc-12-base",
    "init-system-helpers",
    "initramfs-tools",
    "initramfs-tools-core",
    "klibc-utils",
    "libaudit-common",
    "libaudit1",
    "libbz2-1.0",
    "libdb5.3",
    "libfile-find-rule-perl",
    "libgdbm-compat4",
    "libgdbm6",
    "libgmp10",
    "libklibc",
    "libnumber-compare-perl",
    "libpam-modules",
    "libpam-modules-bin",
    "libpam0g",
    "libperl5.36",
    "libsemanage-common",
    "libsemanage2",
    "libsepol2",
    "libtext-glob-perl",
    "linux-base",
    "logsave",
    "lsb-base",
    "netbase",
    "passwd",
    "perl",
    "perl-base",
    "perl-modules-5.36",
    "sysvinit-utils",
    "tar",
    "udev",
];
/// The machine's commands, all of them busybox.
const COMMANDS: &str = "sh mount umount mkdir cat ls sleep ln cp rm mv grep sed awk head tail ps kill dmesg seq date chmod \
    chown tr cut sort uniq wc test printf find ifconfig tee timeout id touch poweroff truncate losetup df stat env";
/// What the kernel needs to find the disk, in the order of loading.
const MODULES: [&str; 6] = [
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_blk",
];
/// Room on the disk; what is not used takes none on the host.
const SIZE: u64 = 4 << 30;

/// A disk, and what the kernel needs to mount it.
#[derive(Debug, Clone)]
pub struct EngineDisk {
    /// The image of the file system.
    pub image: PathBuf,
    /// The kernel that its modules are for.
    pub kernel: PathBuf,
    /// A static busybox, and modules in the order of loading, for the first root.
    pub first: Vec<(String, PathBuf)>,
}

impl EngineDisk {
    /// The disk with these images of the engine at `engine` (a `unix://` address), from `cache` or made anew where the
    /// recipe or an image changed. Needs root, `docker`, `dockerd`, `unshare`, `mke2fs` and
    /// Debian's archive; half a minute.
    ///
    /// # Errors
    /// [`KernelError`] with the command that failed.
    pub fn fetch(
        cache: &Path,
        kernel_package: &str,
        engine: &str,
        images: &[String],
    ) -> Result<Self, KernelError> {
        let mut packages: Vec<String> = PACKAGES.map(str::to_owned).to_vec();
        packages.push(kernel_package.to_owned());
        let tree = Image::fetch(cache, "engine", &packages, &LEAVE_OUT.map(str::to_owned))?;
        let root = tree.root();
        let release = release(root)?;
        let disk = Self {
            image: cache.join("engine.ext4"),
            kernel: root.join("boot").join(format!("vmlinuz-{release}")),
            first: first(root, &release)?,
        };
        let ids = run(docker(engine)
            .args(["image", "inspect", "--format", "{{.Id}}"])
            .args(images))?;
        let recipe = format!("{FORMAT}\n{}\n{ids}{COMMANDS}\n", packages.join(" "));
        let stamp = cache.join("engine.recipe");
        if disk.image.exists() && fs::read_to_string(&stamp).is_ok_and(|text| text == recipe) {
            return Ok(disk);
        }
        let _ = fs::remove_file(&stamp);
        furnish(root, &release)?;
        let store = root.join("var/lib/docker");
        fill(&store, engine, images)?;
        let image = disk.image.display().to_string();
        let file = File::create(&disk.image).map_err(io("make the disk"))?;
        file.set_len(SIZE).map_err(io("make the disk"))?;
        run(Command::new("mke2fs")
            .args(["-q", "-F", "-t", "ext4", "-O", "^has_journal"])
            .args(["-E", "lazy_itable_init=1", "-d"])
            .arg(root)
            .arg(&image))?;
        fs::remove_dir_all(&store).map_err(io("remove what is on the disk now"))?;
        fs::write(&stamp, recipe).map_err(io("note the disk's recipe"))?;
        Ok(disk)
    }
}

fn io(what: &str) -> impl Fn(io::Error) -> KernelError {
    let what = what.to_owned();
    move |source| KernelError::Io {
        what: what.clone(),
        source,
    }
}

fn docker(engine: &str) -> Command {
    let mut command = Command::new("docker");
    command.args(["--host", engine]);
    command
}

/// The kernel's release, by its folder of modules.
fn release(root: &Path) -> Result<String, KernelError> {
    let all = fs::read_dir(root.join("lib/modules")).map_err(io("list the kernel's modules"))?;
    let mut names: Vec<String> = all
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names.pop().ok_or(KernelError::NoImage("lib/modules"))
}

fn first(root: &Path, release: &str) -> Result<Vec<(String, PathBuf)>, KernelError> {
    let modules = root
        .join("lib/modules")
        .join(release)
        .join("kernel/drivers");
    let mut files = vec![("bin/busybox".to_owned(), root.join("bin/busybox"))];
    for module in MODULES {
        let name = format!("{module}.ko");
        let path = ["virtio", "block"]
            .map(|folder| modules.join(folder).join(&name))
            .into_iter()
            .find(|path| path.exists())
            .ok_or(KernelError::NoImage("virtio"))?;
        files.push((format!("modules/{name}"), path));
    }
    Ok(files)
}

/// What installation would have done.
fn furnish(root: &Path, release: &str) -> Result<(), KernelError> {
    for folder in [
        "proc",
        "sys",
        "dev",
        "run",
        "tmp",
        "root",
        "srv",
        "lab",
        "etc/apparmor.d",
        "var/lib",
    ] {
        fs::create_dir_all(root.join(folder)).map_err(io("make the machine's folders"))?;
    }
    let link = |target: &str, at: &str| {
        let at = root.join(at);
        let _ = fs::remove_file(&at);
        symlink(target, &at).map_err(io("make the machine's links"))
    };
    for command in COMMANDS.split_whitespace() {
        link("/bin/busybox", &format!("bin/{command}"))?;
    }
    for name in ["iptables", "ip6tables"] {
        for end in ["", "-save", "-restore"] {
            link("xtables-legacy-multi", &format!("usr/sbin/{name}{end}"))?;
        }
    }
    let _ = fs::remove_dir_all(root.join("var/run"));
    link("/run", "var/run")?;
    for (file, text) in [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
        ("etc/group", "root:x:0:\n"),
        ("etc/hosts", "127.0.0.1 localhost\n"),
        ("etc/resolv.conf", ""),
    ] {
        fs::write(root.join(file), text).map_err(io("write the machine's files"))?;
    }
    run(Command::new("chroot")
        .arg(root)
        .args(["/sbin/depmod", release]))
    .map(drop)
}

/// Fills an engine's directory by an engine of our own that is there for as long as that takes.
fn fill(store: &Path, engine: &str, images: &[String]) -> Result<(), KernelError> {
    let _ = fs::remove_dir_all(store);
    fs::create_dir_all(store).map_err(io("make the engine's directory"))?;
    let work = tempfile::tempdir().map_err(io("make a directory"))?;
    let socket = format!("unix://{}", work.path().join("docker.sock").display());
    let log = File::create(work.path().join("log")).map_err(io("make a log file"))?;
    // in a network of its own: a daemon that wants no bridge takes `docker0` away, which may be another engine's
    let mut child = Command::new("unshare")
        .args(["--net", "--", "dockerd"])
        .args([
            "--iptables=false",
            "--ip6tables=false",
            "--ip-forward=false",
        ])
        .args([
            "--ip-masq=false",
            "--bridge=none",
            "--storage-driver=overlay2",
        ])
        .arg("--data-root")
        .arg(store)
        .arg("--exec-root")
        .arg(work.path().join("exec"))
        .arg("--pidfile")
        .arg(work.path().join("pid"))
        .args(["--group=root", "--host", &socket])
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(io("make a log file"))?)
        .stderr(log)
        .spawn()
        .map_err(io("start dockerd"))?;
    let filled = (|| {
        let end = Instant::now() + Duration::from_secs(60);
        while run(docker(&socket).arg("version")).is_err() {
            if Instant::now() > end {
                let text = fs::read_to_string(work.path().join("log")).unwrap_or_default();
                let message = text.lines().last().unwrap_or_default().to_owned();
                let command = "dockerd".to_owned();
                return Err(KernelError::Failed { command, message });
            }
            thread::park_timeout(Duration::from_millis(200));
        }
        let mut save = docker(engine)
            .arg("save")
            .args(images)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(io("save the images"))?;
        let pipe = save.stdout.take().map_or_else(Stdio::null, Stdio::from);
        let loaded = run(docker(&socket).arg("load").stdin(pipe));
        save.wait().map_err(io("save the images"))?;
        loaded.map(drop)
    })();
    // politely, so that it writes everything down; it takes its own containerd with it
    let asked = run(Command::new("kill").arg(child.id().to_string()));
    if asked.is_err() {
        let _ = child.kill();
    }
    child.wait().map_err(io("wait for dockerd"))?;
    filled
}
