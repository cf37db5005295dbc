//! One stack, fully decided: settings, what was selected, what was reserved, and its secrets.

mod choice;
mod manifest;
mod rotation;
mod secrets;
mod selection;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use aiplat_apparmor::{InForce, Mode};
use aiplat_vectordb::{StoreContext, StoreKind};

pub use choice::{Choice, ChoiceProblem, Given, choose, next_values};
pub use manifest::{known_keys, manifest};
pub use rotation::{Companions, InFlight, Move, Stage};
pub use secrets::{FINGERPRINT_KEY, SecretNeed, Secrets, needed};
pub use selection::{LeftOut, Selection, SelectionProblem, select};

use crate::allocation::{Allocation, PortRequest, PortRole, Request, Wanted};
use crate::catalogue::{Catalogue, Identity, Service};
use crate::names::{ContainerName, ServiceName, StackId, StackName};
use crate::settings::{Publish, Setting, Settings, Source};
use crate::spec::Owner;

/// Everything about one stack that a plan is made from.
#[derive(Debug, Clone)]
pub struct StackConfig {
    /// What was given, and what follows from it.
    pub settings: Settings,
    /// The stack's identity.
    pub id: StackId,
    /// What it has on the host.
    pub allocation: Allocation,
    /// Which services run.
    pub selection: Selection,
    /// Their secrets.
    pub secrets: Secrets,
    /// The manifest as it is to stand in `config/.env`: what was there, and every value that was decided.
    pub manifest: String,
}

impl StackConfig {
    /// The stack's name.
    pub fn name(&self) -> &StackName {
        self.settings.docker_network.get()
    }

    /// The stack's directory.
    pub fn base_dir(&self) -> &Path {
        Path::new(self.settings.base_dir.get().as_str())
    }

    /// A path below the stack's directory.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.base_dir().join(below)
    }

    /// The domain under which apps are served.
    pub fn domain(&self) -> &str {
        self.settings.domain_name.get().as_str()
    }

    /// Whether the front door's certificates come from its own CA, because no public one could vouch for the domain
    /// and no other was named.
    pub fn local_domain(&self) -> bool {
        is_local(self.domain()) && self.settings.acme_ca.get().is_none()
    }

    /// The store in use.
    pub fn vector_store(&self) -> StoreKind {
        *self.settings.vector_db.get()
    }

    /// Whose user a service runs as.
    pub fn owner(&self, identity: Identity) -> Owner {
        let a = &self.allocation;
        match identity {
            Identity::Stack => Owner {
                uid: a.uid,
                gid: a.gid,
            },
            Identity::Openclaw => Owner {
                uid: a.openclaw_uid,
                gid: a.openclaw_gid,
            },
            Identity::Root => Owner { uid: 0, gid: 0 },
        }
    }

    /// The name of a service's container.
    ///
    /// # Panics
    /// Never: prefix and service name together are within the engine's grammar.
    pub fn container(&self, service: &ServiceName) -> ContainerName {
        format!("{}{service}", self.settings.container_prefix.get())
            .parse()
            .expect("a valid prefix and a service name make a valid container name")
    }

    /// The image of a service: given by `IMAGE_<SERVICE>`, or the catalogue's pin, from `IMAGE_REGISTRY` when given.
    pub fn image(&self, service: &Service) -> String {
        if let Some(image) = self.settings.images.get(&service.name) {
            return image.get().to_string();
        }
        self.pinned_image(service)
    }

    /// The catalogue's image of a service, from `IMAGE_REGISTRY` when given, whatever `IMAGE_<SERVICE>` says.
    pub fn pinned_image(&self, service: &Service) -> String {
        let store = self.vector_store();
        let pinned = service
            .image
            .variant
            .get(&store)
            .unwrap_or(&service.image.reference);
        match self.settings.image_registry.get() {
            None => pinned.clone(),
            Some(registry) => {
                let last = pinned.rsplit('/').next().unwrap_or(pinned);
                format!("{}/{last}", registry.as_str().trim_end_matches('/'))
            }
        }
    }

    /// The stack's name inside its own stores: databases, roles, collections and classes carry it.
    pub fn store_names(&self) -> &StackName {
        self.settings.store_names.get()
    }

    /// What a service sees of the vector store, when it uses it.
    pub fn vector(&self, service: &Service) -> Option<StoreContext> {
        service.vector.context(
            self.vector_store(),
            self.store_names().as_str(),
            service.name.as_str(),
        )
    }

    /// `AppArmor` on this host for this stack.
    ///
    /// # Errors
    /// `APPARMOR=require` where it cannot be enforced.
    pub fn apparmor(&self, available: bool) -> Result<InForce, aiplat_apparmor::Required> {
        self.apparmor_mode().decide(available)
    }

    fn apparmor_mode(&self) -> Mode {
        use crate::settings::AppArmorMode;
        match self.settings.apparmor.get() {
            AppArmorMode::Auto => Mode::Auto,
            AppArmorMode::Require => Mode::Require,
            AppArmorMode::Off => Mode::Off,
        }
    }

    /// The engine's name of the parent cgroup, when the stack has limits of its own.
    pub fn cgroup_parent(&self, driver: &str) -> Option<String> {
        let s = &self.settings;
        let limited = s.stack_cpus.get().is_some()
            || s.stack_memory.get().is_some()
            || s.stack_pids.get().is_some();
        limited.then(|| self.id.cgroup_parent(driver))
    }

    /// The public origin of an app: `https://<host>.<domain>`, with the port where it is not 443.
    pub fn origin(&self, host: &str) -> String {
        format!("https://{}", self.public_host(host))
    }

    /// Host name and port of an app, the port left out where it is 443.
    pub fn public_host(&self, host: &str) -> String {
        match self.allocation.ports.get("CADDY_HTTPS_PORT") {
            None | Some(443) => format!("{host}.{}", self.domain()),
            Some(port) => format!("{host}.{}:{port}", self.domain()),
        }
    }
}

