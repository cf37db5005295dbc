//! One test's place: directories, names, users and addresses of its own, and nothing left behind.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use super::engine::Engine;
use super::own_engine::OwnEngine;
use super::run::last_runs;
use super::stack::Stack;
use super::{earlier, evidence, leftovers};

static COUNT: AtomicU32 = AtomicU32::new(0);
/// What runs that were killed left is removed before the first test.
static EARLIER: Once = Once::new();

/// A test's place on an engine.
#[derive(Debug)]
pub(crate) struct Bed {
    pub(crate) engine: Engine,
    /// What every name of the test begins with.
    pub(crate) tag: String,
    /// The test's own directory.
    pub(crate) home: PathBuf,
    /// The register: one for all tests of a run, which see each other's reservations so.
    pub(crate) state_dir: PathBuf,
    /// Where the command runs, when not beside the test: before it on the command line.
    inside: Vec<String>,
    number: u32,
}

impl Bed {
    /// The place of a test, or `None`, told loudly, where there is no engine to test on.
    #[allow(
        clippy::disallowed_methods,
        reason = "the only way to hand a socket to a test"
    )]
    pub(crate) fn new() -> Option<Self> {
        let Ok(address) = std::env::var("AIPLAT_TEST_ENGINE") else {
            assert!(
                std::env::var("AIPLAT_REQUIRE_ENGINE").is_err(),
                "expected AIPLAT_TEST_ENGINE to name an engine's socket"
            );
            // past the capture of a test that passes
            let words = "NOT RUN: set AIPLAT_TEST_ENGINE to an engine's socket to run this test";
            let _ = writeln!(std::io::stderr(), "{words}");
            return None;
        };
        let engine = Engine::at(&address);
        EARLIER.call_once(|| earlier::clear(&engine));
        last_runs();
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let tag = format!("e2e{}n{number}", std::process::id());
        let home = run_home().join(&tag);
        std::fs::create_dir_all(&home).unwrap();
        Some(Self {
            engine,
            tag,
            home,
            state_dir: run_home().join("state"),
            inside: Vec::new(),
            number,
        })
    }

    /// The same place on an engine of the test's own, where another machine would be.
    pub(crate) fn on(mut self, own: &OwnEngine) -> Self {
        self.engine = Engine {
            socket: own.socket(),
        };
        self.state_dir = self.home.join("state");
        let command = own.inside(env!("CARGO_BIN_EXE_aiplat"));
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        self.inside = words
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        self
    }

    /// The command with an environment of its own: the engine, the register, and what finds programs.
    pub(crate) fn bare(&self) -> Command {
        let mut words = self.inside.iter();
        let mut command = match words.next() {
            Some(program) => Command::new(program),
            None => Command::new(env!("CARGO_BIN_EXE_aiplat")),
        };
        command
            .args(words)
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("AIPLAT_HOST", self.engine.address())
            .env("AIPLAT_STATE_DIR", &self.state_dir)
            .current_dir("/");
        command
    }

    /// The literal one-line of the specification and where the images are: nothing else is given.
    pub(crate) fn one_line(&self, name: &str) -> Stack<'_> {
        let stack = format!("{}-{name}", self.tag);
        let base = self.home.join(name);
        std::fs::create_dir_all(&base).unwrap();
        let values = [
            ("BASE_DIR", base.display().to_string()),
            ("STACK_USER_UID", self.uid(name).to_string()),
            ("DOCKER_NETWORK", stack.clone()),
            ("DOMAIN_NAME", format!("{stack}.localhost")),
            ("IMAGE_REGISTRY", "localhost/aiplat".to_owned()),
        ];
        let env = values.map(|(key, value)| (key.to_owned(), value)).into();
        Stack {
            bed: self,
            name: stack,
            base,
            env,
        }
    }

    /// A small stack at an address of the test's own.
    pub(crate) fn small(&self, name: &str) -> Stack<'_> {
        let address = self.address();
        self.one_line(name)
            .with("SERVICES", "redis,caddy")
            .with("BIND_ADDRESS", address.clone())
            .with("FRONT_DOOR_ADDRESS", address)
    }

    /// Directories of the test that hold a stack, and the stack's name.
    pub(super) fn stacks(&self) -> Vec<(PathBuf, String)> {
        stacks(&self.home, &self.tag)
    }

    /// A loopback address that no other test of this run has.
    pub(crate) fn address(&self) -> String {
        format!("127.{}.{}.1", 64 + std::process::id() % 128, self.number)
    }

    /// A user that no other test of this run has, nor openclaw's of any, nor most likely anybody on the engine.
    pub(crate) fn uid(&self, name: &str) -> u32 {
        let letter = name.bytes().map(u32::from).sum::<u32>() % 30;
        let own = self.number * 30 + letter;
        assert!(
            own < 5000,
            "expected at most 166 places in a run of the tests"
        );
        // every other thousand: openclaw's users begin 1000 above the stacks'
        10_000 + std::process::id() % 5 * 10_000 + own / 1000 * 2000 + own % 1000
    }
}

/// Directories below a test's own that hold a stack, and the stack's name.
pub(super) fn stacks(home: &Path, tag: &str) -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(home).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let directory = entry.file_name().to_string_lossy().into_owned();
            (entry.path(), format!("{tag}-{directory}"))
        })
        .filter(|(base, _)| base.join("config/stack-id").is_file())
        .collect()
}

/// The directory of this run of the tests.
fn run_home() -> PathBuf {
    let own = runs().join(std::process::id().to_string());
    std::fs::create_dir_all(&own).unwrap();
    own.canonicalize().unwrap()
}

/// Where every run of the tests has its directory.
pub(super) fn runs() -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e");
    all.canonicalize().unwrap_or(all)
}

impl Drop for Bed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // a test that failed has its own words, and another failure in here would end the tests of all others
            let quietly = |act: &dyn Fn()| {
                let act = std::panic::AssertUnwindSafe(act);
                let _ = std::panic::catch_unwind(act);
            };
            quietly(&|| evidence::tell(self));
            quietly(&|| drop(leftovers::clear(self)));
            return;
        }
        assert_eq!(
            leftovers::clear(self),
            Vec::<String>::new(),
            "expected nothing to be left behind"
        );
    }
}
