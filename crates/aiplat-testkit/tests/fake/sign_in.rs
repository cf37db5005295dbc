//! A node signed in again: the same one, its key used once, whatever happens on the way.

use aiplat_docker::host::Host as _;
use aiplat_testkit::fake::stack::{Recipe, canary};
use aiplat_testkit::fake::{Machine, Node, Run, RunError, Trouble};

use crate::support::{catalogue, everywhere, machine, run, stack};

const KEY: &str = "tskey-CANARY-of-this-year";

fn recipe() -> Recipe {
    Recipe::named("a", 1)
        .with("SERVICES", "openclaw,redis")
        .with("TAILSCALE_AUTH_KEY", &canary(1, "tailscale_auth_key"))
}

async fn refresh(run: &Run<'_>) -> Result<(), RunError> {
    run.sign_in(KEY).await.map(drop)
}

/// Files in which the new key stands.
fn holders(machine: &Machine) -> Vec<String> {
    let tree = machine.picture().tree;
    let holds = |node: &Node| match node {
        Node::File { content, .. } => String::from_utf8_lossy(content).contains(KEY),
        _ => false,
    };
    let found = tree.into_iter().filter(|(_, node)| holds(node));
    found.map(|(path, _)| path.display().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_and_a_death_at_every_call_end_in_one_sign_in() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    let calls = everywhere(&machine, &run, refresh, refresh).await;
    assert!(calls > 12, "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_key_changes_and_it_is_nowhere_but_with_the_secrets() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    let (before, starts) = (machine.picture(), machine.starts());
    machine.trouble(Trouble::Never);
    refresh(&run).await.unwrap();
    let calls = machine.calls().join("\n");
    assert!(!calls.contains(KEY), "{calls}");
    let forced = "--auth-key=file:/var/lib/tailscale/.aiplat-auth-key --force-reauth --hostname=";
    assert!(calls.contains(forced), "{calls}");
    assert_eq!(machine.starts(), starts, "no container was started again");
    let after = machine.picture();
    assert_eq!(after.containers, before.containers);
    assert_eq!(after.nodes["a-tailscale"].keys, [KEY]);
    let kept = holders(&machine);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(
        kept[0].ends_with("config/secrets/tailscale_auth_key"),
        "{kept:?}"
    );
    let differing = after
        .tree
        .iter()
        .filter(|(p, n)| before.tree.get(*p) != Some(n));
    assert_eq!(differing.count(), 1, "nothing but the key");
    // the journal is no place for it either
    let journal = stack.config.path("config/journal.jsonl");
    let journal = machine.host.read_file(&journal, 1 << 20).unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&journal).contains(KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_leaves_everything_as_it_was() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    let before = machine.picture();
    let error = run.sign_in("tskey-CANARY-invalid").await.unwrap_err();
    let words = format!("{error} {error:?}");
    assert!(words.contains("signed in as before"), "{words}");
    assert!(!words.contains("CANARY"), "{words}");
    let mut after = machine.picture();
    // the engine was asked, and knows the node since
    after.nodes.retain(|_, node| !node.keys.is_empty());
    let differences = after.differences(&before);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    // the key that it is signed in with is no failure, though it works only once
    refresh(&run).await.unwrap();
    let signed_in = machine.picture();
    refresh(&run).await.unwrap();
    assert!(machine.picture().differences(&signed_in).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_without_a_node_is_told_so() {
    let catalogue = catalogue();
    let recipe = Recipe::named("a", 1).with("SERVICES", "redis");
    let (machine, stack) = (machine(&catalogue), stack(&recipe, &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    let error = refresh(&run).await.unwrap_err().to_string();
    assert!(error.contains("this stack has no Tailscale"), "{error}");
}
