//! Mounts, old interface and new, and namespaces.

use std::ffi::CStr;
use std::fs::File;

use nix::sched::CloneFlags;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, OpenTreeFlags,
    UnmountFlags, fsconfig_create, fsmount, fsopen, mount, mount_bind, mount_change, mount_move,
    mount_remount, move_mount, open_tree, unmount,
};

use super::processes::in_child;
use super::{Op, in_thread_of_its_own};
use crate::answer::{Failure, Outcome, through};

const NOTHING: &CStr = c"";

pub(super) const OPS: &[(&str, usize, Op)] = &[
    ("mount-tmpfs", 1, |a| {
        mount("tmpfs", a[0], "tmpfs", MountFlags::empty(), NOTHING)?;
        take_away(a[0])
    }),
    ("mount-proc", 1, |a| {
        mount("proc", a[0], "proc", MountFlags::empty(), NOTHING)?;
        take_away(a[0])
    }),
    ("mount-bind", 2, |a| {
        mount_bind(a[0], a[1])?;
        take_away(a[1])
    }),
    ("mount-move", 2, |a| {
        mount_move(a[0], a[1])?;
        Ok(mount_move(a[1], a[0])?)
    }),
    ("remount", 1, |a| {
        Ok(mount_remount(a[0], MountFlags::NOATIME, NOTHING)?)
    }),
    ("mount-private", 1, |a| {
        Ok(mount_change(
            a[0],
            rustix::mount::MountPropagationFlags::PRIVATE,
        )?)
    }),
    ("unmount", 1, |a| {
        unmount(a[0], UnmountFlags::DETACH)?;
        Ok(mount("tmpfs", a[0], "tmpfs", MountFlags::empty(), NOTHING)?)
    }),
    ("mount-new-api", 1, new_api),
    ("open-tree-move", 2, |a| {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let tree = open_tree(rustix::fs::CWD, a[0], flags)?;
        attach(&tree, a[1])
    }),
    ("pivot-root", 2, |a| {
        let (new, old) = (a[0].to_owned(), a[1].to_owned());
        in_thread_of_its_own(move || {
            // the initial root file system can never be pivoted away: the kernel's refusal comes
            // after the permission check
            through(
                rustix::process::pivot_root(new, old),
                &[Errno::INVAL, Errno::BUSY],
            )
        })
    }),
    ("unshare", 1, |a| {
        let flags = namespace(a[0])?;
        // only a process of a single thread may ask for these two
        if flags.intersects(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID) {
            return in_child("unshare-here", a);
        }
        in_thread_of_its_own(move || Ok(nix::sched::unshare(flags)?))
    }),
    ("unshare-here", 1, |a| {
        Ok(nix::sched::unshare(namespace(a[0])?)?)
    }),
    ("enter-namespace", 2, |a| {
        let (path, flags) = (a[0].to_owned(), namespace(a[1])?);
        in_thread_of_its_own(move || Ok(nix::sched::setns(File::open(path)?, flags)?))
    }),
    ("chroot", 1, |a| {
        let path = a[0].to_owned();
        in_thread_of_its_own(move || Ok(rustix::process::chroot(path)?))
    }),
];

fn take_away(path: &str) -> Outcome {
    Ok(unmount(path, UnmountFlags::DETACH)?)
}

fn namespace(word: &str) -> Result<CloneFlags, Failure> {
    Ok(match word {
        "user" => CloneFlags::CLONE_NEWUSER,
        "mount" => CloneFlags::CLONE_NEWNS,
        "net" => CloneFlags::CLONE_NEWNET,
        "pid" => CloneFlags::CLONE_NEWPID,
        "uts" => CloneFlags::CLONE_NEWUTS,
        _ => return Err(Failure::odd("namespace")),
    })
}

/// `fsopen`, `fsmount`, `move_mount`: what a rule about `mount` alone does not stop.
fn new_api(arguments: &[&str]) -> Outcome {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let tree = fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::empty(),
    )?;
    attach(&tree, arguments[0])
}

fn attach(tree: &std::os::fd::OwnedFd, path: &str) -> Outcome {
    move_mount(
        tree,
        NOTHING,
        rustix::fs::CWD,
        path,
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
    )?;
    take_away(path)
}
