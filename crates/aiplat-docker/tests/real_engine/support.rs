//! The engine under test, a stack identity of its own for each test, and tidying up after it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use aiplat_core::names::StackId;
use aiplat_core::plan::{Change, Plan, PlannedStep, Step};
use aiplat_core::spec::label;
use aiplat_docker::apply::{ApplyError, ApplyOptions, Report, apply};
use aiplat_docker::engine::{Bollard, Engine};
use aiplat_docker::events::Event;

use crate::host::TestHost;

/// Has a shell and busybox; any image that has would do.
pub(crate) const IMAGE: &str = "localhost/aiplat/attacker:1";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// One test's stack.
pub(crate) struct Bed {
    pub(crate) engine: Bollard,
    pub(crate) host: TestHost,
    pub(crate) id: StackId,
    pub(crate) events: Mutex<Vec<String>>,
}

impl Bed {
    /// The bed of a test, or `None` where there is no engine to test on.
    #[allow(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "the only way to hand a socket to a test, and to say loudly that there is none"
    )]
    pub(crate) async fn new() -> Option<Self> {
        let Ok(address) = std::env::var("AIPLAT_TEST_ENGINE") else {
            assert!(
                std::env::var("AIPLAT_REQUIRE_ENGINE").is_err(),
                "expected AIPLAT_TEST_ENGINE to name an engine's socket"
            );
            eprintln!("NOT RUN: set AIPLAT_TEST_ENGINE to an engine's socket to run this test");
            return None;
        };
        let engine = Bollard::connect(&address)
            .await
            .expect("the engine answers");
        assert!(
            engine.image(IMAGE).await.unwrap().is_some(),
            "expected image `{IMAGE}` on the engine: run scripts/images"
        );
        let mut bytes = [0; 6];
        bytes[..4].copy_from_slice(&std::process::id().to_be_bytes());
        let count = COUNT.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes[4..].copy_from_slice(&count[2..]);
        Some(Self::of(engine, StackId::from_bytes(bytes)))
    }

    pub(crate) fn of(engine: Bollard, id: StackId) -> Self {
        Self {
            engine,
            host: TestHost::default(),
            id,
            events: Mutex::default(),
        }
    }

    /// The stack's name.
    pub(crate) fn stack(&self) -> String {
        format!("t{}", self.id)
    }

    /// A plan of these steps; each waits for those that it names.
    pub(crate) fn plan(&self, steps: Vec<(&str, &[&str], Step)>) -> Plan {
        let planned = |(id, after, step): (&str, &[&str], Step)| PlannedStep {
            id: id.to_owned(),
            after: after.iter().map(|&a| a.to_owned()).collect(),
            change: Change::Create,
            why: "the test wants it".to_owned(),
            risk: None,
            step,
        };
        Plan {
            stack: self.stack().parse().unwrap(),
            stack_id: self.id.clone(),
            base_dir: "/nonexistent".into(),
            services: Vec::new(),
            steps: steps.into_iter().map(planned).collect(),
            notes: Vec::new(),
        }
    }

    pub(crate) async fn apply(
        &self,
        steps: Vec<(&str, &[&str], Step)>,
    ) -> Result<Report, ApplyError> {
        self.apply_with(&ApplyOptions::default(), steps).await
    }

    pub(crate) async fn apply_with(
        &self,
        options: &ApplyOptions,
        steps: Vec<(&str, &[&str], Step)>,
    ) -> Result<Report, ApplyError> {
        let note = |event: Event<'_>| self.events.lock().unwrap().push(format!("{event:?}"));
        apply(&self.engine, &self.host, &self.plan(steps), options, &note).await
    }

    /// Names and ids of the stack's containers.
    pub(crate) async fn containers(&self) -> Vec<(String, String)> {
        let all = self.engine.containers().await.unwrap();
        let mut own: Vec<_> = all
            .into_iter()
            .filter(|c| c.belongs_to(&self.id))
            .map(|c| (c.name, c.id))
            .collect();
        own.sort();
        own
    }

    /// Removes whatever the test made.
    pub(crate) async fn clear(&self) {
        for (_, id) in self.containers().await {
            self.engine.container_remove(&id, true).await.unwrap();
        }
        for network in self.engine.networks().await.unwrap() {
            if network
                .labels
                .get(label::STACK_ID)
                .is_some_and(|id| id == self.id.as_str())
            {
                self.engine.network_remove(&network.id).await.unwrap();
            }
        }
    }
}

/// Runs a test on an engine, and removes what it made also when it fails.
#[macro_export]
macro_rules! on_engine {
    ($bed:ident, $body:block) => {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
            .block_on(async {
                let Some($bed) = $crate::support::Bed::new().await else {
                    return;
                };
                let $bed = std::sync::Arc::new($bed);
                let outcome = {
                    let $bed = $bed.clone();
                    tokio::spawn(async move { $body }).await
                };
                $bed.clear().await;
                if let Err(panic) = outcome {
                    std::panic::resume_unwind(panic.into_panic());
                }
            })
    };
}