/// Names for which no public authority issues certificates.
fn is_local(domain: &str) -> bool {
    const LOCAL: [&str; 8] = [
        "localhost",
        "local",
        "internal",
        "test",
        "example",
        "invalid",
        "lan",
        "home.arpa",
    ];
    const RESERVED: [&str; 3] = ["example.org", "example.com", "example.net"];
    let within = |zone: &&str| {
        domain
            .strip_suffix(zone)
            .is_some_and(|d| d.is_empty() || d.ends_with('.'))
    };
    LOCAL.iter().chain(&RESERVED).any(within) || domain.parse::<Ipv4Addr>().is_ok()
}

/// What the stack asks of the host; the settings say which values were given.
pub fn request(
    settings: &Settings,
    id: &StackId,
    selection: &Selection,
    catalogue: &Catalogue,
) -> Request {
    Request {
        stack: settings.docker_network.get().clone(),
        stack_id: id.clone(),
        base_dir: PathBuf::from(settings.base_dir.get().as_str()),
        domain: settings.domain_name.get().to_string(),
        container_prefix: settings.container_prefix.get().to_string(),
        subnet: settings
            .stack_subnet
            .get()
            .map_or(Wanted::Any, |s| Wanted::Given(s.net())),
        uid: wanted(&settings.stack_user_uid, |uid| uid.get()),
        gid: wanted(&settings.stack_user_gid, |gid| gid.get()),
        openclaw_uid: settings
            .openclaw_uid
            .get()
            .map_or(Wanted::Any, |id| Wanted::Given(id.get())),
        openclaw_gid: settings
            .openclaw_gid
            .get()
            .map_or(Wanted::Any, |id| Wanted::Given(id.get())),
        ports: ports(settings, selection, catalogue),
        gpus: gpus(settings),
    }
}

/// The graphics processors that settings name.
pub fn gpus(settings: &Settings) -> std::collections::BTreeSet<u32> {
    let given = settings.stack_gpus.get().as_ref();
    given.map(|gpus| gpus.numbers().clone()).unwrap_or_default()
}

fn wanted<T>(setting: &Setting<T>, number: impl Fn(&T) -> u32) -> Wanted<u32> {
    let value = number(setting.get());
    if setting.source() == Source::Default {
        Wanted::Preferred(value)
    } else {
        Wanted::Given(value)
    }
}

/// Every key with a host port. A port is reserved whether its service is selected now or not, so that adding the
/// service later moves nothing; with `PUBLISH=front-door` only the front door has any.
fn ports(settings: &Settings, selection: &Selection, catalogue: &Catalogue) -> Vec<PortRequest> {
    let mut all = Vec::new();
    for service in catalogue.services() {
        for port in &service.ports {
            let (Some(key), Some(preferred)) = (&port.key, port.default) else {
                continue;
            };
            let role = match key.as_str() {
                "CADDY_HTTP_PORT" => PortRole::FrontDoorHttp,
                "CADDY_HTTPS_PORT" => PortRole::FrontDoorHttps,
                _ => PortRole::Service,
            };
            let edge = role != PortRole::Service;
            if edge && !selection.has(&service.name) {
                continue;
            }
            if !edge && *settings.publish.get() == Publish::FrontDoor {
                continue;
            }
            let address = if edge {
                &settings.front_door_address
            } else {
                &settings.bind_address
            };
            all.push(PortRequest {
                key: key.clone(),
                role,
                preferred,
                given: settings.ports.get(key).map(|p| p.get().get()),
                address: *address.get(),
            });
        }
    }
    all.sort_by(|a, b| (a.role, a.preferred, &a.key).cmp(&(b.role, b.preferred, &b.key)));
    all
}
