//! What a service has in a store by names of its own: listed, and removed one by one.

use std::net::SocketAddr;

use aiplat_core::spec::{Gate, Shelf};
use serde_json::Value;

use crate::apply::ProvisionError;
use crate::probe::{HttpAnswer, HttpCall, TRY, call_within, escaped};
use crate::redact::Redactor;

/// A store may take longer to remove something than to say that it is ready.
const TIMES_A_TRY: u32 = 10;

/// Longest list, bytes of JSON.
const LONGEST: usize = 16 << 20;

/// How often a store may list again what was removed from it, or what it had not listed the first time.
const ROUNDS: usize = 100;

/// Names of what is there of it.
pub(super) async fn there(
    to: SocketAddr,
    gate: &Gate,
    shelf: &Shelf,
    redactor: &Redactor,
) -> Result<Vec<String>, ProvisionError> {
    let what = format!("list each {}", shelf.what);
    let refused = |words: String| refused(gate, &what, &words, redactor);
    let answer = ask(to, "GET", &shelf.path, shelf).await.map_err(refused)?;
    match answer.status {
        200 => {}
        404 => return Ok(Vec::new()),
        _ => return Err(refused(told(&answer))),
    }
    let json: Value = serde_json::from_str(&answer.body)
        .map_err(|_| refused("an answer that is not JSON, or too long".to_owned()))?;
    let items = json.pointer(&shelf.list).and_then(Value::as_array);
    // a store without any may leave the list out
    let items = items.into_iter().flatten();
    let names = items.filter_map(|item| item.pointer(&shelf.name)?.as_str());
    Ok(names
        .filter(|name| shelf.goes(name))
        .map(str::to_owned)
        .collect())
}

/// Removes what is there of it.
pub(super) async fn remove(
    to: SocketAddr,
    gate: &Gate,
    shelf: &Shelf,
    redactor: &Redactor,
) -> Result<(), ProvisionError> {
    for _ in 0..ROUNDS {
        let names = there(to, gate, shelf, redactor).await?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            let what = format!("remove {} `{name}`", shelf.what);
            let refused = |words: String| refused(gate, &what, &words, redactor);
            let path = format!("{}/{}", shelf.path, escaped(&name));
            let answer = ask(to, "DELETE", &path, shelf).await.map_err(refused)?;
            if !matches!(answer.status, 200 | 202 | 204 | 404) {
                return Err(refused(told(&answer)));
            }
        }
    }
    let words = "it lists again what it said was removed";
    Err(refused(
        gate,
        &format!("remove each {}", shelf.what),
        words,
        redactor,
    ))
}

async fn ask(
    to: SocketAddr,
    method: &str,
    path: &str,
    shelf: &Shelf,
) -> Result<HttpAnswer, String> {
    let asked = HttpCall {
        to,
        method,
        path,
        headers: &shelf.headers,
        body: None,
    };
    let sent = call_within(asked, LONGEST);
    let patience = TRY * TIMES_A_TRY;
    let answer = tokio::time::timeout(patience, sent).await;
    answer.map_err(|_| format!("no answer within {} s", patience.as_secs()))?
}

fn told(answer: &HttpAnswer) -> String {
    format!("status {}: {}", answer.status, answer.excerpt())
}

fn refused(gate: &Gate, what: &str, words: &str, redactor: &Redactor) -> ProvisionError {
    ProvisionError::Request {
        service: gate.service.to_string(),
        what: what.to_owned(),
        words: redactor.clean(words),
    }
}
