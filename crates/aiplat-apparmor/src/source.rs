//! Host paths that are never mounted into a container.
//!
//! Mainline kernels do not mediate `connect()` to a unix socket, so no profile keeps a container
//! from an engine socket it can see: with a deny rule in force and the socket mounted, the engine
//! still answered. The mount itself has to be refused.

use thiserror::Error;

use crate::path::within;

/// Names of the engines' sockets, wherever they lie.
const SOCKETS: [&str; 6] = [
    "docker.sock",
    "containerd.sock",
    "containerd.sock.ttrpc",
    "podman.sock",
    "crio.sock",
    "buildkitd.sock",
];
/// Directories below `/run` (and `/var/run`) that are an engine's own.
const ENGINE_DIRS: [&str; 5] = ["docker", "containerd", "podman", "crio", "buildkit"];
/// State directories of engines: whoever writes there owns every container.
const ENGINE_STATE: [&str; 3] = [
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
];
/// Directories that contain engine sockets or state, or are the host's own.
const PARENTS: [&str; 6] = ["/", "/run", "/var", "/var/run", "/var/lib", "/run/user"];
/// Host trees that are no stack's, whose mount would undo the rest.
const HOST_TREES: [&str; 4] = ["/proc", "/sys", "/dev", "/boot"];

/// Why a host path may not be mounted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RefusedMount {
    /// Not an absolute path, or one with `..`: nothing can be said about it.
    #[error("expected an absolute host path without `..`")]
    NotAbsolute,
    /// An engine's socket, its directory or its state.
    #[error(
        "`{path}` belongs to a container engine and is never mounted: whoever reaches it owns the host"
    )]
    Engine {
        /// The path, normalised.
        path: String,
    },
    /// A directory in which an engine's socket lies.
    #[error("`{path}` contains a container engine's socket and is never mounted")]
    ContainsEngine {
        /// The path, normalised.
        path: String,
    },
    /// A tree of the kernel or of the host's boot.
    #[error("`{path}` is the host's own and is never mounted")]
    Host {
        /// The path, normalised.
        path: String,
    },
}

/// Refuses to mount a container engine's socket, its state, anything that contains one, and the
/// host's kernel trees. Lexical: resolve symbolic links first.
///
/// ```
/// use aiplat_apparmor::refuse_mount_source;
///
/// assert!(refuse_mount_source("/mnt/data/data/grafana").is_ok());
/// assert!(refuse_mount_source("/var/run//docker.sock").is_err());
/// assert!(refuse_mount_source("/run").is_err());
/// ```
pub fn refuse_mount_source(host_path: &str) -> Result<(), RefusedMount> {
    refuse_mount_source_given(host_path, &[])
}

/// As [`refuse_mount_source`], with the sockets of engines that live at unusual places (such as
/// the one the command itself talks to).
pub fn refuse_mount_source_given(host_path: &str, sockets: &[&str]) -> Result<(), RefusedMount> {
    let path = normalise(host_path).ok_or(RefusedMount::NotAbsolute)?;
    if is_engine_path(&path)
        || sockets
            .iter()
            .any(|s| normalise(s).is_some_and(|s| s == path))
    {
        return Err(RefusedMount::Engine { path });
    }
    let user_runtime_dir = path
        .strip_prefix("/run/user/")
        .is_some_and(|rest| !rest.contains('/'));
    let holds = |socket: &&str| normalise(socket).is_some_and(|s| within(&s, &path));
    if PARENTS.contains(&path.as_str()) || user_runtime_dir || sockets.iter().any(holds) {
        return Err(RefusedMount::ContainsEngine { path });
    }
    if HOST_TREES.iter().any(|tree| within(&path, tree)) {
        return Err(RefusedMount::Host { path });
    }
    Ok(())
}

/// True for an engine's socket, the directory it lies in, and an engine's state.
pub(crate) fn is_engine_path(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    SOCKETS.contains(&name)
        || ENGINE_STATE.iter().any(|tree| within(path, tree))
        || ["/run/", "/var/run/"].into_iter().any(|run| {
            path.strip_prefix(run).is_some_and(|rest| {
                let first = rest.split('/').next().unwrap_or_default();
                ENGINE_DIRS.contains(&first) || user_engine_dir(rest)
            })
        })
}

/// `user/<uid>/<engine>`, where rootless engines keep their sockets.
fn user_engine_dir(below_run: &str) -> bool {
    let mut parts = below_run.split('/');
    parts.next() == Some("user")
        && parts.next().is_some()
        && parts.next().is_some_and(|dir| ENGINE_DIRS.contains(&dir))
}

/// Without `//`, `/./` and a trailing `/`; nothing where the path is relative or has `..`.
fn normalise(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return None;
    }
    let mut clean = String::new();
    for component in path.split('/').filter(|c| !c.is_empty() && *c != ".") {
        if component == ".." {
            return None;
        }
        clean.push('/');
        clean.push_str(component);
    }
    Some(if clean.is_empty() {
        "/".to_owned()
    } else {
        clean
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_sockets_and_what_holds_them() {
        for bad in [
            "/",
            "//",
            "/./",
            "/run",
            "/run/",
            "/var/run",
            "/var",
            "/var/lib",
            "/run/docker.sock",
            "/var/run/docker.sock",
            "/run//docker.sock",
            "/mnt/x/docker.sock",
            "/run/docker",
            "/run/containerd/containerd.sock",
            "/run/podman",
            "/run/crio/crio.sock",
            "/run/user",
            "/run/user/1000",
            "/run/user/1000/podman/podman.sock",
            "/run/user/1000/docker.sock",
            "/var/lib/docker/volumes/x",
            "/var/lib/containerd",
            "/proc",
            "/proc/1/root",
            "/sys",
            "/dev",
            "run",
            "",
            "/mnt/../run/docker.sock",
        ] {
            assert!(refuse_mount_source(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_stack_s_own_directories() {
        for good in [
            "/mnt/data/data/n8n",
            "/srv/docker/x",
            "/mnt/data2",
            "/var/lib/stack/data",
        ] {
            assert_eq!(refuse_mount_source(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn an_engine_at_an_unusual_place() {
        let sockets = ["/srv/engine/api.sock"];
        for bad in ["/srv/engine/api.sock", "/srv/engine", "/srv"] {
            assert!(refuse_mount_source_given(bad, &sockets).is_err(), "{bad}");
        }
        assert!(refuse_mount_source_given("/srv/engine2", &sockets).is_ok());
    }
}
