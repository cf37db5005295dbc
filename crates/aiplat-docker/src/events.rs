//! What happens while a plan is carried out, told as it happens. A library never prints.

use std::time::Duration;

use aiplat_core::names::ServiceName;

use crate::engine::PullProgress;

/// Somebody who is told. Called from the task that applies: must not block.
pub trait Events: Send + Sync {
    /// Something happened.
    fn on(&self, event: Event<'_>);
}

/// Nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Events for Silent {
    fn on(&self, _event: Event<'_>) {}
}

impl<F: Fn(Event<'_>) + Send + Sync> Events for F {
    fn on(&self, event: Event<'_>) {
        self(event);
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A step began.
    StepStarted {
        /// The step's id.
        id: &'a str,
        /// Its place in the plan, from 0.
        index: usize,
        /// How many steps the plan has.
        total: usize,
        /// Why it is there.
        why: &'a str,
    },
    /// A service went on.
    Phase {
        /// The service.
        service: &'a ServiceName,
        /// What it is doing now.
        phase: Phase,
    },
    /// A service is still not ready.
    Waiting {
        /// The service.
        service: &'a ServiceName,
        /// What its last probe answered.
        last: &'a str,
        /// Since when it is waited for.
        waited: Duration,
    },
    /// The kernel does not hold a service to what it was made with, and that was agreed to.
    NotInForce {
        /// The service.
        service: &'a ServiceName,
        /// What is not in force, each in words.
        missing: &'a [String],
    },
    /// An image is being pulled.
    Pull {
        /// Its reference.
        reference: &'a str,
        /// What moved.
        progress: &'a PullProgress,
    },
    /// A step ended well.
    StepDone {
        /// The step's id.
        id: &'a str,
        /// Its place in the plan, from 0.
        index: usize,
        /// How many steps the plan has.
        total: usize,
        /// How long it took.
        took: Duration,
    },
    /// A step failed; `apply` reports the cause at its end.
    StepFailed {
        /// The step's id.
        id: &'a str,
        /// Its place in the plan, from 0.
        index: usize,
        /// How many steps the plan has.
        total: usize,
        /// How long it took.
        took: Duration,
        /// The cause in one line.
        words: &'a str,
    },
}

/// Where a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Its image is on its way.
    Pulling,
    /// Its container is being made.
    Creating,
    /// The one it replaces is being stopped.
    Stopping,
    /// Its data is being copied while nothing writes to it.
    Copying,
    /// It is being started.
    Starting,
    /// It is asked whether it is ready.
    Waiting,
    /// It is ready.
    Healthy,
    /// What it needs inside another service is being made.
    Provisioning,
    /// Something is taken out of it for good.
    Withdrawing,
    /// It reads its new configuration.
    Reloading,
    /// It did not become ready: the one it replaced is being put back.
    RollingBack,
    /// It is gone.
    Removed,
}

impl Phase {
    /// The phase as one lower-case word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pulling => "pulling",
            Self::Creating => "creating",
            Self::Stopping => "stopping",
            Self::Copying => "copying",
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::Healthy => "healthy",
            Self::Provisioning => "provisioning",
            Self::Withdrawing => "withdrawing",
            Self::Reloading => "reloading",
            Self::RollingBack => "rolling-back",
            Self::Removed => "removed",
        }
    }
}
