//! A stack's limit of disk space: a project quota of ext4 or xfs on its directory.
//!
//! The kernel's calls for projects have no safe binding, so the programs that every administrator uses for them make them:
//! `chattr` and `lsattr` say which project a directory belongs to, `setquota` and `repquota` what the project may have.

mod mark;
mod report;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use aiplat_core::observed::{QuotaFacts, QuotaRefusal};
use aiplat_core::spec::{QuotaSpec, is_project};
use rustix::fs::{AtFlags, CWD, OFlags, StatxFlags};

use super::mounts::{Mount, mounts};
use super::program::Program;
use super::{HostError, files};

/// The option of a mount whose project quotas are in force, as the kernel shows it for both file systems.
const OPTION: &str = "prjquota";

/// Programs, and where the kernel says what is mounted.
pub(crate) struct Quotas<'a> {
    pub(crate) proc: &'a Path,
    pub(crate) chattr: &'a Program,
    pub(crate) lsattr: &'a Program,
    pub(crate) setquota: &'a Program,
    pub(crate) repquota: &'a Program,
}

impl Quotas<'_> {
    /// What holds of a directory. Nothing where no project is asked for and the directory hands none on: that costs one
    /// call of the kernel.
    pub(crate) fn facts(
        &self,
        base_dir: &Path,
        wanted: Option<u32>,
    ) -> Result<Option<QuotaFacts>, HostError> {
        if wanted.is_none() && !hands_on(base_dir)? {
            return Ok(None);
        }
        let mount = self.mount(base_dir)?;
        if let Some(refusal) = self.refusal(&mount) {
            return Ok(wanted.map(|_| QuotaFacts {
                refusal: Some(refusal),
                ..QuotaFacts::default()
            }));
        }
        let belongs = mark::belongs(self.lsattr, base_dir)?;
        let found = belongs.project.filter(|project| is_project(*project));
        let Some(project) = wanted.or(found) else {
            // somebody else's use of projects, or that of the stack around this one
            return Ok(None);
        };
        let usage = report::usage(self.repquota, &mount.point, project)?;
        Ok(Some(QuotaFacts {
            refusal: None,
            project: found,
            limit_bytes: usage.limit_bytes,
            used_bytes: usage.used_bytes,
            marked: belongs.whole == Some(project),
        }))
    }

    /// Puts a directory under its project, sets the limit and reads it back.
    pub(crate) fn set(&self, spec: &QuotaSpec) -> Result<QuotaFacts, HostError> {
        let QuotaSpec {
            base_dir,
            project,
            bytes,
        } = spec;
        let before = self.facts(base_dir, Some(*project))?.unwrap_or_default();
        if let Some(refusal) = before.refusal {
            return Err(refusal.into());
        }
        if bytes.is_some() && !before.marked {
            // an earlier run that died has marked the directory itself first; somebody may have taken that one mark away
            let known = mark::belongs(self.lsattr, base_dir)?.any;
            if !known.contains(project) && before.used_bytes > 0 {
                return Err(HostError::ProjectTaken {
                    project: *project,
                    path: base_dir.clone(),
                });
            }
            mark::mark(self.chattr, base_dir, *project)?;
        }
        let mount = self.mount(base_dir)?;
        let used = report::usage(self.repquota, &mount.point, *project)?.used_bytes;
        if let Some(limit) = bytes.filter(|limit| *limit < used) {
            return Err(HostError::QuotaTooSmall {
                path: base_dir.clone(),
                limit,
                used,
            });
        }
        self.limit(*project, *bytes, &mount.point)?;
        let found = self.facts(base_dir, Some(*project))?.unwrap_or_default();
        let held = kibibytes(found.limit_bytes) == kibibytes(*bytes);
        if held && (found.marked || bytes.is_none()) {
            return Ok(found);
        }
        Err(HostError::QuotaDiffers {
            path: base_dir.clone(),
            wanted: *bytes,
            found,
        })
    }

    /// Takes the limit away and the directory out of its project, where it is in it; a directory that is gone is fine.
    pub(crate) fn remove(&self, spec: &QuotaSpec) -> Result<(), HostError> {
        let QuotaSpec {
            base_dir, project, ..
        } = spec;
        let mount = self.mount(base_dir)?;
        if self.refusal(&mount).is_some() {
            return Ok(());
        }
        self.limit(*project, None, &mount.point)?;
        if base_dir.is_dir() && mark::belongs(self.lsattr, base_dir)?.project == Some(*project) {
            mark::unmark(self.chattr, base_dir)?;
        }
        Ok(())
    }

    fn limit(&self, project: u32, bytes: Option<u64>, at: &Path) -> Result<(), HostError> {
        let blocks = kibibytes(bytes).unwrap_or(0);
        let words: Vec<OsString> = [
            "-P",
            &project.to_string(),
            "0",
            &blocks.to_string(),
            "0",
            "0",
        ]
        .map(OsString::from)
        .into();
        let words: Vec<&OsStr> = words
            .iter()
            .map(OsString::as_os_str)
            .chain([at.as_os_str()])
            .collect();
        self.setquota.run(&words, b"")?.checked().map(|_| ())
    }

    /// Why no limit can be held in a file system.
    fn refusal(&self, mount: &Mount) -> Option<QuotaRefusal> {
        let at = mount.point.clone();
        let file_system = mount.file_system.clone();
        if !matches!(file_system.as_str(), "ext4" | "xfs") {
            return Some(QuotaRefusal::FileSystem { at, file_system });
        }
        if !mount.options.iter().any(|option| option == OPTION) {
            let device = mount.source.clone();
            return Some(QuotaRefusal::Option {
                at,
                file_system,
                device,
            });
        }
        let programs = [
            (self.chattr, "e2fsprogs"),
            (self.lsattr, "e2fsprogs"),
            (self.setquota, "quota"),
            (self.repquota, "quota"),
        ];
        let missing = programs
            .into_iter()
            .find(|(program, _)| !program.is_installed())?;
        Some(QuotaRefusal::Program {
            program: missing.0.name(),
            package: missing.1.to_owned(),
        })
    }

    /// What a directory, or the nearest one above it that exists, is mounted by.
    fn mount(&self, path: &Path) -> Result<Mount, HostError> {
        let mut existing = path;
        let id = loop {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            match (
                rustix::fs::statx(CWD, existing, flags, StatxFlags::MNT_ID),
                existing.parent(),
            ) {
                (Ok(found), _) => break found.stx_mnt_id,
                (Err(rustix::io::Errno::NOENT), Some(above)) => existing = above,
                (Err(other), _) => return Err(HostError::io("read", existing, other)),
            }
        };
        let found = mounts(self.proc)?.into_iter().find(|m| m.id == id);
        found.ok_or_else(|| HostError::Malformed {
            path: self.proc.join("self/mountinfo"),
            expected: "the mount of every directory",
        })
    }
}

/// Whether what is made in a directory belongs to the directory's project.
fn hands_on(path: &Path) -> Result<bool, HostError> {
    let wrap = |e| HostError::io("read", path, e);
    let dir = match files::open(path, OFlags::DIRECTORY | OFlags::RDONLY) {
        Err(rustix::io::Errno::NOENT) => return Ok(false),
        other => other.map_err(wrap)?,
    };
    match rustix::fs::ioctl_getflags(&dir) {
        Ok(flags) => Ok(flags.contains(rustix::fs::IFlags::from_bits_retain(INHERITED))),
        // a file system without such flags
        Err(rustix::io::Errno::NOTTY | rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::INVAL) => {
            Ok(false)
        }
        Err(other) => Err(wrap(other)),
    }
}

/// `FS_PROJINHERIT_FL` of the kernel's `fs.h`.
const INHERITED: u32 = 0x2000_0000;

/// The unit in which quotas are set.
fn kibibytes(bytes: Option<u64>) -> Option<u64> {
    bytes.map(|bytes| bytes.div_ceil(1024))
}
