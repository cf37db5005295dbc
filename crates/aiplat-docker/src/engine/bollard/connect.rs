//! Finding the engine, and agreeing on a version of its interface with it.

use std::net::IpAddr;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};

use super::{Bollard, NEEDED_API, PATIENCE_SECONDS, fault};
use crate::chain::chain;
use crate::engine::{Answer, EngineError};

/// An engine that is there answers its version in milliseconds, even when it is busy in seconds.
const FIRST_ANSWER: Duration = Duration::from_secs(20);

impl Bollard {
    /// Connects to the engine at `address`: `unix:///path`, or `http://127.0.0.1:port` (also `tcp://`) on a loopback
    /// address, because that protocol has no protection of its own. Agrees on the newest version both sides speak.
    ///
    /// # Errors
    /// [`EngineError::Address`], [`EngineError::Unreachable`] and [`EngineError::TooOld`].
    pub async fn connect(address: &str) -> Answer<Self> {
        let unreachable = |words: String| EngineError::Unreachable {
            address: address.to_owned(),
            words,
        };
        let docker = open(address)?;
        let negotiated = tokio::time::timeout(FIRST_ANSWER, docker.negotiate_version())
            .await
            .map_err(|_| unreachable(format!("no answer within {} s", FIRST_ANSWER.as_secs())))?
            .map_err(
                |error| match fault::typed(&error, "tell its version", address) {
                    EngineError::Garbled { words, .. } => unreachable(words),
                    other => other,
                },
            )?;
        let version = negotiated.client_version();
        if older(&version) {
            return Err(EngineError::TooOld {
                api: format!("{}.{}", version.major_version, version.minor_version),
                needed: NEEDED_API,
            });
        }
        Ok(Self {
            docker: negotiated,
            address: address.to_owned(),
            local: address.starts_with("unix://"),
        })
    }

    /// The address it was connected to.
    pub fn address(&self) -> &str {
        &self.address
    }
}

fn open(address: &str) -> Answer<Docker> {
    let refused = || EngineError::Address {
        address: address.to_owned(),
    };
    if let Some(path) = address.strip_prefix("unix://") {
        if !path.starts_with('/') {
            return Err(refused());
        }
        Docker::connect_with_unix(address, PATIENCE_SECONDS, API_DEFAULT_VERSION)
    } else if loopback(address) {
        Docker::connect_with_http(address, PATIENCE_SECONDS, API_DEFAULT_VERSION)
    } else {
        return Err(refused());
    }
    .map_err(|error| EngineError::Unreachable {
        address: address.to_owned(),
        words: chain(&error),
    })
}

fn loopback(address: &str) -> bool {
    let rest = address
        .strip_prefix("http://")
        .or_else(|| address.strip_prefix("tcp://"));
    let Some(host) = rest
        .and_then(|rest| rest.trim_end_matches('/').rsplit_once(':'))
        .map(|(host, _)| host)
    else {
        return false;
    };
    host.trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .is_ok_and(|ip| ip.is_loopback())
}

fn older(version: &ClientVersion) -> bool {
    let (major, minor) = NEEDED_API.split_once('.').expect("it has a dot");
    let needed = (
        major.parse().unwrap_or(usize::MAX),
        minor.parse().unwrap_or(usize::MAX),
    );
    (version.major_version, version.minor_version) < needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_may_go_without_a_socket_file() {
        for address in [
            "http://127.0.0.1:1",
            "tcp://127.7.0.1:2375/",
            "http://[::1]:80",
        ] {
            assert!(loopback(address), "{address}");
        }
        for address in [
            "tcp://10.0.0.1:2375",
            "http://localhost.example:80",
            "ssh://x",
            "",
            "http://127.0.0.1",
        ] {
            assert!(!loopback(address), "{address}");
        }
    }

    #[tokio::test]
    async fn a_missing_socket_is_named() {
        let error = Bollard::connect("unix:///nonexistent/aiplat.sock")
            .await
            .unwrap_err();
        assert!(
            matches!(&error, EngineError::Unreachable { address, .. } if address.contains("nonexistent")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_address_of_another_kind_is_refused() {
        for address in [
            "tcp://192.0.2.1:2375",
            "ssh://host",
            "docker.sock",
            "unix://relative",
        ] {
            let error = Bollard::connect(address).await.unwrap_err();
            assert!(
                matches!(error, EngineError::Address { .. }),
                "{address}: {error}"
            );
        }
    }
}
