//! Files and directories.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::Op;
use crate::answer::{Failure, Outcome, through};

pub(super) const OPS: &[(&str, usize, Op)] = &[
    ("read", 1, read),
    ("list", 1, |a| Ok(fs::read_dir(a[0]).map(drop)?)),
    ("write", 1, |a| {
        Ok(OpenOptions::new().write(true).open(a[0]).map(drop)?)
    }),
    ("say", 2, say),
    ("open-device", 1, open_device),
    ("create", 1, create),
    ("mkdir", 1, mkdir),
    ("remove", 1, remove),
    ("rename", 2, rename),
    ("link", 2, link),
    ("symlink", 1, |a| {
        symlink("/etc/hostname", a[0])?;
        Ok(fs::remove_file(a[0])?)
    }),
    ("chmod", 1, chmod),
    ("lock", 1, lock),
    ("terminal", 0, |_| terminal()),
];

fn read(arguments: &[&str]) -> Outcome {
    let mut byte = [0];
    // some files of the kernel open and then have nothing to say yet
    through(
        File::open(arguments[0])?.read(&mut byte),
        &[Errno::AGAIN, Errno::INVAL, Errno::IO],
    )
}

/// Opens for writing and writes a word that changes nothing.
fn say(arguments: &[&str]) -> Outcome {
    Ok(OpenOptions::new()
        .write(true)
        .open(arguments[0])?
        .write_all(arguments[1].as_bytes())?)
}

/// A device whose driver may be missing: that the kernel looked for it is enough.
fn open_device(arguments: &[&str]) -> Outcome {
    let file = OpenOptions::new().read(true).write(true).open(arguments[0]);
    through(file, &[Errno::NODEV, Errno::NXIO, Errno::BUSY])
}

fn create(arguments: &[&str]) -> Outcome {
    let path = arguments[0];
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?
        .write_all(b"x")?;
    Ok(fs::remove_file(path)?)
}

fn mkdir(arguments: &[&str]) -> Outcome {
    fs::create_dir(arguments[0])?;
    Ok(fs::remove_dir(arguments[0])?)
}

/// Removes what is there and puts it back; an empty file where it cannot be read (a socket), so
/// that the next one still finds something.
fn remove(arguments: &[&str]) -> Outcome {
    let path = arguments[0];
    let content = fs::read(path).unwrap_or_default();
    let permissions = fs::symlink_metadata(path)?.permissions();
    fs::remove_file(path)?;
    fs::write(path, content)?;
    Ok(fs::set_permissions(path, permissions)?)
}

fn rename(arguments: &[&str]) -> Outcome {
    fs::rename(arguments[0], arguments[1])?;
    Ok(fs::rename(arguments[1], arguments[0])?)
}

fn link(arguments: &[&str]) -> Outcome {
    fs::hard_link(arguments[0], arguments[1])?;
    Ok(fs::remove_file(arguments[1])?)
}

/// Sets the mode a path already has.
fn chmod(arguments: &[&str]) -> Outcome {
    let mode = fs::metadata(arguments[0])?.permissions().mode();
    Ok(fs::set_permissions(
        arguments[0],
        Permissions::from_mode(mode),
    )?)
}

fn lock(arguments: &[&str]) -> Outcome {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(arguments[0])?;
    Ok(flock(&file, FlockOperation::LockExclusive)?)
}

/// A terminal of one's own, as `docker run -t` and `script` open it.
fn terminal() -> Outcome {
    use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
    let leader = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    unlockpt(&leader)?;
    let name = ptsname(&leader, Vec::new())?;
    let name = name.to_str().map_err(|_| Failure::odd("terminal-name"))?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(name)?
        .write_all(b"x")?;
    Ok(())
}
