//! The real programs, both kinds, in a network namespace of the test's own.

use std::process::Command;

use super::*;

const CHAIN: &str = "AIPLAT-INPUT";

struct Namespace(String);

impl Namespace {
    fn new(kind: &str) -> Self {
        let name = format!("aiplat-test-{kind}-{}", std::process::id());
        ip(&["netns", "add", &name]);
        Self(name)
    }

    fn program(&self, name: &str) -> Program {
        Program::named(name).run_by(["ip", "netns", "exec", &self.0])
    }

    fn run(&self, line: &str) -> String {
        let words: Vec<_> = line.split(' ').collect();
        let arguments: Vec<_> = words[1..].iter().map(AsRef::as_ref).collect();
        self.program(words[0])
            .run(&arguments, b"")
            .unwrap()
            .checked()
            .unwrap()
            .stdout
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.0]);
    }
}

fn ip(arguments: &[&str]) {
    assert!(
        Command::new("ip")
            .args(arguments)
            .status()
            .unwrap()
            .success()
    );
}

fn spec(bridge: &str) -> FirewallSpec {
    FirewallSpec {
        bridge: bridge.into(),
        chain: CHAIN.into(),
    }
}

fn guarded(names: &[&str]) -> FirewallFacts {
    let names: BTreeSet<String> = names.iter().map(|&n| n.to_owned()).collect();
    FirewallFacts {
        unkept: false,
        available: true,
        guarded: names.clone(),
        named: names,
    }
}

fn whole_life(kind: &str) {
    let namespace = Namespace::new(kind);
    let state = tempfile::tempdir().unwrap();
    let iptables = format!("iptables-{kind}");
    let six = format!("ip6tables-{kind}");
    let v4 = namespace.program(&iptables);
    let v6 = namespace.program(&six);
    let firewall = Firewall {
        iptables: &v4,
        ip6tables: &v6,
        lock_dir: state.path(),
    };
    namespace.run(&format!("{iptables} -A INPUT -p tcp --dport 22 -j ACCEPT"));
    let before = [
        namespace.run(&format!("{iptables} -S")),
        namespace.run(&format!("{six} -S")),
    ];
    assert_eq!(firewall.facts(CHAIN), guarded(&[]));

    assert_eq!(firewall.guard(&spec("aip-1")).unwrap(), Outcome::Changed);
    assert_eq!(firewall.guard(&spec("aip-1")).unwrap(), Outcome::Unchanged);
    assert_eq!(firewall.guard(&spec("aip-2")).unwrap(), Outcome::Changed);
    assert_eq!(firewall.facts(CHAIN), guarded(&["aip-1", "aip-2"]));

    // each way to break it is seen and mended
    for broken in [
        format!("{iptables} -I INPUT 1 -j ACCEPT"),
        format!("{iptables} -D INPUT -j {CHAIN}"),
        format!("{iptables} -I {CHAIN} 1 -j ACCEPT"),
        format!("{iptables} -I {CHAIN} 1 -i aip-1 -j ACCEPT"),
        format!("{iptables} -D {CHAIN} 2"),
        format!("{iptables} -D {CHAIN} 1"),
        format!("{iptables} -F {CHAIN}"),
        format!("{six} -D INPUT 1"),
        format!("{iptables} -t raw -F PREROUTING"),
        format!("{iptables} -t mangle -I FORWARD 1 -j ACCEPT"),
        format!("{iptables} -t mangle -D FORWARD -j AIPLAT-FORWARD"),
        format!("{iptables} -t mangle -D AIPLAT-FORWARD 3"),
        format!("{iptables} -t mangle -I AIPLAT-FORWARD 2 -i aip-1 -o aip-2 -j ACCEPT"),
        format!("{six} -t mangle -F AIPLAT-FORWARD"),
    ] {
        namespace.run(&broken);
        let facts = firewall.facts(CHAIN);
        assert!(!facts.guarded.contains("aip-1"), "{broken}");
        assert!(
            facts.named.contains("aip-1"),
            "{broken}: what is left goes with the stack"
        );
        assert_eq!(
            firewall.guard(&spec("aip-1")).unwrap(),
            Outcome::Changed,
            "{broken}"
        );
        // only an emptied chain forgets the other bridge
        let second = if broken.contains("-F ") {
            Outcome::Changed
        } else {
            Outcome::Unchanged
        };
        assert_eq!(firewall.guard(&spec("aip-2")).unwrap(), second, "{broken}");
        assert_eq!(
            firewall.facts(CHAIN),
            guarded(&["aip-1", "aip-2"]),
            "{broken}"
        );
    }
    namespace.run(&format!("{iptables} -D INPUT -j ACCEPT"));
    namespace.run(&format!("{iptables} -t mangle -D FORWARD -j ACCEPT"));

    assert_eq!(firewall.unguard(&spec("aip-2")).unwrap(), Outcome::Changed);
    assert_eq!(firewall.facts(CHAIN), guarded(&["aip-1"]));
    assert_eq!(
        firewall.unguard(&spec("aip-2")).unwrap(),
        Outcome::Unchanged
    );
    assert_eq!(firewall.unguard(&spec("aip-1")).unwrap(), Outcome::Changed);
    assert_eq!(
        firewall.unguard(&spec("aip-1")).unwrap(),
        Outcome::Unchanged
    );
    let after = [
        namespace.run(&format!("{iptables} -S")),
        namespace.run(&format!("{six} -S")),
    ];
    assert_eq!(before, after);
    for (table, hook) in [("raw", "PREROUTING"), ("mangle", "FORWARD")] {
        for program in [&iptables, &six] {
            let left = namespace.run(&format!("{program} -t {table} -S"));
            assert!(left.contains(&format!("-P {hook} ACCEPT")), "{left}");
            assert!(!left.contains("-A ") && !left.contains("-N "), "{left}");
        }
    }
}

