//! What a purge takes out of stores that stay: what the service's entry says is its own, last of all but its files.

use aiplat_core::desired::{Deposit, deposits};
use aiplat_core::plan::{Change, Kept, Plan, Step};
use aiplat_core::spec::{OwnDatabase, OwnDatabases, Withdrawal};
use aiplat_testkit::fake::stack::{Recipe, engine_facts};

use crate::common::{Case, bare, case, catalogue};

fn recipe(services: &str) -> Recipe {
    Recipe::named("a", 1)
        .with("SERVICES", services)
        .with("VECTOR_DB", "pgvector")
}

fn of(case: &Case, services: &[&str]) -> Vec<Deposit> {
    let services: Vec<_> = services.iter().map(|s| s.parse().unwrap()).collect();
    deposits(
        &case.stack.config,
        &catalogue(),
        &engine_facts(true),
        &services,
    )
}

fn databases(deposits: &[Deposit]) -> Vec<OwnDatabase> {
    let all = deposits.iter().filter_map(|d| d.withdrawal.as_ref());
    all.flat_map(|withdrawal| match withdrawal {
        Withdrawal::Postgres(OwnDatabases { databases, .. }) => databases.clone(),
        Withdrawal::Http { .. } => Vec::new(),
    })
    .collect()
}

fn names(deposits: &[Deposit]) -> Vec<String> {
    let all = databases(deposits).into_iter();
    all.map(|own| format!("{} of {}", own.database, own.role))
        .collect()
}

#[test]
fn what_goes_is_what_the_entry_names_and_nothing_else() {
    let (host, catalogue) = (bare(false), catalogue());
    let case = case(&recipe("flowise"), &host, &catalogue);
    let found = of(&case, &["n8n"]);
    assert_eq!(
        names(&found),
        ["a__n8n of a__n8n", "a__n8n_app of a__n8n_app"]
    );
    assert_eq!(found[0].store.as_str(), "postgres");
    // one that stays has all of its own, and one without a database has nothing there
    assert_eq!(of(&case, &["flowise"]), []);
    assert_eq!(of(&case, &["grafana"]), []);
}

#[test]
fn what_services_share_stays_until_the_last_of_them_goes() {
    let (host, catalogue) = (bare(false), catalogue());
    let parts = ["dify-api", "dify-worker", "dify-beat"];
    for (store, shared) in [
        (recipe("dify"), "postgres"),
        (with("qdrant", "dify"), "qdrant"),
    ] {
        let mut case = case(&store, &host, &catalogue);
        let selection = &case.stack.config.selection;
        let stay = selection.services().iter();
        let stay: Vec<_> = stay
            .filter(|s| s.as_str() != "dify-worker")
            .cloned()
            .collect();
        case.stack.config.selection = selection.only(&stay);
        let none = of(&case, &["dify-worker"]);
        assert_eq!(
            none,
            [],
            "its names in {shared} are those of the parts that stay"
        );
    }
    let without = crate::common::case(&recipe("postgres"), &host, &catalogue);
    let all = names(&of(&without, &parts));
    assert_eq!(all, ["a__dify of a__dify", "a__dify_app of a__dify_app"]);
}

#[test]
fn a_store_that_the_stack_does_not_run_is_named_and_not_asked() {
    let (host, catalogue) = (bare(false), catalogue());
    let case = case(&recipe("caddy"), &host, &catalogue);
    let found = of(&case, &["n8n"]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].withdrawal, None);
    // and one that goes with it takes everything along
    assert_eq!(of(&case, &["n8n", "postgres"]), []);
}

/// A plan that purges `n8n` from a stack that keeps `flowise`.
fn purge(case: &Case, withdrawals: Vec<Withdrawal>) -> Plan {
    let mut plan = case.plan(&bare(false));
    plan.withdraw(withdrawals, "the service is purged", true);
    let kept = Kept {
        directories: vec![case.stack.config.path("data/n8n")],
        ..Kept::default()
    };
    plan.forget(&kept, &Kept::default(), "the service is purged", true);
    plan
}

