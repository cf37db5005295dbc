//! Graphics processors: the services that compute on them see the stack's own, and nobody else sees any.

use aiplat_core::allocation::Register;
use aiplat_core::plan::{Change, Step, check};
use aiplat_testkit::fake::simulate::simulate;
use aiplat_testkit::fake::stack::Recipe;

use crate::common::{Case, bare, case, catalogue, walk};

fn stack(gpus: Option<&str>) -> Recipe {
    let plain = Recipe::named("a", 1).with("SERVICES", "ollama,redis,caddy");
    match gpus {
        Some(gpus) => plain.with("STACK_GPUS", gpus),
        None => plain,
    }
}

/// What each service sees, and what its environment says of it.
fn seen(case: &Case) -> Vec<(String, Vec<u32>, Option<String>)> {
    let plan = case.plan(&bare(true));
    let of = |spec: &&aiplat_core::spec::ContainerSpec| {
        let said = spec.env.get("NVIDIA_VISIBLE_DEVICES");
        let said = said.map(|text| text.expose().to_owned());
        (spec.service.to_string(), spec.gpus.clone(), said)
    };
    let mut all: Vec<_> = walk::containers(&plan).iter().map(of).collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn only_what_computes_on_them_sees_them_and_only_the_stack_s_own() {
    let (catalogue, host) = (catalogue(), bare(true));
    for (given, numbers, said) in [(None, vec![], "void"), (Some("2,1"), vec![1, 2], "1,2")] {
        let case = case(&stack(given), &host, &catalogue);
        let all = seen(&case);
        assert!(all.len() >= 3, "{all:?}");
        for (service, gpus, env) in all {
            if service == "ollama" {
                assert_eq!((gpus, env.as_deref()), (numbers.clone(), Some(said)));
            } else {
                assert_eq!((gpus, env), (vec![], None), "{service}");
            }
        }
        // the profile lets it at their device files
        let profile = |name: &str| {
            let mut all = case.desired.profiles.iter();
            all.any(|p| p.name.ends_with(name) && p.text.contains("/dev/nvidia"))
        };
        assert_eq!(profile("ollama"), given.is_some());
        assert!(!profile("redis"));
    }
}

#[test]
fn others_are_another_container_and_the_same_are_not() {
    let (catalogue, host) = (catalogue(), bare(true));
    let one = case(&stack(Some("1")), &host, &catalogue);
    let after = simulate(&one.plan(&host), &host);
    assert!(!one.plan(&after).has_changes());
    let two = case(&stack(Some("0,1")), &host, &catalogue);
    let plan = two.plan(&after);
    let remade = |s: &&aiplat_core::plan::PlannedStep| matches!(s.step, Step::Container(_));
    let remade: Vec<_> = plan.steps.iter().filter(remade).collect();
    assert_eq!(remade.len(), 1, "{remade:?}");
    assert_eq!(remade[0].id, "service/ollama");
    assert_eq!(remade[0].change, Change::Update);
}

#[test]
fn a_plan_with_another_stack_s_is_found() {
    let (catalogue, host) = (catalogue(), bare(true));
    let one = case(&stack(Some("1")), &host, &catalogue);
    let plan = one.plan(&host);
    let mut register = Register::default();
    let other = Recipe::named("b", 2)
        .with("SERVICES", "redis")
        .with("STACK_GPUS", "1");
    case(&other, &host, &catalogue).stack.reserve(&mut register);
    let found = check(&plan, &one.stack.config, &catalogue, &register);
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    let said = "the graphics processor 1 belongs to stack `b`";
    assert!(found.iter().any(|words| words.contains(said)), "{found:?}");
}

#[test]
fn a_stack_that_has_them_for_nothing_is_told() {
    let (catalogue, host) = (catalogue(), bare(true));
    let idle = Recipe::named("a", 1)
        .with("SERVICES", "redis")
        .with("STACK_GPUS", "0");
    let told = |recipe: &Recipe| {
        let plan = case(recipe, &host, &catalogue).plan(&host);
        plan.notes.iter().any(|note| note.contains("`STACK_GPUS`"))
    };
    assert!(told(&idle));
    assert!(!told(&stack(Some("0"))));
    assert!(!told(&stack(None)));
}
