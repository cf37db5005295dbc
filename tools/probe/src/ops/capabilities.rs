//! One operation per capability that matters. The subject is full root in the machine, so what
//! is refused here is refused by the profile and by nothing else.

use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, makedev, mknodat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, socket, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Op, in_thread};
use crate::answer::through;

pub(super) const OPS: &[(&str, usize, Op)] = &[
    ("chown", 1, |a| {
        std::os::unix::fs::chown(a[0], Some(12345), None)?;
        Ok(std::os::unix::fs::chown(a[0], Some(0), None)?)
    }),
    ("read-foreign", 1, |a| Ok(File::open(a[0]).map(drop)?)),
    ("chmod-foreign", 1, |a| {
        let mode = fs::metadata(a[0])?.permissions();
        Ok(fs::set_permissions(
            a[0],
            fs::Permissions::from_mode(mode.mode()),
        )?)
    }),
    ("set-file-capability", 1, |a| {
        // version 2, effective, all zero: the smallest value the kernel takes
        let value = [1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        rustix::fs::setxattr(a[0], "security.capability", &value, XattrFlags::empty())?;
        Ok(rustix::fs::removexattr(a[0], "security.capability")?)
    }),
    ("make-device", 1, |a| {
        let mode = Mode::from_raw_mode(0o600);
        mknodat(CWD, a[0], FileType::BlockDevice, mode, makedev(8, 0))?;
        Ok(fs::remove_file(a[0])?)
    }),
    ("open-disk", 1, |a| {
        let file = OpenOptions::new().read(true).custom_flags(0).open(a[0]);
        through(file, &[Errno::NXIO, Errno::NODEV])
    }),
    ("set-user", 0, |_| {
        in_thread(|| {
            Ok(rustix::thread::set_thread_uid(
                rustix::process::Uid::from_raw(12345),
            )?)
        })
    }),
    ("set-group", 0, |_| {
        in_thread(|| {
            Ok(rustix::thread::set_thread_gid(
                rustix::process::Gid::from_raw(12345),
            )?)
        })
    }),
    ("bind-low-port", 0, |_| {
        Ok(TcpListener::bind("127.0.0.1:81").map(drop)?)
    }),
    ("force-buffer", 0, |_| {
        let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
        Ok(sockopt::set_socket_recv_buffer_size_force(
            &socket,
            1 << 16,
        )?)
    }),
    ("set-hostname", 0, |_| {
        Ok(rustix::system::sethostname(b"container")?)
    }),
    ("set-clock", 0, |_| {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        Ok(rustix::time::clock_settime(
            rustix::time::ClockId::Realtime,
            now,
        )?)
    }),
    ("raise-priority", 0, |_| {
        rustix::process::setpriority_process(None, -5)?;
        Ok(rustix::process::setpriority_process(None, 0)?)
    }),
    ("raise-limit", 0, |_| {
        let old = getrlimit(Resource::Nofile);
        let more = old.maximum.map(|n| n + 1);
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: old.current,
                maximum: more,
            },
        )?;
        Ok(setrlimit(Resource::Nofile, old)?)
    }),
    ("load-module", 0, |_| {
        through(
            rustix::system::init_module(&[0; 64], c""),
            &[Errno::NOEXEC, Errno::INVAL],
        )
    }),
];
