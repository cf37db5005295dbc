//! Stacks as operators might ask for them, one after another on one host.

use aiplat_core::allocation::Register;
use aiplat_core::catalogue::Catalogue;
use aiplat_core::desired::Desired;
use aiplat_core::observed::Observed;
use aiplat_core::plan::{Plan, check, plan};
use aiplat_testkit::fake::simulate::simulate;
use aiplat_testkit::fake::stack::{Recipe, Stack, canary};
use proptest::prelude::*;

/// What one stack is asked to be; its name and directory follow from its number.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) name: String,
    pub(crate) store: &'static str,
    pub(crate) services: Option<&'static str>,
    pub(crate) front_door: bool,
    pub(crate) limits: bool,
    pub(crate) uid: Option<u32>,
}

/// Services that a wish may name; each brings what it needs.
pub(crate) const SOME: [&str; 6] = [
    "redis",
    "postgres,litellm",
    "n8n,caddy",
    "grafana,prometheus",
    "openclaw,caddy",
    "anythingllm,openwebui,flowise",
];

pub(crate) fn wish() -> impl Strategy<Value = Wish> {
    let services = prop_oneof![
        1 => Just(None),
        5 => prop::sample::select(&SOME[..]).prop_map(Some),
    ];
    let store = prop::sample::select(&["qdrant", "pgvector", "weaviate", "chroma"][..]);
    let uid = prop::option::of(prop_oneof![1000_u32..1010, 1000_u32..=65533]);
    (
        "[a-z][a-z0-9_-]{0,20}",
        store,
        services,
        any::<bool>(),
        any::<bool>(),
        uid,
    )
        .prop_map(|(name, store, services, front_door, limits, uid)| Wish {
            name,
            store,
            services,
            front_door,
            limits,
            uid,
        })
}

impl Wish {
    pub(crate) fn recipe(&self, number: u8) -> Recipe {
        // told apart by their numbers at the end: names that begin alike are the harder case
        let name = format!("{}-{number:03}", self.name);
        let mut recipe = Recipe::named(&name, number)
            .with("VECTOR_DB", self.store)
            .with("TAILSCALE_AUTH_KEY", &canary(number, "tailscale_auth_key"));
        if let Some(services) = self.services {
            recipe = recipe.with("SERVICES", services);
        }
        if self.front_door {
            recipe = recipe.with("PUBLISH", "front-door");
        }
        if self.limits {
            recipe = recipe
                .with("STACK_MEMORY", "6g")
                .with("STACK_CPUS", "1.5")
                .with("STACK_PIDS", "300");
        }
        recipe
    }
}

/// A stack with its plan on the host as it was when it came.
pub(crate) struct Planned {
    pub(crate) number: u8,
    pub(crate) stack: Stack,
    pub(crate) desired: Desired,
    pub(crate) plan: Plan,
}

/// A host on which stacks come and go.
pub(crate) struct Host<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) observed: Observed,
    pub(crate) register: Register,
}

impl Host<'_> {
    /// Decides a stack, reserves what it needs and plans it; nothing is carried out. The user is only preferred, as
    /// the invoking one is.
    pub(crate) fn plan(&mut self, number: u8, recipe: &Recipe) -> Result<Planned, String> {
        let stack = recipe
            .on(&self.observed, &self.register, self.catalogue)
            .map_err(|spoilt| spoilt.to_string())?;
        stack.reserve(&mut self.register);
        let desired = stack
            .desired(self.catalogue, &self.observed.engine)
            .map_err(|spoilt| spoilt.to_string())?;
        let plan = plan(&stack.config, &desired, &self.observed).map_err(|all| {
            all.iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        })?;
        let found = check(&plan, &stack.config, self.catalogue, &self.register);
        if let Some(first) = found.first() {
            return Err(first.to_string());
        }
        Ok(Planned {
            number,
            stack,
            desired,
            plan,
        })
    }

    /// Carries the plan out in the model.
    pub(crate) fn apply(&mut self, plan: &Plan) {
        self.observed = simulate(plan, &self.observed);
    }
}
