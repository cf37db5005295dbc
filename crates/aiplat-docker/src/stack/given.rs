//! Secrets that an operator gives, held against those that the services use.

use std::collections::BTreeMap;

use aiplat_core::config::{Companions, Given, SecretNeed};
use aiplat_core::secret::Format;
use secrecy::{ExposeSecret, SecretString};

/// Takes out of `given` what is no first value: what is in use already, and what differs from it. A value that is only
/// given counts as it stands, in every run.
pub(super) fn compared(
    needs: &[SecretNeed],
    given: &mut BTreeMap<String, SecretString>,
    kept: &BTreeMap<String, SecretString>,
    companions: &Companions,
) -> Given {
    let mut compared = Given::default();
    for need in needs.iter().filter(|n| n.format != Format::Given) {
        let (Some(key), Some(known)) = (&need.key, kept.get(need.name.as_str())) else {
            continue;
        };
        let Some(value) = given.remove(key) else {
            continue;
        };
        let same = |other: &SecretString| other.expose_secret() == value.expose_secret();
        let beside = companions
            .iter()
            .any(|((name, _), other)| *name == need.name && same(other));
        if same(known) {
            compared.own.insert(need.name.clone());
        } else if !beside {
            compared.changed.insert(need.name.clone(), value);
        }
    }
    compared
}

/// Where no service has used the secrets yet, another given value is simply the first: with it everything that is made
/// from the one before is made anew.
pub(super) fn first_values(
    needs: &[SecretNeed],
    changed: Given,
    given: &mut BTreeMap<String, SecretString>,
    kept: &mut BTreeMap<String, SecretString>,
) {
    for (name, value) in changed.changed {
        let key = needs
            .iter()
            .find(|n| n.name == name)
            .and_then(|n| n.key.clone());
        let made_from = needs
            .iter()
            .filter(|n| matches!(&n.format, Format::BcryptOf(base) if *base == name));
        for need in made_from {
            kept.remove(need.name.as_str());
        }
        given.extend(key.map(|key| (key, value)));
    }
}

/// Each changed secret in words: the reason where it must not change, the way where it may.
pub(super) fn problems(needs: &[SecretNeed], changed: &Given) -> Vec<String> {
    let all = changed.changed.keys().filter_map(|name| {
        let need = needs.iter().find(|n| n.name == *name)?;
        let key = need.key.as_ref()?;
        Some(match need.fixed() {
            Some(reason) => format!(
                "`{key}`: expected the value that the services use (`config/secrets/{name}`); {reason}"
            ),
            None => format!(
                "`{key}`: expected the value that the services use; `aiplat rotate {name}` changes it to the given one \
                 inside them too"
            ),
        })
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use aiplat_core::catalogue::Identity;

    use super::*;

    fn need() -> SecretNeed {
        SecretNeed {
            name: "db".parse().unwrap(),
            key: Some("DB".to_owned()),
            format: Format::Alnum32,
            reader: Identity::Stack,
            owner: None,
            rotation: None,
        }
    }

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
        let all = entries.iter();
        all.map(|(key, value)| ((*key).to_owned(), SecretString::from(*value)))
            .collect()
    }

    #[test]
    fn a_changed_value_is_told_without_it_and_one_on_its_way_is_not_changed() {
        let kept = map(&[("db", "canary-old")]);
        let none = Companions::new();
        let mut given = map(&[("DB", "canary-$new")]);
        let found = compared(&[need()], &mut given, &kept, &none);
        assert!(given.is_empty() && found.own.is_empty());
        let words = problems(&[need()], &found).join("\n");
        assert!(
            words.contains("aiplat rotate db") && !words.contains("canary"),
            "{words}"
        );
        let beside = [(
            ("db".parse().unwrap(), aiplat_core::config::Stage::Drawn),
            "canary-$new".into(),
        )];
        let mut given = map(&[("DB", "canary-$new")]);
        let found = compared(&[need()], &mut given, &kept, &beside.into());
        assert!(found.changed.is_empty() && found.own.is_empty());
        let mut given = map(&[("DB", "canary-old")]);
        assert_eq!(compared(&[need()], &mut given, &kept, &none).own.len(), 1);
    }
}
