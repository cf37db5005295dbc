//! The rules that are the same for every service of a kind.

use crate::rule::{Family, Perms, SocketKind, Verdict};
use Perms::{Mrix, R, Rw, Rwk, Rwkl, Rwklmx, Wkl, Wklmx};

/// A file rule without anything of a service in it.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) verdict: Verdict,
    pub(super) owner: bool,
    pub(super) pattern: &'static str,
    pub(super) perms: Perms,
}

const fn allow(id: &'static str, pattern: &'static str, perms: Perms) -> Row {
    Row {
        id,
        verdict: Verdict::Allow,
        owner: false,
        pattern,
        perms,
    }
}

const fn owner(id: &'static str, pattern: &'static str, perms: Perms) -> Row {
    Row {
        id,
        verdict: Verdict::Allow,
        owner: true,
        pattern,
        perms,
    }
}

const fn guard(id: &'static str, pattern: &'static str, perms: Perms) -> Row {
    Row {
        id,
        verdict: Verdict::Deny,
        owner: false,
        pattern,
        perms,
    }
}

/// The default kind: what the mount namespace shows. `/**` and not `/{,**}`: with
/// `attach_disconnected` a memfd is named `/`, and the latter would run it.
pub(super) const READ_ALL: [Row; 1] = [allow("image", "/**", Mrix)];

/// The strict kinds: program directories, and what programs look up about themselves.
/// `/proc/self` and `/proc/net` are links: the kernel asks about `/proc/<pid>/…`.
pub(super) const READ_STRICT: [Row; 18] = [
    allow(
        "image",
        "/{bin,sbin,lib,lib32,lib64,libx32,usr,opt,app,nix,tailscale}/{,**}",
        Mrix,
    ),
    allow("entrypoint", "/{docker-,}entrypoint*", Mrix),
    allow("etc", "/etc/{,**}", R),
    allow("list-top", "/{home,root,srv,var,mnt,media,run,dev}/", R),
    allow("list-var", "/var/{lib,cache,log,spool}/", R),
    allow("list-home", "/home/*/", R),
    allow("secrets", "/run/secrets/{,**}", R),
    allow("dockerenv", "/.dockerenv", R),
    allow("proc-list", "/proc/", R),
    allow(
        "proc-facts",
        "/proc/{meminfo,cpuinfo,stat,uptime,loadavg,version,filesystems,mounts,swaps,cmdline,devices,diskstats}",
        R,
    ),
    allow("proc-pid", "/proc/[0-9]*/{,**}", R),
    allow("proc-sys", "/proc/sys/{kernel,vm,net,fs}/{,**}", R),
    allow("sys-list", "/sys/", R),
    allow("sys-cgroup", "/sys/fs/cgroup/{,**}", R),
    allow(
        "sys-devices",
        "/sys/devices/system/{cpu,node,clocksource}/{,**}",
        R,
    ),
    allow(
        "sys-mm",
        "/sys/kernel/mm/{transparent_hugepage,hugepages}/{,**}",
        R,
    ),
    allow("sys-net", "/sys/{class/net,devices/virtual/net}/{,**}", R),
    allow("sys-apparmor", "/sys/module/apparmor/parameters/enabled", R),
];

/// The root directory itself, and shared memory in huge pages, which is a file named `/`
/// (`PostgreSQL` tries it by default). Writing `/` makes no file in it.
pub(super) const ROOT: Row = allow("root", "/", Rw);

/// A writable root file system: every file of the image.
pub(super) const WRITE_ROOT: Row = allow("write-root", "/**", Rwkl);

/// The guard that a writable root lifts: such an image makes users of its own.
pub(super) const SHADOW_GUARD: &str = "guard-shadow";

/// What programs write that is no file of theirs. `/proc/<pid>/fd/*` needs no rule: the kernel asks
/// about the file behind it.
pub(super) const DEVICES: [Row; 4] = [
    allow("dev", "/dev/{null,zero,full,random,urandom,tty,ptmx}", Rw),
    allow("dev-pts", "/dev/pts/{,*}", Rw),
    owner("proc-comm", "/proc/[0-9]*/{,task/[0-9]*/}comm", Rw),
    owner(
        "proc-knobs",
        "/proc/[0-9]*/{oom_score_adj,coredump_filter,timerslack_ns}",
        Rw,
    ),
];

/// Device nodes of the GPU vendors.
pub(super) const GPU: [Row; 3] = [
    allow("gpu-nvidia", "/dev/nvidia*", Rw),
    allow("gpu-dri", "/dev/dri/*", Rw),
    allow("gpu-kfd", "/dev/kfd", Rw),
];

/// The sidecar's kernel tunnel.
pub(super) const TUN: [Row; 3] = [
    allow("tun", "/dev/net/tun", Rw),
    allow("tun-xtables", "/run/xtables.lock", Rwk),
    allow("tun-resolv", "/etc/resolv.conf", Rwk),
];

/// Most of these deny what nothing allows: they hold when a mount list goes wrong, and they log.
pub(super) const GUARDS: [Row; 7] = [
    guard(
        "guard-kernel",
        "/proc/{sysrq-trigger,kcore,kmsg,keys,kallsyms}",
        Rwklmx,
    ),
    guard("guard-sysctl", "/proc/sys/**", Wkl),
    guard(
        "guard-process",
        "/proc/*/{mem,attr/**,uid_map,gid_map,setgroups}",
        Wkl,
    ),
    guard("guard-sys", "/sys/**", Wklmx),
    guard(
        "guard-sys-secret",
        "/sys/{firmware,kernel/security,kernel/debug,kernel/tracing,fs/bpf}/{,**}",
        Rwklmx,
    ),
    guard("guard-shadow", "/etc/{,g}shadow{,-}", Rwklmx),
    guard(
        "guard-engine",
        "/{,var/}run/{docker,docker/*,containerd/*,podman/*,crio/*}.sock",
        Rwklmx,
    ),
];

/// Only where the manifest asks for it.
pub(super) const PASSWD: Row = guard("guard-passwd", "/etc/passwd{,-}", Rwklmx);

/// Sockets of ordinary programs. `netlink` is needed by `getaddrinfo`; the three `unix` lines by
/// kernels and parsers that mediate local sockets.
pub(super) const NETWORK: [(&str, Family, SocketKind); 9] = [
    ("net:inet-stream", Family::Inet, SocketKind::Stream),
    ("net:inet-dgram", Family::Inet, SocketKind::Dgram),
    ("net:inet6-stream", Family::Inet6, SocketKind::Stream),
    ("net:inet6-dgram", Family::Inet6, SocketKind::Dgram),
    ("net:unix-stream", Family::Unix, SocketKind::Stream),
    ("net:unix-dgram", Family::Unix, SocketKind::Dgram),
    ("net:unix-seqpacket", Family::Unix, SocketKind::Seqpacket),
    ("net:netlink-raw", Family::Netlink, SocketKind::Raw),
    ("net:netlink-dgram", Family::Netlink, SocketKind::Dgram),
];
