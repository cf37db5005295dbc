//! Users that a store must be started with.

use serde::Serialize;

use crate::context::{service_secret, stack_secret};
use crate::names::names_for;
use crate::secret::SecretRef;
use crate::stores::StoreKind;

/// A user with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreUser {
    /// Its name.
    pub name: String,
    /// Its key.
    pub secret: SecretRef,
    /// Whether it may do everything.
    pub root: bool,
}

/// The users that `kind` takes from its own settings when it starts: for Weaviate the root user
/// first, then one for each of `provisioned`, the services whose wiring asks to be provisioned (in
/// `AUTHENTICATION_APIKEY_USERS` and `AUTHENTICATION_APIKEY_ALLOWED_KEYS`, in this order, and the
/// root in `AUTHORIZATION_RBAC_ROOT_USERS`). Empty for the others: theirs are made by
/// [`provisioning`](super::provisioning), or they have none.
pub fn store_users<'s>(
    kind: StoreKind,
    stack: &str,
    provisioned: impl IntoIterator<Item = &'s str>,
) -> Vec<StoreUser> {
    let Some(root) = kind.spec().root_user else {
        return Vec::new();
    };
    let root = stack_secret(kind).map(|secret| StoreUser {
        name: root.to_owned(),
        secret,
        root: true,
    });
    let services = provisioned.into_iter().filter_map(|service| {
        let secret = service_secret(kind, service)?;
        Some(StoreUser {
            name: names_for(stack, service).user.into(),
            secret,
            root: false,
        })
    });
    root.into_iter().chain(services).collect()
}
