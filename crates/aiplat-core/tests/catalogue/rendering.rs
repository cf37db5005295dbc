//! Every template of every service renders, with every store, alone and in company.

use aiplat_core::catalogue::Allowance;
use aiplat_core::spec::{ContainerSpec, NetworkMode};
use aiplat_core::text::Text;
use aiplat_testkit::fake::stack::{Recipe, canary};
use aiplat_vectordb::StoreKind;

use crate::common::{bare, case, catalogue, everything};

#[test]
fn all_services_render_with_each_store() {
    let catalogue = catalogue();
    for apparmor in [false, true] {
        let host = bare(apparmor);
        for store in StoreKind::ALL {
            let case = case(&everything("all", 1, store), &host, &catalogue);
            let plan = case.plan(&host);
            assert_eq!(case.check(&plan, &catalogue), [""; 0], "{store}");
            let selected = case.stack.config.selection.services();
            assert!(selected.len() >= 16, "{store}: {selected:?}");
            assert_eq!(case.desired.services.len(), selected.len());
            assert_eq!(
                case.desired.profiles.len(),
                if apparmor { selected.len() } else { 0 }
            );
        }
    }
}

#[test]
fn each_service_renders_alone_with_what_it_needs() {
    let catalogue = catalogue();
    let host = bare(true);
    let mut refused = Vec::new();
    for service in catalogue.services() {
        for store in StoreKind::ALL {
            let recipe = everything("one", 2, store).with("SERVICES", service.name.as_str());
            match recipe.alone(&catalogue) {
                Ok(_) => {
                    let case = case(&recipe, &host, &catalogue);
                    assert_eq!(
                        case.check(&case.plan(&host), &catalogue),
                        [""; 0],
                        "{} with {store}",
                        service.name
                    );
                }
                // what cannot run says why, by name
                Err(spoilt) => {
                    let words = spoilt.to_string();
                    assert!(words.contains(service.name.as_str()), "{words}");
                    assert!(words.contains("VECTOR_DB"), "{words}");
                    refused.push(format!("{} with {store}", service.name));
                }
            }
        }
    }
    let stores = ["qdrant", "weaviate", "chroma"];
    let others = refused
        .iter()
        .filter(|r| !stores.iter().any(|s| r.starts_with(s)));
    let dify: Vec<_> = others.clone().filter(|r| r.starts_with("dify")).collect();
    assert_eq!(others.count(), dify.len(), "{refused:?}");
    assert!(dify.iter().all(|r| r.ends_with("chroma")), "{refused:?}");
}

#[test]
fn every_pair_of_services_renders() {
    let catalogue = catalogue();
    let host = bare(false);
    let names: Vec<_> = catalogue.services().map(|s| s.name.clone()).collect();
    for (i, a) in names.iter().enumerate() {
        for b in &names[i + 1..] {
            let recipe =
                everything("two", 3, StoreKind::Qdrant).with("SERVICES", &format!("{a},{b}"));
            if recipe.alone(&catalogue).is_ok() {
                let case = case(&recipe, &host, &catalogue);
                assert_eq!(
                    case.check(&case.plan(&host), &catalogue),
                    [""; 0],
                    "{a} and {b}"
                );
            }
        }
    }
}

#[test]
fn openclaw_is_left_out_without_its_key_and_refused_when_asked_for() {
    let catalogue = catalogue();
    let without = Recipe::named("a", 4).alone(&catalogue).unwrap();
    let left_out: Vec<_> = without
        .config
        .selection
        .left_out()
        .iter()
        .map(|l| l.service.as_str())
        .collect();
    assert_eq!(left_out, ["openclaw", "tailscale"]);
    let asked = Recipe::named("a", 4)
        .with("SERVICES", "openclaw")
        .alone(&catalogue)
        .unwrap_err();
    assert!(asked.to_string().contains("TAILSCALE_AUTH_KEY"), "{asked}");
}

#[test]
fn every_container_of_every_service_is_hardened() {
    let catalogue = catalogue();
    let host = bare(true);
    for store in StoreKind::ALL {
        let case = case(&everything("all", 5, store), &host, &catalogue);
        let mut seen = 0;
        for service in &case.desired.services {
            seen += 1;
            let exceptions = &catalogue.get(&service.name).unwrap().exceptions;
            let allowed: Vec<_> = exceptions.iter().map(|e| e.allow.clone()).collect();
            hardened(&service.container, &allowed);
        }
        assert!(seen >= 16);
    }
}

fn hardened(spec: &ContainerSpec, allowed: &[Allowance]) {
    let name = &spec.service;
    let root = spec.user.uid == 0;
    assert_eq!(root, allowed.contains(&Allowance::Root), "{name}");
    assert_eq!(
        !spec.read_only,
        allowed.contains(&Allowance::WritableRoot),
        "{name}"
    );
    for capability in &spec.capabilities {
        assert!(
            allowed.contains(&Allowance::Capability(capability.clone())),
            "{name}: {capability}"
        );
    }
    assert!(spec.apparmor.is_some(), "{name}");
    assert!(
        spec.limits.pids > 0 && spec.limits.memory_bytes.is_some(),
        "{name}"
    );
    assert!(
        spec.ports.iter().all(|p| p.address.is_loopback()),
        "{name}: {:?}",
        spec.ports
    );
    let has = |target: &str| spec.binds.iter().any(|b| b.target == target && b.read_only);
    assert!(root || has("/etc/passwd") && has("/etc/group"), "{name}");
    assert!(spec.env.contains_key("HOME"), "{name}");
    if let NetworkMode::Stack { aliases, .. } = &spec.network {
        assert!(
            aliases.iter().any(|a| a == name.as_str()),
            "{name}: {aliases:?}"
        );
    }
    let argv = spec
        .entrypoint
        .iter()
        .flatten()
        .chain(spec.command.iter().flatten());
    assert!(
        !argv.map(Text::expose).any(|word| word.contains("canary")),
        "{name}"
    );
}

#[test]
fn a_missing_secret_is_named_and_no_secret_is_told() {
    let catalogue = catalogue();
    let mut stack = everything("a", 6, StoreKind::Qdrant)
        .alone(&catalogue)
        .unwrap();
    stack.config.secrets = aiplat_core::config::Secrets::default();
    let spoilt = stack.desired(&catalogue, &bare(false).engine).unwrap_err();
    assert!(spoilt.0.len() > 3, "all problems at once: {spoilt}");
    assert!(spoilt.to_string().contains("secret"), "{spoilt}");
    assert!(!spoilt.to_string().contains(&canary(6, "")), "{spoilt}");
}
