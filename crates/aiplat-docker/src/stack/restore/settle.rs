//! Manifest, secrets and service files of a restored stack: the old ones, with what is this stack's own in their place.

use std::collections::BTreeMap;
use std::path::Path;

use aiplat_core::backup::{self, Contents};
use aiplat_core::catalogue::{Catalogue, Identity};
use aiplat_core::config::{self, StackConfig, known_keys};
use aiplat_core::manifest::Manifest;
use aiplat_core::spec::{DirectorySpec, FileSpec, Owner};
use aiplat_core::text::Text;
use secrecy::ExposeSecret;

use super::unpack::{Unpacked, files_below, owner};
use super::{RestoreError, RestoreQuestion};
use crate::engine::Engine;
use crate::events::Events;
use crate::host::files::read_file;
use crate::host::{Host, HostError, ManifestStore, SecretsStore};
use crate::stack::own_services::with_folder;
use crate::stack::{Inputs, Intent, Operation, Places, PrepareError, open, prepare};

/// A manifest is smaller, and so is each file beside it.
const LIMIT: usize = 1 << 20;

/// The built-in catalogue with the service files of the archive.
pub(super) fn catalogue_of(tree: &Path) -> Result<Catalogue, RestoreError> {
    Ok(with_folder(&tree.join("stack/services"))?)
}

/// The manifest of the archive.
fn old_manifest(tree: &Path) -> Result<Manifest, RestoreError> {
    let bytes = read_file(&tree.join("stack/manifest"), LIMIT)?.unwrap_or_default();
    Manifest::parse_bytes(&bytes).map_err(|p| PrepareError::Settings(p).into())
}

/// What a run on the restored stack is given: the old values, and what is given now before them.
pub(super) fn inputs(
    question: &RestoreQuestion,
    contents: &Contents,
    catalogue: &Catalogue,
    tree: &Path,
) -> Result<(Inputs, Manifest), RestoreError> {
    let mut given = question.environment.clone();
    given.extend(question.flags.clone());
    let mut old = old_manifest(tree)?;
    let blank = question.flags.iter().filter(|(_, v)| v.trim().is_empty());
    for (key, _) in blank {
        old.remove(key).map_err(PrepareError::from)?;
    }
    let backup::Values { text, environment } = backup::values(&old, &contents.stack, &given);
    let mut environment = environment;
    // a service that runs only with a secret that somebody gave must find it given
    let secrets = SecretsStore::in_folder(&tree.join("stack/secrets")).read_all()?;
    for secret in catalogue.services().flat_map(|s| &s.secrets) {
        if let (Some(key), Some(value)) = (&secret.key, secrets.get(&secret.name)) {
            let value = value.expose_secret().to_owned();
            environment.insert(key.clone(), value);
        }
    }
    environment.extend(question.environment.clone());
    let mut flags = question.flags.clone();
    let base_dir = question.base_dir.display().to_string();
    flags.insert("BASE_DIR".to_owned(), base_dir);
    let inputs = Inputs {
        flags,
        environment,
        invoking_user: question.invoking_user,
        allow_unmounted: question.allow_unmounted,
        restoring: true,
        best_effort: true,
        command: question.command.clone(),
        ..Inputs::default()
    };
    Ok((inputs, text))
}

/// Makes a stack of its own: reserves what it needs, then puts the old secrets and the old manifest into their places.
#[allow(clippy::too_many_arguments)] // what every part of a restore has
pub(super) async fn new_stack<E: Engine, H: Host, V: Events>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    question: &RestoreQuestion,
    unpacked: &Unpacked,
    tree: &Path,
    places: &Places,
    events: &V,
) -> Result<(), RestoreError> {
    let (inputs, text) = inputs(question, &unpacked.contents, catalogue, tree)?;
    let prepared = Box::pin(prepare(
        engine,
        host,
        catalogue,
        &inputs,
        places,
        Intent::Setup,
    ))
    .await?;
    let config = prepared.config.clone();
    prepared.setup(engine, host, events).await?;
    let manifest = config::manifest(
        Some(&text),
        &config.settings,
        &config.allocation,
        &known_keys(catalogue),
    )
    .map_err(PrepareError::from)?;
    put(host, &config, unpacked, tree, &manifest, places)
}

