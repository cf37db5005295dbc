//! A secret on its way to another value: a small state machine whose every state is a complete stack.
//!
//! What is in force stands in `config/secrets/<name>`. The other value stands beside it, and the name of that file is
//! the state: `<name>.next`, `<name>.previous` or `<name>.retired`. Companions are written before the value itself, and
//! those that hold for no state any more are removed after it, so that a run that dies between any two files leaves one
//! of the states:
//!
//! | files beside the value | state | let in |
//! |---|---|---|
//! | none | settled | the value |
//! | `.next` | drawn: the old value is in force | both, where the service can |
//! | `.previous` | switched: the new value is in force | both, where the service can |
//! | `.retired` | retired: the other value is proved dead, then forgotten | the value alone |

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};

use super::Secrets;
use crate::names::SecretName;

/// How far a secret is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The other value is the next one; the old one is in force.
    Drawn,
    /// The other value is the previous one; the new one is in force.
    Switched,
    /// The other value is in force nowhere; that is still to be proved.
    Retired,
}

impl Stage {
    /// In the order in which a rotation passes them.
    pub const ALL: [Self; 3] = [Self::Drawn, Self::Switched, Self::Retired];

    /// What the name of the other value's file ends with, after the secret's name and a dot.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Drawn => "next",
            Self::Switched => "previous",
            Self::Retired => "retired",
        }
    }
}

/// A secret that is neither wholly at the old value nor wholly at the new one.
#[derive(Debug, Clone)]
pub struct InFlight {
    /// How far it is.
    pub stage: Stage,
    /// The value that is not in force.
    pub other: SecretString,
}

/// What was found beside the secrets' own files, by name and by what the file's name says.
pub type Companions = BTreeMap<(SecretName, Stage), SecretString>;

/// One move of the whole stack from a state to the next.
#[derive(Debug, Clone)]
pub enum Move {
    /// Nothing changes: what is there is made so everywhere.
    Stay,
    /// These secrets get a next value.
    Draw(BTreeMap<SecretName, SecretString>),
    /// Every next value comes into force.
    Switch,
    /// The way back: every previous value comes into force again.
    GiveUp,
    /// The way back: a next value that never came into force is retired.
    Discard,
    /// Every previous value is retired.
    Retire,
    /// Every retired value is forgotten.
    Settle,
}

/// The secrets that are on their way, and the files that lie beside theirs.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights {
    pub(super) by_name: BTreeMap<SecretName, InFlight>,
    asked: BTreeSet<SecretName>,
    found: BTreeSet<(SecretName, Stage)>,
}

impl Secrets {
    /// The same with what was found beside the secrets' own files.
    #[must_use]
    pub fn with_companions(mut self, found: Companions) -> Self {
        self.flights.found = found.keys().cloned().collect();
        for ((name, stage), other) in found {
            let Some(value) = self.get(name.as_str()) else {
                continue;
            };
            // a copy that a dead run left behind, of what is in force
            if value.expose_secret() == other.expose_secret() {
                continue;
            }
            // the map is ordered by stage: the earliest that holds is the state
            let flight = InFlight { stage, other };
            self.flights.by_name.entry(name).or_insert(flight);
        }
        self
    }

    /// Has the services asked whether they let the values in that are in force, before anything is changed about them.
    pub fn ask(&mut self, names: impl IntoIterator<Item = SecretName>) {
        self.flights.asked = names.into_iter().collect();
    }

    /// Secrets that services are to be asked about: those that are on their way, and those of [`ask`](Self::ask).
    pub fn asked(&self) -> BTreeSet<&SecretName> {
        let flights = self.flights.by_name.keys();
        flights.chain(&self.flights.asked).collect()
    }

    /// Secrets that are on their way, by name.
    pub fn in_flight(&self) -> impl Iterator<Item = (&SecretName, &InFlight)> {
        self.flights.by_name.iter()
    }

    /// How far a secret is on its way, when it is.
    pub fn flight(&self, name: &str) -> Option<&InFlight> {
        let mut all = self.flights.by_name.iter();
        all.find(|(n, _)| n.as_str() == name)
            .map(|(_, flight)| flight)
    }

    /// That a rotation is not finished, in words, when one is not.
    pub fn unfinished(&self) -> Option<String> {
        let names: Vec<_> = self
            .in_flight()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        (!names.is_empty()).then(|| {
            format!(
                "the rotation of {} is not finished: `aiplat rotate` goes on with it",
                names.join(", ")
            )
        })
    }

    /// The values that a service which can hold two lets in, the older one first, so that the switch from the one to
    /// the other changes nothing about that service.
    pub fn accepted(&self, name: &str) -> Vec<&SecretString> {
        let flight = self.flight(name);
        let (before, after) = match flight.map(|f| (f.stage, &f.other)) {
            Some((Stage::Switched, previous)) => (Some(previous), None),
            Some((Stage::Drawn, next)) => (None, Some(next)),
            Some((Stage::Retired, _)) | None => (None, None),
        };
        before
            .into_iter()
            .chain(self.get(name))
            .chain(after)
            .collect()
    }

    /// Companion files that lie there and hold for no state any more.
    pub fn obsolete(&self) -> impl Iterator<Item = (&SecretName, Stage)> {
        self.flights
            .found
            .iter()
            .filter(|(name, stage)| {
                self.flights
                    .by_name
                    .get(name)
                    .is_none_or(|f| f.stage != *stage)
            })
            .map(|(name, stage)| (name, *stage))
    }

