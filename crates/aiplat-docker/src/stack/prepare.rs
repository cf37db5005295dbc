//! From what was given to a plan.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aiplat_core::allocation::{Register, Reservation, allocate};
use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::{
    self, Companions, Given, SecretNeed, Secrets, Selection, StackConfig, known_keys, needed,
    request, select,
};
use aiplat_core::desired::{Desired, desired};
use aiplat_core::manifest::Manifest;
use aiplat_core::names::StackId;
use aiplat_core::observed::{Observed, PathState};
use aiplat_core::plan::{self, Plan};
use aiplat_core::secret::{Format, RANDOM_BYTES};
use aiplat_core::settings::{Layers, Settings, Warning};
use secrecy::{ExposeSecret, SecretString};

use super::copied::one_place;
use super::reservations::reconciled;
use super::{Inputs, Intent, Operation, Places, PrepareError, Volume, given, locate};
use super::{data, drift, quota, unended, vectors};
use crate::engine::Engine;
use crate::host::{Host, HostError, HostLock, ManifestStore, SecretsStore, draw};
use crate::observe::{ObserveQuestion, observe};

/// How long a run waits for others to reserve: each needs far less than a second.
pub(super) const RESERVATION_WAIT: Duration = Duration::from_secs(60);

/// A stack, a plan for it, and the locks under which both hold.
#[derive(Debug)]
pub struct Prepared {
    /// The stack, fully decided.
    pub config: StackConfig,
    /// What is wanted.
    pub desired: Desired,
    /// What is there.
    pub observed: Observed,
    /// What leads from the one to the other.
    pub plan: Plan,
    /// What works but was perhaps not meant.
    pub warnings: Vec<Warning>,
    /// Whether the stack is made by this run.
    pub new: bool,
    pub(super) volume: Volume,
    pub(super) places: Places,
    pub(super) register: Register,
    pub(super) reservation: Reservation,
    pub(super) host_lock: Option<HostLock>,
    pub(super) command: String,
    pub(super) operation: Option<Operation>,
}

/// Reads, decides and plans.
///
/// # Errors
/// [`PrepareError`]: all problems at once where there can be several. Nothing has been touched then.
pub async fn prepare<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    inputs: &Inputs,
    places: &Places,
    intent: Intent,
) -> Result<Prepared, PrepareError> {
    prepare_with(
        engine, host, catalogue, inputs, places, intent, &mut None, None,
    )
    .await
}

/// What an operation may change of a stack's secrets before anything is planned.
pub(super) struct Adjusting<'a> {
    pub(super) secrets: &'a mut Secrets,
    pub(super) needs: &'a [SecretNeed],
    pub(super) given: &'a Given,
}

/// How it does.
pub(super) type Adjust<'a> = dyn FnMut(Adjusting<'_>) -> Result<(), PrepareError> + Send + 'a;

