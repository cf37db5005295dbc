//! The container engine in our own words: what is asked of it, and nothing else.

mod detail;
mod error;
mod live;

pub mod bollard;

use std::collections::BTreeMap;

use aiplat_core::observed::{EngineFacts, ImageFacts, ObservedContainer, ObservedNetwork};
use aiplat_core::spec::{ContainerSpec, NetworkSpec};
use futures_util::Stream;

pub use self::bollard::Bollard;
pub use detail::{
    ContainerDetail, ExecOutput, Health, HealthState, Life, LogLine, NetworkDetail, PullProgress,
    UserOf,
};
pub use error::EngineError;
pub use live::{
    ContainerUsage, EngineEvent, EventQuestion, ExecAttached, ExecPiece, ExecRequest, LogsFrom,
    TerminalSize,
};

/// What an answer of the engine is.
pub type Answer<T> = Result<T, EngineError>;

/// The seam to the container engine. One real implementation ([`Bollard`]) and fakes in tests.
///
/// `id` is an engine id or a container name: acts of `apply` use ids whose labels were checked.
pub trait Engine: Send + Sync {
    /// The engine's own account of itself: two calls, version and information.
    fn facts(&self) -> impl Future<Output = Answer<EngineFacts>> + Send;

    /// All containers, running or not, of everybody.
    fn containers(&self) -> impl Future<Output = Answer<Vec<ObservedContainer>>> + Send;

    /// All networks of everybody.
    fn networks(&self) -> impl Future<Output = Answer<Vec<ObservedNetwork>>> + Send;

    /// All images by each of their references: tags, digests and the id itself.
    fn images(&self) -> impl Future<Output = Answer<BTreeMap<String, ImageFacts>>> + Send;

    /// One image, when the engine has it.
    fn image(&self, reference: &str) -> impl Future<Output = Answer<Option<ImageFacts>>> + Send;

    /// Pulls an image; `progress` is told of every layer's movement.
    fn image_pull(
        &self,
        reference: &str,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> impl Future<Output = Answer<()>> + Send;

    /// Makes a bridge network and answers its id. The caller has asked for the name before: old engines allow two
    /// networks of one name.
    fn network_create(&self, spec: &NetworkSpec) -> impl Future<Output = Answer<String>> + Send;

    /// One network, by id or name, with what is attached to it.
    fn network_inspect(&self, id: &str) -> impl Future<Output = Answer<NetworkDetail>> + Send;

    /// Removes a network.
    fn network_remove(&self, id: &str) -> impl Future<Output = Answer<()>> + Send;

    /// Makes a container and answers its id. The only place where the specification's secrets are exposed.
    fn container_create(
        &self,
        spec: &ContainerSpec,
        life: Life<'_>,
    ) -> impl Future<Output = Answer<String>> + Send;

    /// Starts a container; one that runs already is left alone.
    fn container_start(&self, id: &str) -> impl Future<Output = Answer<()>> + Send;

    /// Asks a container to stop, and kills it after `seconds`; one that is stopped is left alone.
    fn container_stop(&self, id: &str, seconds: u32) -> impl Future<Output = Answer<()>> + Send;

    /// Freezes all processes of a running container at one moment; one that is frozen already is left alone.
    fn container_pause(&self, id: &str) -> impl Future<Output = Answer<()>> + Send;

    /// Sends a signal, such as `SIGHUP`, to the first process.
    fn container_kill(&self, id: &str, signal: &str) -> impl Future<Output = Answer<()>> + Send;

    /// Gives a container another name.
    fn container_rename(&self, id: &str, name: &str) -> impl Future<Output = Answer<()>> + Send;

    /// Removes a container and its anonymous volumes; `force` kills it first.
    fn container_remove(&self, id: &str, force: bool) -> impl Future<Output = Answer<()>> + Send;

    /// One container in detail, by id or name.
    fn container_inspect(&self, id: &str) -> impl Future<Output = Answer<ContainerDetail>> + Send;

    /// The settings of a container that are not what its specification asks for, in words and without any value: one
    /// call. Only this compares what was changed by hand, since the container's own label says what it was made from.
    fn container_differences(
        &self,
        id: &str,
        spec: &ContainerSpec,
    ) -> impl Future<Output = Answer<Vec<String>>> + Send;

    /// Lets a frozen container go on; one that is not frozen is left alone.
    fn container_unpause(&self, id: &str) -> impl Future<Output = Answer<()>> + Send;

    /// Waits until a container does not run, and answers its exit code.
    fn container_wait(&self, id: &str) -> impl Future<Output = Answer<i64>> + Send;

    /// The last `lines` lines that a container wrote, oldest first.
    fn logs_tail(&self, id: &str, lines: u32) -> impl Future<Output = Answer<Vec<LogLine>>> + Send;

    /// What a container wrote and writes, until it ends or the stream is dropped.
    fn logs_follow(&self, id: String, from: LogsFrom)
    -> impl Stream<Item = Answer<LogLine>> + Send;

    /// Runs a command in a running container to its end; at most 64 KiB of its output is kept.
    fn exec(
        &self,
        id: &str,
        user: UserOf,
        argv: &[String],
    ) -> impl Future<Output = Answer<ExecOutput>> + Send;

    /// Runs a command in a running container with its streams attached.
    fn exec_attach(
        &self,
        id: &str,
        request: &ExecRequest,
    ) -> impl Future<Output = Answer<ExecAttached>> + Send;

    /// The exit code of an attached command whose output has ended.
    fn exec_exit(&self, exec: &str) -> impl Future<Output = Answer<i64>> + Send;

    /// Tells an attached command's terminal its new size.
    fn exec_resize(
        &self,
        exec: &str,
        size: TerminalSize,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// What a running container uses; `None` for one that does not run.
    fn container_usage(
        &self,
        id: &str,
    ) -> impl Future<Output = Answer<Option<ContainerUsage>>> + Send;

    /// What happened and happens to the containers of a stack, oldest first. Commands run in them are left out: their
    /// arguments are nobody else's business.
    fn events(&self, question: EventQuestion) -> impl Stream<Item = Answer<EngineEvent>> + Send;
}
