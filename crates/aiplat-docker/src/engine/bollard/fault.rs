//! The engine's refusals, told apart. Engines differ in status and text: both are looked at, neither alone is trusted.

use std::net::{IpAddr, SocketAddr};

use aiplat_core::spec::{ContainerSpec, NetworkMode, NetworkSpec};
use bollard::errors::Error;

use crate::chain::chain;
use crate::engine::EngineError;

/// An error of any request.
pub(super) fn typed(error: &Error, what: &str, address: &str) -> EngineError {
    let what = what.to_owned();
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => refusal(what, *status_code, message.trim()),
        Error::DockerStreamError { error } => refusal(what, 200, error.trim()),
        Error::RequestTimeoutError => EngineError::Silent { what },
        Error::SocketNotFoundError(_) | Error::HyperLegacyError { .. } | Error::IOError { .. } => {
            EngineError::Unreachable {
                address: address.to_owned(),
                words: chain(error),
            }
        }
        other => EngineError::Garbled {
            what,
            words: chain(other),
        },
    }
}

fn refusal(what: String, status: u16, words: &str) -> EngineError {
    let lower = words.to_lowercase();
    if lower.contains("no space left on device") || lower.contains("disk quota exceeded") {
        return EngineError::DiskFull {
            words: words.to_owned(),
        };
    }
    if let Some((address, port)) = port_in_use(&lower) {
        return EngineError::PortTaken { address, port };
    }
    if status == 404 {
        if let Some(reference) = absent_image(words) {
            return EngineError::ImageAbsent { reference };
        }
        if lower.contains("no such") || lower.contains("not found") {
            return EngineError::NotFound {
                what: subject(words),
            };
        }
    }
    EngineError::Refused {
        what,
        status,
        words: words.to_owned(),
    }
}

/// What a "no such" message is about, in our words.
fn subject(words: &str) -> String {
    let lower = words.to_lowercase();
    let at = lower.find("no such ").map(|at| at + "no such ".len());
    match at
        .and_then(|at| words.get(at..))
        .and_then(|rest| rest.split_once(':'))
    {
        Some((kind, name)) => format!("{} `{}`", kind.trim().to_lowercase(), name.trim()),
        None => words.trim_end_matches('.').to_owned(),
    }
}

fn absent_image(words: &str) -> Option<String> {
    let lower = words.to_lowercase();
    let at = lower.find("no such image:")?;
    Some(words.get(at + "no such image:".len()..)?.trim().to_owned())
}

/// The address in "Bind for 127.0.0.1:5000 failed: port is already allocated" and its relatives.
fn port_in_use(lower: &str) -> Option<(IpAddr, u16)> {
    if !lower.contains("port is already allocated") && !lower.contains("address already in use") {
        return None;
    }
    lower
        .split([' ', '(', ')', ',', '"', '/'])
        .find_map(|word| {
            let word = word.trim_end_matches(':');
            if let Ok(socket) = word.parse::<SocketAddr>() {
                return Some((socket.ip(), socket.port()));
            }
            // "127.0.0.1:5000:172.18.0.2:80": host address and port come first
            let mut parts = word.split(':');
            let (address, port) = (
                parts.next()?.parse::<IpAddr>().ok()?,
                parts.next()?.parse::<u16>().ok()?,
            );
            Some((address, port))
        })
}

fn in_use(lower: &str, status: u16) -> bool {
    (status == 409 || status >= 500)
        && (lower.contains("already in use") || lower.contains("already exists"))
}

/// An error of a request that gives something a name.
pub(super) fn named(error: &Error, name: &str, what: &str, address: &str) -> EngineError {
    match typed(error, what, address) {
        EngineError::Refused { status, words, .. } if in_use(&words.to_lowercase(), status) => {
            EngineError::NameTaken {
                name: name.to_owned(),
            }
        }
        other => other,
    }
}

/// An error of making a container.
pub(super) fn container(error: &Error, spec: &ContainerSpec, address: &str) -> EngineError {
    match named(
        error,
        spec.name.as_str(),
        &format!("make container `{}`", spec.name),
        address,
    ) {
        // which of the things it names is missing is told by the words alone
        EngineError::NotFound { what } if what.starts_with("image") => EngineError::ImageAbsent {
            reference: spec.image.clone(),
        },
        EngineError::NotFound { what } => match &spec.network {
            NetworkMode::Stack { network, .. } if what.contains(network.as_str()) => {
                EngineError::NotFound {
                    what: format!("network `{network}`"),
                }
            }
            _ => EngineError::NotFound { what },
        },
        other => other,
    }
}

/// An error of making a network.
pub(super) fn network(error: &Error, spec: &NetworkSpec, address: &str) -> EngineError {
    match named(
        error,
        &spec.name,
        &format!("make network `{}`", spec.name),
        address,
    ) {
        EngineError::Refused { words, .. } if words.to_lowercase().contains("overlap") => {
            EngineError::SubnetTaken {
                subnet: spec.subnet.to_string(),
            }
        }
        other => other,
    }
}

/// Gives a "not there" the words of what was asked for.
pub(super) fn absent(error: EngineError, what: impl FnOnce() -> String) -> EngineError {
    match error {
        EngineError::NotFound { .. } => EngineError::NotFound { what: what() },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, message: &str) -> EngineError {
        typed(
            &Error::DockerResponseServerError {
                status_code: status,
                message: message.into(),
            },
            "do it",
            "unix:///x",
        )
    }

    #[test]
    fn a_taken_port_is_found_in_the_words_of_every_engine() {
        let taken = EngineError::PortTaken {
            address: "127.0.0.1".parse().unwrap(),
            port: 5000,
        };
        for words in [
            "driver failed programming external connectivity on endpoint x (0a): Bind for 127.0.0.1:5000 failed: port is already allocated",
            "driver failed programming external connectivity on endpoint x (0a): Error starting userland proxy: listen tcp4 127.0.0.1:5000: bind: address already in use",
            "failed to set up container networking: driver failed programming external connectivity on endpoint x (0a): failed to bind host port for 127.0.0.1:5000:172.18.0.2:80/tcp: address already in use",
            "failed to set up container networking: failed to bind host port 127.0.0.1:5000/tcp: address already in use",
        ] {
            assert_eq!(said(500, words), taken, "{words}");
        }
    }

    #[test]
    fn absence_says_what_is_absent() {
        assert_eq!(
            said(404, "No such container: abc"),
            EngineError::NotFound {
                what: "container `abc`".into()
            }
        );
        assert_eq!(
            said(404, "No such image: localhost/x:1"),
            EngineError::ImageAbsent {
                reference: "localhost/x:1".into()
            }
        );
        assert!(matches!(
            said(404, "network x not found"),
            EngineError::NotFound { .. }
        ));
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        assert!(matches!(
            said(500, "write /x: no space left on device"),
            EngineError::DiskFull { .. }
        ));
    }

    #[test]
    fn other_words_are_kept() {
        assert_eq!(
            said(400, "invalid mount config"),
            EngineError::Refused {
                what: "do it".into(),
                status: 400,
                words: "invalid mount config".into()
            }
        );
    }

    #[test]
    fn a_taken_name_is_named() {
        let error = Error::DockerResponseServerError {
            status_code: 409,
            message: "Conflict. The container name \"/a\" is already in use by container \"0\"."
                .into(),
        };
        assert_eq!(
            named(&error, "a", "make it", "x"),
            EngineError::NameTaken { name: "a".into() }
        );
    }
}
