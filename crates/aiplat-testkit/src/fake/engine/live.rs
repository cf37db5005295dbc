//! Attached commands, what containers use, and what happened to them, in memory.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use aiplat_core::observed::ContainerState;
use aiplat_core::spec::label;
use aiplat_docker::engine::{
    Answer, ContainerUsage, EngineEvent, EventQuestion, ExecAttached, ExecPiece, ExecRequest,
};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc::UnboundedSender;

use super::act::{absent, find, refused};
use crate::fake::state::{Exec, State};

pub(super) fn attach(state: &mut State, id: &str, request: &ExecRequest) -> Answer<ExecAttached> {
    let id = find(state, id)?;
    let container = &state.containers[&id];
    if container.state != ContainerState::Running {
        let words = "the container is not running";
        return Err(refused("run a command", 409, words));
    }
    let image = container.spec.image.clone();
    let sick = state.sick.contains(&image);
    let program = request.argv.first().cloned().unwrap_or_default();
    let output = state.says.get(&(image, program)).cloned();
    let exec = format!("{:064x}", 0xdd00_0000_u64 + u64::from(state.number()));
    let run = Exec {
        argv: request.argv.clone(),
        input: Arc::default(),
        exit_code: i64::from(sick),
    };
    // `cat` gives back what it is given, every other program what it was taught
    let echo = request.stdin && output.is_none() && run.argv.first().is_some_and(|p| p == "cat");
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    if let Some(bytes) = output {
        let _ = sender.send(bytes);
    }
    let input = Box::pin(Input {
        kept: Arc::clone(&run.input),
        echo: echo.then_some(sender),
    });
    state.execs.insert(exec.clone(), run);
    let output = futures_util::stream::unfold(receiver, async |mut receiver| {
        let piece = ExecPiece {
            stderr: false,
            bytes: receiver.recv().await?.into(),
        };
        Some((Ok(piece), receiver))
    });
    Ok(ExecAttached {
        exec,
        input,
        output: Box::pin(output),
    })
}

pub(super) fn exit_code(state: &State, exec: &str) -> Answer<i64> {
    let found = state.execs.get(exec).map(|exec| exec.exit_code);
    found.ok_or_else(|| absent("command", exec))
}

pub(super) fn usage(state: &State, id: &str) -> Answer<Option<ContainerUsage>> {
    let id = find(state, id)?;
    let container = &state.containers[&id];
    let up = container.state == ContainerState::Running;
    Ok(up.then(|| ContainerUsage {
        cpu_nanoseconds: 1_000_000,
        host_cpu_nanoseconds: 10_000_000,
        cpus: 4,
        memory_bytes: 16 << 20,
        memory_limit_bytes: container.spec.limits.memory_bytes.unwrap_or(16 << 30),
        processes: 1,
        network: container.network().map(|_| (0, 0)),
        disk: (0, 0),
    }))
}

pub(super) fn events(state: &State, question: &EventQuestion) -> Vec<EngineEvent> {
    let second = 1_000_000_000;
    let since = question.since.unwrap_or(i64::MIN / second) * second;
    let until = question.until.unwrap_or(i64::MAX / second) * second;
    let all = state.events.iter();
    all.filter(|e| e.belongs_to(&question.stack) && e.at >= since && e.at <= until)
        .cloned()
        .collect()
}

/// Notes that something happened to a container.
pub(super) fn note(state: &mut State, id: &str, action: &str) {
    let Some(container) = state.containers.get(id) else {
        return;
    };
    let mut attributes = container.labels.clone();
    attributes.insert("name".to_owned(), container.name.clone());
    if !attributes.contains_key(label::STACK_ID) {
        return;
    }
    let event = EngineEvent {
        at: i64::try_from(state.events.len()).unwrap_or(i64::MAX),
        kind: "container".to_owned(),
        action: action.to_owned(),
        id: id.to_owned(),
        attributes,
    };
    state.events.push(event);
}

/// Keeps what is written, and gives it back where that is what the program does.
struct Input {
    kept: Arc<Mutex<Vec<u8>>>,
    echo: Option<UnboundedSender<Vec<u8>>>,
}

impl AsyncWrite for Input {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let mut kept = self.kept.lock().expect("no test panics in here");
        kept.extend_from_slice(bytes);
        if let Some(echo) = &self.echo {
            let _ = echo.send(bytes.to_vec());
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.echo = None;
        Poll::Ready(Ok(()))
    }
}
