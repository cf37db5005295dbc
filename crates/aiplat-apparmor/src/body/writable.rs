//! "Write only what is declared, never run what can be written."

use std::collections::BTreeMap;

use super::push;
use crate::rule::{Body, Perms, Rule, Section, Verdict};
use crate::{ContainerPath, Kind, Pattern, ProfileSpec};

/// What every container of a kind may write beside its mounts.
const fn scratch(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Default => &["/tmp", "/var/tmp", "/run", "/dev/shm"],
        Kind::OpenClaw | Kind::Tailscale { .. } => &["/tmp", "/dev/shm"],
    }
}

/// Every writable place once, and whether it may be run from. Where a place is named twice the
/// answer is yes only if both say so; a mount's word replaces the scratch directory's no.
fn places(spec: &ProfileSpec) -> BTreeMap<ContainerPath, bool> {
    let mut places = BTreeMap::new();
    for writable in &spec.writable {
        places
            .entry(writable.path.clone())
            .and_modify(|exec| *exec &= writable.exec)
            .or_insert(writable.exec);
    }
    for path in scratch(spec.kind) {
        if let Ok(path) = path.parse() {
            places.entry(path).or_insert(false);
        }
    }
    places
}

pub(super) fn rules(spec: &ProfileSpec, rules: &mut Vec<Rule>) {
    let places = places(spec);
    let mut file = |id: String, verdict, pattern, perms| {
        push(
            rules,
            id,
            Section::Writable,
            Body::File {
                verdict,
                owner: false,
                pattern,
                perms,
            },
        );
    };
    for (path, exec) in &places {
        file(
            format!("write:{path}"),
            Verdict::Allow,
            Pattern::tree(path),
            Perms::Rwkl,
        );
        if *exec {
            // the default kind runs whatever is not denied
            if spec.kind != Kind::Default {
                file(
                    format!("run:{path}"),
                    Verdict::Allow,
                    Pattern::below(path),
                    Perms::Mrix,
                );
            }
            continue;
        }
        // a denial beats any allowance: a place to run from inside this one has to be left out
        let inner: Vec<_> = places
            .iter()
            .filter(|(other, exec)| **exec && other.is_below(path))
            .map(|(other, _)| other)
            .collect();
        for (n, pattern) in Pattern::below_except(path, &inner).into_iter().enumerate() {
            let id = if n == 0 {
                format!("no-run:{path}")
            } else {
                format!("no-run:{path}:{n}")
            };
            file(id, Verdict::DenyQuietly, pattern, Perms::Mx);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Kind, ProfileName, ProfileSpec, Writable};

    fn spec(writable: &[(&str, bool)]) -> ProfileSpec {
        let name = ProfileName::for_service("ai", "x").unwrap();
        let mut spec = ProfileSpec::new(name, Kind::Default);
        spec.writable = writable
            .iter()
            .map(|(path, exec)| Writable {
                path: path.parse().unwrap(),
                exec: *exec,
            })
            .collect();
        spec
    }

    #[test]
    fn scratch_may_be_run_from_only_when_stated() {
        let text = spec(&[("/run", true)]).profile().to_string();
        assert!(!text.contains("deny \"/run/**\" mx,"), "{text}");
        assert!(text.contains("deny \"/tmp/**\" mx,"), "{text}");
    }

    #[test]
    fn a_strict_profile_has_to_say_that_a_mount_may_be_run_from() {
        let mut spec = spec(&[("/media", true)]);
        spec.kind = Kind::OpenClaw;
        let text = spec.profile().to_string();
        assert!(text.contains("\"/media/**\" mrix,"), "{text}");
    }

    #[test]
    fn a_place_to_run_from_inside_one_that_is_not() {
        let text = spec(&[("/data", false), ("/data/p", true)])
            .profile()
            .to_string();
        assert!(!text.contains("deny \"/data/**\" mx,"), "{text}");
        assert!(
            text.contains("deny \"/data/[^p]**\" mx,\n  deny \"/data/p[^/]**\" mx,"),
            "{text}"
        );
    }

    #[test]
    fn a_writable_root_opens_the_image_and_keeps_the_guards_over_the_kernel() {
        let mut open = spec(&[]);
        let closed = open.profile().to_string();
        open.writable_root = true;
        let text = open.profile().to_string();
        assert!(
            text.contains("/** rwkl,") && !closed.contains("/** rwkl,"),
            "{text}"
        );
        assert!(
            closed.contains("shadow") && !text.contains("shadow"),
            "{text}"
        );
        assert!(text.contains("audit deny /proc/sys/** wkl,"), "{text}");
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let a = spec(&[("/b", false), ("/a", true), ("/a", false)]).profile();
        assert_eq!(a, spec(&[("/a", false), ("/b", false)]).profile());
    }
}
