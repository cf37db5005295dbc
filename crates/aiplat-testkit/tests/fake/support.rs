//! Machines and stacks to start from.

use aiplat_core::catalogue::Catalogue;
use aiplat_core::spec::NetworkSpec;
use aiplat_testkit::fake::stack::{Recipe, Stack, canary, engine_facts};
use aiplat_testkit::fake::{Machine, Run};

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::built_in().expect("free of problems")
}

pub(crate) fn stack(recipe: &Recipe, catalogue: &Catalogue) -> Stack {
    recipe
        .alone(catalogue)
        .unwrap_or_else(|spoilt| panic!("{spoilt}"))
}

pub(crate) fn everything(store: &str) -> Recipe {
    Recipe::named("a", 1)
        .with("VECTOR_DB", store)
        .with("TAILSCALE_AUTH_KEY", &canary(1, "tailscale_auth_key"))
}

/// A machine with somebody else's container and network on it, and `AppArmor`.
pub(crate) fn machine(catalogue: &Catalogue) -> Machine {
    let machine = Machine::new(engine_facts(true));
    let other = stack(
        &Recipe::named("zz", 99).with("SERVICES", "redis"),
        catalogue,
    );
    let desired = other
        .desired(catalogue, &engine_facts(true))
        .unwrap_or_else(|s| panic!("{s}"));
    machine.foreign_container(&desired.services[0].container, "somebody");
    machine.foreign_network(NetworkSpec {
        name: "elsewhere".to_owned(),
        labels: [("somebody".to_owned(), "else".to_owned())].into(),
        ..desired.network
    });
    machine.volume("/mnt/zz/data");
    machine
}

pub(crate) fn run<'a>(machine: &'a Machine, stack: &'a Stack, catalogue: &'a Catalogue) -> Run<'a> {
    Run::new(machine, stack, catalogue, &engine_facts(true))
        .unwrap_or_else(|spoilt| panic!("{spoilt}"))
}
