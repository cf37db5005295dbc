//! An engine in memory that can be told to refuse, or to be silent for ever, at its n-th call.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use aiplat_core::observed::{
    ContainerState, EngineFacts, ImageFacts, ObservedContainer, ObservedNetwork,
};
use aiplat_core::spec::{ContainerSpec, NetworkSpec, label};
use aiplat_docker::engine::{
    Answer, ContainerDetail, ContainerUsage, Engine, EngineError, EngineEvent, EventQuestion,
    ExecAttached, ExecOutput, ExecRequest, Health, HealthState, Life, LogLine, LogsFrom,
    NetworkDetail, PullProgress, TerminalSize, UserOf,
};
use futures_util::Stream;

/// What happens at the n-th call, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Never,
    /// It is refused and has no effect.
    Refuse(usize),
    /// It has its effect, and the answer never comes.
    Hang(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) running: bool,
    pub(crate) frozen: bool,
}

#[derive(Default)]
struct State {
    containers: BTreeMap<String, Container>,
    networks: BTreeMap<String, NetworkDetail>,
    calls: Vec<String>,
    made: usize,
    busy: usize,
    busiest: usize,
}

pub(crate) struct Fake {
    state: Mutex<State>,
    pub(crate) trouble: Mutex<Trouble>,
    /// Image whose containers never become healthy.
    pub(crate) sick: String,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            trouble: Mutex::new(Trouble::Never),
            sick: "sick".into(),
        }
    }

    /// Counts a call, and answers whether it hangs after its effect.
    fn call(&self, what: String) -> Answer<bool> {
        let mut state = self.state.lock().unwrap();
        let number = state.calls.len();
        state.calls.push(what.clone());
        match *self.trouble.lock().unwrap() {
            Trouble::Refuse(n) if n == number => Err(EngineError::Refused {
                what,
                status: 500,
                words: "told to".into(),
            }),
            Trouble::Hang(n) if n == number => Ok(true),
            _ => Ok(false),
        }
    }

    async fn act<T>(
        &self,
        what: String,
        effect: impl FnOnce(&mut State) -> Answer<T> + Send,
    ) -> Answer<T> {
        let hangs = self.call(what)?;
        let result = effect(&mut self.state.lock().unwrap());
        if hangs {
            std::future::pending::<()>().await;
        }
        result
    }

    /// Keeps the engine busy for a moment, and notes how many do so at once.
    async fn work(&self) {
        {
            let mut state = self.state.lock().unwrap();
            state.busy += 1;
            state.busiest = state.busiest.max(state.busy);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.state.lock().unwrap().busy -= 1;
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    pub(crate) fn forget_calls(&self) {
        self.state.lock().unwrap().calls.clear();
    }

    pub(crate) fn busiest(&self) -> usize {
        self.state.lock().unwrap().busiest
    }

    /// All containers by id.
    pub(crate) fn all(&self) -> BTreeMap<String, Container> {
        self.state.lock().unwrap().containers.clone()
    }

    /// Name, image and whether it runs, of each container.
    pub(crate) fn picture(&self) -> Vec<(String, String, bool)> {
        let mut all: Vec<_> = self
            .all()
            .into_values()
            .map(|c| (c.name, c.image, c.running))
            .collect();
        all.sort();
        all
    }
}

fn find(state: &State, id: &str) -> Answer<String> {
    let absent = || EngineError::NotFound {
        what: format!("container `{id}`"),
    };
    if state.containers.contains_key(id) {
        return Ok(id.to_owned());
    }
    state
        .containers
        .iter()
        .find(|(_, c)| c.name == id)
        .map(|(id, _)| id.clone())
        .ok_or_else(absent)
}

fn with<T>(state: &mut State, id: &str, effect: impl FnOnce(&mut Container) -> T) -> Answer<T> {
    let id = find(state, id)?;
    Ok(effect(state.containers.get_mut(&id).unwrap()))
}

impl Engine for Fake {
    async fn facts(&self) -> Answer<EngineFacts> {
        Ok(EngineFacts::default())
    }
    async fn containers(&self) -> Answer<Vec<ObservedContainer>> {
        Ok(Vec::new())
    }
    async fn networks(&self) -> Answer<Vec<ObservedNetwork>> {
        Ok(Vec::new())
    }
    async fn images(&self) -> Answer<BTreeMap<String, ImageFacts>> {
        Ok(BTreeMap::new())
    }
    async fn image(&self, _: &str) -> Answer<Option<ImageFacts>> {
        self.act("image".into(), |_| Ok(Some(ImageFacts::default())))
            .await
    }
    async fn image_pull(&self, _: &str, _: &(dyn Fn(PullProgress) + Send + Sync)) -> Answer<()> {
        self.act("pull".into(), |_| Ok(())).await
    }
    async fn network_create(&self, spec: &NetworkSpec) -> Answer<String> {
        let detail = NetworkDetail {
            id: format!("net-{}", spec.name),
            name: spec.name.clone(),
            driver: "bridge".into(),
            subnets: vec![spec.subnet.to_string()],
            options: BTreeMap::new(),
            labels: spec.labels.clone(),
            attached: Vec::new(),
        };
        self.act(format!("network_create {}", spec.name), |state| {
            state.networks.insert(detail.id.clone(), detail.clone());
            Ok(detail.id)
        })
        .await
    }
    async fn network_inspect(&self, id: &str) -> Answer<NetworkDetail> {
        self.act(format!("network_inspect {id}"), |state| {
            let found = state
                .networks
                .values()
                .find(|n| n.id == id || n.name == id)
                .cloned();
            found.ok_or(EngineError::NotFound {
                what: "network".into(),
            })
        })
        .await
    }
    async fn network_remove(&self, id: &str) -> Answer<()> {
        self.act(format!("network_remove {id}"), |state| {
            state.networks.remove(id);
            Ok(())
        })
        .await
    }
    async fn container_create(&self, spec: &ContainerSpec, life: Life<'_>) -> Answer<String> {
        self.work().await;
        let mut labels = spec.labels.clone();
        labels.insert(label::SERVICE.into(), spec.service.to_string());
        if let Life::Service { hash } = life {
            labels.insert(label::SPEC_HASH.into(), hash.into());
        }
        let made = Container {
            name: spec.name.to_string(),
            image: spec.image.clone(),
            labels,
            running: false,
            frozen: false,
        };
        self.act(format!("create {}", spec.name), |state| {
            if state.containers.values().any(|c| c.name == made.name) {
                return Err(EngineError::NameTaken { name: made.name });
            }
            state.made += 1;
            let id = format!("id-{}", state.made);
            state.containers.insert(id.clone(), made);
            Ok(id)
        })
        .await
    }
    async fn container_start(&self, id: &str) -> Answer<()> {
        self.work().await;
        self.act(format!("start {id}"), |state| {
            with(state, id, |c| c.running = true)
        })
        .await
    }
    async fn container_stop(&self, id: &str, _: u32) -> Answer<()> {
        self.act(format!("stop {id}"), |state| {
            with(state, id, |c| c.running = false)
        })
        .await
    }
    async fn container_pause(&self, id: &str) -> Answer<()> {
        self.act(format!("pause {id}"), |state| {
            with(state, id, |c| c.frozen = true)
        })
        .await
    }
    async fn container_unpause(&self, id: &str) -> Answer<()> {
        self.act(format!("unpause {id}"), |state| {
            with(state, id, |c| c.frozen = false)
        })
        .await
    }
    async fn container_kill(&self, id: &str, _: &str) -> Answer<()> {
        self.act(format!("kill {id}"), |_| Ok(())).await
    }
    async fn container_rename(&self, id: &str, name: &str) -> Answer<()> {
        self.act(format!("rename {id}"), |state| {
            if state.containers.values().any(|c| c.name == name) {
                return Err(EngineError::NameTaken { name: name.into() });
            }
            with(state, id, |c| name.clone_into(&mut c.name))
        })
        .await
    }
    async fn container_remove(&self, id: &str, _: bool) -> Answer<()> {
        self.act(format!("remove {id}"), |state| {
            let id = find(state, id)?;
            state.containers.remove(&id);
            Ok(())
        })
        .await
    }
    async fn container_inspect(&self, id: &str) -> Answer<ContainerDetail> {
        let sick = self.sick.clone();
        self.act(format!("inspect {id}"), |state| {
            let id = find(state, id)?;
            let found = &state.containers[&id];
            let health = if found.image == sick {
                HealthState::Unhealthy
            } else {
                HealthState::Healthy
            };
            Ok(ContainerDetail {
                id,
                name: found.name.clone(),
                labels: found.labels.clone(),
                image_id: String::new(),
                image: found.image.clone(),
                state: match (found.running, found.frozen) {
                    (true, false) => ContainerState::Running,
                    (true, true) => ContainerState::Paused,
                    (false, _) => ContainerState::Created,
                },
                pid: None,
                exit_code: 0,
                out_of_memory: false,
                error: String::new(),
                restart_count: 0,
                health: Some(Health {
                    state: health,
                    last_output: "sick".into(),
                }),
                addresses: BTreeMap::new(),
                network_mode: String::new(),
                apparmor_profile: String::new(),
                started_at: String::new(),
                finished_at: String::new(),
            })
        })
        .await
    }
    async fn container_differences(&self, _: &str, _: &ContainerSpec) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }
    async fn container_wait(&self, _: &str) -> Answer<i64> {
        Ok(0)
    }
    async fn logs_tail(&self, _: &str, _: u32) -> Answer<Vec<LogLine>> {
        Ok(Vec::new())
    }
    fn logs_follow(&self, _: String, _: LogsFrom) -> impl Stream<Item = Answer<LogLine>> + Send {
        futures_util::stream::empty()
    }
    async fn exec(&self, _: &str, _: UserOf, _: &[String]) -> Answer<ExecOutput> {
        Ok(ExecOutput {
            exit_code: 0,
            output: String::new(),
        })
    }

    async fn exec_attach(&self, id: &str, _: &ExecRequest) -> Answer<ExecAttached> {
        Err(EngineError::NotFound {
            what: format!("container `{id}`"),
        })
    }
    async fn exec_exit(&self, _: &str) -> Answer<i64> {
        Ok(0)
    }
    async fn exec_resize(&self, _: &str, _: TerminalSize) -> Answer<()> {
        Ok(())
    }
    async fn container_usage(&self, _: &str) -> Answer<Option<ContainerUsage>> {
        Ok(None)
    }
    fn events(&self, _: EventQuestion) -> impl Stream<Item = Answer<EngineEvent>> + Send {
        futures_util::stream::empty()
    }
}
