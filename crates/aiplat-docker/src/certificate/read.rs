//! Reading certificates.

use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{Certificate, CertificateError};

/// Reads one certificate from its DER form.
pub(super) fn of_der(der: &[u8]) -> Result<Certificate, CertificateError> {
    let malformed = |words: String| CertificateError::Malformed { words };
    let (_, parsed) = X509Certificate::from_der(der).map_err(|e| malformed(e.to_string()))?;
    let alternative = parsed
        .subject_alternative_name()
        .map_err(|e| malformed(e.to_string()))?;
    let names = alternative
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        });
    Ok(Certificate {
        names: names.collect(),
        issuer: parsed.issuer().to_string(),
        serial: format!("{:x}", parsed.tbs_certificate.serial),
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
    })
}

/// Every certificate of a PEM text, in its order; other kinds of blocks are passed over.
///
/// # Errors
/// [`CertificateError::Malformed`], also where there is none.
pub fn of_pem(pem: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    let mut all = Vec::new();
    for block in Pem::iter_from_buffer(pem) {
        let block = block.map_err(|error| CertificateError::Malformed {
            words: error.to_string(),
        })?;
        if block.label == "CERTIFICATE" {
            all.push(of_der(&block.contents)?);
        }
    }
    if all.is_empty() {
        return Err(CertificateError::Malformed {
            words: "no block `CERTIFICATE` in it".to_owned(),
        });
    }
    Ok(all)
}

/// The first certificate of a PEM text: that of the server, before those that vouch for it.
///
/// # Errors
/// [`CertificateError::Malformed`].
pub fn first_of_pem(pem: &[u8]) -> Result<Certificate, CertificateError> {
    of_pem(pem).map(|mut all| all.swap_remove(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_told() {
        for pem in [
            &b""[..],
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            assert!(matches!(
                of_pem(pem),
                Err(CertificateError::Malformed { .. })
            ));
        }
    }
}
