//! A deployed stack as it stands: what is wanted of it by its own manifest, and what is there.

use std::collections::BTreeSet;
use std::path::Path;

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::desired::{Desired, desired};
use aiplat_core::names::ServiceName;
use aiplat_core::observed::Observed;
use aiplat_core::plan::{self, Plan, PlanProblem};
use aiplat_core::settings::Warning;

use super::copied::one_place;
use super::{Operation, Places, PrepareError, Volume, open};
use crate::apply::{ApplyError, ApplyOptions, JournalError, Report, apply};
use crate::engine::Engine;
use crate::events::Events;
use crate::host::Host;
use crate::observe::{ObserveQuestion, observe};

/// A deployed stack as it stands.
#[derive(Debug)]
pub struct Standing {
    /// The stack as its manifest describes it.
    pub config: StackConfig,
    /// What is wanted.
    pub desired: Desired,
    /// What is there.
    pub observed: Observed,
    /// Where it lies.
    pub volume: Volume,
    /// What works but was perhaps not meant.
    pub warnings: Vec<Warning>,
    operation: Option<Operation>,
}

/// A plan that changes a standing stack, under the stack's lock.
#[derive(Debug)]
pub struct Change {
    /// What will be done.
    pub plan: Plan,
    /// The stack.
    pub standing: Standing,
}

/// Looks at the stack in a directory. With a `command` its lock is taken first, under which a [`Change`] may be made;
/// without one nothing is locked.
///
/// # Errors
/// [`PrepareError`]; nothing has been touched.
pub async fn standing<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    base_dir: &Path,
    places: &Places,
    command: Option<&str>,
) -> Result<Standing, PrepareError> {
    let operation = command
        .map(|command| Operation::on_stack(host, places, base_dir, command))
        .transpose()?;
    let opened = open(host, catalogue, base_dir)?;
    let config = opened.config;
    let mut question = ObserveQuestion {
        base_dir: opened.volume.path.clone(),
        ..Default::default()
    };
    let facts = engine.facts().await?;
    let desired = desired(&config, catalogue, &facts).map_err(PrepareError::Desired)?;
    question.paths = desired.paths();
    question.cgroup_parent = config.cgroup_parent(&facts.cgroup_driver);
    let observed = observe(engine, host, &question).await?;
    let register = super::register(places)?;
    one_place(host, &config.id, &opened.volume.path, &observed, &register)?;
    Ok(Standing {
        config,
        desired,
        observed,
        volume: opened.volume,
        warnings: opened.warnings,
        operation,
    })
}

/// The services that words mean: each a service of the stack, or the bundle of some.
///
/// # Errors
/// [`PrepareError::Unknown`] with every word that means none.
pub fn named(
    catalogue: &Catalogue,
    config: &StackConfig,
    words: &[ServiceName],
) -> Result<Vec<ServiceName>, PrepareError> {
    let selected = config.selection.services();
    let bundle = |name: &ServiceName| catalogue.get(name).and_then(|s| s.bundle.as_deref());
    let mut meant = BTreeSet::new();
    let mut unknown = Vec::new();
    for word in words {
        let of = |name: &&ServiceName| *name == word || bundle(name) == Some(word.as_str());
        let mut found = selected.iter().filter(of).peekable();
        if found.peek().is_none() {
            unknown.push(word.to_string());
        }
        meant.extend(found.cloned());
    }
    if unknown.is_empty() {
        Ok(meant.into_iter().collect())
    } else {
        Err(PrepareError::Unknown {
            words: unknown,
            services: selected.to_vec(),
        })
    }
}

impl Standing {
    /// Takes a plan that was made for this stack, once it has passed the checker that every plan passes.
    pub(super) fn change(
        self,
        catalogue: &Catalogue,
        places: &Places,
        plan: Result<Plan, Vec<PlanProblem>>,
    ) -> Result<Change, PrepareError> {
        let plan = plan.map_err(PrepareError::Plan)?;
        let register = super::register(places)?;
        let violations = plan::check(&plan, &self.config, catalogue, &register);
        if !violations.is_empty() {
            return Err(PrepareError::Violations(violations));
        }
        Ok(Change {
            plan,
            standing: self,
        })
    }
}

/// What came of one service's part of a change.
#[derive(Debug)]
pub struct Apart {
    /// The service.
    pub service: ServiceName,
    /// Why its step that changes something is there, in words.
    pub why: String,
    /// How it ended.
    pub result: Result<Report, ApplyError>,
}

impl Change {
    /// Carries out each service's steps for themselves, one service after the other: one that fails does not keep the
    /// others from their turn. Only for plans in which no service waits for another.
    ///
    /// # Errors
    /// [`ApplyError`] where not even the beginning could be recorded: nothing was done.
    pub async fn run_apart<E: Engine, H: Host, V: Events>(
        mut self,
        engine: &E,
        host: &H,
        options: &ApplyOptions,
        events: &V,
    ) -> Result<Vec<Apart>, ApplyError> {
        let options = options.journalled(&self.plan, &self.standing.config);
        self.begin()?;
        let mut all = Vec::new();
        for (service, container) in &self.plan.services {
            let tail = format!("/{service}");
            let own = self.plan.steps.iter().filter(|s| s.id.ends_with(&tail));
            let part = Plan {
                services: vec![(service.clone(), container.clone())],
                steps: own.cloned().collect(),
                ..self.plan.clone()
            };
            let result = apply(engine, host, &part, &options, events).await;
            let why = part.steps.last().map(|s| s.why.clone());
            all.push(Apart {
                service: service.clone(),
                why: why.unwrap_or_default(),
                result,
            });
        }
        let failed = all.iter().find_map(|part| part.result.as_ref().err());
        if let Some(operation) = self.standing.operation.take() {
            // each service's own result is the caller's; the trail has the first that failed
            let _ = operation.end(failed.map_or(Ok(()), Err));
        }
        Ok(all)
    }

    fn begin(&mut self) -> Result<(), ApplyError> {
        let id = &self.standing.config.id;
        match &mut self.standing.operation {
            Some(operation) => operation
                .started(id, Some(&self.plan))
                .map_err(|error| ApplyError::Journal(JournalError::Write(error))),
            None => Ok(()),
        }
    }

    /// Carries it out; the lock is let go at the end.
    ///
    /// # Errors
    /// [`ApplyError`]; the same again goes on from what is there.
    pub async fn run<E: Engine, H: Host, V: Events>(
        mut self,
        engine: &E,
        host: &H,
        options: &ApplyOptions,
        events: &V,
    ) -> Result<Report, ApplyError> {
        let options = options.journalled(&self.plan, &self.standing.config);
        self.begin()?;
        let result = apply(engine, host, &self.plan, &options, events).await;
        Operation::end_held(self.standing.operation.take(), result)
    }
}
