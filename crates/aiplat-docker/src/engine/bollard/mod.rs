//! The engine over its HTTP interface. Only this folder names a type of the bollard crate.

mod compare;
mod connect;
mod create;
mod exec;
mod fault;
mod image;
mod live;
mod raw;
mod read;

use std::collections::BTreeMap;
use std::future::Future;

use aiplat_core::observed::{
    ContainerState, EngineFacts, ImageFacts, ObservedContainer, ObservedNetwork,
};
use aiplat_core::spec::{ContainerSpec, NetworkSpec};
use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    ListImagesOptions, ListNetworksOptions, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    RenameContainerOptionsBuilder, StopContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::{Stream, StreamExt};

use super::{
    Answer, ContainerDetail, ContainerUsage, Engine, EngineError, EngineEvent, EventQuestion,
    ExecAttached, ExecOutput, ExecRequest, Life, LogLine, LogsFrom, NetworkDetail, PullProgress,
    TerminalSize, UserOf,
};

/// Oldest API version that has everything the stacks need: that of Docker 20.10.
pub const NEEDED_API: &str = "1.41";

/// The engine's answer may take this long beyond what it was asked to wait, seconds.
const PATIENCE_SECONDS: u64 = 120;

/// A connection to an engine. Cheap to clone.
///
/// The bollard crate writes whole requests, secrets included, to the `log` crate at level `trace`: a program that
/// embeds this one must not switch that level on for the target `bollard`.
#[derive(Clone)]
pub struct Bollard {
    docker: Docker,
    address: String,
    local: bool,
}

impl std::fmt::Debug for Bollard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bollard")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Bollard {
    /// Runs one request; `what` says in words what is asked, without any value of it.
    async fn ask<T>(
        &self,
        what: &str,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Answer<T> {
        request
            .await
            .map_err(|error| fault::typed(&error, what, &self.address))
    }
}

impl Engine for Bollard {
    async fn facts(&self) -> Answer<EngineFacts> {
        let what = "tell what it is";
        let (version, info) = futures_util::future::try_join(
            self.ask(what, self.docker.version()),
            self.ask(what, self.docker.info()),
        )
        .await?;
        Ok(read::facts(
            version,
            info,
            self.docker.client_version(),
            self.local,
        ))
    }

    async fn containers(&self) -> Answer<Vec<ObservedContainer>> {
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let list = self
            .ask(
                "list containers",
                self.docker.list_containers(Some(options)),
            )
            .await?;
        Ok(list.into_iter().filter_map(read::container).collect())
    }

    async fn networks(&self) -> Answer<Vec<ObservedNetwork>> {
        let list = self
            .ask(
                "list networks",
                self.docker.list_networks(None::<ListNetworksOptions>),
            )
            .await?;
        Ok(list.into_iter().map(read::network).collect())
    }

    async fn images(&self) -> Answer<BTreeMap<String, ImageFacts>> {
        let options = ListImagesOptions {
            digests: true,
            ..ListImagesOptions::default()
        };
        let list = self
            .ask("list images", self.docker.list_images(Some(options)))
            .await?;
        Ok(read::images(list))
    }

