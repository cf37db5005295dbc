//! Random histories of one host: deploys, teardowns, runs that die half-way, services added and removed. Whatever came
//! before, no two stacks share anything, and the next deploy of each brings it to what is wanted.

use std::collections::BTreeMap;

use aiplat_core::allocation::Register;
use aiplat_core::observed::{ContainerState, Listener, ObservedContainer};
use aiplat_core::plan::{Plan, teardown};
use aiplat_core::spec::IpProtocol;
use aiplat_testkit::fake::stack::{Recipe, Stack};
use proptest::prelude::*;

use crate::common::{bare, catalogue};
use crate::generated::{Host, SOME, Wish, wish};

#[derive(Debug, Clone)]
enum Move {
    Deploy(u8),
    /// A deploy that dies after so many thousandths of its steps.
    Crash(u8, usize),
    Teardown(u8),
    Services(u8, usize),
    /// Some other program begins to listen.
    Listen(u16),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (0_u8..4).prop_map(Move::Deploy),
        2 => (0_u8..4, 0_usize..1000).prop_map(|(n, at)| Move::Crash(n, at)),
        2 => (0_u8..4).prop_map(Move::Teardown),
        2 => (0_u8..4, 0_usize..SOME.len()).prop_map(|(n, s)| Move::Services(n, s)),
        1 => prop_oneof![5000_u16..5200, 80_u16..82, 443_u16..444].prop_map(Move::Listen),
    ];
    prop::collection::vec(one, 4..12)
}

struct Model<'a> {
    host: Host<'a>,
    wishes: Vec<Wish>,
    /// What each stack was given when it was decided first, as its manifest keeps it.
    kept: BTreeMap<u8, Stack>,
}

impl Model<'_> {
    /// The recipe with everything that was decided before.
    fn recipe(&self, number: u8) -> Recipe {
        let mut recipe = self.wishes[usize::from(number)].recipe(number);
        if let Some(stack) = self.kept.get(&number) {
            let got = &stack.config.allocation;
            recipe = recipe
                .with("STACK_SUBNET", &got.subnet.to_string())
                .with("STACK_USER_UID", &got.uid.to_string())
                .with("STACK_USER_GID", &got.gid.to_string())
                .with("OPENCLAW_UID", &got.openclaw_uid.to_string())
                .with("OPENCLAW_GID", &got.openclaw_gid.to_string());
            for (key, port) in &got.ports {
                recipe = recipe.with(key, &port.to_string());
            }
        }
        recipe
    }

    /// Decides and carries out `thousandths` of the plan. A refusal in words is an answer too, and changes nothing.
    fn deploy(&mut self, number: u8, thousandths: usize) {
        let before = self.host.register.clone();
        match self.host.plan(number, &self.recipe(number)) {
            Ok(planned) => {
                let mut part: Plan = planned.plan.clone();
                part.steps.truncate(part.steps.len() * thousandths / 1000);
                self.host.apply(&part);
                self.kept.insert(number, planned.stack);
                if thousandths == 1000 {
                    let again = self.host.plan(number, &self.recipe(number)).unwrap();
                    assert!(
                        !again.plan.has_changes(),
                        "{number}: the second deploy changes something"
                    );
                }
            }
            Err(words) => {
                // another program on a kept port; never another stack, since what a stack has stays its own
                let program = words.contains("in use") && words.contains("another program");
                assert!(program, "{words}");
                self.host.register = before;
            }
        }
    }

    fn teardown(&mut self, number: u8) {
        let Some(stack) = self.kept.remove(&number) else {
            return;
        };
        let config = &stack.config;
        let plan = teardown(
            config.name(),
            &config.id,
            config.base_dir(),
            &config.path("apparmor"),
            self.host.catalogue,
            &self.host.observed,
            None,
        );
        self.host.apply(&plan);
        // its data stays behind, and so do its users and ports: nobody else gets them, and the next deploy finds it
        self.kept.insert(number, stack);
        assert!(
            !self
                .host
                .observed
                .containers
                .iter()
                .any(|c| c.name.contains(&format!("-{number:03}-")))
        );
    }

    /// What must hold at every moment.
    fn invariants(&self) {
        let stacks = &self.host.register.stacks;
        for (i, a) in stacks.iter().enumerate() {
            for b in &stacks[i + 1..] {
                assert!(
                    a.uids.is_disjoint(&b.uids) && a.gids.is_disjoint(&b.gids),
                    "{a:?} {b:?}"
                );
                assert!(a.ports.is_disjoint(&b.ports), "{a:?} {b:?}");
                assert!(!a.subnet.contains(&b.subnet) && !b.subnet.contains(&a.subnet));
                assert_ne!(a.base_dir, b.base_dir);
            }
        }
        let containers = &self.host.observed.containers;
        let mut names: Vec<_> = containers.iter().map(|c| &c.name).collect();
        names.sort();
        assert!(names.windows(2).all(|w| w[0] != w[1]), "{names:?}");
        let mut ports: Vec<_> = containers
            .iter()
            .flat_map(|c| &c.ports)
            .map(|p| (p.address, p.host))
            .collect();
        ports.sort();
        assert!(ports.windows(2).all(|w| w[0] != w[1]), "{ports:?}");
        assert!(
            containers.iter().any(|c| c.id == "foreign"),
            "a foreign container went away"
        );
    }
}

fn foreign() -> ObservedContainer {
    ObservedContainer {
        id: "foreign".to_owned(),
        name: "somebody".to_owned(),
        image: "busybox".to_owned(),
        state: ContainerState::Running,
        status: String::new(),
        labels: BTreeMap::new(),
        networks: BTreeMap::new(),
        ports: Vec::new(),
        mounts: None,
        limits: None,
        differs: None,
        created: 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_stacks_apart(wishes in prop::collection::vec(wish(), 4), moves in moves()) {
        let catalogue = catalogue();
        let mut observed = bare(true);
        observed.containers.push(foreign());
        let host = Host { catalogue: &catalogue, observed, register: Register::default() };
        let mut model = Model { host, wishes, kept: BTreeMap::new() };
        for next in &moves {
            match next {
                Move::Deploy(number) => model.deploy(*number, 1000),
                Move::Crash(number, at) => model.deploy(*number, *at),
                Move::Teardown(number) => model.teardown(*number),
                Move::Services(number, at) => model.wishes[usize::from(*number)].services = Some(SOME[*at]),
                Move::Listen(port) => {
                    let address = "0.0.0.0".parse().unwrap();
                    let listener = Listener { address, port: *port, protocol: IpProtocol::Tcp };
                    model.host.observed.host.listeners.insert(listener);
                }
            }
            model.invariants();
        }
    }
}
