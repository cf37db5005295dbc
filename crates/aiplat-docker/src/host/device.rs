//! Block devices: what is on one, whether it is in use, and making a volume of it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use aiplat_core::observed::PathState;
use aiplat_core::volume::{DeviceFacts, Place, Signature, VolumeStep};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::mounts::mounts;
use super::program::Program;
use super::{HostError, LinuxHost, files};

/// How much of each end must be zero, bytes.
const ENDS: u64 = 1 << 20;

/// Options of a mount with project quotas.
const QUOTA: &str = "prjquota";

/// What is on a device, and who uses it.
pub(crate) fn facts(host: &LinuxHost, path: &Path) -> Result<DeviceFacts, HostError> {
    // the names that persist are links
    let device = fs_err::canonicalize(path).map_err(|e| HostError::io("find", path, e))?;
    let wrap = |e: std::io::Error| HostError::io("read", &device, e);
    let meta = fs_err::metadata(&device).map_err(wrap)?;
    if !meta.file_type().is_block_device() {
        return Err(HostError::NotADevice { path: device });
    }
    let rdev = meta.rdev();
    let numbers = format!("{}:{}", rustix::fs::major(rdev), rustix::fs::minor(rdev));
    let sys = Path::new("/sys/dev/block").join(&numbers);
    let mounted_at: Vec<PathBuf> = mounts(&host.proc)?
        .into_iter()
        .filter(|m| m.device == numbers || m.source == device)
        .map(|m| m.point)
        .collect();
    let busy = busy(
        host,
        &device,
        &sys,
        mounted_at.first().map(PathBuf::as_path),
    )?;
    let mut file = File::open(&device).map_err(wrap)?;
    let bytes = file.seek(SeekFrom::End(0)).map_err(wrap)?;
    let blank = is_blank(&mut file, bytes).map_err(wrap)?;
    Ok(DeviceFacts {
        bytes,
        busy,
        signature: signature(&host.blkid, &device)?,
        blank,
        mounted_at,
        device,
    })
}

/// What is in the place where a volume is wanted.
pub(crate) fn place(host: &LinuxHost, at: &Path) -> Result<Place, HostError> {
    if mounts(&host.proc)?.iter().any(|m| m.point == at) {
        return Ok(Place::Mounted);
    }
    Ok(match files::path_state(at)? {
        PathState::Absent | PathState::Directory { empty: true, .. } => Place::Free,
        _ => Place::Filled,
    })
}

/// Why a device must be left alone, in words.
fn busy(
    host: &LinuxHost,
    device: &Path,
    sys: &Path,
    mounted: Option<&Path>,
) -> Result<Option<String>, HostError> {
    if let Some(at) = mounted {
        return Ok(Some(format!("it is mounted at `{}`", at.display())));
    }
    let read = |name: &str| fs_err::read_to_string(sys.join(name)).unwrap_or_default();
    let names = |dir: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    if read("ro").trim() == "1" {
        return Ok(Some("it is read-only".to_owned()));
    }
    if names(sys)
        .iter()
        .any(|entry| entry.join("partition").is_file())
    {
        return Ok(Some("it has partitions".to_owned()));
    }
    if let Some(holder) = names(&sys.join("holders")).first() {
        let holder = holder.file_name().unwrap_or_default().to_string_lossy();
        return Ok(Some(format!("it is part of `{holder}`")));
    }
    let swaps = fs_err::read_to_string(host.proc.join("swaps")).unwrap_or_default();
    let is_swap = |line: &str| line.split_whitespace().next().map(Path::new) == Some(device);
    if swaps.lines().any(is_swap) {
        return Ok(Some("it is swap".to_owned()));
    }
    // the kernel lets nobody have alone what another one has
    let alone = OFlags::RDONLY | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match rustix::fs::open(device, alone, Mode::empty()) {
        Ok(_) => Ok(None),
        Err(Errno::BUSY) => Ok(Some("another program or the kernel has it".to_owned())),
        Err(other) => Err(HostError::io("open", device, other)),
    }
}