    async fn image(&self, reference: &str) -> Answer<Option<ImageFacts>> {
        match self
            .ask("inspect an image", self.docker.inspect_image(reference))
            .await
        {
            Ok(image) => Ok(Some(read::image(image))),
            Err(error) if error.is_absent() => Ok(None),
            Err(EngineError::ImageAbsent { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn image_pull(
        &self,
        reference: &str,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Answer<()> {
        self.pull(reference, progress).await
    }

    async fn network_create(&self, spec: &NetworkSpec) -> Answer<String> {
        let created = self.docker.create_network(create::network(spec)).await;
        created
            .map(|network| network.id)
            .map_err(|error| fault::network(&error, spec, &self.address))
    }

    async fn network_inspect(&self, id: &str) -> Answer<NetworkDetail> {
        let what = format!("inspect network `{id}`");
        let found = self.ask(&what, self.docker.inspect_network(id, None)).await;
        let found = found
            .map(read::network_detail)
            .map_err(|error| fault::absent(error, || format!("network `{id}`")))?;
        // the engine also takes the beginning of an id, and a stack may be named `d` or `cafe`
        if found.name == id || found.id == id {
            return Ok(found);
        }
        Err(EngineError::NotFound {
            what: format!("network `{id}`"),
        })
    }

    async fn network_remove(&self, id: &str) -> Answer<()> {
        let gone = self
            .ask(
                &format!("remove network `{id}`"),
                self.docker.remove_network(id),
            )
            .await;
        gone.map_err(|error| fault::absent(error, || format!("network `{id}`")))
    }

    async fn container_create(&self, spec: &ContainerSpec, life: Life<'_>) -> Answer<String> {
        let options = CreateContainerOptionsBuilder::default()
            .name(spec.name.as_str())
            .build();
        let created = self
            .docker
            .create_container(Some(options), create::container(spec, life))
            .await;
        created
            .map(|container| container.id)
            .map_err(|error| fault::container(&error, spec, &self.address))
    }

    async fn container_start(&self, id: &str) -> Answer<()> {
        self.ask(
            &format!("start container `{id}`"),
            self.docker.start_container(id, None),
        )
        .await
    }

    async fn container_stop(&self, id: &str, seconds: u32) -> Answer<()> {
        let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        let patience =
            std::time::Duration::from_secs(PATIENCE_SECONDS + u64::from(seconds.unsigned_abs()));
        let patient = self.docker.clone().with_timeout(patience);
        self.ask(
            &format!("stop container `{id}`"),
            patient.stop_container(id, Some(options)),
        )
        .await
    }

    async fn container_pause(&self, id: &str) -> Answer<()> {
        let paused = self
            .ask(
                &format!("pause container `{id}`"),
                self.docker.pause_container(id),
            )
            .await;
        self.unless(paused, id, |state| state == ContainerState::Paused)
            .await
    }

    async fn container_unpause(&self, id: &str) -> Answer<()> {
        let unpaused = self
            .ask(
                &format!("unpause container `{id}`"),
                self.docker.unpause_container(id),
            )
            .await;
        self.unless(unpaused, id, |state| state != ContainerState::Paused)
            .await
    }

    async fn container_kill(&self, id: &str, signal: &str) -> Answer<()> {
        let options = KillContainerOptionsBuilder::default()
            .signal(signal)
            .build();
        self.ask(
            &format!("signal container `{id}`"),
            self.docker.kill_container(id, Some(options)),
        )
        .await
    }

    async fn container_rename(&self, id: &str, name: &str) -> Answer<()> {
        let options = RenameContainerOptionsBuilder::default().name(name).build();
        let renamed = self.docker.rename_container(id, options).await;
        renamed.map_err(|error| {
            fault::named(
                &error,
                name,
                &format!("rename container `{id}`"),
                &self.address,
            )
        })
    }

    async fn container_remove(&self, id: &str, force: bool) -> Answer<()> {
        let options = RemoveContainerOptionsBuilder::default()
            .force(force)
            .v(true)
            .build();
        self.ask(
            &format!("remove container `{id}`"),
            self.docker.remove_container(id, Some(options)),
        )
        .await
    }

    async fn container_inspect(&self, id: &str) -> Answer<ContainerDetail> {
        let found = self
            .ask(
                &format!("inspect container `{id}`"),
                self.docker.inspect_container(id, None),
            )
            .await?;
        Ok(read::container_detail(found))
    }

    async fn container_differences(&self, id: &str, spec: &ContainerSpec) -> Answer<Vec<String>> {
        let found = self
            .ask(
                &format!("inspect container `{id}`"),
                self.docker.inspect_container(id, None),
            )
            .await?;
        // the hash is a label like the others, and was looked at before
        let wanted = create::container(spec, Life::Service { hash: "" });
        Ok(compare::differences(&wanted, &found))
    }

    async fn container_wait(&self, id: &str) -> Answer<i64> {
        let options = WaitContainerOptionsBuilder::default()
            .condition("not-running")
            .build();
        let what = format!("wait for container `{id}`");
        match self.docker.wait_container(id, Some(options)).next().await {
            Some(Ok(ended)) => Ok(ended.status_code),
            // any exit code but 0 comes as an error there
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(fault::typed(&error, &what, &self.address)),
            None => Err(EngineError::Garbled {
                what,
                words: "the answer ended before the container did".into(),
            }),
        }
    }

    async fn logs_tail(&self, id: &str, lines: u32) -> Answer<Vec<LogLine>> {
        let mut stream = std::pin::pin!(self.log_stream(id, LogsFrom::Last(lines), false));
        let mut found = Vec::new();
        while let Some(line) = stream.next().await {
            found.push(line?);
        }
        Ok(found)
    }

    fn logs_follow(
        &self,
        id: String,
        from: LogsFrom,
    ) -> impl Stream<Item = Answer<LogLine>> + Send {
        self.log_stream(&id, from, true)
    }

    async fn exec(&self, id: &str, user: UserOf, argv: &[String]) -> Answer<ExecOutput> {
        self.run(id, user, argv).await
    }

    async fn exec_attach(&self, id: &str, request: &ExecRequest) -> Answer<ExecAttached> {
        self.attach(id, request).await
    }

    async fn exec_exit(&self, exec: &str) -> Answer<i64> {
        self.exit_code(exec, "tell how a command ended").await
    }

    async fn exec_resize(&self, exec: &str, size: TerminalSize) -> Answer<()> {
        self.resize(exec, size).await
    }

    async fn container_usage(&self, id: &str) -> Answer<Option<ContainerUsage>> {
        self.usage(id).await
    }

    fn events(&self, question: EventQuestion) -> impl Stream<Item = Answer<EngineEvent>> + Send {
        self.happened(&question)
    }
}

impl Bollard {
    /// A refusal does not count when the container is as wanted: engines say it with different words and statuses.
    async fn unless(
        &self,
        answer: Answer<()>,
        id: &str,
        wanted: impl Fn(ContainerState) -> bool + Send,
    ) -> Answer<()> {
        match answer {
            Err(refused @ EngineError::Refused { .. }) => {
                let found = self.container_inspect(id).await?;
                if wanted(found.state) {
                    Ok(())
                } else {
                    Err(refused)
                }
            }
            other => other,
        }
    }

    fn log_stream(
        &self,
        id: &str,
        from: LogsFrom,
        follow: bool,
    ) -> impl Stream<Item = Answer<LogLine>> + Send + use<> {
        let options = LogsOptionsBuilder::default()
            .follow(follow)
            .stdout(true)
            .stderr(true);
        let options = match from {
            LogsFrom::Last(lines) => options.tail(&lines.to_string()),
            LogsFrom::Second(second) => options.since(second.try_into().unwrap_or(i32::MAX)),
        }
        .build();
        let (what, address) = (
            format!("read the log of container `{id}`"),
            self.address.clone(),
        );
        self.docker.logs(id, Some(options)).map(move |output| {
            output
                .map(read::log_line)
                .map_err(|error| fault::typed(&error, &what, &address))
        })
    }
}
