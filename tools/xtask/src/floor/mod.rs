//! The bare floor: the least that brings the services up in order through the engine's API.
//!
//! One process, a network, then create and start of each as soon as what it needs is healthy, a few at a time, each asked
//! by the same GET every few milliseconds. No plan, no files, no look at what is there, no journal, no firewall rules.

pub(crate) mod api;
mod body;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::Result;
use crate::bench::tiny::{BODY, PATH, PORT, Stack};
use api::{Api, escaped};

/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(10);

/// Longest wait for one service.
const DEADLINE: Duration = Duration::from_secs(60);

/// What to do; the engine's address is in `DOCKER_HOST`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(value_enum)]
    action: Action,
    /// The stack, as JSON
    #[arg(long)]
    stack: PathBuf,
    /// Calls that make the engine work at once
    #[arg(long)]
    concurrency: usize,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Action {
    Up,
    Noop,
    Down,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let address = std::env::vars()
        .find(|(key, _)| key == "DOCKER_HOST")
        .map(|(_, value)| value)
        .ok_or("expected DOCKER_HOST")?;
    let api = Api::at(&address)?;
    let stack: Stack = serde_json::from_slice(&std::fs::read(&options.stack)?)?;
    match options.action {
        Action::Up => up(api, stack, options.concurrency).await,
        Action::Noop => noop(&api, &stack).await,
        Action::Down => down(api, &stack, options.concurrency).await,
    }
}

async fn up(api: Api, stack: Stack, concurrency: usize) -> Result<()> {
    api.ask("POST", "/networks/create", Some(&body::network(&stack)))
        .await?;
    let turns = Arc::new(Semaphore::new(concurrency));
    let stack = Arc::new(stack);
    let healthy: BTreeMap<String, watch::Sender<bool>> = stack
        .services
        .iter()
        .map(|tiny| (tiny.name.clone(), watch::Sender::new(false)))
        .collect();
    let mut running = JoinSet::new();
    for (index, tiny) in stack.services.iter().enumerate() {
        let waits: Vec<_> = tiny.needs.iter().map(|n| healthy[n].subscribe()).collect();
        let own = healthy[&tiny.name].clone();
        let (api, stack, turns) = (api.clone(), stack.clone(), turns.clone());
        running.spawn(async move {
            for mut wait in waits {
                wait.wait_for(|ready| *ready).await?;
            }
            let tiny = &stack.services[index];
            let turn = turns.acquire().await?;
            let path = format!("/containers/create?name={}-{}", stack.name, tiny.name);
            let made = api
                .ask("POST", &path, Some(&body::container(&stack, tiny)))
                .await?;
            let id = made["Id"].as_str().ok_or("expected an id")?;
            api.ask("POST", &format!("/containers/{id}/start"), None)
                .await?;
            drop(turn);
            let seen = api.get(&format!("/containers/{id}/json")).await?;
            let at = &seen["NetworkSettings"]["Networks"][&stack.name]["IPAddress"];
            let at: Ipv4Addr = at.as_str().ok_or("expected an address")?.parse()?;
            tokio::time::timeout(DEADLINE, async {
                while !answers(at).await {
                    tokio::time::sleep(PAUSE).await;
                }
            })
            .await
            .map_err(|_| format!("`{}` did not answer", tiny.name))?;
            own.send_replace(true);
            Ok::<_, crate::Failure>(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

/// Whether the GET is answered as a healthy service answers it.
async fn answers(at: Ipv4Addr) -> bool {
    let exchange = async {
        let mut stream = TcpStream::connect((at, PORT)).await?;
        let request =
            format!("GET {PATH} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    exchange.await.is_ok_and(|answer| {
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        answer.starts_with("HTTP/1.1 200") && body.contains(BODY)
    })
}

/// What is there of the stack.
async fn list(api: &Api, stack: &Stack) -> Result<Vec<Value>> {
    let filter = serde_json::json!({"label": [format!("aiplat.bench={}", stack.label)]});
    let path = format!(
        "/containers/json?all=true&filters={}",
        escaped(&filter.to_string())
    );
    let found = api.get(&path).await?;
    Ok(found.as_array().cloned().unwrap_or_default())
}

/// The least that can be called a check: one list, and every service asked its GET.
async fn noop(api: &Api, stack: &Stack) -> Result<()> {
    let found = list(api, stack).await?;
    if found.len() != stack.services.len() {
        return Err(format!("{} containers", found.len()).into());
    }
    let mut asked = JoinSet::new();
    for container in found {
        let at = &container["NetworkSettings"]["Networks"][&stack.name]["IPAddress"];
        let at: Ipv4Addr = at.as_str().ok_or("expected an address")?.parse()?;
        asked.spawn(answers(at));
    }
    while let Some(answered) = asked.join_next().await {
        if !answered? {
            return Err("a service does not answer".into());
        }
    }
    Ok(())
}

async fn down(api: Api, stack: &Stack, concurrency: usize) -> Result<()> {
    let turns = Arc::new(Semaphore::new(concurrency));
    let mut running = JoinSet::new();
    for container in list(&api, stack).await? {
        let (api, turns) = (api.clone(), turns.clone());
        running.spawn(async move {
            let _turn = turns.acquire().await?;
            let id = container["Id"].as_str().unwrap_or_default();
            api.ask("POST", &format!("/containers/{id}/stop?t=10"), None)
                .await?;
            api.ask("DELETE", &format!("/containers/{id}?v=true"), None)
                .await
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    api.ask("DELETE", &format!("/networks/{}", stack.name), None)
        .await?;
    Ok(())
}
