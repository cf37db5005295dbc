//! What a service's templates see as `vector.*`.

use serde::Serialize;

use crate::names::{StoreNames, names_for, secret_part};
use crate::secret::{KeyScope, SecretRef};
use crate::spec::Provisioning;
use crate::stores::StoreKind;
use crate::text::{Encoding, Part, Text};
use crate::wiring::{Entry, Wiring};

/// The value of one template variable, and whether it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Var {
    /// May be shown.
    Plain(String),
    /// Is a secret's value.
    Secret(SecretRef),
    /// Holds at least one secret.
    Composed(Text),
}

impl Var {
    /// The same as text with named secrets, which is all that a renderer needs.
    pub fn text(&self) -> Text {
        match self {
            Self::Plain(text) => Text::plain(text.clone()),
            Self::Secret(secret) => Text::new(vec![Part::Secret {
                secret: secret.clone(),
                encoding: Encoding::Raw,
            }]),
            Self::Composed(text) => text.clone(),
        }
    }
}

/// One service's view of the stack's vector store. Serialises without any secret's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreContext {
    /// Which store.
    pub kind: StoreKind,
    /// Its name inside the stack's network.
    pub host: String,
    /// The port that clients speak to.
    pub port: u16,
    /// gRPC, where it has that.
    pub grpc_port: Option<u16>,
    /// Base URL without a trailing slash and without credentials.
    pub url: String,
    /// The key this service presents; none where the store knows none.
    pub key_secret: Option<SecretRef>,
    /// The key with which [`provisioning`](crate::provisioning) is done over HTTP, where that
    /// differs.
    pub admin_secret: Option<SecretRef>,
    /// Its names.
    pub names: StoreNames,
    /// Whether it has something of its own inside the store.
    pub provisioned: bool,
}

impl StoreContext {
    /// The view of `service` in `stack`. `provision` is what its wiring asks for; a store that
    /// always or never provisions overrules it. Services that share data hand in the same name:
    /// see [`WiringTable::tenant`](crate::WiringTable::tenant).
    pub fn new(kind: StoreKind, stack: &str, service: &str, provision: bool) -> Self {
        let spec = kind.spec();
        let names = names_for(stack, service);
        let provisioned = match spec.provisioning {
            Provisioning::Never { .. } => false,
            Provisioning::OnRequest => provision,
            Provisioning::Always { .. } => true,
        };
        let (host, port) = (spec.host_alias.to_owned(), spec.http_port);
        let url = format!("{}://{host}:{port}", spec.scheme);
        let key_secret = if provisioned {
            service_secret(kind, service)
        } else {
            stack_secret(kind)
        };
        let admin_secret = stack_secret(kind);
        let grpc_port = spec.grpc_port;
        Self {
            kind,
            host,
            port,
            grpc_port,
            url,
            key_secret,
            admin_secret,
            names,
            provisioned,
        }
    }

    /// The view that a wiring entry asks for; none where the service does not use the store.
    pub fn for_entry(kind: StoreKind, stack: &str, service: &str, entry: &Entry) -> Option<Self> {
        match entry.wiring {
            Wiring::None { .. } => None,
            Wiring::Env { .. } | Wiring::InApp { .. } => {
                Some(Self::new(kind, stack, service, entry.provision))
            }
        }
    }

    /// The variables below `vector.`, each with what is secret in it. A variable that means nothing
    /// in this store is absent, so that strict templates refuse it.
    pub fn variables(&self) -> Vec<(&'static str, Var)> {
        let plain = |text: &str| Var::Plain(text.to_owned());
        let mut all = vec![
            ("store", plain(self.kind.as_str())),
            ("host", plain(&self.host)),
            ("port", Var::Plain(self.port.to_string())),
            ("url", plain(&self.url)),
        ];
        all.extend(
            self.grpc_port
                .map(|port| ("grpc_port", Var::Plain(port.to_string()))),
        );
        all.extend(
            self.key_secret
                .clone()
                .map(|secret| ("key", Var::Secret(secret))),
        );
        all.extend((self.kind.spec().variables)(self));
        all
    }
}

/// The stack's own key of a store that has one: `qdrant_api_key`.
pub fn stack_secret(kind: StoreKind) -> Option<SecretRef> {
    let spec = kind.spec().key.filter(|key| key.scope == KeyScope::Stack)?;
    Some(SecretRef::new(format!("{kind}_api_key"), spec))
}

/// The key of one service in a store that knows services: `pgvector_key_openwebui`.
pub(crate) fn service_secret(kind: StoreKind, service: &str) -> Option<SecretRef> {
    let spec = kind.spec().key?;
    Some(SecretRef::new(
        format!("{kind}_key_{}", secret_part(service)),
        spec,
    ))
}
