//! Counts what the engine is asked: a run that changes nothing should ask little.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use aiplat_core::observed::{EngineFacts, ImageFacts, ObservedContainer, ObservedNetwork};
use aiplat_core::spec::{ContainerSpec, NetworkSpec};
use aiplat_docker::engine::{
    ContainerDetail, ContainerUsage, Engine, EngineError, EngineEvent, EventQuestion, ExecAttached,
    ExecOutput, ExecRequest, Life, LogLine, LogsFrom, NetworkDetail, PullProgress, TerminalSize,
    UserOf,
};
use futures_util::Stream;

type Answer<T> = Result<T, EngineError>;

/// An engine that counts its calls.
#[derive(Debug)]
pub(crate) struct Counted<E> {
    inner: E,
    calls: AtomicUsize,
}

impl<E> Counted<E> {
    pub(crate) fn new(inner: E) -> Self {
        Self {
            inner,
            // agreeing on a version of the interface when it was connected to
            calls: AtomicUsize::new(1),
        }
    }

    /// How many calls were made.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn call(&self, calls: usize) -> &E {
        self.calls.fetch_add(calls, Ordering::Relaxed);
        &self.inner
    }
}

impl<E: Engine> Engine for Counted<E> {
    async fn facts(&self) -> Answer<EngineFacts> {
        // version and information
        self.call(2).facts().await
    }

    async fn containers(&self) -> Answer<Vec<ObservedContainer>> {
        self.call(1).containers().await
    }

    async fn networks(&self) -> Answer<Vec<ObservedNetwork>> {
        self.call(1).networks().await
    }

    async fn images(&self) -> Answer<BTreeMap<String, ImageFacts>> {
        self.call(1).images().await
    }

    async fn image(&self, reference: &str) -> Answer<Option<ImageFacts>> {
        self.call(1).image(reference).await
    }

    async fn image_pull(
        &self,
        reference: &str,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Answer<()> {
        self.call(1).image_pull(reference, progress).await
    }

    async fn network_create(&self, spec: &NetworkSpec) -> Answer<String> {
        self.call(1).network_create(spec).await
    }

    async fn network_inspect(&self, id: &str) -> Answer<NetworkDetail> {
        self.call(1).network_inspect(id).await
    }

    async fn network_remove(&self, id: &str) -> Answer<()> {
        self.call(1).network_remove(id).await
    }

    async fn container_create(&self, spec: &ContainerSpec, life: Life<'_>) -> Answer<String> {
        self.call(1).container_create(spec, life).await
    }

    async fn container_start(&self, id: &str) -> Answer<()> {
        self.call(1).container_start(id).await
    }

    async fn container_stop(&self, id: &str, seconds: u32) -> Answer<()> {
        self.call(1).container_stop(id, seconds).await
    }

    async fn container_pause(&self, id: &str) -> Answer<()> {
        self.call(1).container_pause(id).await
    }

    async fn container_unpause(&self, id: &str) -> Answer<()> {
        self.call(1).container_unpause(id).await
    }

    async fn container_kill(&self, id: &str, signal: &str) -> Answer<()> {
        self.call(1).container_kill(id, signal).await
    }

    async fn container_rename(&self, id: &str, name: &str) -> Answer<()> {
        self.call(1).container_rename(id, name).await
    }

    async fn container_remove(&self, id: &str, force: bool) -> Answer<()> {
        self.call(1).container_remove(id, force).await
    }

    async fn container_inspect(&self, id: &str) -> Answer<ContainerDetail> {
        self.call(1).container_inspect(id).await
    }

    async fn container_differences(&self, id: &str, spec: &ContainerSpec) -> Answer<Vec<String>> {
        self.call(1).container_differences(id, spec).await
    }

    async fn container_wait(&self, id: &str) -> Answer<i64> {
        self.call(1).container_wait(id).await
    }

    async fn logs_tail(&self, id: &str, lines: u32) -> Answer<Vec<LogLine>> {
        self.call(1).logs_tail(id, lines).await
    }

    fn logs_follow(
        &self,
        id: String,
        from: LogsFrom,
    ) -> impl Stream<Item = Answer<LogLine>> + Send {
        self.call(1).logs_follow(id, from)
    }

    async fn exec(&self, id: &str, user: UserOf, argv: &[String]) -> Answer<ExecOutput> {
        // made, started, asked for its exit code
        self.call(3).exec(id, user, argv).await
    }

    async fn exec_attach(&self, id: &str, request: &ExecRequest) -> Answer<ExecAttached> {
        // made and started
        self.call(2).exec_attach(id, request).await
    }

    async fn exec_exit(&self, exec: &str) -> Answer<i64> {
        self.call(1).exec_exit(exec).await
    }

    async fn exec_resize(&self, exec: &str, size: TerminalSize) -> Answer<()> {
        self.call(1).exec_resize(exec, size).await
    }

    async fn container_usage(&self, id: &str) -> Answer<Option<ContainerUsage>> {
        self.call(1).container_usage(id).await
    }

    fn events(&self, question: EventQuestion) -> impl Stream<Item = Answer<EngineEvent>> + Send {
        self.call(1).events(question)
    }
}
