//! Signing a running node in again as the node that it is. See [`SignIn`].

use std::time::Duration;

use aiplat_core::spec::{FileSpec, SignIn};
use aiplat_core::text::Text;
use serde_json::Value;
use tokio::time::Instant;

use super::StepError;
use super::ownership::own_service;
use super::run::Context;
use super::step::wait;
use crate::blocking::blocking;
use crate::engine::{Engine, UserOf};
use crate::events::{Event, Events, Phase};
use crate::host::{Host, HostError};

/// Largest record, bytes.
const LARGEST: usize = 4096;

/// How long the node may take to be known outside after it has a new key.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at the node.
const PAUSE: Duration = Duration::from_millis(300);

/// What the node says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Node {
    /// Its name for good, by which it is the same one; empty while it does not know.
    id: String,
    /// Its own key, another one after each sign-in; empty while it has none.
    key: String,
    /// It is in the tailnet, and the tailnet's control service has it for connected.
    online: bool,
}

/// Signs it in, unless a run that died has done so.
pub(super) async fn carry_out<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &SignIn,
) -> Result<(), StepError> {
    let (engine, host) = (context.engine, context.host);
    let stack = &context.plan.stack_id;
    let found = own_service(engine, stack, &step.service, step.container.as_str()).await?;
    let Some(found) = found else {
        return Err(failed(step, "its container is not there".to_owned()));
    };
    let (service, phase) = (&step.service, Phase::Reloading);
    context.events.on(Event::Phase { service, phase });
    let now = ask(context, step, &found.id).await?;
    let before = match blocking(|| recorded(host, step))? {
        // what a dead run began goes on without it
        Some(before) if !now.online => {
            settled(context, step, &found.id, &before).await.ok();
            before
        }
        Some(before) => before,
        None => {
            blocking(|| host.write_file(&record(step, &now)))?;
            now
        }
    };
    let now = ask(context, step, &found.id).await?;
    if !now.is_another_after(&before) {
        match hand_over(context, step, &found.id, &before).await {
            // the very key that it is signed in with: one that works once has done so
            Err(StepError::SignIn { .. }) if now.online && blocking(|| is_kept(host, step))? => {
                let after = ask(context, step, &found.id).await?;
                if after.online && after.id == before.id {
                    return wait(context, &step.gate).await.map(drop);
                }
                return Err(failed(step, "the key that is kept was refused".to_owned()));
            }
            done => done?,
        }
    }
    // a dead run's
    blocking(|| host.remove_file(&step.lent.path))?;
    let after = settled(context, step, &found.id, &before).await?;
    blocking(|| -> Result<_, HostError> {
        host.write_file(&step.kept)?;
        host.remove_file(&step.begun.path)
    })?;
    if !before.id.is_empty() && after.id != before.id {
        let words = format!(
            "it is another node now: expected `{}`, found `{}`; the key is of another tailnet or of another user: \
             remove the old node where the tailnet is administered, or sign in with a key of the same",
            before.id, after.id
        );
        return Err(failed(step, words));
    }
    wait(context, &step.gate).await.map(drop)
}

/// Lends it the key and runs the command that signs it in.
async fn hand_over<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &SignIn,
    id: &str,
    before: &Node,
) -> Result<(), StepError> {
    let host = context.host;
    blocking(|| host.write_file(&step.lent))?;
    let user = UserOf::Owner(step.user);
    let ended = context.engine.exec(id, user, &step.command).await;
    // read by now, or never
    blocking(|| host.remove_file(&step.lent.path))?;
    let ended = ended?;
    if ended.exit_code == 0 {
        return Ok(());
    }
    let after = ask(context, step, id).await?;
    // a dead run's command may have got through with this very key
    if after.is_another_after(before) {
        return Ok(());
    }
    blocking(|| host.remove_file(&step.begun.path))?;
    let said = context.redactor.clean(ended.output.trim());
    let stands = if after.online {
        "it is signed in as before".to_owned()
    } else {
        format!(
            "it is not signed in now; `aiplat restart {}` has it try with what it has kept",
            step.service
        )
    };
    let words = format!("exit code {}: {said}; {stands}", ended.exit_code);
    Err(failed(step, words))
}

impl Node {
    /// It has been signed in since.
    fn is_another_after(&self, before: &Self) -> bool {
        !self.key.is_empty() && self.key != before.key
    }
}

