//! The filter table as `iptables -S` prints it, and the scripts for `iptables-restore --noflush` that change it in one
//! transaction.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The rules of a filter table, in order, without the words that append them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules {
    /// (chain, rule) pairs.
    rules: Vec<(String, String)>,
    chains: BTreeSet<String>,
}

impl Rules {
    /// Reads `-S`; lines that say neither that a chain is there nor that a rule is are left out.
    pub(super) fn parse(printed: &str) -> Self {
        let mut found = Self {
            rules: Vec::new(),
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
                    .rules
                    .push((chain.to_owned(), rule.trim_end().to_owned()));
            }
        }
        found
    }

    /// The bridges whose rules are whole and in effect: the jump is the host's first input rule, and in the chain
    /// nothing but whole pairs of ours comes before.
    pub(super) fn guarded(&self, chain: &str) -> BTreeSet<String> {
        if self.of("INPUT").next() != Some(jump(chain).as_str()) {
            return BTreeSet::new();
        }
        let rules: Vec<&str> = self.of(chain).collect();
        let mut found = BTreeSet::new();
        for pair in rules.chunks(2) {
            match pair_of(pair) {
                Some(bridge) => found.insert(bridge.to_owned()),
                None => break,
            };
        }
        found
    }

    /// The script that puts a bridge's pair in place; nothing when it is.
    pub(super) fn with(&self, chain: &str, bridge: &str) -> Option<String> {
        if self.is_clean(chain) && self.guarded(chain).contains(bridge) {
            return None;
        }
        let mut bridges = self.bridges(chain);
        bridges.insert(bridge.to_owned());
        Some(self.script(chain, &bridges))
    }

    /// The script that takes a bridge's pair away, and the chain when it is the last; nothing when neither is there.
    pub(super) fn without(&self, chain: &str, bridge: &str) -> Option<String> {
        if !self.chains.contains(chain) {
            return None;
        }
        let mut bridges = self.bridges(chain);
        let there = bridges.remove(bridge);
        if bridges.is_empty() {
            let mut script = "*filter\n".to_owned();
            self.delete_jumps(chain, &mut script);
            let _ = write!(script, "-F {chain}\n-X {chain}\nCOMMIT\n");
            return Some(script);
        }
        there.then(|| self.script(chain, &bridges))
    }

    fn of<'a>(&'a self, chain: &'a str) -> impl Iterator<Item = &'a str> {
        self.rules
            .iter()
            .filter(move |(c, _)| c == chain)
            .map(|(_, rule)| rule.as_str())
    }

    /// The bridges that have any rule in the chain; the chain is ours, and so are they.
    fn bridges(&self, chain: &str) -> BTreeSet<String> {
        self.of(chain)
            .filter_map(|rule| rule.strip_prefix("-i ")?.split(' ').next())
            .map(str::to_owned)
            .collect()
    }

    /// Nothing but whole pairs in the chain, and one jump to it.
    fn is_clean(&self, chain: &str) -> bool {
        let rules: Vec<&str> = self.of(chain).collect();
        rules.chunks(2).all(|pair| pair_of(pair).is_some()) && self.jumps(chain) == 1
    }

    fn jumps(&self, chain: &str) -> usize {
        let jump = jump(chain);
        self.of("INPUT").filter(|rule| *rule == jump).count()
    }

    fn delete_jumps(&self, chain: &str, script: &mut String) {
        for _ in 0..self.jumps(chain) {
            let _ = writeln!(script, "-D INPUT {}", jump(chain));
        }
    }

    fn script(&self, chain: &str, bridges: &BTreeSet<String>) -> String {
        // with `--noflush`, naming a chain makes it or empties it
        let mut script = format!("*filter\n:{chain} - [0:0]\n");
        for bridge in bridges {
            for rule in pair(bridge) {
                let _ = writeln!(script, "-A {chain} {rule}");
            }
        }
        if self.jumps(chain) != 1 || self.of("INPUT").next() != Some(jump(chain).as_str()) {
            self.delete_jumps(chain, &mut script);
            let _ = writeln!(script, "-I INPUT 1 {}", jump(chain));
        }
        script.push_str("COMMIT\n");
        script
    }
}

fn jump(chain: &str) -> String {
    format!("-j {chain}")
}

/// Replies to what the host itself opened pass; all else from the bridge for the host does not.
fn pair(bridge: &str) -> [String; 2] {
    [
        format!("-i {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
        format!("-i {bridge} -j DROP"),
    ]
}

fn pair_of<'a>(rules: &[&'a str]) -> Option<&'a str> {
    let [accept, drop] = rules else { return None };
    let bridge = drop.strip_prefix("-i ")?.strip_suffix(" -j DROP")?;
    pair(bridge).iter().eq([accept, drop]).then_some(bridge)
}
