//! What a rotation would do, from what is wanted in each of its states.

use std::collections::BTreeMap;

use aiplat_core::config::Choice;
use aiplat_core::desired::Desired;
use aiplat_core::names::{SecretName, ServiceName};
use aiplat_core::spec::SecretDeed;
use serde::Serialize;

/// What a rotation would do. Holds no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outline {
    /// The secrets that would change.
    pub secrets: Vec<Planned>,
    /// Secrets that stay as they are, with the reason.
    pub left_out: Vec<(SecretName, String)>,
    /// Secrets that an interrupted run left on their way: those are finished first.
    pub unfinished: Vec<SecretName>,
    /// Services whose containers are made anew so that they let both values in.
    pub widened: Vec<ServiceName>,
    /// Services whose containers are made anew with the new values.
    pub switched: Vec<ServiceName>,
    /// Services whose containers are made anew so that they let the old values in no more.
    pub narrowed: Vec<ServiceName>,
}

/// One secret of an outline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Its name.
    pub name: SecretName,
    /// The service that is asked about it, when there is one.
    pub asked: Option<ServiceName>,
    /// Both values are let in until everything uses the new one.
    pub overlap: bool,
    /// It is changed inside the service's own data.
    pub inside: bool,
}

/// The outline of these states: as it is, drawn, switched and retired.
pub(super) fn outline(
    choice: &Choice,
    unfinished: Vec<SecretName>,
    states: &[Desired; 4],
) -> Outline {
    let secrets = choice
        .names
        .iter()
        .map(|name| {
            let acts = states[1].acts.iter().filter(|act| act.secret == *name);
            let proofs: Vec<_> = acts
                .clone()
                .filter(|act| matches!(act.deed, SecretDeed::Prove { .. }))
                .collect();
            Planned {
                name: name.clone(),
                asked: proofs.first().map(|act| act.gate.service.clone()),
                overlap: proofs.len() > 1,
                inside: acts
                    .clone()
                    .any(|act| matches!(act.deed, SecretDeed::Change { .. })),
            }
        })
        .collect();
    Outline {
        secrets,
        left_out: choice.left_out.clone(),
        unfinished,
        widened: remade(&states[0], &states[1]),
        switched: remade(&states[1], &states[2]),
        narrowed: remade(&states[2], &states[3]),
    }
}

fn remade(before: &Desired, after: &Desired) -> Vec<ServiceName> {
    let hashes: BTreeMap<_, _> = before
        .services
        .iter()
        .map(|s| (&s.name, s.container.hash()))
        .collect();
    after
        .services
        .iter()
        .filter(|s| hashes.get(&s.name) != Some(&s.container.hash()))
        .map(|s| s.name.clone())
        .collect()
}
