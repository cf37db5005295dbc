//! Requests. Their addresses are signed and so are secrets for a while: no error says one.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::xml;
use crate::target::TargetError;

type Response = ureq::http::Response<Body>;

/// A server that says nothing for so long is not there.
const SILENCE: Duration = Duration::from_secs(120);
const CONNECT: Duration = Duration::from_secs(30);
/// How often a request is tried that the connection or the server failed, not its content.
const TRIES: u32 = 3;
/// The largest answer that is read into memory.
const TEXT: u64 = 16 * 1024 * 1024;

#[derive(Debug, Clone)]
pub(super) struct Http {
    agent: Agent,
    place: String,
}

impl Http {
    /// With the certificates to trust, in PEM; the host's own without.
    pub(super) fn new(authorities: Option<&str>, place: &str) -> Result<Self, TargetError> {
        let roots = match authorities {
            None => RootCerts::PlatformVerifier,
            Some(pem) => {
                let items = ureq::tls::parse_pem(pem.as_bytes());
                let certificates: Vec<_> = items
                    .filter_map(|item| match item {
                        Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
                        _ => None,
                    })
                    .collect();
                if certificates.is_empty() {
                    return Err(TargetError::Address {
                        expected: "certificates in PEM",
                        found: "a file without one".to_owned(),
                    });
                }
                RootCerts::new_with_certs(&certificates)
            }
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            // handed in or not used: nothing here reads the environment
            .proxy(None)
            // an address is signed for one host
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent("aiplat")
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .build();
        Ok(Self {
            agent: config.new_agent(),
            place: place.to_owned(),
        })
    }

    /// The length of what is there; `None` when nothing is.
    pub(super) fn size(&self, url: &str, what: &str) -> Result<Option<u64>, TargetError> {
        let response = self.tried(what, || self.agent.head(url).call())?;
        if response.status() == 404 {
            return Ok(None);
        }
        let length = response
            .headers()
            .get("content-length")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let response = self.fine(response, what)?;
        length
            .or_else(|| response.body().content_length())
            .map(Some)
            .ok_or_else(|| self.no_s3(what))
    }

    /// What is there and its length; `None` when nothing is.
    pub(super) fn get(
        &self,
        url: &str,
        what: &str,
    ) -> Result<Option<(impl Read + Send + use<>, u64)>, TargetError> {
        let response = self.tried(what, || self.agent.get(url).call())?;
        if response.status() == 404 {
            return Ok(None);
        }
        let response = self.fine(response, what)?;
        let size = response
            .body()
            .content_length()
            .ok_or_else(|| self.no_s3(what))?;
        let body = response.into_body().into_with_config().limit(u64::MAX);
        Ok(Some((body.reader(), size)))
    }

    pub(super) fn text(&self, url: &str, what: &str) -> Result<String, TargetError> {
        let response = self.tried(what, || self.agent.get(url).call())?;
        let response = self.fine(response, what)?;
        self.read(response, what)
    }

    /// Sends content; the answer's `ETag`, empty when there is none.
    pub(super) fn put(&self, url: &str, content: &[u8], what: &str) -> Result<String, TargetError> {
        let response = self.tried(what, || self.agent.put(url).send(content))?;
        let response = self.fine(response, what)?;
        let tag = response.headers().get("etag");
        let tag = tag.and_then(|tag| tag.to_str().ok()).unwrap_or_default();
        Ok(tag.to_owned())
    }

    /// Sends a question that must not be asked twice; the answer's text.
    pub(super) fn post(&self, url: &str, content: &str, what: &str) -> Result<String, TargetError> {
        let sent = self.agent.post(url).send(content);
        let response = sent.map_err(|e| self.failed(e, what))?;
        let response = self.fine(response, what)?;
        self.read(response, what)
    }

    /// Deletes; what is not there is none to delete.
    pub(super) fn delete(&self, url: &str, what: &str) -> Result<(), TargetError> {
        let response = self.tried(what, || self.agent.delete(url).call())?;
        if response.status() != 404 {
            self.fine(response, what)?;
        }
        Ok(())
    }

    /// What came is no answer of S3.
    pub(super) fn no_s3(&self, what: &str) -> TargetError {
        TargetError::Answer {
            what: what.to_owned(),
            place: self.place.clone(),
        }
    }

    fn read(&self, mut response: Response, what: &str) -> Result<String, TargetError> {
        response
            .body_mut()
            .with_config()
            .limit(TEXT)
            .read_to_string()
            .map_err(|e| self.failed(e, what))
    }

    fn tried(
        &self,
        what: &str,
        mut call: impl FnMut() -> Result<Response, ureq::Error>,
    ) -> Result<Response, TargetError> {
        let mut left = TRIES;
        loop {
            left -= 1;
            match call() {
                Ok(response) if response.status().is_server_error() && left > 0 => {}
                Ok(response) => return Ok(response),
                Err(e) if left == 0 => return Err(self.failed(e, what)),
                Err(_) => {}
            }
        }
    }

    fn fine(&self, mut response: Response, what: &str) -> Result<Response, TargetError> {
        if response.status().is_success() {
            return Ok(response);
        }
        let text = response.body_mut().with_config().limit(64 * 1024);
        let code = xml::code(&text.read_to_string().unwrap_or_default());
        Err(TargetError::Refused {
            what: what.to_owned(),
            place: self.place.clone(),
            status: response.status().as_u16(),
            code,
        })
    }

    fn failed(&self, error: ureq::Error, what: &str) -> TargetError {
        use ureq::Error as E;
        let source = match error {
            E::Io(source) => source,
            // these may have an address in their words
            E::BadUri(_) | E::Http(_) | E::Other(_) | E::Protocol(_) => {
                io::Error::other("the request could not be made")
            }
            other => io::Error::other(other.to_string()),
        };
        TargetError::io(what, self.place.clone(), source)
    }
}