fn is_blank(file: &mut File, bytes: u64) -> std::io::Result<bool> {
    for start in [0, bytes.saturating_sub(ENDS)] {
        file.seek(SeekFrom::Start(start))?;
        let mut end = Vec::new();
        file.take(ENDS).read_to_end(&mut end)?;
        if end.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What the low-level probe knows a device to hold.
fn signature(blkid: &Program, device: &Path) -> Result<Option<Signature>, HostError> {
    let arguments = ["-p", "-o", "export"].map(OsStr::new);
    let output = blkid.run(&[&arguments[..], &[device.as_os_str()]].concat(), b"")?;
    if !output.success {
        // it ends alike where nothing is and where it cannot tell between several
        let several = output.stderr.contains("ambivalent");
        return Ok(several.then(|| Signature {
            kind: "signatures of several kinds".to_owned(),
            ..Signature::default()
        }));
    }
    let value = |key: &str| {
        let mut lines = output.stdout.lines();
        lines.find_map(|line| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned()))
    };
    let kind = value("TYPE").or_else(|| value("PTTYPE"));
    Ok(Some(Signature {
        kind: kind.unwrap_or_else(|| "a signature".to_owned()),
        label: value("LABEL"),
        uuid: value("UUID"),
    }))
}

/// The UUID of the file system that is mounted at a path, where it is on a device and the program is there.
pub(crate) fn mounted_uuid(
    proc: &Path,
    blkid: &Program,
    at: &Path,
) -> Result<Option<String>, HostError> {
    let mounts = mounts(proc)?;
    let Some(mount) = mounts.iter().rfind(|m| m.point == at) else {
        return Ok(None);
    };
    if !mount.source.starts_with("/dev") {
        return Ok(None);
    }
    Ok(signature(blkid, &mount.source)
        .ok()
        .flatten()
        .and_then(|s| s.uuid))
}

/// Carries one step out.
pub(crate) fn carry_out(host: &LinuxHost, step: &VolumeStep) -> Result<(), HostError> {
    match step {
        VolumeStep::Format {
            device,
            label,
            uuid,
        } => format(&probe(host), device, label, uuid),
        VolumeStep::Mount { device, at } => mount(device, at),
        VolumeStep::Table {
            before,
            after,
            with_quotas,
            at,
        } => {
            let all = mounts(&host.proc)?;
            let mount = all.iter().rfind(|m| m.point == *at);
            let limited = mount.is_some_and(|m| m.options.iter().any(|o| o == QUOTA));
            table(
                &host.fstab,
                before,
                if limited { with_quotas } else { after },
            )
        }
    }
}

/// With project quotas where that file system can then be mounted: not every kernel can.
fn format(probe: &Path, device: &Path, label: &str, uuid: &str) -> Result<(), HostError> {
    fs_err::create_dir_all(probe).map_err(|e| HostError::io("make", probe, e))?;
    for features in [Some("quota,project"), None] {
        let mut words: Vec<&OsStr> = ["-q", "-F", "-L", label, "-U", uuid].map(OsStr::new).into();
        if let Some(features) = features {
            words.extend(["-O", features, "-E", "quotatype=prjquota"].map(OsStr::new));
        }
        words.push(device.as_os_str());
        let made = Program::named("mkfs.ext4").run(&words, b"")?;
        if features.is_none() {
            made.checked()?;
            break;
        }
        if made.success && try_mount(device, probe, QUOTA)?.success {
            unmount(probe)?;
            break;
        }
    }
    fs_err::remove_dir(probe).map_err(|e| HostError::io("remove", probe, e))
}

fn mount(device: &Path, at: &Path) -> Result<(), HostError> {
    fs_err::create_dir_all(at).map_err(|e| HostError::io("make", at, e))?;
    if try_mount(device, at, QUOTA)?.success {
        return Ok(());
    }
    try_mount(device, at, "defaults")?.checked().map(|_| ())
}

fn try_mount(device: &Path, at: &Path, options: &str) -> Result<super::program::Output, HostError> {
    let words = ["-t", "ext4", "-o", options].map(OsStr::new);
    let places = [device.as_os_str(), at.as_os_str()];
    Program::named("mount").run(&[&words[..], &places].concat(), b"")
}

/// Where a new file system is mounted to see whether it can be.
fn probe(host: &LinuxHost) -> PathBuf {
    host.state_dir.join("volume-probe")
}

/// Takes away what a run left that died while it tried a file system.
pub(crate) fn clear(host: &LinuxHost) -> Result<(), HostError> {
    let probe = probe(host);
    if mounts(&host.proc)?.iter().any(|m| m.point == probe) {
        unmount(&probe)?;
    }
    Ok(())
}

fn unmount(at: &Path) -> Result<(), HostError> {
    Program::named("umount")
        .run(&[at.as_os_str()], b"")?
        .checked()
        .map(|_| ())
}

/// Writes the table whole or not at all, unless somebody changed it meanwhile.
fn table(path: &Path, before: &str, after: &str) -> Result<(), HostError> {
    if read_table(path)? != before {
        return Err(HostError::ChangedMeanwhile {
            path: path.to_path_buf(),
        });
    }
    let (owner, mode) = match files::path_state(path)? {
        PathState::File { owner, mode, .. } => (owner, mode),
        _ => (super::register::this_user(), 0o644),
    };
    files::write_bytes(path, after.as_bytes(), owner, mode).map(|_| ())
}

/// The table's text; empty when there is none.
pub(crate) fn read_table(path: &Path) -> Result<String, HostError> {
    let bytes = files::read_file(path, 1 << 20)?.unwrap_or_default();
    String::from_utf8(bytes).map_err(|_| HostError::Malformed {
        path: path.to_path_buf(),
        expected: "a table of mounts in UTF-8",
    })
}