#[test]
fn the_whole_life_of_the_rules_with_nft() {
    whole_life("nft");
}

#[test]
fn the_whole_life_of_the_rules_with_legacy() {
    whole_life("legacy");
}

#[test]
fn many_stacks_at_the_same_moment_lose_no_rule() {
    let namespace = Namespace::new("many");
    let state = tempfile::tempdir().unwrap();
    let (v4, v6) = (
        namespace.program("iptables"),
        namespace.program("ip6tables"),
    );
    let names: Vec<String> = (0..8).map(|n| format!("aip-{n}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| {
                let firewall = Firewall {
                    iptables: &v4,
                    ip6tables: &v6,
                    lock_dir: state.path(),
                };
                firewall.guard(&spec(name)).unwrap();
            });
        }
    });
    let firewall = Firewall {
        iptables: &v4,
        ip6tables: &v6,
        lock_dir: state.path(),
    };
    assert_eq!(firewall.facts(CHAIN).guarded.len(), 8);
}

#[test]
fn packets_from_the_bridge_reach_no_listener_and_replies_pass() {
    let host = Namespace::new("host");
    let guest = Namespace::new("guest");
    let state = tempfile::tempdir().unwrap();
    ip(&[
        "link", "add", "aip-t", "netns", &host.0, "type", "veth", "peer", "name", "eth0", "netns",
        &guest.0,
    ]);
    for (namespace, device, address) in [
        (&host, "aip-t", "10.99.7.1/24"),
        (&guest, "eth0", "10.99.7.2/24"),
    ] {
        namespace.run(&format!("ip address add {address} dev {device}"));
        namespace.run(&format!("ip link set {device} up"));
    }
    let (v4, v6) = (host.program("iptables"), host.program("ip6tables"));
    let firewall = Firewall {
        iptables: &v4,
        ip6tables: &v6,
        lock_dir: state.path(),
    };
    let tries = |from: &Namespace, to: &Namespace, address: &str, open: bool| {
        let patience = if open { 10 } else { 1 };
        let listen = format!(
            "import socket; s=socket.create_server(('{address}', 7777)); print(1, flush=True); s.settimeout(20); s.accept()"
        );
        let mut listener = Command::new("ip")
            .args(["netns", "exec", &to.0, "python3", "-c", &listen])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut first = [0];
        std::io::Read::read_exact(listener.stdout.as_mut().unwrap(), &mut first).unwrap();
        let connect =
            format!("import socket; socket.create_connection(('{address}', 7777), {patience})");
        let connected = Command::new("ip")
            .args(["netns", "exec", &from.0, "python3", "-c", &connect])
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap()
            .success();
        let _ = listener.kill();
        let _ = listener.wait();
        connected
    };
    assert!(
        tries(&guest, &host, "10.99.7.1", true),
        "open without the rules, or the test proves nothing"
    );
    firewall.guard(&spec("aip-t")).unwrap();
    assert!(!tries(&guest, &host, "10.99.7.1", false));
    assert!(tries(&host, &guest, "10.99.7.2", true));
    firewall.unguard(&spec("aip-t")).unwrap();
    assert!(tries(&guest, &host, "10.99.7.1", true));
}

/// A guest at `10.99.net.last` on a bridge of the host.
fn guest(host: &Namespace, bridge: &str, net: usize, last: usize) -> Namespace {
    let guest = Namespace::new(&format!("g{net}{last}"));
    let port = format!("port{net}{last}");
    ip(&[
        "link", "add", &port, "netns", &host.0, "type", "veth", "peer", "name", "eth0", "netns",
        &guest.0,
    ]);
    host.run(&format!("ip link set {port} master {bridge} up"));
    guest.run(&format!("ip address add 10.99.{net}.{last}/24 dev eth0"));
    guest.run("ip link set eth0 up");
    guest.run(&format!("ip route add default via 10.99.{net}.1"));
    guest
}

