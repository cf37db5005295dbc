//! Path patterns of file rules. Only this crate's own constants carry globs; what comes from
//! outside is a [`ContainerPath`] and is quoted and escaped on top.

use std::fmt;

use crate::ContainerPath;
use crate::quote::escape;

/// A path pattern as it stands in a file rule.
///
/// There is no way to make one from a string: it is either a constant of this crate or built from
/// a [`ContainerPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Text);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Text {
    Known(&'static str),
    Quoted(String),
}

impl Pattern {
    /// A pattern written in this crate.
    pub(crate) const fn known(text: &'static str) -> Self {
        Self(Text::Known(text))
    }

    /// Exactly this path.
    pub fn exactly(path: &ContainerPath) -> Self {
        Self::with_suffix(path, "")
    }

    /// The directory itself and everything below it. Both: `/data/**` alone misses the directory,
    /// which `PostgreSQL` changes the mode of.
    pub fn tree(path: &ContainerPath) -> Self {
        Self::with_suffix(path, "{,/,/**}")
    }

    /// Everything below the directory.
    pub fn below(path: &ContainerPath) -> Self {
        Self::with_suffix(path, "/**")
    }

    /// Everything below `outer` except the trees `inner`, each of which lies below it, as the
    /// patterns that cover it together.
    ///
    /// The language has no "all but": this spells it out letter by letter (`/data/[^p]**`,
    /// `/data/p[^l]**`, …), as snapd does.
    pub fn below_except(outer: &ContainerPath, inner: &[&ContainerPath]) -> Vec<Self> {
        let stem = format!("{outer}/");
        let names: Vec<&str> = inner
            .iter()
            .filter_map(|path| path.as_str().strip_prefix(&stem))
            .collect();
        if names.is_empty() {
            return vec![Self::below(outer)];
        }
        let mut patterns = Vec::new();
        ladder(&stem, "", &names, &mut patterns);
        patterns
    }

    fn with_suffix(path: &ContainerPath, suffix: &str) -> Self {
        Self::quoted(path.as_str(), suffix)
    }

    fn quoted(path: &str, suffix: &str) -> Self {
        // the alphabet of a container path has nothing to escape: this holds even if it grows
        let path = escape(path).unwrap_or_else(|_| unreachable_path());
        Self(Text::Quoted(format!("\"{path}{suffix}\"")))
    }
}

/// A pattern that matches no file: the kernel never shows a component of this name.
fn unreachable_path() -> String {
    "/aiplat-refused-path".to_owned()
}

/// One step of [`Pattern::below_except`]: `prefix` is a common start of some of `names`.
fn ladder(stem: &str, prefix: &str, names: &[&str], patterns: &mut Vec<Pattern>) {
    let mut next: Vec<char> = names
        .iter()
        .filter_map(|name| name.strip_prefix(prefix))
        .map(|rest| rest.chars().next().unwrap_or('/'))
        .collect();
    next.sort_unstable();
    next.dedup();
    // a `-` is literal only at the end of a class
    let (dash, mut class): (Vec<char>, Vec<char>) = next.iter().copied().partition(|c| *c == '-');
    class.extend(dash);
    let class: String = class.into_iter().collect();
    patterns.push(Pattern(Text::Quoted(format!(
        "\"{stem}{prefix}[^{class}]**\""
    ))));
    let complete = names.contains(&prefix);
    if !complete && !prefix.is_empty() && !prefix.ends_with('/') {
        patterns.push(Pattern(Text::Quoted(format!("\"{stem}{prefix}\""))));
    }
    for c in next {
        if complete && c == '/' {
            continue;
        }
        ladder(stem, &format!("{prefix}{c}"), names, patterns);
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Text::Known(text) => f.write_str(text),
            Text::Quoted(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ContainerPath {
        text.parse().unwrap()
    }

    #[test]
    fn a_tree_and_what_is_below() {
        assert_eq!(
            Pattern::tree(&path("/data")).to_string(),
            r#""/data{,/,/**}""#
        );
        assert_eq!(Pattern::below(&path("/data")).to_string(), r#""/data/**""#);
        assert_eq!(Pattern::exactly(&path("/data")).to_string(), r#""/data""#);
    }

    #[test]
    fn all_but_two_trees() {
        let (a, b) = (path("/d/ab"), path("/d/a-/c"));
        let patterns: Vec<String> = Pattern::below_except(&path("/d"), &[&a, &b])
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            patterns,
            [
                r#""/d/[^a]**""#,
                r#""/d/a[^b-]**""#,
                r#""/d/a""#,
                r#""/d/a-[^/]**""#,
                r#""/d/a-""#,
                r#""/d/a-/[^c]**""#,
                r#""/d/a-/c[^/]**""#,
                r#""/d/ab[^/]**""#,
            ]
        );
    }
}
