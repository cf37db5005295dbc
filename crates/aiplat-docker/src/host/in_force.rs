//! What the kernel holds a container to, read from its first process: `/proc/PID` and the cgroup file system.

use std::path::Path;
use std::str::FromStr as _;

use aiplat_core::observed::CgroupFacts;
use aiplat_core::spec::ContainerSpec;
use procfs::{FromBufRead as _, ProcessCGroups};

use super::HostError;
use super::cgroup::Cgroups;

/// Where the kernel's own limit of a page is no whole part of what was asked for, less than this is lost.
const ROUNDED: u64 = 64 << 10;

/// What the kernel holds a container's first process to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    /// Real user.
    pub uid: u32,
    /// Real group.
    pub gid: u32,
    /// It can gain no rights by running a program.
    pub no_new_privs: bool,
    /// Its system calls are filtered; `None` where the kernel has no filters.
    pub filtered: Option<bool>,
    /// Capabilities that it can ever have, as the kernel's bits.
    pub bounding: u64,
    /// Its root file system is read-only.
    pub read_only: bool,
    /// Limits of its cgroup.
    pub limits: CgroupFacts,
}

/// Reads what holds for process `pid`; nothing when it is no process of container `id` on this host.
pub(crate) fn in_force(
    proc: &Path,
    cgroups: &Cgroups<'_>,
    pid: u32,
    id: &str,
) -> Result<Option<InForce>, HostError> {
    let dir = proc.join(pid.to_string());
    let read = |name: &str| match std::fs::read(dir.join(name)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        // it ended meanwhile
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) if e.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Ok(None),
        Err(e) => Err(HostError::io("read", &dir.join(name), e)),
    };
    let (Some(groups), Some(status), Some(mounts)) =
        (read("cgroup")?, read("status")?, read("mountinfo")?)
    else {
        return Ok(None);
    };
    let Some(below) = own_cgroup(&groups, id) else {
        return Ok(None);
    };
    let Some(limits) = cgroups.of_path(&below)? else {
        return Ok(None);
    };
    let field = |name: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| {
            line.strip_prefix(name)?
                .strip_prefix(':')?
                .split_whitespace()
                .next()
        })
    };
    let number = |name: &str| field(name).and_then(|word| word.parse().ok());
    let bits = field("CapBnd").and_then(|word| u64::from_str_radix(word, 16).ok());
    let (Some(uid), Some(gid), Some(bounding)) = (number("Uid"), number("Gid"), bits) else {
        return Ok(None);
    };
    Ok(Some(InForce {
        uid,
        gid,
        no_new_privs: field("NoNewPrivs") == Some("1"),
        filtered: field("Seccomp").map(|mode| mode == "2"),
        bounding,
        read_only: root_is_read_only(&mounts),
        limits,
    }))
}

/// The container's own cgroup: below it there may be others of its own making.
fn own_cgroup(text: &str, id: &str) -> Option<String> {
    let groups = ProcessCGroups::from_buf_read(text.as_bytes()).ok()?;
    groups.0.iter().find_map(|group| {
        let at = group.pathname.find(id)?;
        let rest = &group.pathname[at..];
        let end = rest.find('/').unwrap_or(rest.len());
        Some(
            group.pathname[..at + end]
                .trim_start_matches('/')
                .to_owned(),
        )
    })
}

fn root_is_read_only(mountinfo: &str) -> bool {
    let root = mountinfo
        .lines()
        .rfind(|line| line.split(' ').nth(4) == Some("/"));
    let options = root
        .and_then(|line| line.split(' ').nth(5))
        .unwrap_or_default();
    options.split(',').any(|option| option == "ro")
}

