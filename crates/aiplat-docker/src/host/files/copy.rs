//! Copying a directory that its own programs write to while it is copied, and once more what changed since.
//!
//! The copy is made below a directory that only this user can enter. Nothing follows a link: links are copied as they
//! are, and what is neither file, directory nor link is left out and told.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, Uid,
};
use rustix::io::Errno;

use super::{resolve, temporary, tree};
use crate::host::HostError;

/// Two changes within this many seconds can leave the same times behind: such a file is copied again.
const DOUBT: i64 = 2;

/// What was copied.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copied {
    marks: BTreeMap<PathBuf, Mark>,
    /// Bytes of all files in the copy.
    pub(crate) bytes: u64,
    /// What was left out, with the reason.
    pub(crate) left_out: Vec<(PathBuf, &'static str)>,
}

/// What tells a file that was written to from one that was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    kind: Kind,
    inode: u64,
    size: i64,
    written: (i64, i64),
    changed: (i64, i64),
    settled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
    Link,
}

/// Copies the directory or file `from` to `to`, whose parent exists. With what an `earlier` copy to the same place came
/// to, only what changed since is copied, and what is gone is removed. An absent `from` gives an empty copy.
pub(crate) fn copy(from: &Path, to: &Path, earlier: Option<&Copied>) -> Result<Copied, HostError> {
    resolve::normal(from)?;
    let source = match resolve::open(from, OFlags::RDONLY | OFlags::NONBLOCK) {
        Err(Errno::NOENT) => return Ok(Copied::default()),
        other => other.map_err(|e| HostError::io("open", from, e))?,
    };
    let stat = rustix::fs::fstat(&source).map_err(|e| HostError::io("read", from, e))?;
    let mut job = Job {
        from,
        to,
        earlier,
        done: Copied::default(),
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            job.directory(&source, &stat)?;
        }
        FileType::RegularFile => {
            job.content(source, &stat, to)?;
        }
        _ => {
            return Err(HostError::NotADirectory {
                path: from.to_owned(),
            });
        }
    }
    Ok(job.done)
}

/// Bytes of all files at or below a path; an absent one has none.
pub(crate) fn bytes_below(path: &Path) -> Result<u64, HostError> {
    let mut bytes = 0;
    walk(path, &mut |_, stat| {
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            bytes += u64::try_from(stat.st_size).unwrap_or(0);
        }
    })?;
    Ok(bytes)
}

/// Tells of everything at or below a path, following no link.
fn walk(path: &Path, tell: &mut dyn FnMut(&Path, &Stat)) -> Result<(), HostError> {
    resolve::normal(path)?;
    let top = match resolve::open(path, OFlags::PATH) {
        Err(Errno::NOENT) => return Ok(()),
        other => other.map_err(|e| HostError::io("open", path, e))?,
    };
    let stat = rustix::fs::fstat(&top).map_err(|e| HostError::io("read", path, e))?;
    tell(Path::new(""), &stat);
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Ok(());
    }
    let mut todo = vec![PathBuf::new()];
    while let Some(inner) = todo.pop() {
        let full = path.join(&inner);
        let dir = match below(&top, &inner, temporary::DIRECTORY, Mode::empty()) {
            Err(e) if gone(e) => continue,
            other => other.map_err(|e| HostError::io("open", &full, e))?,
        };
        for (name, _) in tree::entries(&dir).map_err(|e| HostError::io("read", &full, e))? {
            let Ok(stat) = rustix::fs::statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let inner = inner.join(&name);
            tell(&inner, &stat);
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                todo.push(inner);
            }
        }
    }
    Ok(())
}

struct Job<'a> {
    from: &'a Path,
    to: &'a Path,
    earlier: Option<&'a Copied>,
    done: Copied,
}

