//! Machines and stacks to start from.

use aiplat_core::catalogue::Catalogue;
use aiplat_core::spec::NetworkSpec;
use aiplat_testkit::fake::stack::{Recipe, Stack, canary, engine_facts};
use aiplat_testkit::fake::{Machine, Run, RunError, Trouble};
use tokio::task::JoinSet;

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

/// Each trouble at each call of `act`, and then `again`: the same end.
pub(crate) async fn everywhere(
    start: &Machine,
    run: &Run<'_>,
    act: impl AsyncFn(&Run<'_>) -> Result<(), RunError>,
    again: impl AsyncFn(&Run<'_>) -> Result<(), RunError>,
) -> usize {
    let quiet = start.fork();
    quiet.trouble(Trouble::Never);
    act(&run.on(&quiet)).await.unwrap();
    let (wanted, total) = (quiet.picture(), quiet.calls().len());
    let mut failed = 0;
    for n in 0..total {
        for trouble in [Trouble::Refuse(n), Trouble::DieAfter(n)] {
            let machine = start.fork();
            let run = run.on(&machine);
            machine.trouble(trouble);
            failed += usize::from(act(&run).await.is_err());
            let at = format!("{trouble:?} at {:?}", machine.calls().get(n));
            machine.trouble(Trouble::Never);
            again(&run)
                .await
                .unwrap_or_else(|error| panic!("{at}, again: {error}"));
            let differences = machine.picture().differences(&wanted);
            assert!(differences.is_empty(), "{at}:\n{}", differences.join("\n"));
        }
    }
    assert!(failed > total, "{failed} of twice {total} calls failed");
    total
}

/// How many troubles are tried at the same moment: a little more than most machines have processors.
const AT_ONCE: usize = 4;

/// A refusal and a death at each of so many calls, several side by side. What one of them panics with, this does.
pub(crate) async fn at_every_call<F: Future<Output = ()> + Send + 'static>(
    calls: usize,
    try_it: impl Fn(Trouble) -> F,
) {
    let troubles = (0..calls).flat_map(|n| [Trouble::Refuse(n), Trouble::DieAfter(n)]);
    let mut running = JoinSet::new();
    for trouble in troubles {
        if running.len() == AT_ONCE {
            ended(running.join_next().await);
        }
        running.spawn(try_it(trouble));
    }
    while let Some(one) = running.join_next().await {
        ended(Some(one));
    }
}

fn ended(one: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(error)) = one {
        std::panic::resume_unwind(error.into_panic());
    }
}
