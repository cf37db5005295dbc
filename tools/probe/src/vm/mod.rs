//! A container runtime in miniature, inside a virtual machine that exists for one test.
//!
//! `init` mounts the kernel's file systems and works through `/script`. For each container it
//! starts a runtime process in new namespaces, which builds the container's root and starts the
//! *subject*: this program under the profile in question, which is told what to try line by line
//! over a pipe. (A file would itself be something to be allowed.)

pub(crate) mod container;
pub(crate) mod init;
mod kernel_log;
mod program;
mod rootfs;
pub(crate) mod subject;

/// Where this program lies in the container.
pub(crate) const PROGRAM: &str = "/usr/bin/probe";
/// What scripts name as their interpreter.
pub(crate) const INTERPRETER: &str = "/bin/tool";
/// What the runtime listens on with the name and at the place of an engine's socket.
pub(crate) const ENGINE_SOCKET: &str = "/run/docker.sock";
/// An abstract socket of the host.
pub(crate) const HOST_ABSTRACT: &str = "aiplat-host";
