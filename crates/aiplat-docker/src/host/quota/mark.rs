//! Which project a tree belongs to.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use aiplat_core::allocation::SCRATCH;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use crate::host::HostError;
use crate::host::files::{self, tree};
use crate::host::program::Program;

/// Files that one call of the program is given.
const AT_ONCE: usize = 500;
/// The flag of a directory that hands its project on.
const INHERIT: char = 'P';

/// What a directory and those in it belong to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Belongs {
    /// The directory's own project; none where it is in none, does not hand it on, or has it from the directory above.
    pub(super) project: Option<u32>,
    /// The project of all of them.
    pub(super) whole: Option<u32>,
    /// The projects of any of them.
    pub(super) any: BTreeSet<u32>,
}

/// Asks for a directory and the directories in it, two levels deep. One that is not there belongs to nothing.
pub(super) fn belongs(lsattr: &Program, base_dir: &Path) -> Result<Belongs, HostError> {
    if !base_dir.exists() {
        return Ok(Belongs::default());
    }
    let mut all = vec![base_dir.to_path_buf()];
    for path in below(base_dir)? {
        all.extend(below(&path)?);
        all.push(path);
    }
    // a stack of its own
    all.retain(|path| *path != base_dir.join(SCRATCH));
    let above = base_dir.parent();
    all.extend(above.map(Path::to_path_buf));
    let mut words: Vec<&OsStr> = ["-p", "-d", "--"].map(OsStr::new).into();
    words.extend(all.iter().map(|path| path.as_os_str()));
    // one that went away meanwhile is complained of, and no reason to know less of the others
    let output = lsattr.run(&words, b"")?;
    if output.stdout.trim().is_empty() {
        output.checked()?;
        return Ok(Belongs::default());
    }
    let found: Vec<(Option<u32>, &str)> = output.stdout.lines().filter_map(line).collect();
    Ok(judged(&found, base_dir))
}

/// From the project of each directory that was asked for.
fn judged(found: &[(Option<u32>, &str)], base_dir: &Path) -> Belongs {
    let of = |path: &Path| {
        let mut all = found.iter().filter(|(_, at)| Path::new(at) == path);
        all.next().and_then(|(project, _)| *project)
    };
    let own = of(base_dir);
    let inherited = base_dir.parent().and_then(of);
    let inside = || {
        let all = found.iter();
        all.filter(|(_, at)| Path::new(at).starts_with(base_dir))
    };
    let same = inside().all(|(project, _)| *project == own);
    Belongs {
        project: own.filter(|_| own != inherited),
        whole: own.filter(|_| same),
        any: inside().filter_map(|(project, _)| *project).collect(),
    }
}

/// Project, flags and path.
fn line(line: &str) -> Option<(Option<u32>, &str)> {
    let (project, rest) = line.trim_start().split_once(' ')?;
    let (flags, path) = rest.trim_start().split_once(' ')?;
    let project = project.parse().ok().filter(|id| *id != 0);
    Some((project.filter(|_| flags.contains(INHERIT)), path))
}

/// The directories in a directory; none where it is gone. What is mounted there is none of them.
fn below(path: &Path) -> Result<Vec<PathBuf>, HostError> {
    let wrap = |e| HostError::io("read", path, e);
    let dir = match files::open(path, OFlags::DIRECTORY | OFlags::RDONLY) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(Vec::new()),
        other => other.map_err(wrap)?,
    };
    let mut names: Vec<OsString> = Vec::new();
    for (name, kind) in tree::entries(&dir).map_err(wrap)? {
        if kind == FileType::Directory && !matches!(tree::open(&dir, &name), Err(Errno::XDEV)) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names.into_iter().map(|name| path.join(name)).collect())
}

/// Puts a tree under a project: each directory before what is in it, so that nothing new escapes. A backup
/// that is being tried out in there is a stack with a project of its own.
pub(super) fn mark(chattr: &Program, base_dir: &Path, project: u32) -> Result<(), HostError> {
    let wrap = |e| HostError::io("read", base_dir, e);
    let top = files::open(base_dir, OFlags::DIRECTORY | OFlags::RDONLY).map_err(wrap)?;
    let project = project.to_string();
    let mark = Mark {
        chattr,
        project: &project,
    };
    mark.directory(&top, base_dir, &base_dir.join(SCRATCH))
}

