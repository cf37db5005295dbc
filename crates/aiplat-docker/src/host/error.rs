//! What can go wrong on the host.

use std::io;
use std::path::{Path, PathBuf};

use aiplat_core::spec::Owner;

use super::lock::Held;

/// A refusal or failure on the host. No variant carries file content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// A file system or quota is full; what was there before is as it was.
    #[error("expected free space for `{}`, the disk or the quota is full", .path.display())]
    NoSpace {
        /// What was being written.
        path: PathBuf,
    },
    /// A copy of data would not fit; nothing was stopped for it.
    #[error("expected {} of free space for a copy of the data in `{}`, found {}", mebibytes(*.needed), .path.display(), mebibytes(*.free))]
    CopyRoom {
        /// The copy.
        path: PathBuf,
        /// Bytes it needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The kernel refused for lack of rights.
    #[error("expected the right to {what} `{}`", .path.display())]
    Denied {
        /// What was tried, such as `write`.
        what: &'static str,
        /// On what.
        path: PathBuf,
    },
    /// A directory belongs to somebody else.
    #[error(
        "expected `{}` to belong to {}:{}, it belongs to {}:{}",
        .path.display(), .expected.uid, .expected.gid, .found.uid, .found.gid
    )]
    WrongOwner {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: Owner,
        /// Whose it should be.
        expected: Owner,
    },
    /// A directory's parent is not there.
    #[error("expected the directory `{}` to exist", .path.display())]
    NoParent {
        /// The missing one.
        path: PathBuf,
    },
    /// Something else is where a directory should be.
    #[error("expected a directory at `{}`", .path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// Something else is where a regular file should be.
    #[error("expected a regular file at `{}`", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Something else is where a block device should be.
    #[error("expected a block device at `{}`", .path.display())]
    NotADevice {
        /// The path.
        path: PathBuf,
    },
    /// Somebody else wrote a file while this one was about to.
    #[error("expected `{}` to stay as it was, somebody changed it meanwhile; run the command again", .path.display())]
    ChangedMeanwhile {
        /// The file.
        path: PathBuf,
    },
    /// A path or one of its parents is a symbolic link.
    #[error("expected no symbolic link in `{}`", .path.display())]
    SymlinkRefused {
        /// The path as it was given.
        path: PathBuf,
    },
    /// A file has a second name, which may be somebody else's: a stack's user could link to a file it must not read.
    #[error("expected a file with one name, `{}` has others", .path.display())]
    HardLink {
        /// The path.
        path: PathBuf,
    },
    /// A path is relative, or has `..` in it.
    #[error("expected an absolute path without `..`, found `{}`", .path.display())]
    NotNormal {
        /// The path.
        path: PathBuf,
    },
    /// A path is not inside the directory it must be in.
    #[error("expected a directory inside `{}`, found `{}`", .base.display(), .path.display())]
    NotContained {
        /// The path.
        path: PathBuf,
        /// The directory it must be in.
        base: PathBuf,
    },
    /// Something is mounted where nothing may be.
    #[error("expected nothing mounted at `{}`", .path.display())]
    MountInside {
        /// The mount point.
        path: PathBuf,
    },
    /// A directory that was to be removed has another stack in it.
    #[error("expected no other stack below the directory, found one at `{}`", .path.display())]
    OtherStack {
        /// The other stack's file.
        path: PathBuf,
    },
    /// A file is larger than it may be.
    #[error("expected at most {limit} bytes in `{}`", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most it may have.
        limit: usize,
    },
    /// A file is not what it should be inside.
    #[error("expected `{}` to hold {expected}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was expected, in words.
        expected: &'static str,
    },
    /// The lock of a stack is held by somebody else.
    #[error(transparent)]
    Held(#[from] Held),
    /// A host-wide lock did not come free in time.
    #[error("expected the lock `{}` within {seconds} s", .path.display())]
    LockTimeout {
        /// The lock file.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// The kernel does not enforce `AppArmor`.
    #[error("expected a kernel that enforces AppArmor")]
    NoAppArmor,
    /// A profile's name does not fit, or differs from its file's.
    #[error("expected a profile whose name fits and is its file's name, found `{name}`")]
    ProfileName {
        /// The name.
        name: String,
    },
    /// The parser refused a profile, or found other profiles in its text than the one it is named for.
    #[error("the profile parser refused: {output}")]
    Parser {
        /// What it printed, or what was wrong with what it printed.
        output: String,
    },
    /// The parser was content, and yet the kernel does not enforce the profile.
    #[error("expected the kernel to enforce the profile `{name}` after loading, it says `{found}`")]
    NotEnforced {
        /// The profile.
        name: String,
        /// Its mode, or `absent`.
        found: String,
    },
    /// A process still wears a profile that was to be removed; removing it would unconfine the process for good.
    #[error("expected no process to wear the profile `{name}`, process {pid} does")]
    ProfileInUse {
        /// The profile.
        name: String,
        /// One of the processes.
        pid: u32,
    },
    /// There is no such process.
    #[error("expected a process {pid}")]
    NoProcess {
        /// Its number.
        pid: u32,
    },
    /// A program that is needed is not installed.
    #[error("expected the program `{program}`")]
    NoProgram {
        /// Its name.
        program: String,
    },
    /// A program failed.
    #[error("`{command}` failed: {output}")]
    Program {
        /// The command line.
        command: String,
        /// What it printed, shortened.
        output: String,
    },
    /// The firewall's rules are not in place after they were put there.
    #[error("expected the rules for `{bridge}` first in the input chain of {family}")]
    NotGuarded {
        /// The bridge.
        bridge: String,
        /// `IPv4` or `IPv6`.
        family: &'static str,
    },
    /// A name that is handed to the firewall or the kernel does not fit its grammar.
    #[error("expected {expected}, found `{found}`")]
    BadName {
        /// What was expected, in words.
        expected: &'static str,
        /// What was there.
        found: String,
    },
    /// The kernel has other limits than were written.
    #[error("expected the kernel to hold {wanted:?} for `{parent}`, it holds {found:?}")]
    CgroupDiffers {
        /// The parent cgroup.
        parent: String,
        /// What was written.
        wanted: aiplat_core::observed::CgroupFacts,
        /// What is there.
        found: aiplat_core::observed::CgroupFacts,
    },
    /// A cgroup uses more memory than it is to be left.
    #[error(
        "`STACK_MEMORY`: expected at least the {} that `{parent}` uses, found {}",
        mebibytes(*.used), mebibytes(*.wanted)
    )]
    CgroupTooSmall {
        /// The parent cgroup.
        parent: String,
        /// The limit that was to be, bytes.
        wanted: u64,
        /// What is in use without the kernel's copies of files, bytes.
        used: u64,
    },
    /// Processes are still in a cgroup that was to be removed.
    #[error("expected no process in the cgroup `{parent}`")]
    CgroupBusy {
        /// The parent cgroup.
        parent: String,
    },
    /// No limit of disk space can be held here.
    #[error("`STACK_DISK`: {0}")]
    Quota(#[from] aiplat_core::observed::QuotaRefusal),
    /// The project of a stack is in use by somebody else.
    #[error("expected project {project} to be free for `{}`, files of somebody else belong to it", .path.display())]
    ProjectTaken {
        /// Its number.
        project: u32,
        /// The stack's directory.
        path: PathBuf,
    },
    /// More is in use than the limit would allow.
    #[error(
        "`STACK_DISK`: expected at least the {} that `{}` uses, found {}",
        mebibytes(*.used), .path.display(), mebibytes(*.limit)
    )]
    QuotaTooSmall {
        /// The stack's directory.
        path: PathBuf,
        /// The limit that was asked for, bytes.
        limit: u64,
        /// What is in use, bytes.
        used: u64,
    },
    /// The kernel has another limit than was set.
    #[error("expected the kernel to hold `{}` to {wanted:?} bytes, it holds {found:?}", .path.display())]
    QuotaDiffers {
        /// The stack's directory.
        path: PathBuf,
        /// What was set.
        wanted: Option<u64>,
        /// What is there.
        found: aiplat_core::observed::QuotaFacts,
    },
    /// This host cannot do it.
    #[error("this host cannot {what}")]
    Unsupported {
        /// What was asked, in words.
        what: String,
    },
    /// Any other failure of the kernel.
    #[error("could not {what} `{}`", .path.display())]
    Io {
        /// What was tried, such as `write`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
}

