//! The engine under test, and stacks of the tests' own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_docker::apply::ApplyOptions;
use aiplat_docker::engine::Bollard;
use aiplat_docker::events::Silent;
use aiplat_docker::host::LinuxHost;
use aiplat_docker::stack::{Inputs, Intent, Places, catalogue, open, prepare, teardown};
use aiplat_testkit::proof::{Bed, Layer, Options, Report, verify};

/// Everything of these tests is below it, and nothing of anybody else.
const ROOT: &str = "/tmp/aiplat-proof-tests";

/// One engine, one register, stacks that are ours.
pub(crate) struct Lab {
    pub(crate) engine: Bollard,
    pub(crate) host: LinuxHost,
    pub(crate) catalogue: Catalogue,
    pub(crate) places: Places,
    _turn: std::fs::File,
}

#[allow(
    clippy::disallowed_methods,
    reason = "the only way to hand a socket to a test"
)]
pub(crate) fn engine_address() -> Option<String> {
    let address = std::env::var("AIPLAT_TEST_ENGINE").ok();
    if address.is_none() {
        assert!(
            std::env::var("AIPLAT_REQUIRE_ENGINE").is_err(),
            "expected AIPLAT_TEST_ENGINE to name an engine's socket"
        );
        eprintln!("NOT RUN: isolation was not tried: set AIPLAT_TEST_ENGINE to an engine's socket");
    }
    address
}

impl Lab {
    /// The lab, alone: the tests of this file take turns. What an earlier run left is removed first.
    pub(crate) async fn open() -> Option<Arc<Self>> {
        let address = engine_address()?;
        std::fs::create_dir_all(ROOT).unwrap();
        let turn = std::fs::File::create(Path::new(ROOT).join("turn")).unwrap();
        let turn = tokio::task::spawn_blocking(move || turn.lock().map(|()| turn))
            .await
            .unwrap()
            .unwrap();
        let lab = Self::bare(&address, turn).await;
        for name in ["proof-a", "proof-b"] {
            lab.teardown(name).await;
        }
        Some(Arc::new(lab))
    }

    /// Without a turn: for a process that another one of these tests started.
    pub(crate) async fn guest() -> Option<Self> {
        let file = std::fs::File::create(Path::new(ROOT).join("guest")).unwrap();
        Some(Self::bare(&engine_address()?, file).await)
    }

    async fn bare(address: &str, turn: std::fs::File) -> Self {
        let state_dir = Path::new(ROOT).join("state");
        std::fs::create_dir_all(&state_dir).unwrap();
        Self {
            engine: Bollard::connect(address).await.expect("the engine answers"),
            host: LinuxHost {
                state_dir: state_dir.clone(),
                ..LinuxHost::default()
            },
            catalogue: Catalogue::built_in().unwrap(),
            places: Places {
                state_dir,
                ..Places::default()
            },
            _turn: turn,
        }
    }

    pub(crate) fn base(name: &str) -> PathBuf {
        Path::new(ROOT).join(name)
    }

    pub(crate) fn bed(&self) -> Bed<'_> {
        Bed::new(&self.engine, &self.host, &self.catalogue, &self.places)
    }

    pub(crate) async fn deploy(&self, name: &str, keys: &[(&str, &str)]) {
        let mut flags: BTreeMap<String, String> = [
            ("BASE_DIR", Self::base(name).display().to_string()),
            ("DOCKER_NETWORK", name.to_owned()),
            ("DOMAIN_NAME", format!("{name}.localhost")),
            ("IMAGE_REGISTRY", "localhost/aiplat".to_owned()),
        ]
        .map(|(k, v)| (k.to_owned(), v))
        .into();
        flags.extend(keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let inputs = Inputs {
            flags,
            allow_unmounted: true,
            command: "test".to_owned(),
            ..Inputs::default()
        };
        let prepared = prepare(
            &self.engine,
            &self.host,
            &catalogue(&Self::base(name)).unwrap(),
            &inputs,
            &self.places,
            Intent::Deploy,
        )
        .await
        .unwrap_or_else(|e| panic!("{name}: {}", e.problems().join("\n")));
        prepared
            .deploy(&self.engine, &self.host, &ApplyOptions::default(), &Silent)
            .await
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
    }

    /// Both stacks at the same moment, each in a task of its own: whoever waits for the host's lock blocks its thread.
    pub(crate) async fn deploy_both(
        self: &Arc<Self>,
        a: &[(&'static str, &'static str)],
        b: &[(&'static str, &'static str)],
    ) {
        let one = |name: &'static str, keys: Vec<(&'static str, &'static str)>| {
            let lab = Arc::clone(self);
            tokio::spawn(async move { lab.deploy(name, &keys).await })
        };
        let (a, b) = (one("proof-a", a.to_vec()), one("proof-b", b.to_vec()));
        a.await.unwrap();
        b.await.unwrap();
    }

    pub(crate) fn config(&self, name: &str) -> StackConfig {
        let base = Self::base(name);
        open(&self.host, &catalogue(&base).unwrap(), &base)
            .unwrap()
            .config
    }

    pub(crate) async fn teardown(&self, name: &str) {
        let base = Self::base(name);
        let down = teardown(
            &self.engine,
            &self.host,
            &catalogue(&base).unwrap(),
            &base,
            true,
            &self.places,
        )
        .await;
        if let Ok(down) = down {
            down.run(&self.engine, &self.host, &ApplyOptions::default(), &Silent)
                .await
                .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        }
        let _ = std::fs::remove_dir_all(&base);
    }

    pub(crate) async fn verify(&self, names: &[&str], layers: &[Layer]) -> Report {
        self.verify_these(names.iter().map(|n| self.config(n)).collect(), layers)
            .await
    }

    /// As [`Self::verify`], with a hog in each stack in turn.
    pub(crate) async fn verify_with_hog(&self, names: &[&str], layers: &[Layer]) -> Report {
        let stacks = names.iter().map(|n| self.config(n)).collect();
        let options = options().only(layers).with_hog(true);
        verify(&self.bed(), stacks, &options).await.unwrap()
    }

    pub(crate) async fn verify_these(&self, stacks: Vec<StackConfig>, layers: &[Layer]) -> Report {
        verify(&self.bed(), stacks, &options().only(layers))
            .await
            .unwrap()
    }
}

pub(crate) fn options() -> Options {
    Options::new(vec![env!("CARGO_BIN_EXE_aiplat-netprobe").into()])
}
