//! AWS Signature Version 4, looked at from the side of the server: in the header and in the address.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::http::Request;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Whether a request is signed with these keys; `None` where it is not signed at all.
///
/// When it was signed is not looked at.
pub fn signed_with(request: &Request, access: &str, secret: &str) -> Option<bool> {
    let signed = Signed::by_header(request).or_else(|| Signed::by_address(request))?;
    Some(signed.holds(request, access, secret).unwrap_or(false))
}

struct Signed {
    credential: String,
    headers: String,
    signature: String,
    date: String,
    payload: String,
}

impl Signed {
    fn by_header(request: &Request) -> Option<Self> {
        let rest = request.header("authorization")?.strip_prefix(ALGORITHM)?;
        let part = |name: &str| {
            let parts = rest.split(',').map(str::trim);
            let mut found = parts.filter_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            found.next().unwrap_or_default().to_owned()
        };
        let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
        Some(Self {
            credential: part("Credential"),
            headers: part("SignedHeaders"),
            signature: part("Signature"),
            date: header("x-amz-date"),
            // not every client says it: what was sent is what must have been signed
            payload: request
                .header("x-amz-content-sha256")
                .map_or_else(|| hex(&Sha256::digest(&request.body)), str::to_owned),
        })
    }

    fn by_address(request: &Request) -> Option<Self> {
        let part = |name: &str| request.query.get(name).cloned();
        Some(Self {
            signature: part("X-Amz-Signature")?,
            credential: part("X-Amz-Credential")?,
            headers: part("X-Amz-SignedHeaders")?,
            date: part("X-Amz-Date")?,
            payload: "UNSIGNED-PAYLOAD".to_owned(),
        })
    }

    fn holds(&self, request: &Request, access: &str, secret: &str) -> Option<bool> {
        let (key, scope) = self.credential.split_once('/')?;
        let host = self.headers.split(';').any(|name| name == "host");
        if key != access || !host || !self.payload_holds(request) {
            return Some(false);
        }
        Some(self.signature_by(request, scope, secret)? == self.signature)
    }

    /// The signature that these keys make.
    fn signature_by(&self, request: &Request, scope: &str, secret: &str) -> Option<String> {
        let mut headers = String::new();
        for name in self.headers.split(';') {
            headers += &format!("{name}:{}\n", request.header(name)?.trim());
        }
        let all = request.query.iter();
        let mut query: Vec<String> = all
            .filter(|(name, _)| *name != "X-Amz-Signature")
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        query.sort();
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{}\n{}",
            request.method,
            request.path,
            query.join("&"),
            self.headers,
            self.payload
        );
        let hash = hex(&Sha256::digest(canonical));
        let text = format!("{ALGORITHM}\n{}\n{scope}\n{hash}", self.date);
        let first = format!("AWS4{secret}").into_bytes();
        let signing = scope
            .split('/')
            .fold(first, |key, part| mac(&key, part.as_bytes()));
        Some(hex(&mac(&signing, text.as_bytes())))
    }

    fn payload_holds(&self, request: &Request) -> bool {
        self.payload == "UNSIGNED-PAYLOAD" || self.payload == hex(&Sha256::digest(&request.body))
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything but what no address ever encodes.
fn encoded(text: &str) -> String {
    let byte = |b: u8| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(b).to_string()
        }
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The same request, signed.
#[cfg(test)]
pub(crate) fn signed(request: Request, access: &str, secret: &str) -> Request {
    let request = request
        .header_set("host", "localhost:9000")
        .header_set("x-amz-date", "20130524T000000Z")
        .header_set("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    let scope = "20130524/us-east-1/s3/aws4_request";
    let mut signed = Signed {
        credential: format!("{access}/{scope}"),
        headers: "host;x-amz-date".to_owned(),
        signature: String::new(),
        date: "20130524T000000Z".to_owned(),
        payload: "UNSIGNED-PAYLOAD".to_owned(),
    };
    signed.signature = signed
        .signature_by(&request, scope, secret)
        .expect("all headers are there");
    let (credential, headers, signature) = (signed.credential, signed.headers, signed.signature);
    let value = format!(
        "{ALGORITHM} Credential={credential},SignedHeaders={headers},Signature={signature}"
    );
    request.header_set("authorization", &value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Amazon's documentation, "Authenticating Requests: Using Query Parameters".
    const ADDRESS: &str = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    const ACCESS: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const HOST: &str = "examplebucket.s3.amazonaws.com";

    #[test]
    fn a_signed_address_holds_for_its_keys_its_path_and_its_host() {
        let request = Request::get(ADDRESS).header_set("host", HOST);
        assert_eq!(signed_with(&request, ACCESS, SECRET), Some(true));
        assert_eq!(signed_with(&request, ACCESS, "another"), Some(false));
        assert_eq!(signed_with(&request, "another", SECRET), Some(false));
        let elsewhere = request.clone().header_set("host", "localhost:9000");
        assert_eq!(signed_with(&elsewhere, ACCESS, SECRET), Some(false));
        let mut other = request;
        other.path = "/other.txt".to_owned();
        assert_eq!(signed_with(&other, ACCESS, SECRET), Some(false));
        assert_eq!(signed_with(&Request::get("/"), ACCESS, SECRET), None);
    }

    /// The example of Amazon's documentation, "Authenticating Requests: Using the Authorization Header".
    #[test]
    fn a_signed_header_holds_for_its_keys_and_its_body() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let authorization = "AWS4-HMAC-SHA256 \
            Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
            SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
            Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        let mut request = Request::get("/test.txt")
            .header_set("host", HOST)
            .header_set("range", "bytes=0-9")
            .header_set("x-amz-date", "20130524T000000Z")
            .header_set("x-amz-content-sha256", empty)
            .header_set("authorization", authorization);
        assert_eq!(signed_with(&request, ACCESS, SECRET), Some(true));
        assert_eq!(signed_with(&request, ACCESS, "another"), Some(false));
        request.body = b"put in on the way".to_vec();
        assert_eq!(signed_with(&request, ACCESS, SECRET), Some(false));
    }
}
