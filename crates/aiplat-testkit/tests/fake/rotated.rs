//! A rotation with a refusal and a death at every single call, and the same command again: exactly one value is let in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::{Companions, Move, Secrets, Stage, needed};
use aiplat_core::names::SecretName;
use aiplat_docker::stack::rotate::{Flights, Ground, Leg, Lost, Target, drive};
use aiplat_testkit::fake::stack::{CANARY, Recipe, Stack, engine_facts};
use aiplat_testkit::fake::{Machine, Run, RunError, Trouble};
use secrecy::{ExposeSecret, SecretString};

use crate::support::{at_every_call, catalogue, machine, run, stack};

/// Secrets of each kind: in the server's data, a role's, two at once by configuration, one at once.
const ROTATED: [&str; 5] = [
    "n8n_db_password",
    "postgres_password",
    "qdrant_api_key",
    "qdrant_read_only_key",
    "redis_password",
];

fn recipe() -> Recipe {
    Recipe::named("a", 1).with("SERVICES", "n8n,redis,qdrant")
}

/// The stack on a machine, whose secrets are read from its files each time, as the command does.
struct Fake<'a> {
    machine: &'a Machine,
    stack: &'a Stack,
    catalogue: &'a Catalogue,
    /// Tells one run's new values from another's.
    round: u32,
    legs: Vec<Leg>,
}

impl<'a> Fake<'a> {
    fn on(machine: &'a Machine, stack: &'a Stack, catalogue: &'a Catalogue, round: u32) -> Self {
        Self {
            machine,
            stack,
            catalogue,
            round,
            legs: Vec::new(),
        }
    }

    fn secrets(&self) -> Secrets {
        let config = &self.stack.config;
        let needs = needed(
            &config.settings,
            config.name(),
            &config.selection,
            self.catalogue,
        );
        let mut kept = BTreeMap::new();
        let mut beside = Companions::new();
        for (path, content) in self.machine.files("/mnt/a/config/secrets") {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            let value = SecretString::from(String::from_utf8(content).unwrap());
            match file.split_once('.') {
                None => {
                    kept.insert(file, value);
                }
                Some((name, suffix)) => {
                    let stage = Stage::ALL.into_iter().find(|s| s.suffix() == suffix);
                    let stage = stage.expect("a state's suffix");
                    beside.insert((name.parse().unwrap(), stage), value);
                }
            }
        }
        Secrets::gather(&needs, &BTreeMap::new(), &kept, || [9; 64])
            .expect("all are kept")
            .with_companions(beside)
    }

    fn value(&self, name: &str) -> String {
        let secrets = self.secrets();
        secrets.get(name).unwrap().expose_secret().to_owned()
    }

    /// Whether the service that knows a secret lets a value in.
    fn lets_in(&self, name: &str, value: &str) -> bool {
        let role = match name {
            "postgres_password" => Some("postgres".to_owned()),
            "n8n_db_password" => Some(self.role()),
            _ => None,
        };
        let service = match name.split('_').next() {
            Some("redis") => "redis",
            Some("qdrant") => "qdrant",
            _ => "postgres",
        };
        let container = format!("a-{service}");
        self.machine.lets_in(&container, role.as_deref(), value)
    }

    /// N8n's role, as its container is told.
    fn role(&self) -> String {
        let run = run(self.machine, self.stack, self.catalogue);
        let n8n = run.desired.service(&"n8n".parse().unwrap()).unwrap();
        let user = &n8n.container.env["DB_POSTGRESDB_USER"];
        user.expose().to_owned()
    }
}

impl Ground for Fake<'_> {
    type Error = RunError;

    async fn reach(&mut self, target: Target) -> Result<Flights, RunError> {
        if self.machine.is_dead() {
            return Err(aiplat_testkit::fake::Died.into());
        }
        let mut secrets = self.secrets();
        let step = match target {
            Target::After(step) => step,
            Target::Begun => {
                let new =
                    |name: &str| format!("{CANARY}{:02}new{}", self.round, name.replace('_', "Z"));
                let fresh = ROTATED.iter().filter(|name| secrets.flight(name).is_none());
                Move::Draw(
                    fresh
                        .map(|name| (name.parse::<SecretName>().unwrap(), new(name).into()))
                        .collect(),
                )
            }
        };
        secrets.make(step);
        let flights = secrets
            .in_flight()
            .map(|(name, flight)| (name.clone(), flight.stage))
            .collect();
        let mut stack = self.stack.clone();
        stack.config.secrets = secrets;
        let run = Run::new(self.machine, &stack, self.catalogue, &engine_facts(true))
            .unwrap_or_else(|spoilt| panic!("{spoilt}"));
        run.deploy().await?;
        Ok(flights)
    }

    fn tell(&mut self, leg: Leg) {
        self.legs.push(leg);
    }
}

/// Nothing is on its way, the value in force is let in, and none of the others that there ever were is.
#[track_caller]
fn whole(fake: &Fake<'_>, others: &[Vec<String>], at: &str) {
    let secrets = fake.secrets();
    assert_eq!(secrets.in_flight().count(), 0, "{at}");
    assert_eq!(secrets.obsolete().count(), 0, "{at}");
    for (name, others) in ROTATED.iter().zip(others) {
        let value = fake.value(name);
        assert!(fake.lets_in(name, &value), "{at}: {name} is not let in");
        for other in others.iter().filter(|other| **other != value) {
            assert!(!fake.lets_in(name, other), "{at}: another {name} is let in");
        }
    }
}

