//! A deployed stack, as its own manifest describes it.

use std::path::Path;

use aiplat_core::allocation::{Allocation, Register};
use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::{Secrets, StackConfig, known_keys, needed, select};
use aiplat_core::manifest::Manifest;
use aiplat_core::names::StackId;
use aiplat_core::settings::{Layers, Settings, Warning};

use super::{PrepareError, Volume, locate};
use crate::host::{Host, HostError, ManifestStore, SecretsStore};

/// A stack that was set up or deployed before.
#[derive(Debug)]
pub struct Opened {
    /// The stack as its manifest describes it, without anything from the environment.
    pub config: StackConfig,
    /// Where it lies.
    pub volume: Volume,
    /// What works but was perhaps not meant.
    pub warnings: Vec<Warning>,
}

/// A stack that is in a directory, whatever its manifest says.
pub(super) struct Found {
    pub(super) volume: Volume,
    manifest: String,
    id: StackId,
}

impl Found {
    pub(super) fn find<H: Host>(host: &H, base_dir: &Path) -> Result<Self, PrepareError> {
        let missing = || PrepareError::Volume {
            path: base_dir.to_path_buf(),
            expected: "a stack (`config/.env` and `config/stack-id`); `aiplat setup` or `aiplat deploy` makes one",
            found: "none",
        };
        // nobody who looks for a stack can have its directory made
        let volume = locate(host, base_dir, false).map_err(|error| match error {
            PrepareError::Volume {
                found: "nothing", ..
            } => missing(),
            other => other,
        })?;
        let store = ManifestStore::new(&volume.path);
        let (Some(manifest), Some(id)) = (store.read()?, store.stack_id()?) else {
            return Err(missing());
        };
        Ok(Self {
            volume,
            manifest,
            id,
        })
    }
}

/// Opens the stack in a directory. Nothing is written, locked or asked of an engine.
///
/// # Errors
/// [`PrepareError::Volume`] where there is no stack, and everything wrong with its manifest.
pub fn open<H: Host>(
    host: &H,
    catalogue: &Catalogue,
    base_dir: &Path,
) -> Result<Opened, PrepareError> {
    let Found {
        volume,
        manifest: text,
        id,
    } = Found::find(host, base_dir)?;
    let known = known_keys(catalogue);
    let manifest = Manifest::parse(&text).map_err(PrepareError::Settings)?;
    super::copied::lives_here(&manifest, &volume.path)?;
    let kept = SecretsStore::new(&volume.path).read_all()?;
    let kept = kept
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    let mut layers = Layers {
        manifest,
        ..Layers::default()
    };
    super::prepare::offer_given_secrets(&mut layers, catalogue, &kept);
    let (settings, warnings) =
        Settings::resolve(&layers, &known).map_err(PrepareError::Settings)?;
    let selection = select(&settings, catalogue).map_err(PrepareError::Selection)?;
    let reservation = super::reservations::of_settings(&id, &settings);
    let allocation = allocation(&settings, reservation.subnet);
    let needs = needed(
        &settings,
        settings.docker_network.get(),
        &selection,
        catalogue,
    );
    let companions = SecretsStore::new(&volume.path).companions()?;
    let secrets = present(&needs, &settings, &kept).map_err(PrepareError::Secrets)?;
    let secrets = secrets.with_companions(companions);
    let config = StackConfig {
        settings,
        id,
        allocation,
        selection,
        secrets,
        manifest: text,
    };
    Ok(Opened {
        config,
        volume,
        warnings,
    })
}

/// Secrets that are there; a stack that was only set up may lack some, and none is drawn here.
fn present(
    needs: &[aiplat_core::config::SecretNeed],
    settings: &Settings,
    kept: &std::collections::BTreeMap<String, secrecy::SecretString>,
) -> Result<Secrets, Vec<aiplat_core::config::SecretNeed>> {
    let there: Vec<_> = needs
        .iter()
        .filter(|n| {
            let given = n
                .key
                .as_ref()
                .is_some_and(|key| settings.secrets.contains_key(key));
            given || kept.contains_key(n.name.as_str())
        })
        .cloned()
        .collect();
    // what is kept is what the services use, whatever the manifest says now
    let mut given = settings.secrets.clone();
    for need in &there {
        if let (Some(key), true) = (&need.key, kept.contains_key(need.name.as_str())) {
            given.remove(key);
        }
    }
    Secrets::gather(&there, &given, kept, || {
        [0; aiplat_core::secret::RANDOM_BYTES]
    })
}

/// What fully decided settings say was allocated.
fn allocation(settings: &Settings, subnet: ipnet::Ipv4Net) -> Allocation {
    let (uid, gid) = (settings.stack_user_uid.get(), settings.stack_user_gid.get());
    Allocation {
        gpus: aiplat_core::config::gpus(settings),
        subnet,
        uid: uid.get(),
        gid: gid.get(),
        openclaw_uid: settings
            .openclaw_uid
            .get()
            .unwrap_or_else(|| uid.openclaw())
            .get(),
        openclaw_gid: settings
            .openclaw_gid
            .get()
            .unwrap_or_else(|| gid.openclaw())
            .get(),
        ports: settings
            .ports
            .iter()
            .map(|(key, port)| (key.clone(), port.get().get()))
            .collect(),
    }
}

/// The register as the file has it, for those who only look.
///
/// # Errors
/// [`HostError`] when it cannot be read.
pub fn register(places: &super::Places) -> Result<Register, HostError> {
    Ok(crate::host::RegisterStore::new(&places.state_dir)
        .load()?
        .register)
}
