//! Secrets inside services: changed by each service's own protocol, and proved to be let in or refused.
//!
//! A kind of service is one file here and one row of [`Ask`]; a kind of change is one row of [`SecretChange`].

mod http;
mod postgres;
mod redis;
mod s3;

use std::net::SocketAddr;
use std::time::Duration;

use aiplat_core::names::{SecretName, ServiceName};
use aiplat_core::spec::{Ask, SecretAct, SecretChange, SecretDeed};
use tokio::time::Instant;

use super::StepError;
use super::provision::address;
use super::run::Context;
use crate::engine::Engine;
use crate::events::Events;
use crate::host::Host;

/// How long an answer other than the wanted one is asked for again: the service is healthy, and some begin to look at
/// their keys a moment later.
const PATIENCE: Duration = Duration::from_secs(15);
const PACE: Duration = Duration::from_millis(250);
/// The same for a service that was asked too often: those that count, count by the minute.
const PATIENCE_COUNTED: Duration = Duration::from_secs(90);
const PACE_COUNTED: Duration = Duration::from_secs(3);
/// How long one question may take: a login may hash for a while on a busy host.
const TRY: Duration = Duration::from_secs(20);

/// A service's answer to one value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// Let in.
    Accepted,
    /// Not let in.
    Refused,
    /// Neither, in the service's words or the connection's.
    Unclear(String),
    /// Neither, since it was asked too often lately.
    TooOften(String),
}

/// Until when an answer other than the wanted one is asked for again, and how often.
struct Patience {
    began: Instant,
    end: Duration,
}

impl Patience {
    fn begin() -> Self {
        Self {
            began: Instant::now(),
            end: PATIENCE,
        }
    }

    /// Waits a little for another answer than this. `false` when it has waited enough.
    async fn wait(&mut self, answer: &Answer) -> bool {
        let pace = match answer {
            Answer::TooOften(_) => {
                self.end = PATIENCE_COUNTED;
                PACE_COUNTED
            }
            _ => PACE,
        };
        if self.began.elapsed() >= self.end {
            return false;
        }
        tokio::time::sleep(pace).await;
        true
    }
}

/// A secret that is not as it must be. Holds no value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The wanted value is not let in.
    #[error("expected `{service}` to let the value of `{secret}` in: {words}")]
    NotAccepted {
        /// The secret.
        secret: SecretName,
        /// The service.
        service: ServiceName,
        /// What it answered.
        words: String,
    },
    /// The value that must be dead is still let in, or that cannot be told.
    #[error("expected `{service}` to refuse the other value of `{secret}`: {words}")]
    NotRefused {
        /// The secret.
        secret: SecretName,
        /// The service.
        service: ServiceName,
        /// What it answered.
        words: String,
    },
    /// Neither value is let in, so the tool cannot change it.
    #[error(
        "expected `{service}` to let in one of the two values of `{secret}` that are kept, and it refuses both; set it \
         inside `{service}` to what `config/secrets/{secret}` holds, then run the command again"
    )]
    Neither {
        /// The secret.
        secret: SecretName,
        /// The service.
        service: ServiceName,
    },
    /// The service did not change it.
    #[error("`{service}` did not change `{secret}`: {words}")]
    NotChanged {
        /// The secret.
        secret: SecretName,
        /// The service.
        service: ServiceName,
        /// What it answered.
        words: String,
    },
}

/// The act in words.
pub(super) fn words(act: &SecretAct) -> String {
    let service = &act.gate.service;
    match &act.deed {
        SecretDeed::Change { .. } => format!("change `{}` inside `{service}`", act.secret),
        SecretDeed::Prove { accepted: true, .. } => {
            format!("prove that `{service}` lets `{}` in", act.secret)
        }
        SecretDeed::Prove { .. } => {
            format!("prove that `{service}` refuses the other `{}`", act.secret)
        }
    }
}

