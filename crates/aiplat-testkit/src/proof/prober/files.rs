//! Paths, as the container's user finds them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::protocol::{Got, How, Seen};

/// The beginning of every name that is made here.
const OURS: &str = ".aiplat-proof-";

/// 1:3, as the kernel numbers devices.
const NULL_DEVICE: u64 = 0x103;

/// A device or pipe must not hold the prober up.
const NON_BLOCKING: i32 = 0o4000;

pub(super) fn path(path: &Path, how: How) -> Seen {
    match how {
        How::Read => said(read(path)),
        How::Write => said(write(path).map(|()| "opened for writing".to_owned())),
        How::Create => said(create(path).map(|()| "a file could be made".to_owned())),
    }
}

fn said(result: io::Result<String>) -> Seen {
    match result {
        Ok(text) => Seen::new(Got::Through, text),
        Err(error) => Seen::error(&error),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let found = fs::metadata(path)?;
    let kind = found.file_type();
    // what the engine hides stands under its name as the null device
    if kind.is_char_device() && found.rdev() == NULL_DEVICE {
        return Err(io::ErrorKind::NotFound.into());
    }
    if kind.is_dir() {
        let count = fs::read_dir(path)?.take(100).count();
        return Ok(format!("listed, {count} entries"));
    }
    if kind.is_socket() {
        UnixStream::connect(path)?;
        return Ok("connected to".to_owned());
    }
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(NON_BLOCKING)
        .open(path)?;
    if kind.is_file() {
        // what it holds is nobody's business here
        file.read_exact(&mut [0; 1]).or_else(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => Ok(()),
            _ => Err(e),
        })?;
    }
    Ok("read".to_owned())
}

fn write(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .custom_flags(NON_BLOCKING)
        .open(path)
        .map(drop)
}

fn create(directory: &Path) -> io::Result<()> {
    let path = directory.join(format!("{OURS}{}", std::process::id()));
    File::create_new(&path)?;
    fs::remove_file(&path)
}

pub(super) fn plant(at: &Path, to: &Path, hard: bool) -> Seen {
    let made = if hard {
        fs::hard_link(to, at)
    } else {
        symlink(to, at)
    };
    if let Err(error) = made {
        let mut seen = Seen::error(&error);
        seen.text = format!("the link could not be made: {error}");
        return seen;
    }
    let seen = said(read(at));
    if let Err(error) = fs::remove_file(at) {
        return Seen::new(Got::Odd, format!("a link of ours stays behind: {error}"));
    }
    seen
}