/// What of a specification is not in force, each in words; more than was asked for is fine.
pub(crate) fn weaker(spec: &ContainerSpec, found: &InForce) -> Vec<String> {
    let mut words = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            words.push(what);
        }
    };
    let (user, limits) = (spec.user, &spec.limits);
    // one that begins as root may have given that up by now
    expect(
        user.uid == 0 || (found.uid, found.gid) == (user.uid, user.gid),
        format!(
            "user {}:{}, found {}:{}",
            user.uid, user.gid, found.uid, found.gid
        ),
    );
    expect(found.no_new_privs, "no-new-privileges".to_owned());
    expect(
        found.filtered != Some(false),
        "a filter of system calls".to_owned(),
    );
    expect(
        !spec.read_only || found.read_only,
        "a read-only root file system".to_owned(),
    );
    let asked = spec.capabilities.iter().filter_map(|name| {
        caps::Capability::from_str(&format!("CAP_{}", name.trim_start_matches("CAP_"))).ok()
    });
    let asked = asked.fold(0, |bits, capability| bits | capability.bitmask());
    let more = found.bounding & !asked;
    expect(
        more == 0,
        format!("no other capabilities, found the bits {more:x}"),
    );
    let shown = |value: Option<u64>| value.map_or("none".to_owned(), |v| v.to_string());
    let mut limit = |name: &str, wanted: Option<u64>, is: Option<u64>, slack: u64| {
        let Some(wanted) = wanted else { return };
        expect(
            is.is_some_and(|is| is <= wanted.saturating_add(slack)),
            format!("a limit of {wanted} {name}, found {}", shown(is)),
        );
    };
    limit(
        "bytes of memory",
        limits.memory_bytes,
        found.limits.memory_bytes,
        ROUNDED,
    );
    limit(
        "thousandths of a processor",
        limits.milli_cpus,
        found.limits.milli_cpus,
        1,
    );
    limit(
        "processes",
        Some(limits.pids.into()),
        found.limits.pids.map(u64::from),
        0,
    );
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef";

    fn process(root: &Path, cgroup: &str) {
        let dir = root.join("proc/7");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("cgroup"), cgroup).unwrap();
        let status = "Uid:\t3000\t3000\nGid:\t3001\t3001\nCapBnd:\t0000000000000400\nNoNewPrivs:\t1\nSeccomp:\t2\n";
        std::fs::write(dir.join("status"), status).unwrap();
        let mounts =
            "1 0 0:5 / / ro,relatime - overlay overlay rw\n2 1 0:6 / /tmp rw - tmpfs tmpfs rw\n";
        std::fs::write(dir.join("mountinfo"), mounts).unwrap();
    }

    fn read(root: &Path) -> Option<InForce> {
        let systemctl = super::super::Program::named("systemctl");
        let cgroups = Cgroups {
            root: &root.join("cgroup"),
            systemctl: &systemctl,
        };
        in_force(&root.join("proc"), &cgroups, 7, ID).unwrap()
    }

    fn expected(limits: CgroupFacts) -> InForce {
        InForce {
            uid: 3000,
            gid: 3001,
            no_new_privs: true,
            filtered: Some(true),
            bounding: 1 << 10,
            read_only: true,
            limits,
        }
    }

    #[test]
    fn both_layouts_of_cgroups_are_read_and_another_process_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let write = |path: String, value: &str| {
            let path = root.join("cgroup").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, value).unwrap();
        };
        process(
            root,
            &format!("4:pids:/docker/{ID}\n3:memory:/docker/{ID}\n"),
        );
        write(
            format!("memory/docker/{ID}/memory.limit_in_bytes"),
            "1048576\n",
        );
        write(format!("pids/docker/{ID}/pids.max"), "50\n");
        let limits = CgroupFacts {
            memory_bytes: Some(1 << 20),
            milli_cpus: None,
            pids: Some(50),
        };
        assert_eq!(read(root), Some(expected(limits.clone())));
        process(root, "4:pids:/docker/other\n");
        assert_eq!(read(root), None);

        std::fs::remove_dir_all(root.join("cgroup")).unwrap();
        process(root, &format!("0::/aiplat-x/docker-{ID}.scope/below\n"));
        write("cgroup.controllers".into(), "cpu memory pids\n");
        write(
            format!("aiplat-x/docker-{ID}.scope/memory.max"),
            "1048576\n",
        );
        write(format!("aiplat-x/docker-{ID}.scope/pids.max"), "50\n");
        assert_eq!(read(root), Some(expected(limits)));
    }
}
