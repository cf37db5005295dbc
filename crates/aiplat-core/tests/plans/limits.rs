//! Limits of the whole stack: what they leave its services, in which order they change, and what is refused.

use aiplat_core::observed::{CgroupFacts, CgroupUse, Observed};
use aiplat_core::plan::{Change, Plan, Step, plan};
use aiplat_core::spec::CgroupSpec;
use aiplat_testkit::fake::simulate::simulate;
use aiplat_testkit::fake::stack::Recipe;

use crate::common::{Case, bare, case, catalogue};

fn limited(limits: &[(&str, &str)]) -> Recipe {
    let recipe = Recipe::named("a", 1).with("SERVICES", "postgres,redis,qdrant,caddy");
    limits
        .iter()
        .fold(recipe, |recipe, (key, value)| recipe.with(key, value))
}

/// The steps that write limits of the whole stack, each with where it stands in the plan.
fn written(plan: &Plan) -> Vec<(usize, &CgroupSpec)> {
    let steps = plan.steps.iter().enumerate();
    steps
        .filter_map(|(at, step)| match &step.step {
            Step::Cgroup(spec) => Some((at, spec)),
            _ => None,
        })
        .collect()
}

fn made(plan: &Plan) -> Vec<usize> {
    let steps = plan.steps.iter().enumerate();
    steps
        .filter(|(_, s)| matches!(s.step, Step::Container(_)) && s.change != Change::Verify)
        .map(|(at, _)| at)
        .collect()
}

