//! What of a service is copied before another image starts on it.

use aiplat_core::plan::{Plan, Step};
use aiplat_core::spec::{DataCopy, OwnDatabases};
use aiplat_testkit::fake::simulate::simulate;
use aiplat_testkit::fake::stack::Recipe;

use crate::common::{Case, bare, case, catalogue};

fn recipe() -> Recipe {
    Recipe::named("a", 1)
        .with("SERVICES", "n8n,flowise,caddy")
        .with("VECTOR_DB", "pgvector")
}

fn copy<'a>(plan: &'a mut Plan, service: &str) -> Option<&'a mut DataCopy> {
    let id = format!("service/{service}");
    let step = plan.steps.iter_mut().find(|s| s.id == id).unwrap();
    match &mut step.step {
        Step::Container(step) => step.copy.as_mut(),
        _ => panic!("`{id}` makes no container"),
    }
}

/// A stack that runs, about to get other images for all of these with a copy of each.
fn upgrade(services: &[&str]) -> (Case, Plan) {
    let (host, catalogue) = (bare(false), catalogue());
    let old = case(&recipe(), &host, &catalogue);
    let there = simulate(&old.plan(&host), &host);
    let mut asked = recipe();
    for service in services {
        let key = format!("IMAGE_{}", service.to_uppercase());
        asked = asked.with(&key, "registry.example/new:1");
    }
    let mut new = case(&asked, &host, &catalogue);
    new.desired.copied = services.iter().map(|s| s.parse().unwrap()).collect();
    let plan = new.plan(&there);
    (new, plan)
}

#[test]
fn a_copy_has_the_services_own_databases_and_neither_vectors_nor_anybody_elses() {
    let (case, mut plan) = upgrade(&["n8n", "caddy", "postgres"]);
    let n8n = copy(&mut plan, "n8n").unwrap();
    let databases = n8n.databases.as_ref().unwrap().databases.iter();
    let databases: Vec<_> = databases.map(|own| own.database.as_str()).collect();
    assert_eq!(databases, ["a__n8n_app"]);
    for service in ["caddy", "postgres"] {
        let copy = copy(&mut plan, service).unwrap();
        assert_eq!(copy.databases, None, "{service}: its directories are all");
    }
    assert_eq!(case.check(&plan, &catalogue()), Vec::<String>::new());
}

#[test]
fn the_checker_finds_a_copy_of_what_is_another_services() {
    let (case, mut plan) = upgrade(&["n8n", "flowise"]);
    let theirs = copy(&mut plan, "flowise").unwrap().databases.clone();
    let own = &mut copy(&mut plan, "n8n").unwrap().databases;
    let OwnDatabases { databases, .. } = own.as_mut().unwrap();
    databases.extend(theirs.unwrap().databases);
    let words = case.check(&plan, &catalogue());
    let [one] = words.as_slice() else {
        panic!("expected one violation, found {words:?}")
    };
    assert!(
        one.contains("`a__flowise_app`, which is not the service's"),
        "{one}"
    );
}
