//! Who may do what: the three keys, and tokens signed with one of them.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::http::Request;
use crate::peers::mac;

/// The keys that are set.
pub(super) struct Keys {
    pub(super) api: Option<String>,
    pub(super) alternative: Option<String>,
    pub(super) read_only: Option<String>,
    pub(super) jwt: bool,
}

/// What a request may do.
pub(super) enum Access {
    Manage,
    Read,
    Collections(Vec<(String, bool)>),
}

impl Keys {
    /// What the key of a request allows; words where there is none or a wrong one.
    pub(super) fn access(&self, request: &Request) -> Result<Access, &'static str> {
        let set = |key: &Option<String>| key.clone().filter(|key| !key.is_empty());
        let (api, alternative, read_only) =
            (set(&self.api), set(&self.alternative), set(&self.read_only));
        if api.is_none() && alternative.is_none() && read_only.is_none() {
            return Ok(Access::Manage);
        }
        let given = request
            .header("api-key")
            .or_else(|| request.bearer())
            .ok_or("Must provide an API key or an Authorization bearer token")?;
        if [&api, &alternative]
            .into_iter()
            .flatten()
            .any(|key| key == given)
        {
            return Ok(Access::Manage);
        }
        if read_only.as_deref() == Some(given) {
            return Ok(Access::Read);
        }
        let signed = [&api, &alternative]
            .into_iter()
            .flatten()
            .find_map(|key| token(given, key));
        match signed {
            Some(claims) if self.jwt => {
                of_claims(&claims).ok_or("Invalid JWT, access is malformed or it has expired")
            }
            _ => Err("Invalid API key or JWT"),
        }
    }
}

impl Access {
    pub(super) fn manages(&self) -> bool {
        matches!(self, Self::Manage)
    }

    pub(super) fn reads_all(&self) -> bool {
        matches!(self, Self::Manage | Self::Read)
    }

    pub(super) fn reads(&self, collection: &str) -> bool {
        match self {
            Self::Manage | Self::Read => true,
            Self::Collections(list) => list.iter().any(|(name, _)| name == collection),
        }
    }

    pub(super) fn writes(&self, collection: &str) -> bool {
        match self {
            Self::Manage => true,
            Self::Read => false,
            Self::Collections(list) => list
                .iter()
                .any(|(name, write)| name == collection && *write),
        }
    }
}

/// The claims of an HS256 token that this key signed.
fn token(text: &str, key: &str) -> Option<Value> {
    let (signed, signature) = text.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let head: Value = serde_json::from_slice(&decode(head)?).ok()?;
    if head["alg"] != "HS256" || decode(signature)? != mac(key.as_bytes(), &[signed.as_bytes()]) {
        return None;
    }
    serde_json::from_slice(&decode(claims)?).ok()
}

/// A token without `access` may do everything; the real one has it so.
fn of_claims(claims: &Value) -> Option<Access> {
    if let Some(end) = claims["exp"].as_u64() {
        let leeway = Duration::from_secs(30);
        if SystemTime::UNIX_EPOCH + Duration::from_secs(end) + leeway < SystemTime::now() {
            return None;
        }
    }
    match &claims["access"] {
        Value::Null => Some(Access::Manage),
        Value::String(kind) if kind == "m" => Some(Access::Manage),
        Value::String(kind) if kind == "r" => Some(Access::Read),
        Value::Array(list) => {
            let each = list.iter().map(|entry| {
                let kind = entry["access"].as_str()?;
                Some((
                    entry["collection"].as_str()?.to_owned(),
                    matches!(kind, "rw" | "prw"),
                ))
            });
            Some(Access::Collections(each.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_open_just_what_they_name() {
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
            URL_SAFE_NO_PAD.encode(r#"{"access":[{"collection":"mine","access":"rw"}]}"#)
        );
        let text = format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(mac(b"key", &[signed.as_bytes()]))
        );
        let keys = |jwt, api: &str| Keys {
            api: Some(api.into()),
            alternative: None,
            read_only: None,
            jwt,
        };
        let request = Request::get("/").header_set("api-key", &text);
        let access = keys(true, "key").access(&request).ok().unwrap();
        assert!(
            access.writes("mine")
                && !access.reads("theirs")
                && !access.manages()
                && !access.reads_all()
        );
        assert!(keys(false, "key").access(&request).is_err());
        assert!(keys(true, "another").access(&request).is_err());
    }

    #[test]
    fn an_expired_token_is_none() {
        assert!(of_claims(&serde_json::json!({"exp": 1})).is_none());
        assert!(of_claims(&serde_json::json!({})).is_some_and(|access| access.manages()));
    }
}
