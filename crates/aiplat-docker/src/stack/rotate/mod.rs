//! Other values for secrets, inside the services too, with the old ones proved dead.
//!
//! A rotation passes through states each of which is a complete stack ([`Stage`](aiplat_core::config::Stage)); in each of them an ordinary deploy
//! brings everything to what the state says. So a run that dies at any moment leaves one of the states, `deploy` keeps
//! the stack running in it, and the next rotation goes on from it.

mod drive;
mod outline;

use std::collections::BTreeSet;

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::{Choice, ChoiceProblem, Move, Secrets, choose, next_values};
use aiplat_core::desired::Desired;
use aiplat_core::names::SecretName;
use aiplat_core::secret::RANDOM_BYTES;

pub use drive::{Flights, Ground, Leg, Lost, Target, drive};
pub use outline::{Outline, Planned};

use super::prepare::{Adjust, Adjusting, prepare_with, random};
use super::{DeployError, Inputs, Intent, Operation, Places, PrepareError};
use crate::apply::ApplyOptions;
use crate::engine::Engine;
use crate::events::Events;
use crate::host::Host;

/// What a rotation works with.
#[derive(Debug)]
pub struct Rotation<'a, E, H, V> {
    /// The engine.
    pub engine: &'a E,
    /// The host.
    pub host: &'a H,
    /// Who is told what happens.
    pub events: &'a V,
    /// All services.
    pub catalogue: &'a Catalogue,
    /// What the run is given; a given secret that differs from the one in use is what that becomes.
    pub inputs: &'a Inputs,
    /// Where things are kept.
    pub places: &'a Places,
    /// How plans are carried out.
    pub options: &'a ApplyOptions,
    /// Secrets by name or by manifest key; all that may change when empty.
    pub names: &'a [String],
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Secrets that have another value now; the old ones are let in nowhere.
    pub secrets: BTreeSet<SecretName>,
    /// Secrets that nobody named and that stayed as they were, with the reason.
    pub left_out: Vec<(SecretName, String)>,
    /// Secrets whose rotation another run had begun.
    pub finished: BTreeSet<SecretName>,
    /// How many changes were made on the way.
    pub changes: usize,
}

/// Why a state was not reached.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// It could not be planned; nothing was touched.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Steps failed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
}

/// Why a rotation did not end well. Each secret has exactly one value that is in force everywhere, unless it says
/// otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// Nothing was changed.
    #[error(transparent)]
    Before(ReachError),
    /// The old values are in force again, everywhere; the new ones are forgotten.
    #[error("the new values did not work, and the old ones are in force again: {}", names(.secrets))]
    Returned {
        /// What failed.
        #[source]
        cause: ReachError,
        /// The secrets that were to change.
        secrets: BTreeSet<SecretName>,
    },
    /// The way back failed too.
    #[error(
        "the new values did not work, and the way back to the old ones is not finished ({then}): mend that, then run \
         the command again"
    )]
    Stuck {
        /// What failed first.
        #[source]
        cause: ReachError,
        /// What failed on the way back, in words.
        then: String,
    },
    /// The new values are in force; that the old ones are dead could not be shown.
    #[error(
        "the new values are in force, but the old ones are not shown to be dead yet: mend the cause, then run the \
         command again"
    )]
    Unfinished {
        /// What failed.
        #[source]
        cause: ReachError,
    },
}

fn names(secrets: &BTreeSet<SecretName>) -> String {
    let all: Vec<_> = secrets.iter().map(|name| format!("`{name}`")).collect();
    all.join(", ")
}