/// A host that forwards, without any engine's rules: one bridge for each name, and a guest at `10.99.N.2` on each.
fn bridges(host: &Namespace, names: &[&str]) -> Vec<Namespace> {
    host.run("sysctl -qw net.ipv4.ip_forward=1");
    let mut guests = Vec::new();
    for (net, name) in names.iter().enumerate() {
        host.run(&format!("ip link add {name} type bridge"));
        host.run(&format!("ip address add 10.99.{net}.1/24 dev {name}"));
        host.run(&format!("ip link set {name} up"));
        guests.push(guest(host, name, net, 2));
    }
    // as engines have it: what stays on a bridge goes through the rules, too
    let through_rules = "net.bridge.bridge-nf-call-iptables=1";
    host.run(&format!("sysctl -qw {through_rules}"));
    guests
}

#[test]
fn no_packet_goes_from_one_bridge_to_another_whatever_an_engine_does_with_its_rules() {
    let host = Namespace::new("between");
    let names = ["aip-a", "aip-b", "docker0", "br-lan", "uplink"];
    let guests = bridges(&host, &names);
    let beside = guest(&host, "aip-a", 0, 3);
    let state = tempfile::tempdir().unwrap();
    let (v4, v6) = (host.program("iptables"), host.program("ip6tables"));
    let firewall = Firewall {
        iptables: &v4,
        ip6tables: &v6,
        lock_dir: state.path(),
    };
    // a closed port refuses at once, which only who got a packet does
    let through = |from: &Namespace, to: usize, expected: bool| {
        let patience = if expected { 10 } else { 1 };
        let connect = format!(
            "import socket,sys\ntry: socket.create_connection(('10.99.{to}.2', 7), {patience})\n\
             except ConnectionRefusedError: sys.exit(0)\nexcept OSError: sys.exit(3)"
        );
        let ended = Command::new("ip")
            .args(["netns", "exec", &from.0, "python3", "-c", &connect])
            .status()
            .unwrap();
        match ended.code() {
            Some(0) => true,
            Some(3) => false,
            other => panic!("{other:?}"),
        }
    };
    let pairs = || (0..names.len()).flat_map(|a| (0..names.len()).map(move |b| (a, b)));
    for (a, b) in pairs().filter(|(a, b)| a != b) {
        assert!(
            through(&guests[a], b, true),
            "{a} to {b}: or the test proves nothing"
        );
    }
    firewall.guard(&spec("aip-a")).unwrap();
    let ours = |at: usize| at == 0;
    let uplink = |at: usize| at >= 3;
    for (a, b) in pairs().filter(|(a, b)| a != b) {
        let open = !ours(a) && !ours(b) || uplink(a) || uplink(b);
        let seen = through(&guests[a], b, open);
        assert_eq!(seen, open, "{} to {}", names[a], names[b]);
    }
    assert!(through(&beside, 0, true), "what stays on the bridge passes");
    firewall.unguard(&spec("aip-a")).unwrap();
    assert!(through(&guests[0], 1, true));
}

#[test]
fn a_name_cannot_break_out_of_the_script() {
    let state = tempfile::tempdir().unwrap();
    let nothing = Program::named("no-such-program");
    let firewall = Firewall {
        iptables: &nothing,
        ip6tables: &nothing,
        lock_dir: state.path(),
    };
    for bridge in [
        "",
        "x -j ACCEPT",
        "x\nCOMMIT",
        "-x",
        "a-name-of-16-char",
        "x+",
        "!x",
    ] {
        let refused = firewall.guard(&spec(bridge)).unwrap_err();
        assert!(matches!(refused, HostError::BadName { .. }), "{bridge:?}");
    }
    for chain in ["INPUT", "", "A B", "-X"] {
        let refused = firewall.guard(&FirewallSpec {
            chain: chain.into(),
            ..spec("x")
        });
        assert!(
            matches!(refused, Err(HostError::BadName { .. })),
            "{chain:?}"
        );
    }
}

#[test]
fn without_the_program_nothing_is_available() {
    let state = tempfile::tempdir().unwrap();
    let nothing = Program::named("no-such-program");
    let firewall = Firewall {
        iptables: &nothing,
        ip6tables: &nothing,
        lock_dir: state.path(),
    };
    assert_eq!(firewall.facts(CHAIN), FirewallFacts::default());
    assert!(matches!(
        firewall.guard(&spec("x")),
        Err(HostError::NoProgram { .. })
    ));
    assert_eq!(firewall.unguard(&spec("x")).unwrap(), Outcome::Unchanged);
}