/// The same under a lock that is held already, with the secrets as an operation wants them. The operation goes into what
/// is prepared, and stays with its caller where that cannot be.
#[allow(clippy::too_many_arguments)] // the two operations that call it say each of them
pub(super) async fn prepare_with<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    inputs: &Inputs,
    places: &Places,
    intent: Intent,
    operation: &mut Option<Operation>,
    adjust: Option<&mut Adjust<'_>>,
) -> Result<Prepared, PrepareError> {
    let known = known_keys(catalogue);
    let mut layers = Layers {
        flags: inputs.flags.clone(),
        environment: inputs.environment.clone(),
        manifest: Manifest::default(),
        invoking_user: inputs.invoking_user,
    };
    let (first, _) = Settings::resolve(&layers, &known).map_err(PrepareError::Settings)?;
    let volume = locate(
        host,
        Path::new(first.base_dir.get().as_str()),
        inputs.allow_unmounted,
    )?;
    let writes = intent != Intent::Plan;
    if writes && volume.deployed && operation.is_none() {
        *operation = Some(Operation::quiet(places, &volume.path, &inputs.command)?);
    }
    let host_lock = if writes {
        Some(HostLock::wait_asleep(&places.state_dir, RESERVATION_WAIT).await?)
    } else {
        None
    };
    // another run may have made the stack while this one waited
    let volume = locate(host, &volume.path, inputs.allow_unmounted)?;
    if writes && volume.deployed && operation.is_none() {
        *operation = Some(Operation::quiet(places, &volume.path, &inputs.command)?);
    }
    if writes
        && !inputs.restoring
        && let Some(archive) = super::restore::under_way(&volume.path)?
    {
        return Err(PrepareError::Restoring { archive });
    }
    let store = ManifestStore::new(&volume.path);
    let old = store.read()?.map(|text| Manifest::parse(&text)).transpose();
    let mut old = old.map_err(PrepareError::Settings)?;
    let before = old.clone();
    for key in &inputs.unset {
        layers.environment.remove(key);
        if let Some(old) = &mut old {
            old.remove(key)?;
        }
    }
    let mut kept = kept_secrets(&volume)?;
    let companions = if volume.deployed {
        SecretsStore::new(&volume.path).companions()?
    } else {
        Companions::new()
    };
    layers.manifest = old.clone().unwrap_or_default();
    offer_given_secrets(&mut layers, catalogue, &kept);
    let (settings, warnings) =
        Settings::resolve(&layers, &known).map_err(PrepareError::Settings)?;
    same_identity(before.as_ref(), &settings)?;
    let selection = select(&settings, catalogue).map_err(PrepareError::Selection)?;

    let kept_id = store.stack_id()?;
    let mut question = ObserveQuestion {
        base_dir: volume.path.clone(),
        ..Default::default()
    };
    let seen = observe(engine, host, &question).await?;
    let register = reconciled(host, &places.state_dir, &seen, catalogue)?;
    let reserved = register
        .stacks
        .iter()
        .find(|r| r.base_dir == volume.path)
        .map(|r| r.stack_id.clone());
    if let Some(id) = &kept_id {
        one_place(host, id, &volume.path, &seen, &register)?;
    }
    let new = kept_id.is_none();
    let id = match kept_id.or(reserved) {
        Some(id) => id,
        None => new_id()?,
    };
    let request = request(&settings, &id, &selection, catalogue);
    let allocation = allocate(&request, &seen, &register).map_err(PrepareError::Allocation)?;
    let needs = needed(
        &settings,
        settings.docker_network.get(),
        &selection,
        catalogue,
    );
    let mut given = settings.secrets.clone();
    given.extend(
        settings
            .tailscale_auth_key
            .get()
            .clone()
            .map(|key| ("TAILSCALE_AUTH_KEY".to_owned(), key)),
    );
    let compared = given::compared(&needs, &mut given, &kept, &companions);
    if adjust.is_none() && !compared.changed.is_empty() {
        if in_use(host, &volume, &id, &selection, &seen)? {
            return Err(PrepareError::SecretsChanged(given::problems(
                &needs, &compared,
            )));
        }
        given::first_values(&needs, compared.clone(), &mut given, &mut kept);
    }
    let mut failed = None;
    let secrets = Secrets::gather(&needs, &given, &kept, || {
        random().unwrap_or_else(|error| {
            failed = Some(error);
            [0; RANDOM_BYTES]
        })
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    let mut secrets = secrets
        .map_err(PrepareError::Secrets)?
        .with_companions(companions);
    if let Some(adjust) = adjust {
        adjust(Adjusting {
            secrets: &mut secrets,
            needs: &needs,
            given: &compared,
        })?;
    }
    let manifest = config::manifest(old.as_ref(), &settings, &allocation, &known)?;
    let reservation = allocation.reservation(&request);
    let config = StackConfig {
        settings,
        id,
        allocation,
        selection,
        secrets,
        manifest,
    };

    let mut desired = desired(&config, catalogue, &seen.engine).map_err(PrepareError::Desired)?;
    desired.copied.clone_from(&inputs.copied);
    question.paths = desired.paths();
    question
        .paths
        .extend(desired.copies(&config, &seen.containers));
    question.cgroup_parent = config.cgroup_parent(&seen.engine.cgroup_driver);
    let mut observed = looked_up(host, seen, &question)?;
    drift::look(engine, host, &config, &desired, &mut observed, inputs.deep).await?;
    data::look(engine, host, &config, &desired, &mut observed).await?;
    unended::look(engine, host, &config, &desired, &mut observed).await?;
    quota::look(host, &config, &mut observed)?;
    let mut plan = plan::plan(&config, &desired, &observed).map_err(PrepareError::Plan)?;
    if let Some(refusal) = quota::refusal(&config, &observed) {
        if intent == Intent::Deploy && !inputs.best_effort {
            return Err(HostError::from(refusal).into());
        }
        let words = HostError::from(refusal).to_string();
        plan.notes
            .push(format!("the limit of disk space is not in force: {words}"));
    }
    if let Some(lost) = vectors::left_behind(host, before.as_ref(), &config, catalogue)? {
        if writes && !inputs.lose_vectors {
            return Err(PrepareError::Vectors(lost));
        }
        plan.notes.push(lost.to_string());
    }
    let violations = plan::check(&plan, &config, catalogue, &register);
    if !violations.is_empty() {
        return Err(PrepareError::Violations(violations));
    }
    Ok(Prepared {
        config,
        desired,
        observed,
        plan,
        warnings,
        new,
        volume,
        places: places.clone(),
        register,
        reservation,
        command: inputs.command.clone(),
        host_lock,
        operation: operation.take(),
    })
}

/// Adds the state of paths and of the parent cgroup to what was seen: nothing else is asked again.
fn looked_up<H: Host>(
    host: &H,
    mut seen: Observed,
    question: &ObserveQuestion,
) -> Result<Observed, HostError> {
    for path in &question.paths {
        seen.paths.insert(path.clone(), host.path_state(path)?);
    }
    if let Some(parent) = &question.cgroup_parent {
        seen.host.cgroup = host.cgroup(parent)?;
    }
    Ok(seen)
}

/// Whether any service may have taken the secrets in: it runs, or its data is there.
fn in_use<H: Host>(
    host: &H,
    volume: &Volume,
    id: &StackId,
    selection: &Selection,
    seen: &Observed,
) -> Result<bool, HostError> {
    if seen.containers.iter().any(|c| c.belongs_to(id)) {
        return Ok(true);
    }
    for service in selection.services() {
        let data = volume.path.join("data").join(service.as_str());
        if host.path_state(&data.join(".aiplat-format"))? != PathState::Absent {
            return Ok(true);
        }
    }
    Ok(false)
}

fn kept_secrets(volume: &Volume) -> Result<BTreeMap<String, SecretString>, HostError> {
    if !volume.deployed {
        return Ok(BTreeMap::new());
    }
    let kept = SecretsStore::new(&volume.path).read_all()?;
    Ok(kept
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect())
}

/// A secret that only an operator can give, and gave once, counts as given in every later run.
pub(super) fn offer_given_secrets(
    layers: &mut Layers,
    catalogue: &Catalogue,
    kept: &BTreeMap<String, SecretString>,
) {
    let given_only = catalogue
        .services()
        .flat_map(|s| &s.secrets)
        .filter(|s| s.format == Format::Given)
        .filter_map(|s| Some((s.key.clone()?, kept.get(s.name.as_str())?)));
    for (key, value) in given_only {
        let there = layers.flags.contains_key(&key) || layers.manifest.get(&key).is_some();
        if !there {
            layers
                .environment
                .entry(key)
                .or_insert_with(|| value.expose_secret().to_owned());
        }
    }
}

/// What identifies a stack's objects on the engine is not changed while they are there.
fn same_identity(old: Option<&Manifest>, settings: &Settings) -> Result<(), PrepareError> {
    let Some(old) = old else { return Ok(()) };
    let now = [
        ("BASE_DIR", settings.base_dir.get().to_string()),
        ("DOCKER_NETWORK", settings.docker_network.get().to_string()),
        ("STORE_NAMES", settings.store_names.get().to_string()),
        (
            "CONTAINER_PREFIX",
            settings.container_prefix.get().to_string(),
        ),
    ];
    for (key, value) in now {
        if old
            .get(key)
            .is_some_and(|was| !was.expose().is_empty() && was.expose() != value)
        {
            return Err(PrepareError::IdentityChanged { key });
        }
    }
    Ok(())
}

fn new_id() -> Result<StackId, HostError> {
    let mut bytes = [0; 6];
    bytes.copy_from_slice(&draw(6)?);
    Ok(StackId::from_bytes(bytes))
}

pub(super) fn random() -> Result<[u8; RANDOM_BYTES], HostError> {
    let mut bytes = [0; RANDOM_BYTES];
    bytes.copy_from_slice(&draw(RANDOM_BYTES)?);
    Ok(bytes)
}