impl Job<'_> {
    fn directory(&mut self, source: &OwnedFd, stat: &Stat) -> Result<(), HostError> {
        make(self.to)?;
        let mut directories = vec![(PathBuf::new(), *stat)];
        let mut next = 0;
        while next < directories.len() {
            let inner = directories[next].0.clone();
            next += 1;
            let full = self.from.join(&inner);
            let dir = match below(source, &inner, temporary::DIRECTORY, Mode::empty()) {
                Err(e) if gone(e) => continue,
                other => other.map_err(|e| HostError::io("open", &full, e))?,
            };
            let entries = tree::entries(&dir).map_err(|e| HostError::io("read", &full, e))?;
            for (name, _) in entries {
                if let Some(below) = self.entry(&dir, &inner, &name)? {
                    directories.push(below);
                }
            }
        }
        self.forget_what_is_gone()?;
        // the deepest first: a directory's own times change with what is in it
        for (inner, stat) in directories.iter().rev() {
            let to = self.to.join(inner);
            let opened = resolve::open(&to, temporary::DIRECTORY);
            let opened = opened.map_err(|e| HostError::io("open", &to, e))?;
            like(&opened, stat).map_err(|e| HostError::io("change the owner of", &to, e))?;
        }
        Ok(())
    }

    /// Copies one entry; a directory is given back to be gone through.
    fn entry(
        &mut self,
        dir: &OwnedFd,
        inner: &Path,
        name: &OsStr,
    ) -> Result<Option<(PathBuf, Stat)>, HostError> {
        let inner = inner.join(name);
        let (from, to) = (self.from.join(&inner), self.to.join(&inner));
        let stat = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            other => other.map_err(|e| HostError::io("read", &from, e))?,
        };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Kind::Directory,
            FileType::RegularFile => Kind::File,
            FileType::Symlink => Kind::Link,
            _ => {
                let why = "neither file, directory nor link";
                self.done.left_out.push((from, why));
                return Ok(None);
            }
        };
        let mark = Mark::of(kind, &stat);
        let before = self.earlier.and_then(|e| e.marks.get(&inner));
        if before.is_some_and(|b| b.kind != kind) {
            remove(&to)?;
        }
        self.done.marks.insert(inner.clone(), mark);
        match kind {
            Kind::Directory => {
                make(&to)?;
                return Ok(Some((inner, stat)));
            }
            Kind::Link => link(dir, name, &stat, &to)?,
            Kind::File => {
                if before.is_some_and(|b| b.same(&mark)) {
                    self.done.bytes += u64::try_from(stat.st_size).unwrap_or(0);
                    return Ok(None);
                }
                let flags = OFlags::RDONLY | OFlags::NONBLOCK;
                match below(dir, Path::new(name), flags, Mode::empty()) {
                    Ok(opened) => self.content(opened, &stat, &to)?,
                    // what came in its place is told by the next look
                    Err(e) if gone(e) => {
                        self.done.marks.remove(&inner);
                    }
                    Err(e) => return Err(HostError::io("open", &from, e)),
                }
            }
        }
        Ok(None)
    }

    fn content(&mut self, source: OwnedFd, stat: &Stat, to: &Path) -> Result<(), HostError> {
        let wrap = |e: Errno| HostError::io("write", to, e);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
        let made = resolve::open_new(to, flags, Mode::RUSR | Mode::WUSR).map_err(wrap)?;
        // shares the blocks where the file system can
        let cloned = rustix::fs::ioctl_ficlone(&made, &source).is_ok();
        let (mut source, mut made) = (File::from(source), File::from(made));
        if !cloned {
            std::io::copy(&mut source, &mut made).map_err(|e| HostError::io("write", to, e))?;
        }
        like(&made, stat).map_err(wrap)?;
        let size = made.metadata().map_err(|e| HostError::io("read", to, e))?;
        self.done.bytes += size.len();
        Ok(())
    }

    fn forget_what_is_gone(&self) -> Result<(), HostError> {
        for inner in self.earlier.iter().flat_map(|e| e.marks.keys()) {
            if !self.done.marks.contains_key(inner) {
                remove(&self.to.join(inner))?;
            }
        }
        Ok(())
    }
}

impl Mark {
    fn of(kind: Kind, stat: &Stat) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(i64::MAX, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX));
        let number = |n: i128| i64::try_from(n).unwrap_or_default();
        Self {
            kind,
            inode: stat.st_ino,
            size: stat.st_size,
            written: (
                number(i128::from(stat.st_mtime)),
                number(i128::from(stat.st_mtime_nsec)),
            ),
            changed: (
                number(i128::from(stat.st_ctime)),
                number(i128::from(stat.st_ctime_nsec)),
            ),
            settled: number(i128::from(stat.st_ctime)) + DOUBT < now,
        }
    }

    /// Whether nothing was written between this earlier look and the other one.
    fn same(&self, later: &Self) -> bool {
        self.settled
            && (self.inode, self.size, self.written, self.changed)
                == (later.inode, later.size, later.written, later.changed)
    }
}

fn link(dir: &OwnedFd, name: &OsStr, stat: &Stat, to: &Path) -> Result<(), HostError> {
    let wrap = |e: Errno| HostError::io("write", to, e);
    let target = match rustix::fs::readlinkat(dir, name, Vec::new()) {
        Err(e) if gone(e) => return Ok(()),
        other => other.map_err(wrap)?,
    };
    remove(to)?;
    let place = resolve::Place::of(to)?;
    rustix::fs::symlinkat(target.as_c_str(), &place.dir, &place.name).map_err(wrap)?;
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::chownat(&place.dir, &place.name, Some(uid), Some(gid), flags).map_err(wrap)
}

