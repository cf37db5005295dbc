//! A table as `iptables -S` prints it, and the scripts for `iptables-restore --noflush` that change it in one transaction.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Our chain with the rules of neighbours.
const NEIGHBOURS: &str = "AIPLAT-FORWARD";

/// Bridges of others, as far as their names tell: other stacks', and the engine's own. An engine calls the other networks
/// of an operator `br-…`, but so do hosts the bridge of their uplink: those are left to the engine's rules.
const OTHERS: [&str; 2] = ["aip-+", "docker0"];

/// One chain of ours: in which table, after which chain of the host's, with which rules for each bridge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    /// The table, as the programs name it.
    pub(super) name: &'static str,
    /// The host's chain, whose first rule jumps to ours.
    hook: &'static str,
    /// Ours.
    chain: &'a str,
    /// A bridge's rules without the words that append them; the first begins with `-i` and the bridge.
    rules_of: fn(&str) -> Vec<String>,
}

/// What is closed to a bridge: the host itself, and in a table that engines never touch other stacks' bridges. Engines keep
/// bridges apart too, but take their rule away for a moment whenever a network is made (moby's `EnsureJumpRule`): on engine
/// 20.10.24, 27,637 of 1.2 million packets got to another stack while 46 networks were made, and none with these rules.
pub(super) fn tables(chain: &str) -> [Table<'_>; 2] {
    [
        Table {
            name: "filter",
            hook: "INPUT",
            chain,
            rules_of: of_host,
        },
        Table {
            name: "mangle",
            hook: "FORWARD",
            chain: NEIGHBOURS,
            rules_of: of_neighbours,
        },
    ]
}

/// The rules of a table, in order, without the words that append them.
#[derive(Debug, Clone)]
pub(super) struct Rules<'a> {
    table: Table<'a>,
    /// (chain, rule) pairs.
    lines: Vec<(String, String)>,
    chains: BTreeSet<String>,
}

impl<'a> Rules<'a> {
    /// Reads `-S`; lines that say neither that a chain is there nor that a rule is are left out.
    pub(super) fn parse(table: Table<'a>, printed: &str) -> Self {
        let mut found = Self {
            table,
            lines: Vec::new(),
            chains: BTreeSet::new(),
        };
        for line in printed.lines() {
            if let Some(chain) = line.strip_prefix("-N ") {
                found.chains.insert(chain.trim().to_owned());
            } else if let Some((chain, rule)) = line
                .strip_prefix("-A ")
                .and_then(|rest| rest.split_once(' '))
            {
                found
                    .lines
                    .push((chain.to_owned(), rule.trim_end().to_owned()));
            }
        }
        found
    }

    /// The bridges whose rules are whole and in effect: the jump is the first rule of the host's chain, and in ours
    /// nothing but whole sets of rules comes before.
    pub(super) fn guarded(&self) -> BTreeSet<String> {
        if !self.jumps_first() {
            return BTreeSet::new();
        }
        let sets = self.sets().into_iter();
        sets.map_while(|bridge| bridge.map(str::to_owned)).collect()
    }

    /// The script that puts a bridge's rules in place; nothing when they are.
    pub(super) fn with(&self, bridge: &str) -> Option<String> {
        if self.is_clean() && self.guarded().contains(bridge) {
            return None;
        }
        let mut bridges = self.named();
        bridges.insert(bridge.to_owned());
        Some(self.script(&bridges))
    }

    /// The script that takes a bridge's rules away, and the chain when they are the last; nothing when neither is there.
    pub(super) fn without(&self, bridge: &str) -> Option<String> {
        let chain = self.table.chain;
        if !self.chains.contains(chain) {
            return None;
        }
        let mut bridges = self.named();
        let there = bridges.remove(bridge);
        if bridges.is_empty() {
            let mut script = format!("*{}\n", self.table.name);
            self.delete_jumps(&mut script);
            let _ = write!(script, "-F {chain}\n-X {chain}\nCOMMIT\n");
            return Some(script);
        }
        there.then(|| self.script(&bridges))
    }

    fn of(&self, chain: &str) -> impl Iterator<Item = &str> {
        let of = self.lines.iter().filter(move |(c, _)| c == chain);
        of.map(|(_, rule)| rule.as_str())
    }

    /// Our chain cut into sets of rules: the bridge of each, or nothing for one that is not whole.
    fn sets(&self) -> Vec<Option<&str>> {
        let rules: Vec<&str> = self.of(self.table.chain).collect();
        let each = (self.table.rules_of)("any").len();
        let sets = rules.chunks(each).map(|set| {
            let bridge = interfaces(set[0]).next()?;
            let whole = (self.table.rules_of)(bridge);
            whole.iter().eq(set.iter()).then_some(bridge)
        });
        sets.collect()
    }

    /// The bridges that have any rule in the chain; the chain is ours, and so are they.
    pub(super) fn named(&self) -> BTreeSet<String> {
        self.of(self.table.chain)
            .flat_map(interfaces)
            .filter(|name| !OTHERS.contains(name))
            .map(str::to_owned)
            .collect()
    }

    /// Nothing but whole sets in the chain, and one jump to it.
    fn is_clean(&self) -> bool {
        self.sets().iter().all(Option::is_some) && self.jumps() == 1
    }

    fn jump(&self) -> String {
        format!("-j {}", self.table.chain)
    }

    fn jumps(&self) -> usize {
        let jump = self.jump();
        self.of(self.table.hook)
            .filter(|rule| *rule == jump)
            .count()
    }

    fn jumps_first(&self) -> bool {
        self.of(self.table.hook).next() == Some(self.jump().as_str())
    }

    fn delete_jumps(&self, script: &mut String) {
        for _ in 0..self.jumps() {
            let _ = writeln!(script, "-D {} {}", self.table.hook, self.jump());
        }
    }

    fn script(&self, bridges: &BTreeSet<String>) -> String {
        let Table {
            name,
            hook,
            chain,
            rules_of,
        } = self.table;
        // with `--noflush`, naming a chain makes it or empties it
        let mut script = format!("*{name}\n:{chain} - [0:0]\n");
        for rule in bridges.iter().flat_map(|bridge| rules_of(bridge)) {
            let _ = writeln!(script, "-A {chain} {rule}");
        }
        if self.jumps() != 1 || !self.jumps_first() {
            self.delete_jumps(&mut script);
            let _ = writeln!(script, "-I {hook} 1 {}", self.jump());
        }
        script.push_str("COMMIT\n");
        script
    }
}

/// The interfaces that a rule names.
fn interfaces(rule: &str) -> impl Iterator<Item = &str> {
    let words = rule.split(' ');
    let pairs = words.clone().zip(words.skip(1));
    pairs
        .filter(|(flag, _)| ["-i", "-o"].contains(flag))
        .map(|(_, name)| name)
}

/// Replies to what the host itself opened pass; all else from the bridge for the host does not.
fn of_host(bridge: &str) -> Vec<String> {
    vec![
        format!("-i {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
        format!("-i {bridge} -j DROP"),
    ]
}

/// What stays on the bridge passes; what would go to another bridge or come from one does not.
fn of_neighbours(bridge: &str) -> Vec<String> {
    let mut rules = vec![format!("-i {bridge} -o {bridge} -j RETURN")];
    for other in OTHERS {
        rules.push(format!("-i {bridge} -o {other} -j DROP"));
        rules.push(format!("-i {other} -o {bridge} -j DROP"));
    }
    rules
}
