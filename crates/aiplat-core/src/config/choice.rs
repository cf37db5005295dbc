//! Which secrets are rotated, and the values that they get.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;

use super::{SecretNeed, Secrets, Stage};
use crate::names::SecretName;
use crate::secret::{Format, RANDOM_BYTES};

/// What operators have given for secrets that are in use already.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Values that differ from those in use: what the secret is to become.
    pub changed: BTreeMap<SecretName, SecretString>,
    /// Secrets whose value in use is an operator's own, and stands in the manifest or the environment.
    pub own: BTreeSet<SecretName>,
}

/// What is to be rotated, and what is left alone and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Secrets that get another value, those made from others not among them.
    pub names: Vec<SecretName>,
    /// Secrets that nobody named and that stay as they are, with the reason.
    pub left_out: Vec<(SecretName, String)>,
}

/// Why a secret that was named is not rotated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceProblem {
    /// The stack has no such secret.
    #[error("`{word}`: expected a secret of this stack, one of {}", .secrets.join(", "))]
    Unknown {
        /// The word.
        word: String,
        /// The stack's secrets.
        secrets: Vec<String>,
    },
    /// It may not change, or not by this way.
    #[error("`{name}`: {reason}")]
    Stays {
        /// The secret.
        name: SecretName,
        /// Why, and the way where there is one.
        reason: String,
    },
}

/// Chooses: all that may change when nobody named any.
///
/// # Errors
/// Every name that cannot be rotated, each with the reason and the way.
pub fn choose(
    needs: &[SecretNeed],
    asked: &[String],
    given: &Given,
) -> Result<Choice, Vec<ChoiceProblem>> {
    let mut choice = Choice::default();
    if asked.is_empty() {
        for need in needs {
            match reason(need, given) {
                None => choice.names.push(need.name.clone()),
                Some(reason) => choice.left_out.push((need.name.clone(), reason)),
            }
        }
        return Ok(choice);
    }
    let mut refused = Vec::new();
    for word in asked {
        let named = |need: &&SecretNeed| {
            need.name.as_str() == word || need.key.as_deref() == Some(word.as_str())
        };
        match needs.iter().find(named) {
            None => refused.push(ChoiceProblem::Unknown {
                word: word.clone(),
                secrets: needs.iter().map(|n| n.name.to_string()).collect(),
            }),
            Some(need) => match reason(need, given) {
                Some(reason) => refused.push(ChoiceProblem::Stays {
                    name: need.name.clone(),
                    reason,
                }),
                None if choice.names.contains(&need.name) => {}
                None => choice.names.push(need.name.clone()),
            },
        }
    }
    if refused.is_empty() {
        Ok(choice)
    } else {
        Err(refused)
    }
}

/// Why a secret is not rotated, when it is not.
fn reason(need: &SecretNeed, given: &Given) -> Option<String> {
    need.fixed().or_else(|| {
        let key = need.key.as_ref()?;
        given.own.contains(&need.name).then(|| {
            format!(
                "is your own, given by `{key}`: give another value there, then run `aiplat rotate {}`",
                need.name
            )
        })
    })
}

/// The next values of the chosen secrets that are not on their way already, and of what is made from those.
///
/// # Errors
/// A secret of which none can be drawn.
pub fn next_values(
    needs: &[SecretNeed],
    choice: &Choice,
    given: &Given,
    secrets: &Secrets,
    mut random: impl FnMut() -> [u8; RANDOM_BYTES],
) -> Result<BTreeMap<SecretName, SecretString>, SecretName> {
    let mut next: BTreeMap<SecretName, SecretString> = BTreeMap::new();
    for need in needs.iter().filter(|n| choice.names.contains(&n.name)) {
        if secrets.flight(need.name.as_str()).is_some() {
            continue;
        }
        let value = given.changed.get(&need.name).cloned();
        let value = value.or_else(|| need.format.draw(&random(), |_| None));
        next.insert(need.name.clone(), value.ok_or_else(|| need.name.clone())?);
    }
    for need in needs {
        let Format::BcryptOf(base) = &need.format else {
            continue;
        };
        // a run that died between the two has drawn the one and not the other
        let drawn = secrets
            .flight(base.as_str())
            .filter(|f| f.stage == Stage::Drawn)
            .map(|f| f.other.clone());
        let there = secrets.flight(need.name.as_str()).is_some();
        if let Some(value) = next.get(base).cloned().or(drawn).filter(|_| !there) {
            let hash = need.format.draw(&random(), |_| Some(&value));
            next.insert(need.name.clone(), hash.ok_or_else(|| need.name.clone())?);
        }
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Identity;

    fn need(name: &str, format: Format, rotation: Option<&str>) -> SecretNeed {
        SecretNeed {
            name: name.parse().unwrap(),
            key: (!format.derived()).then(|| name.to_uppercase()),
            format,
            reader: Identity::Stack,
            owner: None,
            rotation: rotation.map(str::to_owned),
        }
    }

    fn needs() -> Vec<SecretNeed> {
        let hash = Format::BcryptOf("password".parse().unwrap());
        vec![
            need("hash", hash, None),
            need(
                "master",
                Format::Hex64,
                Some("never: all is encrypted with it"),
            ),
            need("mine", Format::Hex64, None),
            need("password", Format::Password24, None),
        ]
    }

    fn given() -> Given {
        Given {
            own: ["mine".parse().unwrap()].into(),
            ..Given::default()
        }
    }

    #[test]
    fn all_that_may_change_is_chosen_and_the_rest_has_its_reason() {
        let choice = choose(&needs(), &[], &given()).unwrap();
        assert_eq!(choice.names, ["password".parse().unwrap()]);
        let reasons: Vec<_> = choice.left_out.iter().map(|(_, r)| r.as_str()).collect();
        assert!(reasons[0].contains("rotate that"), "{reasons:?}");
        assert!(reasons[1].starts_with("never"), "{reasons:?}");
        assert!(reasons[2].contains("`MINE`"), "{reasons:?}");
    }

    #[test]
    fn what_was_named_and_cannot_be_is_refused_all_at_once() {
        let asked = ["PASSWORD", "master", "nobody"].map(str::to_owned);
        let refused = choose(&needs(), &asked, &given()).unwrap_err();
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert!(
            matches!(&refused[0], ChoiceProblem::Stays { reason, .. } if reason.contains("never"))
        );
        assert!(matches!(&refused[1], ChoiceProblem::Unknown { word, .. } if word == "nobody"));
    }

    #[test]
    fn what_is_made_from_a_secret_goes_with_it() {
        let choice = choose(&needs(), &["password".to_owned()], &given()).unwrap();
        let secrets = Secrets::default();
        let next = next_values(&needs(), &choice, &given(), &secrets, || [7; 64]).unwrap();
        let names: Vec<_> = next.keys().map(SecretName::as_str).collect();
        assert_eq!(names, ["hash", "password"]);
    }
}
