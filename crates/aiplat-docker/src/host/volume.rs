//! Where a path lies: which file system, whether it is a mount of its own, how much is free.

use std::path::Path;

use aiplat_core::observed::VolumeFacts;
use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags};
use rustix::io::Errno;

use super::HostError;
use super::mounts::{Mount, mounts};

/// For a path that does not exist, what holds for the nearest directory above that does.
pub(crate) fn volume(proc: &Path, path: &Path) -> Result<VolumeFacts, HostError> {
    let mut existing = path;
    let found = loop {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        match (
            rustix::fs::statx(CWD, existing, flags, wanted),
            existing.parent(),
        ) {
            (Ok(found), _) => break found,
            (Err(Errno::NOENT | Errno::NOTDIR), Some(above)) => existing = above,
            (Err(other), _) => return Err(HostError::io("read", existing, other)),
        }
    };
    let space = rustix::fs::statvfs(existing).map_err(|e| HostError::io("read", existing, e))?;
    let directory = rustix::fs::FileType::from_raw_mode(u32::from(found.stx_mode))
        == rustix::fs::FileType::Directory;
    let exists = existing == path && directory;
    let all = mounts(proc)?;
    let mount = all.iter().find(|m| m.id == found.stx_mnt_id);
    let root_device = rustix::fs::stat("/")
        .map_err(|e| HostError::io("read", "/".as_ref(), e))?
        .st_dev;
    let device = rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor);
    Ok(VolumeFacts {
        exists,
        mount_point: exists
            && found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)
            && device != root_device
            && mount.is_some_and(is_whole),
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        file_system: mount.map(|m| m.file_system.clone()).unwrap_or_default(),
    })
}

/// Not a folder of some other volume that is mounted here as well. What btrfs mounts is always one of its subvolumes.
fn is_whole(mount: &Mount) -> bool {
    mount.root == "/" || mount.file_system == "btrfs"
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn facts(path: &Path) -> VolumeFacts {
        volume(Path::new("/proc"), path).unwrap()
    }

    fn run(program: &str, arguments: &[&str]) {
        assert!(
            Command::new(program)
                .args(arguments)
                .status()
                .unwrap()
                .success()
        );
    }

    #[test]
    fn a_volume_is_told_from_a_directory_and_from_a_bound_one() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let text = |name: &str| at(name).to_str().unwrap().to_owned();
        for name in ["plain", "with space", "bound"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        run(
            "mount",
            &["-t", "tmpfs", "-o", "size=1m", "tiny", &text("with space")],
        );
        std::fs::create_dir(at("with space/sub")).unwrap();
        run(
            "mount",
            &["--bind", &text("with space/sub"), &text("bound")],
        );
        let own = facts(&at("with space"));
        let inside = facts(&at("with space/sub"));
        let bound = facts(&at("bound"));
        let below = facts(&at("with space/absent/deeper"));
        run("umount", &[&text("bound")]);
        run("mount", &["--bind", &text("plain"), &text("bound")]);
        let same_device = facts(&at("bound"));
        run("umount", &[&text("bound")]);
        run("umount", &[&text("with space")]);
        assert!(own.exists && own.mount_point);
        assert_eq!(own.file_system, "tmpfs");
        assert!((1..=1 << 20).contains(&own.free_bytes));
        assert!(inside.exists && !inside.mount_point);
        assert!(
            bound.exists && !bound.mount_point,
            "a folder of another volume"
        );
        assert!(!same_device.mount_point, "a folder of the root's volume");
        assert!(!below.exists && !below.mount_point);
        assert_eq!(below.file_system, "tmpfs");
        assert!(!facts(&at("plain")).mount_point);
        std::fs::write(at("file"), "").unwrap();
        assert!(!facts(&at("file")).exists);
    }

    #[test]
    fn the_root_is_no_volume_of_a_stack() {
        assert!(!facts(Path::new("/")).mount_point);
    }
}
