//! An engine in memory, with the semantics of the real one as far as `apply` can tell.

mod act;
mod live;
mod node;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aiplat_core::observed::{EngineFacts, ImageFacts, ObservedContainer, ObservedNetwork};
use aiplat_core::spec::{ContainerSpec, NetworkSpec};
use aiplat_docker::engine::{
    Answer, ContainerDetail, ContainerUsage, Engine, EngineError, EngineEvent, EventQuestion,
    ExecAttached, ExecOutput, ExecRequest, Life, LogLine, LogsFrom, NetworkDetail, PullProgress,
    TerminalSize, UserOf,
};
use futures_util::Stream;

use super::machine::Shared;
use super::state::State;
use super::trouble::Verdict;

/// The engine of a [`Machine`](super::Machine).
#[derive(Debug, Clone)]
pub struct FakeEngine {
    pub(super) shared: Arc<Shared>,
    pub(super) load: Arc<Load>,
}

/// How many calls that make an engine work were under way at once.
#[derive(Debug, Default)]
pub(super) struct Load {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl FakeEngine {
    /// The largest number of calls at once that make an engine work: making and starting containers.
    pub fn busiest(&self) -> usize {
        self.load.most.load(Ordering::SeqCst)
    }

    async fn act<T: Send>(
        &self,
        what: String,
        effect: impl FnOnce(&mut State) -> Answer<T> + Send,
    ) -> Answer<T> {
        // others get their turn, as they do while a real engine thinks
        tokio::task::yield_now().await;
        match self.shared.calls.judge(what.clone()) {
            Verdict::Go => effect(&mut self.shared.state()),
            Verdict::Refuse => Err(EngineError::Refused {
                what,
                status: 500,
                words: "the test wants it so".to_owned(),
            }),
            Verdict::Dead => std::future::pending().await,
            Verdict::GoAndDie => {
                // the lock must not be held while waiting for ever
                let _ = effect(&mut self.shared.state());
                self.shared.calls.die();
                std::future::pending().await
            }
        }
    }

