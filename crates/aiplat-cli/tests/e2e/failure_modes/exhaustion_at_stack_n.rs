//! Address pools run dry at stack N: the engine's own have some thirty networks, and none of them knows of a VPN's route.

use std::collections::BTreeMap;
use std::process::Command;

use aiplat_core::catalogue::Catalogue;
use aiplat_core::plan::{Plan, Step};
use aiplat_docker::apply::{ApplyOptions, apply};
use aiplat_docker::engine::Bollard;
use aiplat_docker::events::Silent;
use aiplat_docker::host::LinuxHost;
use aiplat_docker::stack::{Inputs, Intent, Places, prepare};
use ipnet::Ipv4Net;

use crate::support::bed::Bed;
use crate::support::stack::Stack;

const STACKS: usize = 120;

/// The step of a plan that makes the stack's network, alone, and the subnet that was chosen for it.
fn network_of(mut plan: Plan) -> (Plan, Ipv4Net) {
    plan.steps
        .retain(|step| matches!(step.step, Step::Network(_)));
    for step in &mut plan.steps {
        step.after.clear();
    }
    let [step] = plan.steps.as_slice() else {
        panic!("expected one network: {plan:?}")
    };
    let Step::Network(network) = &step.step else {
        unreachable!("only networks were kept")
    };
    let subnet = network.subnet;
    (plan, subnet)
}

#[test]
fn the_networks_of_a_hundred_and_twenty_stacks() {
    let Some(bed) = Bed::new() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let subnets = runtime.block_on(async {
        let engine = Bollard::connect(&bed.engine.address()).await.unwrap();
        let host = LinuxHost::default();
        let catalogue = Catalogue::built_in().unwrap();
        let places = Places {
            state_dir: bed.state_dir.clone(),
            ..Places::default()
        };
        let mut subnets: BTreeMap<Ipv4Net, String> = BTreeMap::new();
        for number in 0..STACKS {
            let stack = bed.small(&format!("s{number}")).without("STACK_USER_UID");
            let inputs = Inputs {
                environment: stack.env.clone(),
                command: "test".into(),
                ..Inputs::default()
            };
            let prepared =
                prepare(&engine, &host, &catalogue, &inputs, &places, Intent::Plan).await;
            let prepared = prepared
                .unwrap_or_else(|error| panic!("stack {number}: {}", error.problems().join("; ")));
            let (plan, subnet) = network_of(prepared.plan);
            apply(&engine, &host, &plan, &ApplyOptions::default(), &Silent)
                .await
                .unwrap();
            subnets.insert(subnet, stack.name);
        }
        subnets
    });
    let all: Vec<&Ipv4Net> = subnets.keys().collect();
    assert_eq!(all.len(), STACKS, "each has a subnet of its own");
    for (index, one) in all.iter().enumerate() {
        let clash = all[index + 1..]
            .iter()
            .find(|other| one.contains(**other) || other.contains(*one));
        assert_eq!(clash, None, "{one}");
    }
    let there: Vec<String> = bed
        .engine
        .networks()
        .iter()
        .filter_map(|n| Some(n["Name"].as_str()?.to_owned()))
        .collect();
    for (subnet, name) in &subnets {
        assert!(there.contains(name), "{name} {subnet}");
    }
    // and the engine's own pools are as they were: somebody's plain network is made without a word
    let foreign = bed.engine.foreign_network(&format!("{}-foreign", bed.tag));
    bed.engine.remove_network(&foreign);
    for network in bed.engine.networks() {
        if network["Name"]
            .as_str()
            .is_some_and(|name| subnets.values().any(|n| n == name))
        {
            bed.engine.remove_network(network["Id"].as_str().unwrap());
        }
    }
}

/// A route of the host's that leads nowhere, removed with its value.
struct Route(String);

impl Route {
    fn to(net: &str) -> Self {
        let done = Command::new("ip")
            .args(["route", "add", "blackhole", net])
            .status();
        assert!(done.unwrap().success(), "expected the right to add a route");
        Self(net.to_owned())
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["route", "del", "blackhole", &self.0])
            .status();
    }
}

fn subnet(stack: &Stack<'_>) -> Ipv4Net {
    let plan = stack.run(&["plan", "--json"]);
    assert_eq!(plan.code, 2, "{}", plan.said());
    let text = plan.json().to_string();
    let found = text
        .split("\"subnet\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    found.expect("the plan's subnet").parse().unwrap()
}

#[test]
fn a_route_of_the_host_is_nobodys_subnet() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("r");
    let free = subnet(&stack);
    // as a VPN has them: wider than a stack's own
    let wide = Ipv4Net::new(free.addr(), 20).unwrap().trunc();
    let route = Route::to(&wide.to_string());
    let given = stack.clone().with("STACK_SUBNET", free.to_string());
    given
        .deploy()
        .fails(4, &["STACK_SUBNET", &wide.to_string(), "route"]);
    let other = subnet(&stack);
    assert!(!wide.contains(&other), "{other} is in {wide}");
    drop(route);
    assert_eq!(subnet(&stack), free, "and is free again without the route");
}