struct Mark<'a> {
    chattr: &'a Program,
    project: &'a str,
}

impl Mark<'_> {
    /// By the open directory and not by its path, which a stack's own user could turn into a link meanwhile. A file's last
    /// name is such a path still; what can come of that is one file more that counts.
    fn directory(&self, dir: &OwnedFd, path: &Path, skip: &Path) -> Result<(), HostError> {
        let wrap = |e| HostError::io("read", path, e);
        let open = format!("/proc/{}/fd/{}", std::process::id(), dir.as_raw_fd());
        self.run(&["+P"], &[OsString::from(format!("{open}/."))])?;
        let (mut plain, mut folders) = (Vec::new(), Vec::new());
        for (name, kind) in tree::entries(dir).map_err(wrap)? {
            match kind {
                FileType::RegularFile => plain.push(Path::new(&open).join(name).into_os_string()),
                FileType::Directory => folders.push(name),
                _ => {}
            }
        }
        for some in plain.chunks(AT_ONCE) {
            self.run(&[], some)?;
        }
        for name in folders {
            let below = path.join(&name);
            if below == skip {
                continue;
            }
            match tree::open(dir, &name) {
                Ok(inner) => self.directory(&inner, &below, skip)?,
                // it went away, became something else, or is another file system
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => {}
                Err(other) => return Err(HostError::io("read", &below, other)),
            }
        }
        Ok(())
    }

    /// A file that went away between two looks is no failure.
    fn run(&self, flags: &[&str], paths: &[OsString]) -> Result<(), HostError> {
        let mut words: Vec<&OsStr> = ["-p", self.project].map(OsStr::new).into();
        words.extend(flags.iter().map(OsStr::new));
        words.extend(paths.iter().map(OsString::as_os_str));
        let output = self.chattr.run(&words, b"")?;
        let gone = |line: &str| line.contains("No such file or directory");
        let mut complaints = output.stderr.lines().filter(|line| !line.trim().is_empty());
        if output.success || (!output.stderr.trim().is_empty() && complaints.all(gone)) {
            return Ok(());
        }
        output.checked().map(|_| ())
    }
}

/// Takes one directory out of its project.
pub(super) fn unmark(chattr: &Program, path: &Path) -> Result<(), HostError> {
    let words = ["-p", "0", "-P"].map(OsStr::new);
    let words = [&words[..], &[path.as_os_str()]].concat();
    chattr.run(&words, b"")?.checked().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_says_of_a_directory() {
        let text = "1634272232 --------------e----P-- /mnt/data\n    0 --------------e------- /mnt/data/with space\n\
                    1634272232 --------------e------- /mnt/data/x\nlsattr: nonsense\n";
        let found: Vec<_> = text.lines().filter_map(line).take(3).collect();
        assert_eq!(
            found,
            [
                (Some(1_634_272_232), "/mnt/data"),
                (None, "/mnt/data/with space"),
                (None, "/mnt/data/x")
            ]
        );
    }

    #[test]
    fn a_tree_is_whole_when_all_of_it_is_and_its_own_when_it_begins_there() {
        let base = Path::new("/vol/a");
        let of = |rows: &[(Option<u32>, &'static str)]| {
            let Belongs { project, whole, .. } = judged(rows, base);
            (project, whole)
        };
        let (one, two) = (Some(1), Some(2));
        let above = (None, "/vol");
        assert_eq!(
            of(&[(one, "/vol/a"), (one, "/vol/a/data"), above]),
            (one, one)
        );
        assert_eq!(
            of(&[(one, "/vol/a"), (None, "/vol/a/data"), above]),
            (one, None)
        );
        assert_eq!(
            of(&[(one, "/vol/a"), (two, "/vol/a/data"), above]),
            (one, None)
        );
        assert_eq!(
            of(&[(None, "/vol/a"), (one, "/vol/a/data"), above]),
            (None, None)
        );
        // a backup that is tried out inside another stack's directory has that one's project and no say over it
        assert_eq!(of(&[(one, "/vol/a"), (one, "/vol")]), (None, one));
        assert_eq!(of(&[(two, "/vol/a"), (one, "/vol")]), (two, two));
        assert_eq!(of(&[]), (None, None));
        let torn = [(None, "/vol/a"), (two, "/vol/a/data"), (one, "/vol")];
        assert_eq!(judged(&torn, base).any, [2].into());
    }
}
