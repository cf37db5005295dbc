//! A specification in sections, so that a plan can name what changed in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::ContainerSpec;
use crate::text::hex;

impl ContainerSpec {
    /// The value of [`SPEC_SECTIONS`](super::label::SPEC_SECTIONS): each section's name with 8 hexadecimal digits of
    /// SHA-256 over its JSON, as `command=1f…,environment=9c…`. Secrets count by their keyed fingerprints, as in
    /// [`hash`](Self::hash). It decides nothing: it is there to be told.
    pub fn sections(&self) -> String {
        self.sectioned()
            .map(|(name, digest)| format!("{name}={digest}"))
            .join(",")
    }

    /// The sections in which a container whose label has the value `worn` was made otherwise.
    pub fn sections_unlike(&self, worn: &str) -> BTreeSet<&'static str> {
        let worn: BTreeMap<&str, &str> =
            worn.split(',').filter_map(|s| s.split_once('=')).collect();
        self.sectioned()
            .iter()
            // a section that an earlier version did not know tells nothing
            .filter(|(name, digest)| worn.get(name).is_some_and(|was| was != digest))
            .map(|(name, _)| *name)
            .collect()
    }

    /// All of it: a field that is added has to be given a section.
    fn sectioned(&self) -> [(&'static str, String); 13] {
        let Self {
            service,
            name,
            image,
            entrypoint,
            command,
            env,
            user,
            groups,
            workdir,
            network,
            ports,
            binds,
            tmpfs,
            read_only,
            capabilities,
            apparmor,
            init,
            shm_bytes,
            limits,
            gpus,
            cgroup_parent,
            engine_health,
            stop_signal,
            stop_seconds,
            labels,
            config_fingerprint,
        } = self;
        let confinement = (read_only, capabilities, apparmor, init);
        [
            ("image", digest(image)),
            ("command", digest(&(entrypoint, command, workdir))),
            ("environment", digest(env)),
            ("user", digest(&(user, groups))),
            ("network", digest(network)),
            ("ports", digest(ports)),
            ("mounts", digest(&(binds, tmpfs))),
            ("confinement", digest(&confinement)),
            ("limits", digest(&(limits, shm_bytes, gpus, cgroup_parent))),
            ("health check", digest(engine_health)),
            ("way to stop", digest(&(stop_signal, stop_seconds))),
            ("labels", digest(&(service, name, labels))),
            ("configuration files", digest(config_fingerprint)),
        ]
    }
}

fn digest(section: &impl Serialize) -> String {
    // a section that cannot be written is told as changed, and nothing else comes of it
    let json = serde_json::to_vec(section).unwrap_or_default();
    hex(&Sha256::digest(json)[..4])
}