/// Puts an earlier state of a stack back into its own place: its identity stays what it is.
pub(super) fn same_stack<H: Host>(
    host: &H,
    catalogue: &Catalogue,
    base_dir: &Path,
    unpacked: &Unpacked,
    tree: &Path,
    aside: &Path,
    places: &Places,
) -> Result<(), RestoreError> {
    let now = read_file(&aside.join("stack/manifest"), LIMIT)?.unwrap_or_default();
    let now = Manifest::parse_bytes(&now).map_err(PrepareError::Settings)?;
    let mut text = old_manifest(tree)?;
    let keys: Vec<String> = text
        .keys()
        .chain(now.keys())
        .filter(|key| backup::identifies(key))
        .map(str::to_owned)
        .collect();
    for key in keys {
        match now.get(&key) {
            Some(value) => {
                let value = value.expose().to_owned();
                text.set(&key, &value).map_err(PrepareError::from)?;
            }
            None => {
                let _ = text.remove(&key);
            }
        }
    }
    let owner = stack_owner(&now, &unpacked.contents);
    let config = base_dir.join("config");
    host.make_directory(&DirectorySpec {
        path: config.join("secrets"),
        owner,
        mode: 0o750,
    })?;
    write(
        host,
        &config.join(".env"),
        text.to_text().into_bytes(),
        owner,
        0o600,
    )?;
    let opened = open(host, catalogue, base_dir)?;
    put(
        host,
        &opened.config,
        unpacked,
        tree,
        &text.to_text(),
        places,
    )
}

fn stack_owner(now: &Manifest, contents: &Contents) -> Owner {
    let number = |key: &str, old: u32| {
        now.get(key)
            .and_then(|v| v.expose().trim().parse().ok())
            .unwrap_or(old)
    };
    Owner {
        uid: number("STACK_USER_UID", contents.stack.uid),
        gid: number("STACK_USER_GID", contents.stack.gid),
    }
}

/// Writes what the archive has of the stack itself: every file below `stack/`, and the manifest last.
fn put<H: Host>(
    host: &H,
    config: &StackConfig,
    unpacked: &Unpacked,
    tree: &Path,
    manifest: &str,
    places: &Places,
) -> Result<(), RestoreError> {
    let operation = Operation::quiet(places, config.base_dir(), "restore")?;
    let roles: BTreeMap<&str, (&str, u32)> = unpacked
        .records
        .iter()
        .map(|r| (r.path.as_str(), (r.owner.as_str(), r.mode)))
        .collect();
    let stack = config.owner(Identity::Stack);
    let folder = tree.join("stack");
    for inner in files_below(&folder)? {
        if inner == Path::new("manifest") {
            continue;
        }
        let path = config.path("config").join(&inner);
        let missing: Vec<_> = path
            .ancestors()
            .skip(1)
            .take_while(|a| *a != config.path("config"))
            .collect();
        for folder in missing.into_iter().rev() {
            host.make_directory(&DirectorySpec {
                path: folder.to_owned(),
                owner: stack,
                mode: 0o750,
            })
            .or_else(|error| match error {
                // a service's folder is its user's
                HostError::WrongOwner { .. } => Ok(crate::host::Outcome::Unchanged),
                other => Err(other),
            })?;
        }
        let bytes = read_file(&folder.join(&inner), LIMIT)?.unwrap_or_default();
        let name = Path::new("stack").join(&inner).display().to_string();
        let (role, mode) = roles
            .get(name.as_str())
            .copied()
            .unwrap_or(("stack", 0o600));
        write(host, &path, bytes, owner(config, role), mode)?;
    }
    if let Some(lock) = operation.lock() {
        ManifestStore::new(config.base_dir()).rewrite(lock, manifest, stack)?;
    }
    Ok(())
}

fn write<H: Host>(
    host: &H,
    path: &Path,
    bytes: Vec<u8>,
    owner: Owner,
    mode: u32,
) -> Result<(), RestoreError> {
    let text = String::from_utf8(bytes).map_err(|_| HostError::Malformed {
        path: path.to_owned(),
        expected: "text in UTF-8",
    })?;
    host.write_file(&FileSpec {
        path: path.to_owned(),
        content: Text::plain(text),
        owner,
        mode,
    })?;
    Ok(())
}