impl HostError {
    /// Sorts a failure of the kernel into its case.
    pub(crate) fn io(what: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            io::ErrorKind::PermissionDenied => Self::Denied { what, path },
            io::ErrorKind::NotADirectory => Self::NotADirectory { path },
            _ if source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                Self::SymlinkRefused { path }
            }
            _ => Self::Io { what, path, source },
        }
    }

    /// What the operator can do, where there is one plain answer.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSpace { .. } => {
                Some("free some space, or give the stack a larger volume".to_owned())
            }
            Self::Denied { .. } => Some("run the command as root".to_owned()),
            Self::WrongOwner { path, expected, .. } => Some(format!(
                "if it is this stack's, run `chown {}:{} {}`; else choose another `BASE_DIR`",
                expected.uid,
                expected.gid,
                path.display()
            )),
            Self::SymlinkRefused { path } => Some(format!(
                "give the path that `readlink -f {}` prints, or remove the link",
                path.display()
            )),
            Self::HardLink { path } => Some(format!(
                "replace it by a copy of its own: `cp -p {0} {0}.new && mv {0}.new {0}`",
                path.display()
            )),
            Self::LockTimeout { path, .. } => Some(format!(
                "see who holds it with `fuser -v {}`",
                path.display()
            )),
            Self::ProfileInUse { pid, .. } => Some(format!(
                "stop process {pid} first: without its profile it would run unconfined"
            )),
            Self::MountInside { path } => Some(format!("run `umount {}` first", path.display())),
            Self::NoAppArmor => Some(
                "set `APPARMOR=off` to run without it, or boot a kernel that has it".to_owned(),
            ),
            Self::Quota(refusal) => Some(refusal.hint()),
            Self::ProjectTaken { project, .. } => Some(format!(
                "see what has it with `repquota -P -n -a` (#{project}), or give the stack another `STACK_USER_UID`"
            )),
            Self::QuotaTooSmall { .. } | Self::CgroupTooSmall { .. } => {
                Some("give a larger one, or remove what is not needed".to_owned())
            }
            Self::NoProgram { program } => {
                Some(format!("install the package that has `{program}`"))
            }
            _ => None,
        }
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn the_kernel_s_answers_are_sorted() {
        let path = Path::new("/x");
        let sorted = |errno: Errno| HostError::io("write", path, errno);
        assert!(matches!(sorted(Errno::NOSPC), HostError::NoSpace { .. }));
        assert!(matches!(sorted(Errno::DQUOT), HostError::NoSpace { .. }));
        assert!(matches!(sorted(Errno::PERM), HostError::Denied { .. }));
        assert!(matches!(sorted(Errno::ACCESS), HostError::Denied { .. }));
        assert!(matches!(
            sorted(Errno::LOOP),
            HostError::SymlinkRefused { .. }
        ));
        assert!(matches!(
            sorted(Errno::NOTDIR),
            HostError::NotADirectory { .. }
        ));
        let other = sorted(Errno::ROFS);
        assert_eq!(other.to_string(), "could not write `/x`");
        assert!(
            std::error::Error::source(&other).is_some(),
            "the kernel's words are the source"
        );
    }

    #[test]
    fn a_hint_names_what_to_run() {
        let owner = |uid| Owner { uid, gid: uid };
        let path = PathBuf::from("/mnt/data");
        let error = HostError::WrongOwner {
            path,
            found: owner(0),
            expected: owner(7),
        };
        assert_eq!(
            error.to_string(),
            "expected `/mnt/data` to belong to 7:7, it belongs to 0:0"
        );
        assert!(error.hint().unwrap().contains("`chown 7:7 /mnt/data`"));
    }
}
