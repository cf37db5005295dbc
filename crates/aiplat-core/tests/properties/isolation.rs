//! Complete data isolation, context consistency, and disjointness of everything that two stacks could share.

use std::collections::BTreeSet;

use aiplat_core::allocation::Register;
use aiplat_core::spec::{label, project};
use aiplat_testkit::fake::stack::CANARY;
use proptest::prelude::*;

use crate::common::{bare, catalogue, walk};
use crate::generated::{Host, Planned, wish};

/// Complete data isolation: every path of a stack is in its own directory, and no other stack's is.
fn data_isolation(all: &[Planned]) {
    for one in all {
        let base = one.stack.config.base_dir();
        for path in walk::paths(&one.plan) {
            assert!(path.starts_with(base), "{}", path.display());
            let plain = path
                .components()
                .all(|c| !matches!(c, std::path::Component::ParentDir));
            assert!(plain, "{}", path.display());
        }
        for other in all.iter().filter(|other| other.number != one.number) {
            assert!(!base.starts_with(other.stack.config.base_dir()));
        }
    }
}

/// Context consistency: whatever a stack's plan names is that stack's: containers, networks, labels, databases, secrets.
fn context_consistency(all: &[Planned]) {
    for one in all {
        let config = &one.stack.config;
        let prefix = config.settings.container_prefix.get().to_string();
        for name in walk::names(&one.plan) {
            assert!(
                name == config.name().as_str() || name.starts_with(&prefix),
                "{name}"
            );
        }
        for spec in walk::containers(&one.plan) {
            assert_eq!(spec.labels[label::STACK], config.name().as_str());
            assert_eq!(spec.labels[label::STACK_ID], config.id.as_str());
            assert_eq!(
                spec.labels[label::BASE_DIR],
                config.base_dir().display().to_string()
            );
        }
        let own = format!("{CANARY}{:02x}", one.number);
        for text in walk::texts(&one.plan) {
            let foreign = text.expose().replace(&own, "");
            assert!(!foreign.contains(CANARY), "{}", text.shown());
        }
        let json = serde_json::to_string(&one.plan).unwrap();
        for other in all.iter().filter(|other| other.number != one.number) {
            let theirs = &other.stack.config;
            for word in [theirs.name().as_str(), theirs.id.as_str(), theirs.domain()] {
                assert!(
                    !json.contains(word),
                    "`{word}` in the plan of `{}`",
                    config.name()
                );
            }
        }
    }
}

/// Ports, users, subnets, names, profiles, bridges, cgroups: none twice.
fn disjointness(all: &[Planned]) {
    let mut seen: BTreeSet<(&'static str, String)> = BTreeSet::new();
    let mut once = |what: &'static str, value: String| {
        assert!(seen.insert((what, value.clone())), "{what} {value} twice");
    };
    for one in all {
        let config = &one.stack.config;
        let got = &config.allocation;
        for uid in [got.uid, got.openclaw_uid] {
            once("user", uid.to_string());
        }
        for gid in [got.gid, got.openclaw_gid] {
            once("group", gid.to_string());
        }
        for (key, port) in &got.ports {
            assert!(*port > 0, "{key}");
            once("port", port.to_string());
        }
        once("project", project(got.uid).to_string());
        once("name", config.name().to_string());
        once("bridge", config.id.bridge());
        once("prefix", config.settings.container_prefix.get().to_string());
        for (_, name) in &one.plan.services {
            once("container", name.to_string());
        }
        for profile in &one.desired.profiles {
            once("profile", profile.name.clone());
            assert!(profile.name.len() <= 63, "{}", profile.name);
        }
        once(
            "cgroup",
            config
                .cgroup_parent("cgroupfs")
                .unwrap_or_else(|| config.id.to_string()),
        );
    }
    for (i, a) in all.iter().enumerate() {
        for b in &all[i + 1..] {
            let (a, b) = (
                a.stack.config.allocation.subnet,
                b.stack.config.allocation.subnet,
            );
            assert!(!a.contains(&b) && !b.contains(&a), "{a} and {b}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_number_of_stacks_share_nothing(wishes in prop::collection::vec(wish(), 2..5), apparmor in any::<bool>()) {
        let catalogue = catalogue();
        let mut host = Host { catalogue: &catalogue, observed: bare(apparmor), register: Register::default() };
        let mut all = Vec::new();
        for (number, wish) in (1_u8..).zip(&wishes) {
            let mut recipe = wish.recipe(number);
            if let Some(uid) = wish.uid.filter(|uid| {
                !host.register.stacks.iter().any(|r| r.uids.contains(uid) || r.gids.contains(uid))
            }) {
                recipe = recipe.with("STACK_USER_UID", &uid.to_string());
            }
            let planned = host.plan(number, &recipe).unwrap_or_else(|words| panic!("{recipe:?}: {words}"));
            host.apply(&planned.plan);
            all.push(planned);
        }
        data_isolation(&all);
        context_consistency(&all);
        disjointness(&all);
    }
}

/// A crowd: as many stacks as no test of plans could afford, decided and reserved only.
#[test]
fn a_hundred_stacks_have_room() {
    let catalogue = catalogue();
    let (observed, mut register) = (bare(false), Register::default());
    for number in 0..100_u8 {
        let recipe = aiplat_testkit::fake::stack::Recipe::named(&format!("s{number}"), number);
        let stack = recipe
            .on(&observed, &register, &catalogue)
            .unwrap_or_else(|s| panic!("{s}"));
        stack.reserve(&mut register);
    }
    let ports: BTreeSet<_> = register
        .stacks
        .iter()
        .flat_map(|r| &r.ports)
        .map(|p| p.port)
        .collect();
    let users: BTreeSet<_> = register.stacks.iter().flat_map(|r| &r.uids).collect();
    assert_eq!(
        ports.len(),
        register.stacks.iter().map(|r| r.ports.len()).sum::<usize>()
    );
    assert_eq!(users.len(), 200);
}
