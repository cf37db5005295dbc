//! A whole profile and its exact text.

use std::fmt;

use crate::{ProfileName, Rule};

/// A profile as typed rules. [`fmt::Display`] is the text for the parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    name: ProfileName,
    rules: Vec<Rule>,
}

impl Profile {
    /// As all runtimes set them: without `attach_disconnected` files whose mount is gone are
    /// denied, without `mediate_deleted` deleted ones.
    pub const FLAGS: &'static str = "attach_disconnected,mediate_deleted";

    /// Pinned: without it the distribution's features file decides what a rule means.
    pub const ABI: &'static str = "abi/3.0";

    pub(crate) fn new(name: ProfileName, mut rules: Vec<Rule>) -> Self {
        rules.sort_by_key(|rule| rule.section);
        Self { name, rules }
    }

    /// The profile's name, the only one its text defines.
    pub fn name(&self) -> &ProfileName {
        &self.name
    }

    /// The rules in the order of the text.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The profile without its rule number `index`, for tests that ask who notices. The whole
    /// profile where there is no such rule.
    #[must_use]
    pub fn without(&self, index: usize) -> Self {
        let rules = self.rules.iter().enumerate().filter(|(i, _)| *i != index);
        Self {
            name: self.name.clone(),
            rules: rules.map(|(_, rule)| rule.clone()).collect(),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "abi <{}>,\n", Self::ABI)?;
        writeln!(f, "profile {} flags=({}) {{", self.name, Self::FLAGS)?;
        let mut section = None;
        for rule in &self.rules {
            if section != Some(rule.section) {
                section = Some(rule.section);
                writeln!(f, "  # {}", rule.section.heading())?;
            }
            writeln!(f, "  {rule}")?;
        }
        f.write_str("}\n")
    }
}
