//! The order of a rotation's moves, and the way back.

use std::collections::{BTreeMap, BTreeSet};

use aiplat_core::config::{Move, Stage};
use aiplat_core::names::SecretName;

/// Secrets that are on their way, and how far each is.
pub type Flights = BTreeMap<SecretName, Stage>;

/// What is to be reached.
#[derive(Debug, Clone)]
pub enum Target {
    /// The next state of what was chosen: each of them is drawn.
    Begun,
    /// The state after a move.
    After(Move),
}

/// What a rotation is at, for whoever tells people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Leg {
    /// The stack is brought to what is wanted before anything changes.
    Checking,
    /// New values are drawn, and let in beside the old ones where a service can.
    Drawing,
    /// New values come into force, and everything that uses them takes them.
    Switching,
    /// Old values are taken out, and proved dead.
    Retiring,
    /// Copies of old values are removed.
    Settling,
    /// Something failed: the old values come into force again.
    Returning,
}

/// Something that can be brought to a state of its secrets, wholly: its files, its services, and what is inside those.
pub trait Ground {
    /// Why it could not be.
    type Error;

    /// Brings everything to a state and answers which secrets are on their way then.
    fn reach(&mut self, target: Target) -> impl Future<Output = Result<Flights, Self::Error>>;

    /// A leg begins.
    fn tell(&mut self, leg: Leg);
}

/// How a rotation ended that did not end well. Each of the secrets has exactly one value in force, everywhere.
#[derive(Debug)]
pub enum Lost<E> {
    /// Nothing was changed.
    Before(E),
    /// The old values are in force again, everywhere, and the new ones are forgotten.
    Returned {
        /// What failed.
        cause: E,
        /// The secrets that were to change.
        secrets: BTreeSet<SecretName>,
    },
    /// The way back failed too.
    Stuck {
        /// What failed first.
        cause: E,
        /// What failed on the way back.
        then: E,
    },
    /// The new values are in force, everywhere; that the old ones are dead could not be shown.
    Unfinished {
        /// What failed.
        cause: E,
    },
}

/// Rotates what was chosen, or ends what an interrupted run began. Answers the secrets that changed.
///
/// # Errors
/// [`Lost`].
pub async fn drive<G: Ground>(ground: &mut G) -> Result<BTreeSet<SecretName>, Lost<G::Error>> {
    // a stack that is not well cannot show whether a new value works
    ground.tell(Leg::Checking);
    let there = ground.reach(Target::After(Move::Stay)).await;
    let there = there.map_err(Lost::Before)?;
    let begun = |flights: &Flights| flights.keys().cloned().collect::<BTreeSet<_>>();
    if !has(&there, Stage::Switched) && !has(&there, Stage::Retired) {
        ground.tell(Leg::Drawing);
        let drawn = match ground.reach(Target::Begun).await {
            Ok(drawn) => drawn,
            Err(cause) => return Err(back(ground, cause).await),
        };
        if drawn.is_empty() {
            return Ok(BTreeSet::new());
        }
    }
    let mut secrets = begun(&there);
    if !has(&there, Stage::Retired) || has(&there, Stage::Switched) || has(&there, Stage::Drawn) {
        ground.tell(Leg::Switching);
        match ground.reach(Target::After(Move::Switch)).await {
            Ok(flights) => secrets = begun(&flights),
            Err(cause) => return Err(back(ground, cause).await),
        }
        ground.tell(Leg::Retiring);
        let retired = ground.reach(Target::After(Move::Retire)).await;
        retired.map_err(|cause| Lost::Unfinished { cause })?;
    }
    ground.tell(Leg::Settling);
    let settled = ground.reach(Target::After(Move::Settle)).await;
    settled.map_err(|cause| Lost::Unfinished { cause })?;
    Ok(secrets)
}

fn has(flights: &Flights, stage: Stage) -> bool {
    flights.values().any(|s| *s == stage)
}

/// Back to the old values: those that depend on them first, then the services that let both in.
async fn back<G: Ground>(ground: &mut G, cause: G::Error) -> Lost<G::Error> {
    ground.tell(Leg::Returning);
    let mut secrets = BTreeSet::new();
    for step in [Move::GiveUp, Move::Discard, Move::Settle] {
        match ground.reach(Target::After(step)).await {
            Ok(flights) => secrets.extend(flights.into_keys()),
            Err(then) => return Lost::Stuck { cause, then },
        }
    }
    Lost::Returned { cause, secrets }
}
