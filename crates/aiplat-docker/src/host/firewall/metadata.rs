//! The address under which clouds tell an instance what it may know, keys included: closed to a stack's bridge before any
//! routing, because engines put their own accepting rules before everybody else's in the forwarding chains.
//!
//! Port 53 stays open: on one cloud the same address is the host's name server.

use std::collections::BTreeSet;

use super::WAIT;
use crate::host::HostError;
use crate::host::program::Program;

/// What follows the bridge in a rule, as the program prints it.
const BEFORE: &str = "-A PREROUTING -d 169.254.169.254/32 -i ";
const AFTER: &str = " -p tcp -m tcp ! --dport 53 -j DROP";

/// Bridges from which the address is closed.
pub(super) fn closed(iptables: &Program) -> Result<BTreeSet<String>, HostError> {
    let printed = run(iptables, &["-S", "PREROUTING"])?;
    let bridges = printed.lines().filter_map(|line| {
        let bridge = line.trim_end().strip_prefix(BEFORE)?.strip_suffix(AFTER)?;
        Some(bridge.to_owned())
    });
    Ok(bridges.collect())
}

/// Closes it; says whether anything had to be done.
pub(super) fn close(iptables: &Program, bridge: &str) -> Result<bool, HostError> {
    if closed(iptables)?.contains(bridge) {
        return Ok(false);
    }
    run(iptables, &words("-I", bridge)).map(|_| true)
}

/// Opens it again, however often it was closed.
pub(super) fn open(iptables: &Program, bridge: &str) -> Result<bool, HostError> {
    let mut changed = false;
    while closed(iptables)?.contains(bridge) {
        run(iptables, &words("-D", bridge))?;
        changed = true;
    }
    Ok(changed)
}

fn words<'a>(act: &'a str, bridge: &'a str) -> Vec<&'a str> {
    let rule = BEFORE.trim_start_matches("-A ").trim_end();
    let mut words = vec![act];
    words.extend(rule.split(' '));
    words.push(bridge);
    words.extend(AFTER.trim_start().split(' '));
    words
}

fn run(iptables: &Program, words: &[&str]) -> Result<String, HostError> {
    let mut arguments = vec![WAIT[0], WAIT[1], "-t", "raw"];
    arguments.extend(words);
    let arguments: Vec<_> = arguments.into_iter().map(AsRef::as_ref).collect();
    Ok(iptables.run(&arguments, b"")?.checked()?.stdout)
}