/// Owner, mode and time of the original.
fn like(made: impl AsFd, stat: &Stat) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    rustix::fs::fchown(&made, Some(uid), Some(gid))?;
    rustix::fs::fchmod(&made, Mode::from_raw_mode(stat.st_mode))?;
    let moment = Timespec {
        tv_sec: stat.st_mtime,
        tv_nsec: i64::try_from(stat.st_mtime_nsec).unwrap_or_default(),
    };
    rustix::fs::futimens(
        &made,
        &Timestamps {
            last_access: moment,
            last_modification: moment,
        },
    )
}

fn make(path: &Path) -> Result<(), HostError> {
    match rustix::fs::mkdir(path, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(e) => Err(HostError::io("make", path, e)),
    }
}

/// Removes something of the copy, or any directory that only this user can enter, whatever it is; an absent one is fine.
pub(crate) fn remove(path: &Path) -> Result<(), HostError> {
    let removed = match fs_err::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs_err::remove_dir_all(path),
        Ok(_) => fs_err::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(HostError::io("remove", path, e)),
        _ => Ok(()),
    }
}

fn below(dir: impl AsFd, inner: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let inner = if inner.as_os_str().is_empty() {
        Path::new(".")
    } else {
        inner
    };
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::BENEATH;
    rustix::fs::openat2(dir, inner, flags | OFlags::CLOEXEC, mode, resolve)
}

/// What a running program's own changes look like from outside.
fn gone(error: Errno) -> bool {
    matches!(
        error,
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn a_copy_has_what_was_there_and_follows_no_link() {
        let home = tempfile::tempdir().unwrap();
        let (from, to) = (home.path().join("from"), home.path().join("to"));
        std::fs::create_dir_all(from.join("a/b")).unwrap();
        std::fs::write(from.join("a/b/file"), "content").unwrap();
        std::fs::set_permissions(from.join("a/b/file"), PermissionsExt::from_mode(0o640)).unwrap();
        symlink("/etc/hostname", from.join("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, from.join("pipe"), Mode::RWXU).unwrap();
        if rustix::process::getuid().is_root() {
            std::os::unix::fs::chown(from.join("a"), Some(4321), Some(4322)).unwrap();
        }
        let copied = copy(&from, &to, None).unwrap();
        assert_eq!(text(&to.join("a/b/file")), "content");
        let (was, is) = (
            std::fs::metadata(from.join("a")).unwrap(),
            std::fs::metadata(to.join("a")).unwrap(),
        );
        assert_eq!(
            (was.uid(), was.gid(), was.mode(), was.mtime()),
            (is.uid(), is.gid(), is.mode(), is.mtime())
        );
        let mode = std::fs::metadata(to.join("a/b/file")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(
            std::fs::read_link(to.join("link")).unwrap(),
            Path::new("/etc/hostname")
        );
        assert_eq!(copied.left_out.len(), 1, "{:?}", copied.left_out);
        assert_eq!((copied.bytes, bytes_below(&to).unwrap()), (7, 7));
    }

    #[test]
    fn a_second_copy_takes_what_changed_and_removes_what_is_gone() {
        let home = tempfile::tempdir().unwrap();
        let (from, to) = (home.path().join("from"), home.path().join("to"));
        std::fs::create_dir_all(from.join("gone")).unwrap();
        for name in ["same", "changed", "gone/file", "turned"] {
            std::fs::write(from.join(name), "1").unwrap();
        }
        let first = copy(&from, &to, None).unwrap();
        std::fs::remove_dir_all(from.join("gone")).unwrap();
        // the same size, at nearly the same moment
        std::fs::write(from.join("changed"), "2").unwrap();
        std::fs::remove_file(from.join("turned")).unwrap();
        std::fs::create_dir(from.join("turned")).unwrap();
        std::fs::write(from.join("turned/new"), "3").unwrap();
        let second = copy(&from, &to, Some(&first)).unwrap();
        assert_eq!(text(&to.join("same")), "1");
        assert_eq!(text(&to.join("changed")), "2");
        assert_eq!(text(&to.join("turned/new")), "3");
        assert!(!to.join("gone").exists());
        assert_eq!(second.bytes, 3);
    }

    #[test]
    fn a_file_that_was_not_touched_for_a_while_is_not_copied_again() {
        let settled = Mark {
            kind: Kind::File,
            inode: 1,
            size: 1,
            written: (1, 0),
            changed: (1, 0),
            settled: true,
        };
        assert!(settled.same(&settled));
        let doubtful = Mark {
            settled: false,
            ..settled
        };
        assert!(!doubtful.same(&settled));
        let later = Mark {
            changed: (2, 0),
            ..settled
        };
        assert!(!settled.same(&later));
    }

    #[test]
    fn what_is_not_there_is_an_empty_copy_and_a_link_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let to = home.path().join("to");
        assert_eq!(copy(&home.path().join("none"), &to, None).unwrap().bytes, 0);
        symlink("/etc", home.path().join("link")).unwrap();
        assert!(matches!(
            copy(&home.path().join("link/apt"), &to, None),
            Err(HostError::SymlinkRefused { .. })
        ));
    }
}