impl<E: Engine, H: Host, V: Events> Rotation<'_, E, H, V> {
    /// What it would do. Nothing is written or locked.
    ///
    /// # Errors
    /// [`PrepareError`], a secret that cannot be rotated among them.
    pub async fn outline(&self) -> Result<Outline, PrepareError> {
        let mut choice = Choice::default();
        let mut secrets = Secrets::default();
        let mut unfinished = Vec::new();
        let as_it_is = self
            .wanted(&mut |adjusting| {
                secrets = adjusting.secrets.clone();
                unfinished = secrets.in_flight().map(|(name, _)| name.clone()).collect();
                self.draw(adjusting.needs, adjusting.given, &mut secrets, &mut choice)
            })
            .await?;
        let mut state = async |step: Move| {
            secrets.make(step);
            self.wanted(&mut |adjusting| {
                *adjusting.secrets = secrets.clone();
                Ok(())
            })
            .await
        };
        let drawn = state(Move::Stay).await?;
        let switched = state(Move::Switch).await?;
        let retired = state(Move::Retire).await?;
        let states = [as_it_is, drawn, switched, retired];
        Ok(outline::outline(&choice, unfinished, &states))
    }

    async fn wanted(&self, adjust: &mut Adjust<'_>) -> Result<Desired, PrepareError> {
        let (inputs, places) = (self.inputs, self.places);
        let prepared = prepare_with(
            self.engine,
            self.host,
            self.catalogue,
            inputs,
            places,
            Intent::Plan,
            &mut None,
            Some(adjust),
        )
        .await?;
        Ok(prepared.desired)
    }

    fn draw(
        &self,
        needs: &[aiplat_core::config::SecretNeed],
        given: &aiplat_core::config::Given,
        secrets: &mut Secrets,
        choice: &mut Choice,
    ) -> Result<(), PrepareError> {
        *choice = choose(needs, self.names, given).map_err(PrepareError::Rotation)?;
        let mut failed = None;
        let next = next_values(needs, choice, given, secrets, || {
            random().unwrap_or_else(|error| {
                failed = Some(error);
                [0; RANDOM_BYTES]
            })
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        let next = next.map_err(|name| {
            let reason = "expected to be given".to_owned();
            PrepareError::Rotation(vec![ChoiceProblem::Stays { name, reason }])
        })?;
        secrets.make(Move::Draw(next));
        Ok(())
    }

    /// Rotates. What an interrupted run began is finished; where it had got beyond the switch, that is all that is done.
    ///
    /// # Errors
    /// [`RotateError`].
    pub async fn run(&self, tell: &mut (dyn FnMut(Leg) + Send)) -> Result<Rotated, RotateError> {
        let mut stand = Stand {
            rotation: self,
            tell,
            operation: None,
            choice: Choice::default(),
            first: None,
            changes: 0,
        };
        let done = drive(&mut stand).await;
        let finished = stand.first.take().unwrap_or_default();
        let operation = stand.operation.take();
        let result = match done {
            Ok(secrets) => Ok(Rotated {
                secrets,
                left_out: stand.choice.left_out,
                finished: finished.into_keys().collect(),
                changes: stand.changes,
            }),
            Err(Lost::Before(cause)) => Err(RotateError::Before(cause)),
            Err(Lost::Returned { cause, secrets }) => Err(RotateError::Returned { cause, secrets }),
            Err(Lost::Stuck { cause, then }) => Err(RotateError::Stuck {
                cause,
                then: crate::chain::chain(&then),
            }),
            Err(Lost::Unfinished { cause }) => Err(RotateError::Unfinished { cause }),
        };
        Operation::end_held(operation, result)
    }
}

/// The stack on its engine and host.
struct Stand<'a, 'r, E, H, V> {
    rotation: &'a Rotation<'r, E, H, V>,
    tell: &'a mut (dyn FnMut(Leg) + Send),
    /// Held from the first state to the last.
    operation: Option<Operation>,
    choice: Choice,
    /// What was on its way before anything was done.
    first: Option<Flights>,
    changes: usize,
}

impl<E: Engine, H: Host, V: Events> Ground for Stand<'_, '_, E, H, V> {
    type Error = ReachError;

    async fn reach(&mut self, target: Target) -> Result<Flights, ReachError> {
        let rotation = self.rotation;
        let (choice, first) = (&mut self.choice, &mut self.first);
        let mut adjust = |adjusting: Adjusting<'_>| {
            let Adjusting {
                secrets,
                needs,
                given,
            } = adjusting;
            if first.is_none() {
                *first = Some(flights(secrets));
                // a name that cannot be rotated is told before anything is done
                *choice = choose(needs, rotation.names, given).map_err(PrepareError::Rotation)?;
                // a question that is not answered well now would prove nothing later
                secrets.ask(choice.names.iter().cloned());
            }
            match &target {
                Target::Begun => rotation.draw(needs, given, secrets, choice)?,
                Target::After(step) => secrets.make(step.clone()),
            }
            Ok(())
        };
        let prepared = prepare_with(
            rotation.engine,
            rotation.host,
            rotation.catalogue,
            rotation.inputs,
            rotation.places,
            Intent::Deploy,
            &mut self.operation,
            Some(&mut adjust),
        )
        .await?;
        let flights = flights(&prepared.config.secrets);
        let (engine, host) = (rotation.engine, rotation.host);
        let (done, operation) = prepared
            .deploy_holding(engine, host, rotation.options, rotation.events)
            .await;
        self.operation = operation;
        self.changes += done?.changes();
        Ok(flights)
    }

    fn tell(&mut self, leg: Leg) {
        (self.tell)(leg);
    }
}

fn flights(secrets: &Secrets) -> Flights {
    let all = secrets.in_flight();
    all.map(|(name, flight)| (name.clone(), flight.stage))
        .collect()
}