    /// Makes a move.
    pub fn make(&mut self, step: Move) {
        match step {
            Move::Stay => {}
            Move::Draw(values) => {
                for (name, other) in values {
                    let stage = Stage::Drawn;
                    self.put(name, InFlight { stage, other });
                }
            }
            Move::Switch => self.each(Stage::Drawn, Stage::Switched, true),
            Move::GiveUp => self.each(Stage::Switched, Stage::Drawn, true),
            Move::Discard => self.each(Stage::Drawn, Stage::Retired, false),
            Move::Retire => self.each(Stage::Switched, Stage::Retired, false),
            Move::Settle => self
                .flights
                .by_name
                .retain(|_, f| f.stage != Stage::Retired),
        }
    }

    fn put(&mut self, name: SecretName, flight: InFlight) {
        self.flights.found.insert((name.clone(), flight.stage));
        self.flights.by_name.insert(name, flight);
    }

    fn each(&mut self, from: Stage, to: Stage, swap: bool) {
        let names: Vec<_> = self
            .in_flight()
            .filter(|(_, f)| f.stage == from)
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            let (Some(flight), Some(value)) =
                (self.flights.by_name.remove(&name), self.values.get(&name))
            else {
                continue;
            };
            let other = if swap {
                let value = value.clone();
                self.values.insert(name.clone(), flight.other);
                value
            } else {
                flight.other
            };
            self.put(name, InFlight { stage: to, other });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SecretName {
        text.parse().expect("within the grammar")
    }

    fn secrets(value: &str, beside: &[(Stage, &str)]) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.values.insert(name("key"), value.into());
        let found = beside
            .iter()
            .map(|(stage, other)| ((name("key"), *stage), SecretString::from(*other)));
        secrets.with_companions(found.collect())
    }

    fn stage(secrets: &Secrets) -> Option<(Stage, &str)> {
        secrets
            .flight("key")
            .map(|f| (f.stage, f.other.expose_secret()))
    }

    fn let_in(secrets: &Secrets) -> Vec<&str> {
        let all = secrets.accepted("key");
        all.into_iter().map(ExposeSecret::expose_secret).collect()
    }

    /// Every order of files that a run which dies at the worst moment can leave.
    #[test]
    fn every_moment_of_a_rotation_is_a_state() {
        use Stage::{Drawn, Retired, Switched};
        type Beside = (Stage, &'static str);
        // the secret's own file, what lies beside it, what is in flight, what is let in
        type Case = (
            &'static str,
            &'static [Beside],
            Option<Beside>,
            &'static [&'static str],
        );
        let cases: [Case; 9] = [
            ("old", &[], None, &["old"]),
            (
                "old",
                &[(Drawn, "new")],
                Some((Drawn, "new")),
                &["old", "new"],
            ),
            // the switch: the copy of the old one, the new one, and then the next one's file goes
            (
                "old",
                &[(Drawn, "new"), (Switched, "old")],
                Some((Drawn, "new")),
                &["old", "new"],
            ),
            (
                "new",
                &[(Drawn, "new"), (Switched, "old")],
                Some((Switched, "old")),
                &["old", "new"],
            ),
            (
                "new",
                &[(Switched, "old")],
                Some((Switched, "old")),
                &["old", "new"],
            ),
            // retiring
            (
                "new",
                &[(Switched, "old"), (Retired, "old")],
                Some((Switched, "old")),
                &["old", "new"],
            ),
            ("new", &[(Retired, "old")], Some((Retired, "old")), &["new"]),
            // the way back, from a value that never came into force
            (
                "old",
                &[(Drawn, "new"), (Retired, "new")],
                Some((Drawn, "new")),
                &["old", "new"],
            ),
            ("old", &[(Retired, "new")], Some((Retired, "new")), &["old"]),
        ];
        for (value, beside, expected, accepted) in cases {
            let secrets = secrets(value, beside);
            assert_eq!(stage(&secrets), expected, "{value} {beside:?}");
            assert_eq!(let_in(&secrets), accepted, "{value} {beside:?}");
        }
    }

    #[test]
    fn there_and_back() {
        let mut secrets = secrets("old", &[]);
        let next = BTreeMap::from([(name("key"), SecretString::from("new"))]);
        secrets.make(Move::Draw(next));
        secrets.make(Move::Switch);
        assert_eq!(stage(&secrets), Some((Stage::Switched, "old")));
        assert_eq!(let_in(&secrets), ["old", "new"]);
        secrets.make(Move::GiveUp);
        assert_eq!(stage(&secrets), Some((Stage::Drawn, "new")));
        secrets.make(Move::Discard);
        assert_eq!(stage(&secrets), Some((Stage::Retired, "new")));
        assert_eq!(let_in(&secrets), ["old"]);
        secrets.make(Move::Settle);
        assert_eq!((stage(&secrets), let_in(&secrets)), (None, vec!["old"]));
        assert_eq!(secrets.obsolete().count(), 3);
    }

    #[test]
    fn what_is_shown_of_it_holds_no_value() {
        let secrets = secrets("canary-old", &[(Stage::Drawn, "canary-new")]);
        assert!(!format!("{secrets:?}").contains("canary"));
    }
}