/// Every value that a secret had: the first, and that of each round.
fn values(first: &Fake<'_>) -> Vec<Vec<String>> {
    let all = ROTATED.iter().map(|name| {
        let drawn = (1..=2).map(|round| format!("{CANARY}{round:02}new{}", name.replace('_', "Z")));
        std::iter::once(first.value(name)).chain(drawn).collect()
    });
    all.collect()
}

fn told(error: &Lost<RunError>) -> String {
    match error {
        Lost::Before(e) | Lost::Returned { cause: e, .. } | Lost::Unfinished { cause: e } => {
            format!("{e} {e:?}")
        }
        Lost::Stuck { cause, then } => format!("{cause} {cause:?} {then} {then:?}"),
    }
}

/// What a rotation is tried on.
struct Ring {
    catalogue: Catalogue,
    stack: Stack,
    start: Machine,
    /// See [`values`].
    all: Vec<Vec<String>>,
    calls: usize,
    deaths: AtomicUsize,
    returns: AtomicUsize,
    finished: AtomicUsize,
}

impl Ring {
    /// The trouble, what it must leave behind, and the same command again.
    async fn bear(&self, trouble: Trouble) {
        let machine = self.start.fork();
        machine.trouble(trouble);
        let mut fake = Fake::on(&machine, &self.stack, &self.catalogue, 1);
        let first = drive(&mut fake).await;
        let (Trouble::Refuse(n) | Trouble::DieAfter(n)) = trouble else {
            panic!("{trouble:?} is not tried");
        };
        let at = format!(
            "{trouble:?} of {} at `{}`",
            self.calls,
            machine.calls().get(n).map_or("", String::as_str)
        );
        machine.trouble(Trouble::Never);
        let all = &self.all;
        match &first {
            Err(_) if matches!(trouble, Trouble::DieAfter(_)) => {
                self.deaths.fetch_add(1, Ordering::Relaxed);
            }
            Err(Lost::Returned { cause, .. }) => {
                assert!(!format!("{cause} {cause:?}").contains(CANARY), "{at}");
                whole(&fake, all, &format!("{at}, returned"));
                for (name, v) in ROTATED.iter().zip(all) {
                    assert_eq!(fake.value(name), v[0], "{at}, returned");
                }
                self.returns.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                assert!(!told(error).contains(CANARY), "{at}: {}", told(error));
                self.finished.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => whole(&fake, all, &at),
        }
        let mut again = Fake::on(&machine, &self.stack, &self.catalogue, 2);
        drive(&mut again)
            .await
            .unwrap_or_else(|e| panic!("{at}, again: {}", told(&e)));
        whole(&again, all, &format!("{at}, again"));
        for (name, v) in ROTATED.iter().zip(all) {
            assert_ne!(again.value(name), v[0], "{at}, again: {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(
    clippy::print_stdout,
    reason = "how much was tried is what the run is for"
)]
async fn a_rotation_that_dies_or_is_refused_anywhere_is_finished_by_the_next() {
    let catalogue = catalogue();
    let (start, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    run(&start, &stack, &catalogue).deploy().await.unwrap();
    let all = values(&Fake::on(&start, &stack, &catalogue, 1));
    let quiet = start.fork();
    quiet.trouble(Trouble::Never);
    let mut fake = Fake::on(&quiet, &stack, &catalogue, 1);
    let done = drive(&mut fake)
        .await
        .unwrap_or_else(|e| panic!("{}", told(&e)));
    assert_eq!(done.len(), ROTATED.len());
    whole(&fake, &all, "undisturbed");
    for (name, v) in ROTATED.iter().zip(&all) {
        assert_eq!(fake.value(name), v[1]);
    }
    let calls = quiet.calls().len();
    let ring = Arc::new(Ring {
        catalogue,
        stack,
        start,
        all,
        calls,
        deaths: AtomicUsize::new(0),
        returns: AtomicUsize::new(0),
        finished: AtomicUsize::new(0),
    });
    at_every_call(calls, |trouble| {
        let ring = Arc::clone(&ring);
        async move { ring.bear(trouble).await }
    })
    .await;
    let [deaths, returns, finished] =
        [&ring.deaths, &ring.returns, &ring.finished].map(|n| n.load(Ordering::Relaxed));
    println!(
        "rotation: {calls} calls, {deaths} deaths survived, {returns} refusals returned, {finished} finished by the next"
    );
    assert!(deaths > calls / 2 && returns > 0);
}

/// Some service does not work with the new value: the old one is let in again, and the new one is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_well_with_the_new_value_brings_the_old_one_back() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    run(&machine, &stack, &catalogue).deploy().await.unwrap();
    let mut fake = Fake::on(&machine, &stack, &catalogue, 1);
    let all = values(&fake);
    let image = run(&machine, &stack, &catalogue)
        .desired
        .service(&"n8n".parse().unwrap())
        .unwrap()
        .container
        .image
        .clone();
    // runs on as it is, and never again
    machine.ends(&image, 3, &["cannot log in"]);
    let lost = drive(&mut fake).await.unwrap_err();
    // the one that ran before cannot be started again either here: that is said, and the next run goes on
    let words = told(&lost);
    assert!(words.contains("n8n") && !words.contains(CANARY), "{words}");
    assert!(fake.legs.contains(&Leg::Returning));
    for (name, v) in ROTATED.iter().zip(&all) {
        assert_eq!(fake.value(name), v[0], "{name}");
        assert!(fake.lets_in(name, &v[0]), "{name}");
    }
}