/// Carries the act out.
pub(super) async fn carry_out<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    act: &SecretAct,
) -> Result<(), StepError> {
    let to = SocketAddr::from((address(context, &act.gate).await?, act.port));
    let clean = |error: SecretError| match error {
        SecretError::NotAccepted {
            secret,
            service,
            words,
        } => SecretError::NotAccepted {
            words: context.redactor.clean(&words),
            secret,
            service,
        },
        SecretError::NotRefused {
            secret,
            service,
            words,
        } => SecretError::NotRefused {
            words: context.redactor.clean(&words),
            secret,
            service,
        },
        SecretError::NotChanged {
            secret,
            service,
            words,
        } => SecretError::NotChanged {
            words: context.redactor.clean(&words),
            secret,
            service,
        },
        other @ SecretError::Neither { .. } => other,
    };
    let done = match &act.deed {
        SecretDeed::Prove { ask, accepted } => prove(act, to, ask, *accepted).await,
        SecretDeed::Change { wanted, change } => make_so(act, to, wanted, change).await,
    };
    Ok(done.map_err(clean)?)
}

async fn prove(
    act: &SecretAct,
    to: SocketAddr,
    ask: &Ask,
    accepted: bool,
) -> Result<(), SecretError> {
    let (secret, service) = (act.secret.clone(), act.gate.service.clone());
    let wanted = if accepted {
        Answer::Accepted
    } else {
        Answer::Refused
    };
    let mut patience = Patience::begin();
    loop {
        let answer = answer(to, ask).await;
        if answer == wanted {
            return Ok(());
        }
        if !patience.wait(&answer).await {
            return Err(match (accepted, answer) {
                (true, answer) => SecretError::NotAccepted {
                    secret,
                    service,
                    words: told(answer),
                },
                (false, answer) => SecretError::NotRefused {
                    secret,
                    service,
                    words: told(answer),
                },
            });
        }
    }
}

fn told(answer: Answer) -> String {
    match answer {
        Answer::Accepted => "it lets it in".to_owned(),
        Answer::Refused => "it refuses it".to_owned(),
        Answer::Unclear(words) | Answer::TooOften(words) => words,
    }
}

/// Nothing where the wanted value is let in; the change where it is not. Carrying it out twice changes it once.
async fn make_so(
    act: &SecretAct,
    to: SocketAddr,
    wanted: &Ask,
    change: &SecretChange,
) -> Result<(), SecretError> {
    let mut patience = Patience::begin();
    loop {
        let answer = answer(to, wanted).await;
        match answer {
            Answer::Accepted => return Ok(()),
            Answer::Refused => break,
            Answer::Unclear(_) | Answer::TooOften(_) => {}
        }
        if !patience.wait(&answer).await {
            return Err(SecretError::NotAccepted {
                secret: act.secret.clone(),
                service: act.gate.service.clone(),
                words: told(answer),
            });
        }
    }
    let (secret, service) = (act.secret.clone(), act.gate.service.clone());
    match changed(to, change).await {
        Answer::Accepted => prove(act, to, wanted, true).await,
        Answer::Refused => Err(SecretError::Neither { secret, service }),
        Answer::Unclear(words) | Answer::TooOften(words) => Err(SecretError::NotChanged {
            secret,
            service,
            words,
        }),
    }
}

async fn answer(to: SocketAddr, ask: &Ask) -> Answer {
    let asked = async {
        match ask {
            Ask::Postgres {
                user,
                database,
                password,
            } => postgres::ask(to, user, database, password).await,
            Ask::Redis { password } => redis::ask(to, password).await,
            Ask::S3 {
                access_key,
                secret_key,
            } => s3::ask(to, access_key, secret_key).await,
            Ask::Http { request, refused } => http::ask(to, request, refused).await,
        }
    };
    in_time(asked).await
}

async fn changed(to: SocketAddr, change: &SecretChange) -> Answer {
    let made = async {
        match change {
            SecretChange::Postgres { role, old, new } => postgres::change(to, role, old, new).await,
            SecretChange::Http(request) => http::ask(to, request, &[401, 403]).await,
        }
    };
    in_time(made).await
}

async fn in_time(asked: impl Future<Output = Answer>) -> Answer {
    let late = || Answer::Unclear(format!("no answer within {} s", TRY.as_secs()));
    let answer = tokio::time::timeout(TRY, asked).await;
    answer.unwrap_or_else(|_| late())
}
