//! What is wrong with a configuration: all of it at once, and never a value.

use std::fmt;

use super::{Expected, Source};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key; `None` where a line of the manifest has none that can be read.
    pub key: Option<String>,
    /// The line of the manifest, from 1; `None` where the value is from elsewhere.
    pub line: Option<usize>,
    /// The layer the value is from.
    pub source: Source,
    /// What was expected.
    pub expected: Expected,
    /// What to do, where that is not plain from `expected`.
    pub hint: Option<&'static str>,
}

/// ``line 7: `GRAFANA_PORT`: expected a port from 1 to 65535``; the hint is not part of it.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.source) {
            (Some(line), _) => write!(f, "line {line}: ")?,
            (None, Source::Manifest) => {}
            (None, source) => write!(f, "{source}: ")?,
        }
        if let Some(key) = &self.key {
            write!(f, "`{key}`: ")?;
        }
        write!(f, "expected {}", self.expected)
    }
}

/// All that is wrong, in the order of the layers and lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems.
    pub fn all(&self) -> &[Problem] {
        &self.0
    }
}

impl From<Vec<Problem>> for Problems {
    fn from(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|p| (p.source, p.line));
        Self(problems)
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// One problem per line.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
