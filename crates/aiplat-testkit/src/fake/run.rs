//! Observe, plan, apply: what the command does, on a machine.

use aiplat_core::allocation::Register;
use aiplat_core::catalogue::{Catalogue, Identity};
use aiplat_core::desired::{Desired, deposits};
use aiplat_core::names::ServiceName;
use aiplat_core::observed::{Observed, PathState};
use aiplat_core::plan::{
    Kept, Plan, PlanProblem, Purge, Reach, RenewedCertificate, Violation, check, plan, reload,
    renew, restart, sign_in, teardown,
};
use aiplat_core::spec::Withdrawal;
use aiplat_docker::apply::{ApplyError, ApplyOptions, JournalFile, Report, apply};
use aiplat_docker::events::{Event, Events};
use aiplat_docker::host::Host as _;
use aiplat_docker::observe::{ObserveError, ObserveQuestion, observe};

use super::machine::Machine;
use super::stack::{Spoilt, Stack};

/// One stack's runs on a machine.
#[derive(Debug)]
pub struct Run<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// The stack.
    pub stack: &'a Stack,
    /// The catalogue.
    pub catalogue: &'a Catalogue,
    /// What is wanted.
    pub desired: Desired,
}

/// The run was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run was killed")]
pub struct Died;

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It was killed.
    #[error(transparent)]
    Died(#[from] Died),
    /// What is there could not be seen.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// There is no plan.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Plan(Vec<PlanProblem>),
    /// The plan breaks its own rules.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Violations(Vec<Violation>),
    /// Steps failed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

struct Nobody;

impl Events for Nobody {
    fn on(&self, _event: Event<'_>) {}
}

impl<'a> Run<'a> {
    /// A stack on a machine, whose services know how to answer.
    ///
    /// # Errors
    /// [`Spoilt`].
    pub fn new(
        machine: &'a Machine,
        stack: &'a Stack,
        catalogue: &'a Catalogue,
        facts: &aiplat_core::observed::EngineFacts,
    ) -> Result<Self, Spoilt> {
        let desired = stack.desired(catalogue, facts)?;
        machine.teach(&desired);
        machine.volume(&stack.config.base_dir().display().to_string());
        Ok(Self {
            machine,
            stack,
            catalogue,
            desired,
        })
    }

    /// The same stack on another machine.
    #[must_use]
    pub fn on<'b>(&self, machine: &'b Machine) -> Run<'b>
    where
        'a: 'b,
    {
        machine.teach(&self.desired);
        Run {
            machine,
            stack: self.stack,
            catalogue: self.catalogue,
            desired: self.desired.clone(),
        }
    }

    /// What is there.
    ///
    /// # Errors
    /// [`RunError::Observe`], [`RunError::Died`].
    pub async fn observe(&self) -> Result<Observed, RunError> {
        let config = &self.stack.config;
        let question = ObserveQuestion {
            base_dir: config.base_dir().to_path_buf(),
            cgroup_parent: config.cgroup_parent("cgroupfs"),
            paths: self.desired.paths(),
        };
        self.alive(async {
            let (engine, host) = (&self.machine.engine, &self.machine.host);
            let mut seen = observe(engine, host, &question).await?;
            let quota = &self.desired.quota;
            let wanted = quota.bytes.map(|_| quota.project);
            let base = config.base_dir();
            seen.host.quota = host.quota(base, wanted).map_err(ObserveError::from)?;
            for path in self.desired.copies(config, &seen.containers) {
                let state = host.path_state(&path).map_err(ObserveError::from)?;
                if state != PathState::Absent {
                    seen.paths.insert(path, state);
                }
            }
            Ok(seen)
        })
        .await
    }

    /// The plan that leads from what is there to what is wanted, checked.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn plan(&self) -> Result<Plan, RunError> {
        let observed = self.observe().await?;
        let plan = plan(&self.stack.config, &self.desired, &observed).map_err(RunError::Plan)?;
        let found = check(
            &plan,
            &self.stack.config,
            self.catalogue,
            &Register::default(),
        );
        if found.is_empty() {
            Ok(plan)
        } else {
            Err(RunError::Violations(found))
        }
    }

    /// Carries a plan out.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn apply(&self, plan: &Plan, events: &impl Events) -> Result<Report, RunError> {
        let config = &self.stack.config;
        let options = ApplyOptions {
            // nobody can write below what is being purged
            journal: self.journals(plan).then(|| JournalFile::of(config)),
            ..ApplyOptions::for_cpus(2)
        };
        self.alive(async {
            Ok(apply(
                &self.machine.engine,
                &self.machine.host,
                plan,
                &options,
                events,
            )
            .await?)
        })
        .await
    }

    /// Where there is a directory for it, and it stays.
    fn journals(&self, plan: &Plan) -> bool {
        let config = self.stack.config.path("config");
        let there = self.machine.host.path_state(&config);
        let purged = plan.steps.iter().any(|s| matches!(&s.step, aiplat_core::plan::Step::PurgeDirectory { path, .. } if *path == config));
        !purged
            && matches!(
                there,
                Ok(aiplat_core::observed::PathState::Directory { .. })
            )
    }

    /// Observe, plan, apply.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn deploy(&self) -> Result<Report, RunError> {
        // the lock's directory is made before anything is planned, as the command does
        let config = &self.stack.config;
        let directory = aiplat_core::spec::DirectorySpec {
            path: config.path("config"),
            owner: config.owner(Identity::Stack),
            mode: 0o750,
        };
        let made = self.machine.host.make_directory(&directory);
        if self.machine.is_dead() {
            return Err(Died.into());
        }
        made.map_err(ObserveError::from)?;
        let plan = self.plan().await?;
        self.apply(&plan, &Nobody).await
    }

    /// Brings the stack to what is wanted, and takes away what it keeps of services that are not part of it.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn forget(&self, services: &[ServiceName]) -> Result<Report, RunError> {
        let mut plan = self.plan().await?;
        let config = &self.stack.config;
        let state = |path: &std::path::Path| self.machine.host.path_state(path);
        let kept = Kept::of(config, self.catalogue, services)
            .only(|path| !matches!(state(path), Ok(PathState::Absent)));
        if self.machine.is_dead() {
            return Err(Died.into());
        }
        let why = "the service is purged";
        plan.withdraw(self.deposited(services), why, true);
        plan.forget(&kept, &Kept::default(), why, true);
        self.checked(Ok(plan)).await
    }

    /// What services that are not part of the stack may have inside its stores.
    fn deposited(&self, services: &[ServiceName]) -> Vec<Withdrawal> {
        let facts = self.machine.facts();
        let all = deposits(&self.stack.config, self.catalogue, &facts, services);
        all.into_iter()
            .filter_map(|deposit| deposit.withdrawal)
            .collect()
    }

    /// Starts services again.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn restart(&self, named: &[ServiceName], reach: Reach) -> Result<Report, RunError> {
        let observed = self.observe().await?;
        let config = &self.stack.config;
        let plan = restart(
            config,
            self.catalogue,
            &self.desired,
            &observed,
            named,
            reach,
        );
        self.checked(plan).await
    }

    /// Has services read their configuration anew.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn reload(&self, named: &[ServiceName]) -> Result<Report, RunError> {
        let observed = self.observe().await?;
        let plan = reload(&self.stack.config, &self.desired, &observed, named);
        self.checked(plan).await
    }

    /// Signs the stack's node in again with this key.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn sign_in(&self, key: &str) -> Result<Report, RunError> {
        let observed = self.observe().await?;
        let plan = sign_in(&self.stack.config, &self.desired, &observed, key.into());
        self.checked(plan).await
    }

    /// Gets new certificates for the front door.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn renew(
        &self,
        door: &ServiceName,
        certificates: Vec<RenewedCertificate>,
    ) -> Result<Report, RunError> {
        let observed = self.observe().await?;
        let (config, catalogue) = (&self.stack.config, self.catalogue);
        let plan = renew(
            config,
            catalogue,
            &self.desired,
            &observed,
            door,
            certificates,
        );
        self.checked(plan).await
    }

    async fn checked(&self, plan: Result<Plan, Vec<PlanProblem>>) -> Result<Report, RunError> {
        let plan = plan.map_err(RunError::Plan)?;
        let (config, register) = (&self.stack.config, Register::default());
        let found = check(&plan, config, self.catalogue, &register);
        if !found.is_empty() {
            return Err(RunError::Violations(found));
        }
        self.apply(&plan, &Nobody).await
    }

    /// Takes the stack away, with its data when asked.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn teardown(&self, purge: bool) -> Result<Report, RunError> {
        let observed = self.observe().await?;
        let config = &self.stack.config;
        let directories =
            ["data", "logs", "apparmor", "caddy", "ssl", "config"].map(|d| config.path(d));
        let purge = purge.then(|| Purge {
            directories: directories.into(),
        });
        let plan = teardown(
            config.name(),
            &config.id,
            config.base_dir(),
            std::path::Path::new(config.settings.apparmor_profile_dir.get().as_str()),
            self.catalogue,
            &observed,
            purge.as_ref(),
        );
        self.apply(&plan, &Nobody).await
    }

    /// Drops what is under way when the caller dies, as a kernel does.
    async fn alive<T>(
        &self,
        work: impl Future<Output = Result<T, RunError>>,
    ) -> Result<T, RunError> {
        tokio::select! {
            biased;
            () = self.machine.death() => Err(Died.into()),
            done = work => if self.machine.is_dead() { Err(Died.into()) } else { done },
        }
    }
}
