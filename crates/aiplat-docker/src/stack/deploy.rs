//! Carrying a prepared plan out.

use aiplat_core::allocation::Reservation;
use aiplat_core::catalogue::Identity;
use aiplat_core::names::ServiceName;
use aiplat_core::plan::{PlannedStep, Step};
use aiplat_core::spec::{DirectorySpec, FileSpec};

use super::extend::Attempt;
use super::prepare::RESERVATION_WAIT;
use super::{Operation, Prepared};
use crate::apply::{ApplyError, ApplyOptions, JournalFile, Report, apply};
use crate::engine::Engine;
use crate::events::Events;
use crate::host::{Host, HostError, HostLock, RegisterStore};

/// Why a deploy did not end well.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// A reservation or lock could not be written; nothing else was touched.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Steps failed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl Prepared {
    /// Carries the plan out, under the stack's lock and with its reservations in the register.
    ///
    /// # Errors
    /// [`DeployError`]. The same run again goes on from what is there. A new stack of which nothing was made yet
    /// leaves no trace.
    pub async fn deploy<E: Engine, H: Host, V: Events>(
        self,
        engine: &E,
        host: &H,
        options: &ApplyOptions,
        events: &V,
    ) -> Result<Report, DeployError> {
        let (result, operation) = self.settle(engine, host, options, events).await;
        Operation::end_held(operation, result)
    }

    /// The same, and gives the operation back for what is to follow under its lock.
    pub(super) async fn settle<E: Engine, H: Host, V: Events>(
        self,
        engine: &E,
        host: &H,
        options: &ApplyOptions,
        events: &V,
    ) -> (Result<Report, DeployError>, Option<Operation>) {
        let base_dir = self.volume.path.clone();
        let (done, operation) = self.deploy_holding(engine, host, options, events).await;
        // the stack is as its manifest says: an addition that was interrupted is over
        let settled = done.and_then(|report| {
            Attempt::end(host, &base_dir)?;
            Ok(report)
        });
        (settled, operation)
    }

    /// The same, and leaves an addition that was interrupted under way.
    pub(super) async fn deploy_holding<E: Engine, H: Host, V: Events>(
        mut self,
        engine: &E,
        host: &H,
        options: &ApplyOptions,
        events: &V,
    ) -> (Result<Report, DeployError>, Option<Operation>) {
        let done = self.carry_out(engine, host, options, events).await;
        (done, self.operation.take())
    }

    async fn carry_out<E: Engine, H: Host, V: Events>(
        &mut self,
        engine: &E,
        host: &H,
        options: &ApplyOptions,
        events: &V,
    ) -> Result<Report, DeployError> {
        self.reserve(host)?;
        let options = options.journalled(&self.plan, &self.config);
        self.record_beginning()?;
        let result = apply(engine, host, &self.plan, &options, events).await;
        if result.is_ok() {
            self.give_back().await?;
        }
        if let Err(ApplyError::Steps { done, .. }) = &result
            && self.new
            && self.nothing_made(*done)
        {
            self.withdraw(host)?;
        }
        Ok(result?)
    }

    /// Writes the manifest, the identity and the secrets, and reserves what the stack needs; no container is made.
    ///
    /// # Errors
    /// [`DeployError`].
    pub async fn setup<E: Engine, H: Host, V: Events>(
        mut self,
        engine: &E,
        host: &H,
        events: &V,
    ) -> Result<Report, DeployError> {
        self.reserve(host)?;
        let keep = |s: &PlannedStep| matches!(s.id.as_str(), "directories" | "secrets");
        self.plan.steps.retain(keep);
        self.forget_absent();
        self.record_beginning()?;
        let result = apply(engine, host, &self.plan, &ApplyOptions::default(), events).await;
        Ok(self.ended(result)?)
    }

    /// Leaves of the plan what concerns these services alone, and the ground they stand on; others are left as they are.
    pub(super) fn only(&mut self, services: &[ServiceName]) {
        let about = |id: &str| match id.split_once('/') {
            // they may still have more than the stack is to have
            None => id != "cgroup-lowered",
            Some(("image", reference)) => self
                .desired
                .services
                .iter()
                .any(|s| s.container.image == reference && services.contains(&s.name)),
            Some((_, rest)) => {
                let name = rest.split('/').next().unwrap_or(rest);
                services.iter().any(|s| s.as_str() == name)
            }
        };
        self.plan.steps.retain(|s| about(&s.id));
        // others are not made anew, and keep what they have
        let before = self.register.get(&self.reservation.stack_id);
        let kept = before.iter().flat_map(|r| &r.gpus);
        self.reservation.gpus.extend(kept);
        self.forget_absent();
    }

    /// Takes what is not in the plan any more out of what its steps wait for.
    fn forget_absent(&mut self) {
        let names: Vec<String> = self.plan.steps.iter().map(|s| s.id.clone()).collect();
        for step in &mut self.plan.steps {
            step.after.retain(|id| names.contains(id));
            if let Step::Container(made) = &mut step.step
                && let Some(earlier) = &mut made.made_after
            {
                earlier.retain(|id| names.contains(id));
            }
        }
    }

    fn record_beginning(&mut self) -> Result<(), HostError> {
        match &mut self.operation {
            Some(operation) => operation.started(&self.config.id, Some(&self.plan)),
            None => Ok(()),
        }
    }

    fn ended<T>(&mut self, result: Result<T, ApplyError>) -> Result<T, ApplyError> {
        Operation::end_held(self.operation.take(), result)
    }

    /// Puts the reservation into the register and takes the stack's lock; only then is the host's lock let go.
    fn reserve<H: Host>(&mut self, host: &H) -> Result<(), HostError> {
        let Some(lock) = self.host_lock.take() else {
            return Ok(());
        };
        // a graphics processor is free when no container has it any more, and not when the manifest says so
        let mut reserved = self.reservation.clone();
        let before = self.register.get(&reserved.stack_id);
        reserved.gpus.extend(before.iter().flat_map(|r| &r.gpus));
        if before != Some(&reserved) {
            self.register.put(reserved);
            RegisterStore::new(&self.places.state_dir).save(&lock, &self.register)?;
        }
        if self.operation.is_none() {
            let owner = self.config.owner(Identity::Stack);
            if !self.volume.facts.exists {
                // only asked for by name (`--allow-unmounted`): root's, like a mount point
                fs_err::create_dir_all(&self.volume.path)
                    .map_err(|e| HostError::io("make", &self.volume.path, e))?;
            }
            let config = DirectorySpec {
                path: self.config.path("config"),
                owner,
                mode: 0o750,
            };
            host.make_directory(&config)?;
            let operation = Operation::quiet(&self.places, &self.volume.path, &self.command)?;
            self.operation = Some(operation);
            // from here on a run that was killed is continued, with the identity that was reserved
            host.write_file(&FileSpec {
                path: self.config.path("config/stack-id"),
                content: format!("{}\n", self.config.id).into(),
                owner,
                mode: 0o600,
            })?;
        }
        // the first moment at which the stack can be told from the empty directory under its volume
        let (stack, id) = (self.config.name(), &self.config.id);
        host.mark_volume(stack, id, &self.volume.path)?;
        drop(lock);
        Ok(())
    }

    /// Gives the graphics processors back that the stack had and has no more.
    async fn give_back(&self) -> Result<(), HostError> {
        let id = &self.reservation.stack_id;
        let more = |r: &Reservation| r.gpus != self.reservation.gpus;
        if !self.register.get(id).is_some_and(more) {
            return Ok(());
        }
        let lock = HostLock::wait_asleep(&self.places.state_dir, RESERVATION_WAIT).await?;
        let store = RegisterStore::new(&self.places.state_dir);
        let mut loaded = store.load()?;
        if let Some(held) = loaded.register.get(id).cloned() {
            loaded.register.put(Reservation {
                gpus: self.reservation.gpus.clone(),
                ..held
            });
            store.save(&lock, &loaded.register)?;
        }
        Ok(())
    }

    /// Whether the steps that ended well, of which there are `done`, made nothing of the stack.
    fn nothing_made(&self, done: usize) -> bool {
        let images = self
            .plan
            .steps
            .iter()
            .filter(|s| matches!(s.step, Step::Image { .. }))
            .count();
        images > 0 && done < images
    }

    /// Takes back what a new stack's failed first run left: its reservation and its empty directory.
    fn withdraw<H: Host>(&mut self, host: &H) -> Result<(), HostError> {
        let config = self.config.path("config");
        for file in [
            JournalFile::of(&self.config).path,
            self.config.path("config/stack-id"),
            config.join("lock"),
        ] {
            host.remove_file(&file)?;
        }
        if let Some(operation) = self.operation.take() {
            operation.forget()?;
        }
        host.purge_directory(&config, &self.volume.path)?;
        if !self.volume.facts.exists {
            host.purge_directory(&self.volume.path, &self.volume.path)?;
        }
        host.release(&self.config.id)
    }
}
