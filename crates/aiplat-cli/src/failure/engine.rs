//! Failures of the engine, of the host, and of looking at both.

use aiplat_docker::engine::EngineError;
use aiplat_docker::host::HostError;
use aiplat_docker::observe::ObserveError;

use super::Failure;
use crate::exit::Exit;

/// How the command ends for an engine's answer.
pub(super) fn engine_exit(error: &EngineError) -> Exit {
    match error {
        EngineError::Unreachable { .. }
        | EngineError::Address { .. }
        | EngineError::TooOld { .. }
        | EngineError::ImageAbsent { .. }
        | EngineError::PullFailed { .. }
        | EngineError::Silent { .. }
        | EngineError::Garbled { .. } => Exit::Engine,
        EngineError::NameTaken { .. }
        | EngineError::PortTaken { .. }
        | EngineError::SubnetTaken { .. } => Exit::Refused,
        EngineError::DiskFull { .. } => Exit::Host,
        EngineError::NotFound { .. } | EngineError::Refused { .. } => Exit::Failure,
    }
}

pub(super) fn engine_hint(error: &EngineError) -> Option<String> {
    let words = match error {
        EngineError::Unreachable { words, .. }
            if words.to_lowercase().contains("permission denied") =>
        {
            "run the command as root, or as a user who may use the engine's socket"
        }
        EngineError::Unreachable { .. } => {
            "start the engine, or say where it is with `--host` or DOCKER_HOST; `aiplat doctor` looks at it"
        }
        EngineError::TooOld { .. } => "install Docker 20.10 or newer, or Podman 4 or newer",
        EngineError::ImageAbsent { reference } | EngineError::PullFailed { reference, .. } => {
            // a pull of ours has no login, and what the engine has is not pulled
            return Some(format!(
                "see that the registry has it under that name; where it asks for a login, `docker pull {reference}` first; \
                 `IMAGE_REGISTRY` takes all images from a mirror, `IMAGE_<SERVICE>` one"
            ));
        }
        EngineError::PortTaken { .. } => {
            "free the port, or give another by its key; `aiplat plan` shows which"
        }
        EngineError::NameTaken { .. } => "rename what holds it, or give another `CONTAINER_PREFIX`",
        EngineError::SubnetTaken { .. } => "leave `STACK_SUBNET` out to have a free one chosen",
        EngineError::DiskFull { .. } => "free some space where the engine keeps its data",
        _ => return None,
    };
    Some(words.to_owned())
}

/// How the command ends for a host's answer.
pub(super) fn host_exit(error: &HostError) -> Exit {
    match error {
        HostError::Held(_) | HostError::LockTimeout { .. } => Exit::Locked,
        HostError::WrongOwner { .. }
        | HostError::OtherStack { .. }
        | HostError::NotContained { .. }
        | HostError::SymlinkRefused { .. }
        | HostError::MountInside { .. }
        | HostError::ProjectTaken { .. }
        | HostError::QuotaTooSmall { .. }
        | HostError::ProfileInUse { .. } => Exit::Refused,
        HostError::NotNormal { .. } | HostError::BadName { .. } | HostError::Malformed { .. } => {
            Exit::Invalid
        }
        HostError::NoSpace { .. }
        | HostError::CopyRoom { .. }
        | HostError::Denied { .. }
        | HostError::NoParent { .. }
        | HostError::NotADirectory { .. }
        | HostError::NotAFile { .. }
        | HostError::NotADevice { .. }
        | HostError::NoAppArmor
        | HostError::NoProgram { .. }
        | HostError::NotGuarded { .. }
        | HostError::CgroupDiffers { .. }
        | HostError::CgroupTooSmall { .. }
        | HostError::Quota(_)
        | HostError::QuotaDiffers { .. }
        | HostError::Unsupported { .. } => Exit::Host,
        _ => Exit::Failure,
    }
}

pub(super) fn host_hint(error: &HostError) -> Option<String> {
    match error {
        HostError::Held(_) => {
            Some("wait for it to end; the lock is let go with its process".to_owned())
        }
        other => other.hint(),
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::of(engine_exit(&error), &error).maybe_hint(engine_hint(&error))
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Self::of(host_exit(&error), &error).maybe_hint(host_hint(&error))
    }
}

impl From<ObserveError> for Failure {
    fn from(error: ObserveError) -> Self {
        match error {
            ObserveError::Engine(error) => error.into(),
            ObserveError::Host(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_engine_and_a_held_lock_have_codes_of_their_own() {
        let unreachable = EngineError::Unreachable {
            address: "unix:///x".into(),
            words: "no such file".into(),
        };
        let failure = Failure::from(unreachable);
        assert_eq!(failure.exit(), Exit::Engine);
        assert!(failure.text().contains("hint:"));
        let held = aiplat_docker::host::Held {
            path: "/x/config/lock".into(),
            by: None,
        };
        assert_eq!(Failure::from(HostError::from(held)).exit(), Exit::Locked);
    }
}
