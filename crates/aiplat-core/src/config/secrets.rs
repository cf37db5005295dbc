//! The secrets of a stack: which are needed, and their values.

use std::collections::BTreeMap;
use std::fmt;

use aiplat_vectordb::KeyFormat;
use secrecy::{ExposeSecret, SecretString};

use super::Selection;
use super::rotation::Flights;
use crate::catalogue::{Catalogue, Identity};
use crate::names::{SecretName, ServiceName, StackName};
use crate::secret::{Format, RANDOM_BYTES};
use crate::settings::Settings;
use crate::text::FingerprintKey;

/// The name of the stack's own key for fingerprints.
pub const FINGERPRINT_KEY: &str = "fingerprint_key";

/// A secret that a selected service cannot run without.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretNeed {
    /// Name and file name.
    pub name: SecretName,
    /// Manifest key by which it may be given.
    pub key: Option<String>,
    /// How it is drawn when it is neither given nor kept from before.
    pub format: Format,
    /// Who reads its file.
    pub reader: Identity,
    /// The service that owns it, or that first needs it of a vector store; none for the stack's own.
    pub owner: Option<ServiceName>,
    /// Why it is not changed, when it is not.
    pub rotation: Option<String>,
}

impl SecretNeed {
    /// Why it is not rotated by itself, in words that say what to do instead; `None` when it is.
    pub fn fixed(&self) -> Option<String> {
        match &self.format {
            Format::BcryptOf(base) => Some(format!("is made from `{base}`: rotate that")),
            _ => self.rotation.clone(),
        }
    }
}

/// Values by name, and how far those are that are on their way to another. Shows names only.
#[derive(Clone, Default)]
pub struct Secrets {
    pub(super) values: BTreeMap<SecretName, SecretString>,
    pub(super) flights: Flights,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// All secrets that the selected services need, by name.
///
/// # Panics
/// Never: names of the catalogue and of the stores are within the grammar.
pub fn needed(
    settings: &Settings,
    stack: &StackName,
    selection: &Selection,
    catalogue: &Catalogue,
) -> Vec<SecretNeed> {
    let mut needs: BTreeMap<SecretName, SecretNeed> = BTreeMap::new();
    let own: SecretName = FINGERPRINT_KEY.parse().expect("a valid name");
    needs.insert(
        own.clone(),
        SecretNeed {
            name: own,
            key: None,
            format: Format::Hex64,
            reader: Identity::Stack,
            owner: None,
            rotation: Some(
                "never: it guards nothing by itself, and with another one every container would be made anew"
                    .to_owned(),
            ),
        },
    );
    let store = *settings.vector_db.get();
    for service in selection
        .services()
        .iter()
        .filter_map(|name| catalogue.get(name))
    {
        for secret in &service.secrets {
            needs.insert(
                secret.name.clone(),
                SecretNeed {
                    name: secret.name.clone(),
                    key: secret.key.clone(),
                    format: secret.format.clone(),
                    reader: service.run.identity,
                    owner: Some(service.name.clone()),
                    rotation: secret.rotation.clone(),
                },
            );
        }
        let context = service
            .vector
            .context(store, stack.as_str(), service.name.as_str());
        for secret in context
            .iter()
            .flat_map(|c| c.key_secret.iter().chain(&c.admin_secret))
        {
            let Ok(name) = secret.name.parse::<SecretName>() else {
                continue;
            };
            needs.entry(name.clone()).or_insert_with(|| SecretNeed {
                name,
                key: Some(secret.key.clone()),
                format: match secret.format() {
                    KeyFormat::Alnum32 => Format::Alnum32,
                    KeyFormat::Hex64 => Format::Hex64,
                },
                reader: Identity::Stack,
                owner: Some(service.name.clone()),
                rotation: None,
            });
        }
    }
    needs.into_values().collect()
}

impl Secrets {
    /// The needed secrets: given ones first, then those kept from before, then newly drawn ones.
    ///
    /// # Errors
    /// The needs for which nothing was given and nothing may be drawn.
    pub fn gather(
        needs: &[SecretNeed],
        given: &BTreeMap<String, SecretString>,
        kept: &BTreeMap<String, SecretString>,
        mut random: impl FnMut() -> [u8; RANDOM_BYTES],
    ) -> Result<Self, Vec<SecretNeed>> {
        let mut values: BTreeMap<SecretName, SecretString> = BTreeMap::new();
        let mut missing = Vec::new();
        let (made, plain): (Vec<_>, Vec<_>) = needs.iter().partition(|n| n.format.derived());
        for need in plain.into_iter().chain(made) {
            let given = need.key.as_ref().and_then(|key| given.get(key));
            let known = given.or_else(|| kept.get(need.name.as_str())).cloned();
            match known.or_else(|| need.format.draw(&random(), |name| values.get(name))) {
                Some(value) => {
                    values.insert(need.name.clone(), value);
                }
                None => missing.push(need.clone()),
            }
        }
        if missing.is_empty() {
            Ok(Self {
                values,
                flights: Flights::default(),
            })
        } else {
            Err(missing)
        }
    }

    /// The value of a secret.
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.values
            .iter()
            .find(|(n, _)| n.as_str() == name)
            .map(|(_, value)| value)
    }

    /// All secrets.
    pub fn iter(&self) -> impl Iterator<Item = (&SecretName, &SecretString)> {
        self.values.iter()
    }

    /// The key for fingerprints.
    pub fn fingerprint_key(&self) -> FingerprintKey {
        let key = self
            .get(FINGERPRINT_KEY)
            .map_or("", |key| key.expose_secret());
        FingerprintKey::new(key.to_owned().into())
    }
}