/// Waits until the node is connected with its new key.
async fn settled<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &SignIn,
    id: &str,
    before: &Node,
) -> Result<Node, StepError> {
    let end = Instant::now() + PATIENCE;
    loop {
        let node = ask(context, step, id).await?;
        if node.online && node.is_another_after(before) {
            return Ok(node);
        }
        if Instant::now() >= end {
            let words = if node.is_another_after(before) {
                "it took the key and is not connected yet; the same command again looks once more"
            } else {
                "it says that it took the key, and has the node key that it had before"
            };
            return Err(failed(step, words.to_owned()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn ask<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &SignIn,
    id: &str,
) -> Result<Node, StepError> {
    let user = UserOf::Owner(step.user);
    let said = context.engine.exec(id, user, &step.status).await?;
    understood(&said.output).ok_or_else(|| {
        let output = context.redactor.clean(said.output.trim());
        let code = said.exit_code;
        failed(
            step,
            format!("expected it to say which node it is, exit code {code}: {output}"),
        )
    })
}

/// What `tailscale status --json` tells, warnings around it left out (`ipn/ipnstate`: `BackendState`, `Self.ID`,
/// `Self.PublicKey`, `Self.Online`).
fn understood(output: &str) -> Option<Node> {
    let mut starts = output.match_indices('{');
    let status = starts.find_map(|(start, _)| {
        let values = serde_json::Deserializer::from_str(&output[start..]);
        let first = values.into_iter::<Value>().next()?.ok()?;
        first.get("BackendState").is_some().then_some(first)
    })?;
    let own = &status["Self"];
    let text = |key: &str| own[key].as_str().unwrap_or_default().to_owned();
    let running = status["BackendState"].as_str()? == "Running";
    let key = text("PublicKey");
    // a key of zeros is how it says that there is none
    let none = key.trim_start_matches("nodekey:").chars().all(|c| c == '0');
    Some(Node {
        id: text("ID"),
        key: if none { String::new() } else { key },
        online: running && own["Online"].as_bool() == Some(true),
    })
}

/// The node before the sign-in with this very key that a dead run began.
fn recorded<H: Host>(host: &H, step: &SignIn) -> Result<Option<Node>, HostError> {
    let bytes = host.read_file(&step.begun.path, LARGEST)?;
    let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(text.and_then(|text| {
        let mut lines = text.lines();
        let same = lines.next()? == step.begun.content.expose();
        let (id, key) = (lines.next()?.to_owned(), lines.next()?.to_owned());
        same.then_some(Node {
            id,
            key,
            online: false,
        })
    }))
}

fn is_kept<H: Host>(host: &H, step: &SignIn) -> Result<bool, HostError> {
    let kept = host.read_file(&step.kept.path, LARGEST)?;
    Ok(kept.is_some_and(|kept| kept == step.kept.content.expose().as_bytes()))
}

fn record(step: &SignIn, now: &Node) -> FileSpec {
    let fingerprint = step.begun.content.expose();
    FileSpec {
        content: Text::plain(format!("{fingerprint}\n{}\n{}\n", now.id, now.key)),
        ..step.begun.clone()
    }
}

fn failed(step: &SignIn, words: String) -> StepError {
    StepError::SignIn {
        service: step.service.clone(),
        words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_known_by_what_it_says_of_itself() {
        let said = |state: &str, key: &str, online: bool| {
            let own = serde_json::json!({"ID": "n1", "PublicKey": key, "Online": online});
            let all = serde_json::json!({"BackendState": state, "Self": own});
            understood(&format!(
                "Warning: version {{skew}}\n{all:#}\nWarning: {{\n"
            ))
            .unwrap()
        };
        let node = said("Running", "nodekey:a1", true);
        assert!(node.online && node.id == "n1" && node.key == "nodekey:a1");
        assert!(!said("NeedsLogin", "nodekey:a1", true).online);
        assert!(!said("Running", "nodekey:a1", false).online);
        let signed_out = said("NeedsLogin", "nodekey:0000", false);
        assert_eq!(signed_out.key, "");
        assert!(node.is_another_after(&signed_out) && !signed_out.is_another_after(&node));
        assert!(!node.is_another_after(&node));
        assert_eq!(understood("Logged out."), None);
    }
}
