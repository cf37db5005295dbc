//! The certificate that a port serves, by a handshake with it.
//!
//! Nothing is sent after the handshake, and nothing is trusted because of it: the verifier takes whatever certificate
//! comes, since one that has expired, or whose authority nobody knows, must be seen too.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Certificate, CertificateError, read};

/// A front door on this host answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The certificate that the server at an address serves under a host name.
///
/// # Errors
/// [`CertificateError`].
pub async fn served(at: SocketAddr, name: &str) -> Result<Certificate, CertificateError> {
    let silent = |_| CertificateError::Unreachable {
        at,
        words: format!("no answer within {} s", PATIENCE.as_secs()),
    };
    tokio::time::timeout(PATIENCE, shake(at, name))
        .await
        .map_err(silent)?
}

async fn shake(at: SocketAddr, name: &str) -> Result<Certificate, CertificateError> {
    let refused = |words: String| CertificateError::Refused {
        at,
        name: name.to_owned(),
        words,
    };
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Any(Arc::clone(&provider)));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let host = ServerName::try_from(name.to_owned()).map_err(|error| refused(error.to_string()))?;
    let stream = TcpStream::connect(at).await;
    let stream = stream.map_err(|error| CertificateError::Unreachable {
        at,
        words: error.to_string(),
    })?;
    let connector = TlsConnector::from(Arc::new(config));
    let connection = connector.connect(host, stream).await;
    let connection = connection.map_err(|error| refused(error.to_string()))?;
    let (_, session) = connection.get_ref();
    let first = session.peer_certificates().and_then(<[_]>::first);
    let first = first.ok_or_else(|| refused("it sent none".to_owned()))?;
    read::of_der(first)
}

/// Takes any certificate whose key made the handshake's signature.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_told() {
        let at = "127.0.0.1:9".parse().unwrap();
        let error = served(at, "a.example.org").await.unwrap_err();
        assert!(
            matches!(error, CertificateError::Unreachable { .. }),
            "{error}"
        );
    }
}
