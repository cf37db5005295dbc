//! Whatever the strings are: refused, or harmless.

use aiplat_apparmor::{
    Capability, ContainerPath, Kind, ProfileName, ProfileSpec, Writable, escape, quote,
};
use proptest::prelude::*;

/// Strings with a taste for the parser's own characters.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/"),
        Just("a"),
        Just("Z9"),
        Just("."),
        Just(".."),
        Just("\""),
        Just("\\"),
        Just("*"),
        Just("**"),
        Just("?"),
        Just("{a,b}"),
        Just("["),
        Just("]"),
        Just("^"),
        Just("@{HOME}"),
        Just("\n"),
        Just("}\nprofile evil flags=(unconfined) {\n"),
        Just(" rw,"),
        Just(","),
        Just("#include \"/etc/passwd\"\n"),
        Just("\t"),
        Just("\0"),
        Just("é"),
        Just("//"),
        Just(" -> "),
        Just("docker.sock"),
        Just("/proc"),
        Just("-"),
        Just("_"),
    ];
    prop_oneof![
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

/// A reader of our text that knows nothing of how it is made: one profile, and in it one rule a
/// line, whose quoted words end where they began.
fn is_one_profile(text: &str, name: &str) -> bool {
    let mut lines = text.lines();
    if lines.next() != Some("abi <abi/3.0>,") || lines.next() != Some("") {
        return false;
    }
    let flags = "flags=(attach_disconnected,mediate_deleted) {";
    if lines.next() != Some(format!("profile {name} {flags}").as_str()) {
        return false;
    }
    let body: Vec<_> = lines.collect();
    let Some((last, rules)) = body.split_last() else {
        return false;
    };
    *last == "}"
        && rules.iter().all(|line| {
            let Some(rule) = line.strip_prefix("  ") else {
                return false;
            };
            let fine = |c: char| c.is_ascii_graphic() || c == ' ';
            rule.chars().all(fine)
                && (rule.starts_with("# ") || (rule.ends_with(',') && !rule.contains('#')))
                && (rule.starts_with("# ") || rule.matches('"').count() % 2 == 0)
        })
}

proptest! {
    #[test]
    fn a_path_is_refused_or_plain(text in hostile()) {
        if let Ok(path) = text.parse::<ContainerPath>() {
            prop_assert!(path.as_str().chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)));
            prop_assert!(path.as_str().split('/').skip(1).all(|part| !["", ".", ".."].contains(&part)));
            // nothing to escape: quoted, it is itself
            prop_assert_eq!(quote(path.as_str()).unwrap(), format!("\"{path}\""));
        }
    }

    #[test]
    fn a_name_is_refused_or_plain(stack in hostile(), service in hostile()) {
        if let Ok(name) = ProfileName::for_service(&stack, &service) {
            prop_assert!(name.as_str().len() <= 63 && !name.as_str().contains(".."));
            prop_assert_eq!(name.as_str().parse::<ProfileName>().unwrap(), name);
        }
    }

    #[test]
    fn a_quoted_path_means_itself(text in hostile()) {
        let Ok(quoted) = quote(&text) else { return Ok(()) };
        let inside = &quoted[1..quoted.len() - 1];
        prop_assert!(!inside.chars().any(char::is_control) || !text.is_ascii());
        let expands = inside.contains("@{");
        prop_assert!(!expands);
        // taking the escapes away gives the path back, and no special character stands alone
        let mut plain = String::new();
        let mut chars = inside.chars();
        while let Some(c) = chars.next() {
            if c == '\\' {
                plain.push(chars.next().unwrap());
            } else {
                let special = r#""?*[]{}^"#.contains(c);
                prop_assert!(!special);
                plain.push(c);
            }
        }
        prop_assert_eq!(plain, text.clone());
        prop_assert_eq!(escape(&text).unwrap(), inside);
    }

    #[test]
    fn every_spec_is_one_profile(
        kind in prop::sample::select(Kind::ALL.to_vec()),
        paths in prop::collection::vec(("(/[A-Za-z0-9._-]{1,6}){1,4}", any::<bool>()), 0..6),
        capabilities in prop::collection::vec(prop::sample::select(Capability::ALL.to_vec()), 0..4),
        deny_passwd in any::<bool>(),
        gpu in any::<bool>(),
    ) {
        let mut spec = ProfileSpec::new("aiplat-a.b".parse().unwrap(), kind);
        let paths = paths.into_iter().filter_map(|(path, exec)| Some((path.parse::<ContainerPath>().ok()?, exec)));
        for (path, exec) in paths {
            spec.readable.push(path.clone());
            spec.writable.push(Writable { path, exec });
        }
        (spec.capabilities, spec.deny_passwd, spec.gpu) = (capabilities, deny_passwd, gpu);
        let profile = spec.profile();
        prop_assert!(is_one_profile(&profile.to_string(), "aiplat-a.b"), "{}", profile);
        prop_assert!(!profile.to_string().contains("capability sys_module,\n") || profile.to_string().contains("deny capability sys_module,\n"));
        // the same data in another order is the same profile
        spec.writable.reverse();
        spec.readable.reverse();
        spec.capabilities.reverse();
        prop_assert_eq!(spec.profile(), profile);
    }
}