#[test]
fn it_goes_after_all_that_may_fail_and_before_the_files_and_each_loss_is_named() {
    let (host, catalogue) = (bare(false), catalogue());
    let case = case(&recipe("flowise"), &host, &catalogue);
    let found = of(&case, &["n8n"]);
    let plan = purge(
        &case,
        found.into_iter().filter_map(|d| d.withdrawal).collect(),
    );
    assert_eq!(case.check(&plan, &catalogue), [""; 0]);
    let [.., step, last] = plan.steps.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(
        (step.id.as_str(), step.change),
        ("withdraw/postgres", Change::Remove)
    );
    assert_eq!(step.after.len(), plan.steps.len() - 2);
    assert!(last.after.contains(&step.id) && matches!(last.step, Step::PurgeDirectory { .. }));
    let risk = step.risk.as_deref().unwrap_or_default();
    for name in [
        "database `a__n8n_app`",
        "role `a__n8n_app`",
        "`postgres`",
        "loses",
    ] {
        assert!(risk.contains(name), "{risk}");
    }
}

#[test]
fn the_checker_finds_a_withdrawal_of_what_stays() {
    let (host, catalogue) = (bare(false), catalogue());
    let case = case(&recipe("flowise"), &host, &catalogue);
    for (database, role) in [("a__flowise_app", "x"), ("x", "a__flowise")] {
        let mut found = of(&case, &["n8n"]).remove(0).withdrawal.unwrap();
        let Withdrawal::Postgres(OwnDatabases { databases, .. }) = &mut found else {
            panic!("{found:?}")
        };
        databases.push(OwnDatabase {
            database: database.to_owned(),
            role: role.to_owned(),
        });
        let words = case.check(&purge(&case, vec![found]), &catalogue);
        assert!(
            words
                .iter()
                .any(|w| w.contains("which a service has that stays")),
            "{words:?}"
        );
    }
}

/// A stack with one of the stores that are spoken to over HTTP.
fn with(store: &str, services: &str) -> Recipe {
    Recipe::named("a", 1)
        .with("SERVICES", services)
        .with("VECTOR_DB", store)
}

#[test]
fn of_a_vector_store_goes_what_has_the_services_own_names_and_what_was_there_before_can_stay() {
    let (host, catalogue) = (bare(false), catalogue());
    for (store, own, other) in [
        ("qdrant", "a__openwebui__files", "a__litellm"),
        ("weaviate", "A__openwebui__files", "A__dify__files"),
    ] {
        let case = case(&with(store, "litellm"), &host, &catalogue);
        let found = of(&case, &["openwebui"]);
        let at = found.iter().find(|d| d.store.as_str() == store);
        // a store that nobody needs any more is not run, and what it keeps is not asked for
        let Some(withdrawal) = at.and_then(|d| d.withdrawal.clone()) else {
            assert_eq!(store, "weaviate", "{found:?}");
            continue;
        };
        let Withdrawal::Http { shelves, .. } = &withdrawal else {
            panic!("{withdrawal:?}")
        };
        assert!(
            shelves[0].goes(own) && !shelves[0].goes(other),
            "{shelves:?}"
        );
        let before = format!("{}/{own}", shelves[0].path);
        let Some(Withdrawal::Http { shelves, .. }) = withdrawal.clone().without(&[before]) else {
            panic!("what comes later goes")
        };
        assert!(!shelves[0].goes(own) && shelves[0].goes(&format!("{own}2")));
        let plan = purge(&case, vec![withdrawal]);
        assert_eq!(case.check(&plan, &catalogue), [""; 0]);
        // and the checker knows what stays
        let stays = crate::common::case(&with(store, "litellm,openwebui"), &host, &catalogue);
        let words = stays.check(
            &purge(
                &stays,
                found.into_iter().filter_map(|d| d.withdrawal).collect(),
            ),
            &catalogue,
        );
        assert!(
            words
                .iter()
                .any(|w| w.contains("which a service has that stays")),
            "{words:?}"
        );
    }
}