    async fn work(&self) {
        let now = self.load.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.load.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        self.load.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Engine for FakeEngine {
    async fn facts(&self) -> Answer<EngineFacts> {
        self.act("facts".to_owned(), |state| Ok(state.facts.clone()))
            .await
    }

    async fn containers(&self) -> Answer<Vec<ObservedContainer>> {
        self.act("containers".to_owned(), |state| Ok(act::listed(state)))
            .await
    }

    async fn networks(&self) -> Answer<Vec<ObservedNetwork>> {
        self.act("networks".to_owned(), |state| Ok(act::networks(state)))
            .await
    }

    async fn images(&self) -> Answer<BTreeMap<String, ImageFacts>> {
        self.act("images".to_owned(), |state| Ok(state.images.clone()))
            .await
    }

    async fn image(&self, reference: &str) -> Answer<Option<ImageFacts>> {
        let what = format!("image {reference}");
        self.act(what, |state| Ok(state.images.get(reference).cloned()))
            .await
    }

    async fn image_pull(
        &self,
        reference: &str,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Answer<()> {
        let told = PullProgress {
            layer: "0".to_owned(),
            status: "Downloading".to_owned(),
            current: Some(1),
            total: Some(1),
        };
        progress(told);
        self.act(format!("pull {reference}"), |state| {
            act::pull(state, reference)
        })
        .await
    }

    async fn network_create(&self, spec: &NetworkSpec) -> Answer<String> {
        self.work().await;
        let what = format!("make network {}", spec.name);
        self.act(what, |state| act::make_network(state, spec)).await
    }

    async fn network_inspect(&self, id: &str) -> Answer<NetworkDetail> {
        let what = format!("inspect network {id}");
        self.act(what, |state| act::network(state, id)).await
    }

    async fn network_remove(&self, id: &str) -> Answer<()> {
        let what = format!("remove network {id}");
        self.act(what, |state| act::remove_network(state, id)).await
    }

    async fn container_create(&self, spec: &ContainerSpec, life: Life<'_>) -> Answer<String> {
        self.work().await;
        let what = format!("make container {}", spec.name);
        self.act(what, |state| act::create(state, spec, life)).await
    }

    async fn container_start(&self, id: &str) -> Answer<()> {
        self.work().await;
        self.act(format!("start container {id}"), |state| {
            act::start(state, id)
        })
        .await
    }

    async fn container_stop(&self, id: &str, _seconds: u32) -> Answer<()> {
        self.act(format!("stop container {id}"), |state| act::stop(state, id))
            .await
    }

    async fn container_pause(&self, id: &str) -> Answer<()> {
        self.act(format!("pause container {id}"), |state| {
            act::pause(state, id)
        })
        .await
    }

    async fn container_unpause(&self, id: &str) -> Answer<()> {
        self.act(format!("unpause container {id}"), |state| {
            act::unpause(state, id)
        })
        .await
    }

    async fn container_kill(&self, id: &str, signal: &str) -> Answer<()> {
        let what = format!("signal container {id} {signal}");
        self.act(what, |state| act::signal(state, id)).await
    }

    async fn container_rename(&self, id: &str, name: &str) -> Answer<()> {
        let what = format!("rename container {id} {name}");
        self.act(what, |state| act::rename(state, id, name)).await
    }

    async fn container_remove(&self, id: &str, force: bool) -> Answer<()> {
        let what = format!("remove container {id}");
        self.act(what, |state| act::remove(state, id, force)).await
    }

    async fn container_inspect(&self, id: &str) -> Answer<ContainerDetail> {
        self.act(format!("inspect container {id}"), |state| {
            act::inspect(state, id)
        })
        .await
    }

    async fn container_differences(&self, id: &str, spec: &ContainerSpec) -> Answer<Vec<String>> {
        let what = format!("compare container {id}");
        self.act(what, |state| act::differences(state, id, spec))
            .await
    }

    async fn container_wait(&self, id: &str) -> Answer<i64> {
        let what = format!("wait for container {id}");
        let mut ended = self.act(what, |state| act::exit_code(state, id)).await?;
        loop {
            if let Some(code) = ended {
                return Ok(code);
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            ended = act::exit_code(&self.shared.state(), id)?;
        }
    }

    async fn logs_tail(&self, id: &str, lines: u32) -> Answer<Vec<LogLine>> {
        let what = format!("read the log of container {id}");
        self.act(what, |state| act::log(state, id, lines)).await
    }

    fn logs_follow(
        &self,
        id: String,
        from: LogsFrom,
    ) -> impl Stream<Item = Answer<LogLine>> + Send {
        let lines = match from {
            LogsFrom::Last(lines) => lines,
            LogsFrom::Second(_) => u32::MAX,
        };
        let all = match act::log(&self.shared.state(), &id, lines) {
            Ok(lines) => lines.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        futures_util::stream::iter(all)
    }

    async fn exec(&self, id: &str, _user: UserOf, argv: &[String]) -> Answer<ExecOutput> {
        let what = format!("run {} in container {id}", argv.join(" "));
        self.act(what, |state| act::exec(state, id, argv)).await
    }

    async fn exec_attach(&self, id: &str, request: &ExecRequest) -> Answer<ExecAttached> {
        let what = format!("attach {} in container {id}", request.argv.join(" "));
        self.act(what, |state| live::attach(state, id, request))
            .await
    }

    async fn exec_exit(&self, exec: &str) -> Answer<i64> {
        self.act("tell how a command ended".to_owned(), |state| {
            live::exit_code(state, exec)
        })
        .await
    }

    async fn exec_resize(&self, _exec: &str, _size: TerminalSize) -> Answer<()> {
        Ok(())
    }

    async fn container_usage(&self, id: &str) -> Answer<Option<ContainerUsage>> {
        let what = format!("tell what container {id} uses");
        self.act(what, |state| live::usage(state, id)).await
    }

    fn events(&self, question: EventQuestion) -> impl Stream<Item = Answer<EngineEvent>> + Send {
        let known = live::events(&self.shared.state(), &question);
        futures_util::stream::iter(known.into_iter().map(Ok))
    }
}
