//! A whole stack from a few settings, without a host: the same input gives the same stack, secrets included.

use std::collections::BTreeMap;

use aiplat_core::allocation::{Allocation, Register, Request, allocate};
use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::{Secrets, StackConfig, known_keys, manifest, needed, request, select};
use aiplat_core::desired::{Desired, desired};
use aiplat_core::names::StackId;
use aiplat_core::observed::{EngineFacts, Observed};
use aiplat_core::secret::RANDOM_BYTES;
use aiplat_core::settings::{Layers, Settings};
use secrecy::{ExposeSecret, SecretString};

/// What stands at the beginning of every secret of a test's stack that was not given: found anywhere else, it leaked.
pub const CANARY: &str = "canary";

/// A stack of a test: settings by their manifest keys, and a number that everything random is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipe {
    /// Settings by manifest key, as the environment would have them.
    pub settings: BTreeMap<String, String>,
    /// What ids and secrets are made from: two recipes with the same seed have the same stack id.
    pub seed: u8,
}

/// A stack that was fully decided.
#[derive(Debug, Clone)]
pub struct Stack {
    /// What a plan is made from.
    pub config: StackConfig,
    /// What it asked of the host.
    pub request: Request,
}

/// Why a recipe makes no stack: everything that is wrong, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Spoilt(pub Vec<String>);

impl Recipe {
    /// The stack of this name with the defaults of everything else; `BASE_DIR` is `/mnt/<name>`.
    pub fn named(name: &str, seed: u8) -> Self {
        Self {
            settings: BTreeMap::new(),
            seed,
        }
        .with("DOCKER_NETWORK", name)
        .with("BASE_DIR", &format!("/mnt/{name}"))
        .with(
            "DOMAIN_NAME",
            &format!("{}.localhost", name.replace('_', "-")),
        )
    }

    /// The same with one setting more.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The stack of this recipe on a host without any other.
    ///
    /// # Errors
    /// [`Spoilt`].
    pub fn alone(&self, catalogue: &Catalogue) -> Result<Stack, Spoilt> {
        self.on(&Observed::default(), &Register::default(), catalogue)
    }

    /// The stack of this recipe on a host where others are.
    ///
    /// # Errors
    /// [`Spoilt`].
    pub fn on(
        &self,
        observed: &Observed,
        register: &Register,
        catalogue: &Catalogue,
    ) -> Result<Stack, Spoilt> {
        let layers = Layers {
            environment: self.settings.clone(),
            ..Layers::default()
        };
        let known = known_keys(catalogue);
        let (settings, _) = Settings::resolve(&layers, &known)
            .map_err(|problems| Spoilt(vec![problems.to_string()]))?;
        let selection = select(&settings, catalogue).map_err(|all| spoilt(&all))?;
        let id = StackId::from_bytes([self.seed; 6]);
        let request = request(&settings, &id, &selection, catalogue);
        let allocation: Allocation =
            allocate(&request, observed, register).map_err(|all| spoilt(&all))?;
        let needs = needed(
            &settings,
            settings.docker_network.get(),
            &selection,
            catalogue,
        );
        // those made from others too: their hash costs a second in a program that is not optimised
        let drawn = needs.iter().map(|need| {
            let value = canary(self.seed, need.name.as_str());
            (need.name.to_string(), SecretString::from(value))
        });
        let mut given = settings.secrets.clone();
        if let Some(key) = settings.tailscale_auth_key.get() {
            given.insert("TAILSCALE_AUTH_KEY".to_owned(), key.clone());
        }
        let random = || [self.seed; RANDOM_BYTES];
        let secrets =
            Secrets::gather(&needs, &given, &drawn.collect(), random).map_err(|missing| {
                Spoilt(missing.iter().map(|need| need.name.to_string()).collect())
            })?;
        let manifest = manifest(None, &settings, &allocation, &known)
            .map_err(|problem| Spoilt(vec![problem.to_string()]))?;
        let config = StackConfig {
            settings,
            id,
            allocation,
            selection,
            secrets,
            manifest,
        };
        Ok(Stack { config, request })
    }
}

impl Stack {
    /// What is wanted for it, for this engine.
    ///
    /// # Errors
    /// [`Spoilt`].
    pub fn desired(&self, catalogue: &Catalogue, engine: &EngineFacts) -> Result<Desired, Spoilt> {
        desired(&self.config, catalogue, engine).map_err(|all| spoilt(&all))
    }

    /// Puts its reservation into the register.
    pub fn reserve(&self, register: &mut Register) {
        register.put(self.config.allocation.reservation(&self.request));
    }

    /// The values of all its secrets.
    pub fn secret_values(&self) -> Vec<String> {
        self.config
            .secrets
            .iter()
            .map(|(_, value)| value.expose_secret().to_owned())
            .collect()
    }
}

/// The secret of this name that a stack with this seed has.
pub fn canary(seed: u8, name: &str) -> String {
    format!("{CANARY}{seed:02x}{}", name.replace('_', "Z"))
}

/// An engine as most have it, with `AppArmor` or without, whose containers this host can reach.
pub fn engine_facts(apparmor: bool) -> EngineFacts {
    EngineFacts {
        version: "29.0.0".to_owned(),
        api_version: "1.52".to_owned(),
        product: "docker".to_owned(),
        apparmor,
        rootless: false,
        reachable: true,
        cgroup_driver: "cgroupfs".to_owned(),
        cgroup_version: 2,
        root_dir: "/var/lib/docker".into(),
        cpus: 4,
        memory_bytes: 16 << 30,
    }
}

fn spoilt(problems: &[impl ToString]) -> Spoilt {
    Spoilt(problems.iter().map(ToString::to_string).collect())
}
