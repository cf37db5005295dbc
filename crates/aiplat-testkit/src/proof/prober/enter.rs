//! Getting into a container's place with a container's rights.

use std::fs::{self, File};

use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use super::protocol::Entry;

/// Enters, and gives up everything that is not the container's user's. Must run before any thread is started.
pub(super) fn enter(entry: &Entry) -> Result<(), String> {
    if let Some(pid) = entry.pid {
        let (mount, net) = (open(pid, "mnt")?, open(pid, "net")?);
        own_users(pid)?;
        still_there(pid, &entry.container)?;
        setns(net, CloneFlags::CLONE_NEWNET).map_err(|e| format!("enter its network: {e}"))?;
        setns(mount, CloneFlags::CLONE_NEWNS).map_err(|e| format!("enter its mounts: {e}"))?;
    }
    drop_rights(entry)?;
    // a parent that is killed takes the prober with it; set last, because a change of user clears it
    prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
        .map_err(|e| format!("tie itself to its parent: {e}"))
}

fn open(pid: u32, namespace: &str) -> Result<File, String> {
    let path = format!("/proc/{pid}/ns/{namespace}");
    File::open(&path).map_err(|e| format!("open `{path}`: {e}"))
}

/// In another user namespace the numbers below would mean other users.
fn own_users(pid: u32) -> Result<(), String> {
    let of = |who: &str| fs::read_link(format!("/proc/{who}/ns/user")).ok();
    if of(&pid.to_string()) == of("self") {
        return Ok(());
    }
    Err("it has a user namespace of its own, which this prober cannot enter".to_owned())
}

fn still_there(pid: u32, container: &str) -> Result<(), String> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    if groups.contains(container) {
        return Ok(());
    }
    Err("its first process is gone".to_owned())
}

fn drop_rights(entry: &Entry) -> Result<(), String> {
    let said = |what: &'static str| move |e: nix::errno::Errno| format!("{what}: {e}");
    for capability in caps::all() {
        // what the kernel does not know cannot be held either
        let _ = caps::drop(None, caps::CapSet::Bounding, capability);
    }
    let groups: Vec<Gid> = entry.groups.iter().map(|g| Gid::from_raw(*g)).collect();
    setgroups(&groups).map_err(said("give up its groups"))?;
    let gid = Gid::from_raw(entry.gid);
    setresgid(gid, gid, gid).map_err(said("change its group"))?;
    let uid = Uid::from_raw(entry.uid);
    setresuid(uid, uid, uid).map_err(said("change its user"))?;
    for set in [
        caps::CapSet::Effective,
        caps::CapSet::Permitted,
        caps::CapSet::Inheritable,
    ] {
        caps::clear(None, set).map_err(|e| format!("give up its capabilities: {e}"))?;
    }
    prctl::set_no_new_privs().map_err(said("refuse new rights"))
}