fn problems(case: &Case, observed: &Observed) -> Vec<String> {
    let problems = plan(&case.stack.config, &case.desired, observed).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn no_service_has_more_processors_than_its_host() {
    let catalogue = catalogue();
    let limits = |cpus| {
        let mut host = bare(false);
        host.engine.cpus = cpus;
        let case = case(&limited(&[]), &host, &catalogue);
        let all = case.desired.services.iter();
        all.map(|s| s.container.limits.milli_cpus)
            .collect::<Vec<_>>()
    };
    let own = limits(64);
    assert!(own.contains(&Some(2000)), "{own:?}");
    let clamped: Vec<_> = own.iter().map(|own| own.map(|m| m.min(1000))).collect();
    assert_eq!(limits(1), clamped);
    // an engine that does not say how many it sees
    assert_eq!(limits(0), own);
}

#[test]
fn no_service_has_more_than_its_stack() {
    let (catalogue, host) = (catalogue(), bare(false));
    let own = case(&limited(&[]), &host, &catalogue);
    let low = [
        ("STACK_MEMORY", "300m"),
        ("STACK_CPUS", "1.5"),
        ("STACK_PIDS", "90"),
    ];
    let held = case(&limited(&low), &host, &catalogue);
    for (own, held) in own.desired.services.iter().zip(&held.desired.services) {
        let (own, held) = (own.container.limits, held.container.limits);
        assert_eq!(
            held.memory_bytes,
            own.memory_bytes.map(|b| b.min(300 << 20))
        );
        assert_eq!(held.milli_cpus, own.milli_cpus.map(|m| m.min(1500)));
        assert_eq!(held.pids, own.pids.min(90));
    }
    let notes = held.plan(&host).notes.join("\n");
    for said in [
        "`STACK_MEMORY=300m` is all",
        "`STACK_CPUS=1.5` is all",
        "`STACK_PIDS=90` is all",
        "postgres",
    ] {
        assert!(notes.contains(said), "{said}: {notes}");
    }
    // limits above those of every service are nothing to tell of
    let high = [("STACK_MEMORY", "64g"), ("STACK_CPUS", "64")];
    let free = case(&limited(&high), &host, &catalogue);
    let notes = free.plan(&host).notes.join("\n");
    assert!(!notes.contains("is all that"), "{notes}");
    let limits = |case: &Case| -> Vec<_> {
        let all = case.desired.services.iter();
        all.map(|s| s.container.limits).collect()
    };
    assert_eq!(limits(&free), limits(&own));
}

#[test]
fn a_limit_is_raised_before_containers_and_lowered_after_them() {
    let (catalogue, host) = (catalogue(), bare(false));
    let wide = case(
        &limited(&[("STACK_CPUS", "4"), ("STACK_MEMORY", "4g")]),
        &host,
        &catalogue,
    );
    let first = wide.plan(&host);
    let [(at, _)] = written(&first)[..] else {
        panic!("expected one step");
    };
    assert!(made(&first).iter().all(|container| at < *container));
    let up = simulate(&first, &host);

    let narrow = case(
        &limited(&[("STACK_CPUS", "1"), ("STACK_MEMORY", "6g")]),
        &host,
        &catalogue,
    );
    let plan = narrow.plan(&up);
    assert_eq!(narrow.check(&plan, &catalogue), [""; 0]);
    let [(raised, first), (lowered, last)] = written(&plan)[..] else {
        panic!("expected two steps: {:?}", written(&plan));
    };
    let containers = made(&plan);
    assert!(!containers.is_empty(), "some had more than one processor");
    let between = |at: &usize| (raised..lowered).contains(at);
    assert!(containers.iter().all(between), "{containers:?}");
    let limits = |spec: &CgroupSpec| (spec.milli_cpus, spec.memory_bytes);
    assert_eq!(limits(first), (Some(4000), Some(6 << 30)));
    assert_eq!(limits(last), (Some(1000), Some(6 << 30)));
    for container in containers {
        let id = &plan.steps[container].id;
        assert!(plan.steps[lowered].after.contains(id), "{id}");
    }
    let down = simulate(&plan, &up);
    assert!(!narrow.plan(&down).has_changes());

    // up again: the one step comes first
    let plan = wide.plan(&down);
    let steps = written(&plan);
    assert_eq!(limits(steps[0].1), (Some(4000), Some(6 << 30)));
    assert!(made(&plan).iter().all(|container| steps[0].0 < *container));
    assert!(!wide.plan(&simulate(&plan, &down)).has_changes());
}

#[test]
fn less_than_what_is_used_is_refused_with_the_numbers() {
    let (catalogue, host) = (catalogue(), bare(false));
    let low = [("STACK_MEMORY", "256m"), ("STACK_PIDS", "40")];
    let case = case(&limited(&low), &host, &catalogue);
    let mut busy = host.clone();
    busy.host.cgroup_use = CgroupUse {
        memory_bytes: (300 << 20) + 1,
        pids: 41,
    };
    let expected = [
        "expected `STACK_MEMORY` of at least 301m, which the stack's services use now, found 256m; give more, or none",
        "expected `STACK_PIDS` of at least 41, which the stack's services use now, found 40; give more, or none",
    ];
    assert_eq!(problems(&case, &busy), expected);
    busy.host.cgroup = Some(CgroupFacts {
        memory_bytes: Some(1 << 30),
        milli_cpus: None,
        pids: Some(1000),
    });
    assert_eq!(problems(&case, &busy), expected);
    // what the kernel holds already is nobody's request
    busy.host.cgroup = Some(CgroupFacts {
        memory_bytes: Some(256 << 20),
        milli_cpus: None,
        pids: Some(40),
    });
    case.plan(&busy);
    busy.host.cgroup = None;
    busy.host.cgroup_use = CgroupUse {
        memory_bytes: 256 << 20,
        pids: 40,
    };
    case.plan(&busy);
}

#[test]
fn less_than_anything_could_run_with_is_refused() {
    let (catalogue, host) = (catalogue(), bare(false));
    let none = [("STACK_MEMORY", "5m"), ("STACK_CPUS", "0.009")];
    let none = case(&limited(&none), &host, &catalogue);
    let why = "which is the least that an engine gives a container";
    assert_eq!(
        problems(&none, &host),
        [
            format!("expected `STACK_MEMORY` of at least 6m, {why}, found 5m; give more, or none"),
            format!(
                "expected `STACK_CPUS` of at least 0.01, {why}, found 0.009; give more, or none"
            ),
        ]
    );
    let least = [("STACK_MEMORY", "6m"), ("STACK_CPUS", "0.01")];
    case(&limited(&least), &host, &catalogue).plan(&host);
}
