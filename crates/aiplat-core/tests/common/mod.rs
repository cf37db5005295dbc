//! What several of these tests start from.

#![allow(dead_code, unreachable_pub)] // each test program uses a part of it

pub mod walk;

use aiplat_core::allocation::Register;
use aiplat_core::catalogue::Catalogue;
use aiplat_core::desired::Desired;
use aiplat_core::observed::Observed;
use aiplat_core::plan::{Plan, check, plan};
use aiplat_testkit::fake::stack::{Recipe, Stack, engine_facts};
use aiplat_vectordb::StoreKind;

/// The built-in catalogue.
pub fn catalogue() -> Catalogue {
    Catalogue::built_in().unwrap_or_else(|problems| {
        let words: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", words.join("\n"))
    })
}

/// A host with an engine and nothing on it.
pub fn bare(apparmor: bool) -> Observed {
    let mut observed = Observed {
        engine: engine_facts(apparmor),
        ..Observed::default()
    };
    observed.host.apparmor.enabled = apparmor;
    observed.host.apparmor.parser = apparmor;
    observed.host.firewall.available = true;
    observed.host.quota = Some(aiplat_core::observed::QuotaFacts::default());
    observed.host.gpus = 4;
    observed.host.volume.exists = true;
    observed.host.volume.mount_point = true;
    observed
}

/// A stack with everything that can run with this store.
pub fn everything(name: &str, seed: u8, store: StoreKind) -> Recipe {
    Recipe::named(name, seed)
        .with("VECTOR_DB", store.as_str())
        .with(
            "TAILSCALE_AUTH_KEY",
            &aiplat_testkit::fake::stack::canary(seed, "tailscale_auth_key"),
        )
}

/// A stack with what it wants on a host.
pub struct Case {
    pub stack: Stack,
    pub desired: Desired,
}

/// A recipe's stack, alone on a host.
pub fn case(recipe: &Recipe, observed: &Observed, catalogue: &Catalogue) -> Case {
    // of the host nothing counts for what a stack is given but how many of these there are
    let mut gpus = Observed::default();
    gpus.host.gpus = observed.host.gpus;
    let stack = recipe
        .on(&gpus, &Register::default(), catalogue)
        .unwrap_or_else(|spoilt| panic!("{recipe:?}: {spoilt}"));
    let desired = stack
        .desired(catalogue, &observed.engine)
        .unwrap_or_else(|spoilt| panic!("{recipe:?}: {spoilt}"));
    Case { stack, desired }
}

impl Case {
    /// The plan on a host; there must be one.
    pub fn plan(&self, observed: &Observed) -> Plan {
        plan(&self.stack.config, &self.desired, observed).unwrap_or_else(|problems| {
            let words: Vec<_> = problems.iter().map(ToString::to_string).collect();
            panic!("{}", words.join("\n"))
        })
    }

    /// What the checker finds in a plan of this stack.
    pub fn check(&self, plan: &Plan, catalogue: &Catalogue) -> Vec<String> {
        let violations = check(plan, &self.stack.config, catalogue, &Register::default());
        violations.iter().map(ToString::to_string).collect()
    }
}
