//! Names that a thing carries until it is complete: `.<name>.<pid>.tmp`. The leading dot matters to the profile parser,
//! which skips such files; the process number tells what an earlier run, killed at the wrong moment, left behind.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use rustix::fs::{AtFlags, Dir, FileType, OFlags};
use rustix::io::Errno;

/// The temporary name of `name` for this process.
pub(super) fn name_for(name: &OsStr) -> OsString {
    let mut temporary = b".".to_vec();
    temporary.extend_from_slice(name.as_bytes());
    temporary.extend_from_slice(format!(".{}.tmp", std::process::id()).as_bytes());
    OsString::from_vec(temporary)
}

/// Removes what processes that are no more (or this one, earlier) left under temporary names of `name`.
pub(super) fn clear(dir: &OwnedFd, name: &OsStr) -> Result<(), Errno> {
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let found = OsStr::from_bytes(entry.file_name().to_bytes());
        let Some(pid) = pid_in(found, name) else {
            continue;
        };
        if pid != std::process::id() && is_alive(pid) {
            continue;
        }
        let flags = match entry.file_type() {
            FileType::Directory => AtFlags::REMOVEDIR,
            _ => AtFlags::empty(),
        };
        match rustix::fs::unlinkat(dir, found, flags) {
            // somebody else tidied up, or it has something in it and so is not of our making
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

fn pid_in(found: &OsStr, name: &OsStr) -> Option<u32> {
    let rest = found
        .as_bytes()
        .strip_prefix(b".")?
        .strip_prefix(name.as_bytes())?;
    let digits = rest.strip_prefix(b".")?.strip_suffix(b".tmp")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    // any answer but `no such process` means that there is one
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(Errno::SRCH))
}

/// Makes a new name, an earlier rename or a removal in an opened directory outlast a power cut.
pub(super) fn sync_dir(dir: impl AsFd) -> Result<(), Errno> {
    // a descriptor opened for reading its entries can be synced; file systems that cannot say INVAL
    match rustix::fs::fsync(dir) {
        Err(Errno::INVAL) => Ok(()),
        other => other,
    }
}

/// Flags that open a directory for reading its entries.
pub(super) const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY);
