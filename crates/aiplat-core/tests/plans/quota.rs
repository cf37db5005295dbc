//! The limit of disk space: set before anything is written, changed, mended and taken away.

use aiplat_core::observed::{Observed, QuotaFacts, QuotaRefusal};
use aiplat_core::plan::{Change, PlannedStep, Purge, Step, teardown};
use aiplat_testkit::fake::simulate::simulate;
use aiplat_testkit::fake::stack::Recipe;

use crate::common::{Case, bare, case, catalogue};

fn limited(size: &str) -> Recipe {
    Recipe::named("a", 1)
        .with("SERVICES", "redis,caddy")
        .with("STACK_DISK", size)
}

fn quota(case: &Case, observed: &Observed) -> Option<PlannedStep> {
    let plan = case.plan(observed);
    plan.steps.into_iter().find(|s| s.id == "quota")
}

#[test]
fn it_comes_before_everything_that_is_written() {
    let (catalogue, host) = (catalogue(), bare(false));
    let case = case(&limited("2g"), &host, &catalogue);
    let plan = case.plan(&host);
    assert_eq!(case.check(&plan, &catalogue), [""; 0]);
    let before: Vec<_> = plan.steps.iter().take_while(|s| s.id != "quota").collect();
    assert!(before.iter().all(|s| matches!(s.step, Step::Image { .. })));
    let after = plan.steps.iter().skip(before.len() + 1);
    for step in after {
        assert!(step.after.iter().any(|id| id == "quota"), "{}", step.id);
    }
    let Step::Quota(spec) = &plan.steps[before.len()].step else {
        panic!("expected a limit")
    };
    assert_eq!(spec.bytes, Some(2 << 30));
    assert_eq!(spec.base_dir, case.stack.config.base_dir());
}

#[test]
fn what_the_kernel_has_otherwise_is_mended_and_what_it_has_is_left() {
    let (catalogue, host) = (catalogue(), bare(false));
    let case = case(&limited("2g"), &host, &catalogue);
    let after = simulate(&case.plan(&host), &host);
    assert_eq!(quota(&case, &after), None);
    let with = |change: fn(&mut QuotaFacts)| {
        let mut other = after.clone();
        change(other.host.quota.as_mut().unwrap());
        quota(&case, &other).map(|step| step.change)
    };
    assert_eq!(
        with(|q| q.limit_bytes = Some(3 << 30)),
        Some(Change::Update)
    );
    assert_eq!(with(|q| q.limit_bytes = None), Some(Change::Create));
    assert_eq!(with(|q| q.marked = false), Some(Change::Update));
    assert_eq!(with(|q| q.used_bytes = 1 << 20), None);
    // where none can be held, whoever asked for the plan has told so or refused
    assert_eq!(with(|q| q.refusal = Some(QuotaRefusal::Host)), None);
}

#[test]
fn another_limit_is_a_change_and_none_takes_it_away() {
    let (catalogue, host) = (catalogue(), bare(false));
    let first = case(&limited("2g"), &host, &catalogue);
    let after = simulate(&first.plan(&host), &host);
    let raised = case(&limited("3g"), &host, &catalogue);
    assert_eq!(
        quota(&raised, &after).map(|s| s.change),
        Some(Change::Update)
    );
    // the kernel keeps whole kibibytes
    let same = case(&limited("2147483647"), &host, &catalogue);
    assert_eq!(quota(&same, &after), None);
    let plain = Recipe::named("a", 1).with("SERVICES", "redis,caddy");
    let none = case(&plain, &host, &catalogue);
    let step = quota(&none, &after).expect("the limit is still there");
    assert_eq!(step.change, Change::Remove);
    assert!(matches!(&step.step, Step::Quota(spec) if spec.bytes.is_none()));
    assert_eq!(quota(&none, &simulate(&none.plan(&after), &after)), None);
    assert_eq!(quota(&none, &host), None);
}

#[test]
fn it_goes_with_the_data_and_stays_with_it() {
    let (catalogue, host) = (catalogue(), bare(false));
    let case = case(&limited("2g"), &host, &catalogue);
    let after = simulate(&case.plan(&host), &host);
    let config = &case.stack.config;
    let plan = |purge: Option<&Purge>| {
        teardown(
            config.name(),
            &config.id,
            config.base_dir(),
            &config.path("apparmor"),
            &catalogue,
            &after,
            purge,
        )
    };
    let ids = |purge| -> Vec<String> { plan(purge).steps.into_iter().map(|s| s.id).collect() };
    assert!(!ids(None).contains(&"quota".to_owned()));
    let purge = Purge {
        directories: vec![config.path("data"), config.path("config")],
    };
    let all = ids(Some(&purge));
    let at = |id: &str| all.iter().position(|found| found == id).unwrap();
    assert!(at("purge/config") < at("quota") && at("quota") < at("release"));
    assert_eq!(case.check(&plan(Some(&purge)), &catalogue), [""; 0]);
}
