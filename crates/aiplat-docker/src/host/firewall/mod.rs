//! Rules that close the host's own listeners and each other to the stacks' bridges, in two chains of ours that the
//! host's chains jump to first (see `rules`); and the clouds' metadata address (see `metadata`). The host's other rules are
//! neither read for meaning nor changed.

mod metadata;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use aiplat_core::observed::FirewallFacts;
use aiplat_core::spec::FirewallSpec;

use super::lock::HostLock;
use super::program::Program;
use super::{HostError, Outcome};
use rules::{Rules, Table, tables};

/// How long another change of the firewall is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same for the programs' own lock, in their seconds.
const WAIT: [&str; 2] = ["-w", "10"];

/// The programs of both families, and where the lock lies under which chains are rewritten.
pub(crate) struct Firewall<'a> {
    pub(crate) iptables: &'a Program,
    pub(crate) ip6tables: &'a Program,
    pub(crate) lock_dir: &'a Path,
}

impl Firewall<'_> {
    /// A bridge counts when its rules are there in every family that the host has.
    pub(crate) fn facts(&self, chain: &str) -> FirewallFacts {
        // at the same moment, since starting a program takes milliseconds on a busy host
        let (four, six, closed) = std::thread::scope(|scope| {
            let six = scope.spawn(|| found(self.ip6tables, chain));
            let closed = scope.spawn(|| metadata::closed(self.iptables));
            (found(self.iptables, chain), six.join(), closed.join())
        });
        let Ok(four) = four else {
            return FirewallFacts::default();
        };
        let closed = closed.ok().and_then(Result::ok).unwrap_or_default();
        let mut facts = FirewallFacts {
            available: true,
            guarded: &four.guarded & &closed,
            named: &four.named | &closed,
            unkept: false,
        };
        if let Ok(Ok(six)) = six {
            facts.guarded = &facts.guarded & &six.guarded;
            facts.named.extend(six.named);
        }
        facts
    }

    pub(crate) fn guard(&self, spec: &FirewallSpec) -> Result<Outcome, HostError> {
        let outcome = self.change(spec, |rules| rules.with(&spec.bridge), true)?;
        let closed = metadata::close(self.iptables, &spec.bridge)?;
        Ok(if closed { Outcome::Changed } else { outcome })
    }

    pub(crate) fn unguard(&self, spec: &FirewallSpec) -> Result<Outcome, HostError> {
        let outcome = self.change(spec, |rules| rules.without(&spec.bridge), false)?;
        match metadata::open(self.iptables, &spec.bridge) {
            Ok(true) => Ok(Outcome::Changed),
            Ok(false) | Err(HostError::NoProgram { .. }) => Ok(outcome),
            Err(other) => Err(other),
        }
    }

    fn change(
        &self,
        spec: &FirewallSpec,
        script: impl Fn(&Rules<'_>) -> Option<String>,
        wanted: bool,
    ) -> Result<Outcome, HostError> {
        check(spec)?;
        // a chain is read, changed and written back whole: two stacks must not do so at the same moment
        let _lock = HostLock::wait_for(self.lock_dir, "firewall.lock", PATIENCE)?;
        let mut outcome = Outcome::Unchanged;
        for (family, program) in [("IPv4", self.iptables), ("IPv6", self.ip6tables)] {
            let found = match read_all(program, &spec.chain) {
                Ok(found) => found,
                // without IPv6 there is nothing to close; without the program there is nothing to take away
                Err(_) if family == "IPv6" => continue,
                Err(HostError::NoProgram { .. }) if !wanted => continue,
                Err(other) => return Err(other),
            };
            let script: String = found.iter().filter_map(&script).collect();
            if script.is_empty() {
                continue;
            }
            write(program, &script)?;
            outcome = Outcome::Changed;
            let now = read_all(program, &spec.chain)?;
            let as_wanted = |rules: &Rules<'_>| rules.guarded().contains(&spec.bridge) == wanted;
            if !now.iter().all(as_wanted) {
                return Err(HostError::NotGuarded {
                    bridge: spec.bridge.clone(),
                    family,
                });
            }
        }
        Ok(outcome)
    }
}

/// The bridges of one family.
struct Found {
    /// Those whose rules are in effect in every table.
    guarded: BTreeSet<String>,
    /// Those that any rule names.
    named: BTreeSet<String>,
}

fn found(program: &Program, chain: &str) -> Result<Found, HostError> {
    let all = read_all(program, chain)?;
    let guarded = all.iter().map(Rules::guarded);
    Ok(Found {
        guarded: guarded.reduce(|all, set| &all & &set).unwrap_or_default(),
        named: all.iter().flat_map(Rules::named).collect(),
    })
}

fn read_all<'a>(program: &Program, chain: &'a str) -> Result<Vec<Rules<'a>>, HostError> {
    let read = |table: Table<'a>| {
        let words = [WAIT[0], WAIT[1], "-t", table.name, "-S"].map(AsRef::as_ref);
        let output = program.run(&words, b"")?.checked()?;
        Ok(Rules::parse(table, &output.stdout))
    };
    tables(chain).into_iter().map(read).collect()
}

fn write(program: &Program, script: &str) -> Result<(), HostError> {
    let arguments = [WAIT[0].as_ref(), WAIT[1].as_ref(), "--noflush".as_ref()];
    program
        .suffixed("-restore")
        .run(&arguments, script.as_bytes())?
        .checked()
        .map(|_| ())
}

/// Both names go into a script.
fn check(spec: &FirewallSpec) -> Result<(), HostError> {
    let plain = |text: &str, max: usize| {
        (1..=max).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    if !plain(&spec.bridge, 15) {
        let expected = "an interface name of at most 15 letters, digits, `-`, `_`, `.`";
        return Err(HostError::BadName {
            expected,
            found: spec.bridge.clone(),
        });
    }
    if !plain(&spec.chain, 28) || ["INPUT", "FORWARD", "OUTPUT"].contains(&spec.chain.as_str()) {
        let expected = "a chain name of our own of at most 28 letters, digits, `-`, `_`, `.`";
        return Err(HostError::BadName {
            expected,
            found: spec.chain.clone(),
        });
    }
    Ok(())
}
