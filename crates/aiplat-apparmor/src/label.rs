//! What the kernel says: the label of a process, and the list of loaded profiles.

use std::fmt;

use crate::ProfileName;

/// How a label's profile is applied, as the kernel prints it in parentheses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LabelMode {
    /// Denials are denied: the only mode that protects.
    Enforce,
    /// Denials are only logged.
    Complain,
    /// A denial kills the process.
    Kill,
    /// A named profile that confines nothing (such as Debian's `runc`).
    Unconfined,
    /// Anything else (`mixed`, `user`, a newer kernel's word), verbatim.
    Other(String),
}

/// The `AppArmor` label of a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Label {
    /// No profile at all. Also what a process becomes, at once and for good, when its profile is
    /// removed while it runs.
    Unconfined,
    /// A profile and its mode.
    Confined {
        /// The profile's name as the kernel prints it.
        name: String,
        /// The mode in parentheses.
        mode: LabelMode,
    },
}

impl Label {
    /// True where the process is held by exactly this profile, in enforce mode. Anything else
    /// (complain, a stacked label, a look-alike) is false.
    pub fn is_enforced_by(&self, profile: &ProfileName) -> bool {
        matches!(self, Self::Confined { name, mode: LabelMode::Enforce } if name == profile.as_str())
    }
}

impl fmt::Display for LabelMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enforce => "enforce",
            Self::Complain => "complain",
            Self::Kill => "kill",
            Self::Unconfined => "unconfined",
            Self::Other(word) => word,
        })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unconfined => f.write_str("unconfined"),
            Self::Confined { name, mode } => write!(f, "{name} ({mode})"),
        }
    }
}

/// Reads `/proc/PID/attr/apparmor/current` (or `attr/current` on older kernels).
///
/// ```
/// use aiplat_apparmor::{Label, parse_label};
///
/// assert_eq!(parse_label("unconfined\n"), Label::Unconfined);
/// let label = parse_label("aiplat-ai.grafana (enforce)\n");
/// assert!(label.is_enforced_by(&"aiplat-ai.grafana".parse()?));
/// # Ok::<(), aiplat_apparmor::NameError>(())
/// ```
pub fn parse_label(attr_current: &str) -> Label {
    let text = attr_current.trim_end_matches(['\n', '\0']);
    if text == "unconfined" {
        return Label::Unconfined;
    }
    let (name, mode) = split(text).unwrap_or((text, LabelMode::Other(String::new())));
    Label::Confined {
        name: name.to_owned(),
        mode,
    }
}

/// One line of `/sys/kernel/security/apparmor/profiles`, such as `aiplat-ai.grafana (enforce)`.
/// Nothing for a line that does not look like one.
pub fn policy_line(line: &str) -> Option<(String, LabelMode)> {
    let (name, mode) = split(line.trim_end_matches(['\n', '\0']))?;
    Some((name.to_owned(), mode))
}

/// Every profile in `/sys/kernel/security/apparmor/profiles`.
pub fn policy_lines(text: &str) -> impl Iterator<Item = (String, LabelMode)> + '_ {
    text.lines().filter_map(policy_line)
}

fn split(text: &str) -> Option<(&str, LabelMode)> {
    // names may have spaces and parentheses of their own: the mode is the last pair
    let (name, mode) = text.strip_suffix(')')?.rsplit_once(" (")?;
    if name.is_empty() {
        return None;
    }
    Some((
        name,
        match mode {
            "enforce" => LabelMode::Enforce,
            "complain" => LabelMode::Complain,
            "kill" => LabelMode::Kill,
            "unconfined" => LabelMode::Unconfined,
            other => LabelMode::Other(other.to_owned()),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_profile_in_enforce_mode_holds() {
        let name = ProfileName::for_service("ai", "grafana").unwrap();
        assert!(parse_label("aiplat-ai.grafana (enforce)\n\0").is_enforced_by(&name));
        for other in [
            "unconfined",
            "aiplat-ai.grafana (complain)",
            "aiplat-ai.grafana2 (enforce)",
            "aiplat-ai.grafana//&x (enforce)",
            "aiplat-ai.grafana",
            "",
        ] {
            assert!(!parse_label(other).is_enforced_by(&name), "{other}");
        }
    }

    #[test]
    fn the_kernel_s_list() {
        let text = "runc (unconfined)\n/usr/bin/man (enforce)\na (b) (complain)\nnonsense\n";
        let lines: Vec<_> = policy_lines(text).collect();
        assert_eq!(
            lines,
            [
                ("runc".to_owned(), LabelMode::Unconfined),
                ("/usr/bin/man".to_owned(), LabelMode::Enforce),
                ("a (b)".to_owned(), LabelMode::Complain),
            ]
        );
    }
}
