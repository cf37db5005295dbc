//! Running the graph.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use aiplat_core::plan::{Change, Plan, PlannedStep, Step};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::ahead::{self, Ahead};
use super::graph::{Graph, Task, made_after};
use super::journal::{Journal, Moment};
use super::{ApplyError, ApplyOptions, Report, StepError, StepFailure, StepReport, step};
use crate::chain::chain;
use crate::engine::Engine;
use crate::events::{Event, Events};
use crate::host::Host;
use crate::redact::Redactor;

/// What every step works with.
pub(super) struct Context<'a, E, H, V> {
    pub(super) engine: &'a E,
    pub(super) host: &'a H,
    pub(super) plan: &'a Plan,
    pub(super) events: &'a V,
    pub(super) redactor: Redactor,
    pub(super) best_effort: bool,
    pub(super) ahead: Ahead,
    pub(super) journal: Journal<'a, H>,
    turns: Semaphore,
    stopping: AtomicBool,
}

/// The right to make the engine work. Waiting for a service goes without.
pub(super) type Turn<'c> = SemaphorePermit<'c>;

impl<E, H: Host, V: Events> Context<'_, E, H, V> {
    /// Waits for the right to make the engine work.
    pub(super) async fn turn(&self) -> Turn<'_> {
        self.turns
            .acquire()
            .await
            .expect("the semaphore is never closed")
    }

    /// Whether a step failed: nothing more is begun.
    pub(super) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

/// How one task ended.
enum Ending {
    Done(StepReport),
    Made,
    Failed(StepFailure),
    NotStarted,
}

/// Carries a plan out. After the first failure no step is started any more; those that run come to their end.
///
/// # Errors
/// [`ApplyError`]; with [`ApplyError::Graph`] nothing was done.
pub async fn apply<E: Engine, H: Host, V: Events>(
    engine: &E,
    host: &H,
    plan: &Plan,
    options: &ApplyOptions,
    events: &V,
) -> Result<Report, ApplyError> {
    let began = Instant::now();
    let mut graph = Graph::of(plan)?;
    let context = Context {
        engine,
        host,
        plan,
        events,
        redactor: Redactor::of_plan(plan),
        best_effort: options.best_effort,
        ahead: Ahead::default(),
        journal: Journal::new(host, plan, options),
        turns: Semaphore::new(options.concurrency.max(1)),
        stopping: AtomicBool::new(false),
    };
    let mut running = FuturesUnordered::new();
    for task in graph.first() {
        running.push(one(&context, task));
    }
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    while let Some((task, ending)) = running.next().await {
        match ending {
            Ending::Done(report) => done.push(report),
            Ending::Made => {}
            Ending::Failed(failure) => {
                failures.push(failure);
                continue;
            }
            Ending::NotStarted => continue,
        }
        let free = graph.done(task);
        if !context.stopping() {
            for next in free {
                running.push(one(&context, next));
            }
        }
    }
    drop(running);
    ahead::let_go(&context).await;
    if failures.is_empty() {
        Ok(Report {
            steps: done,
            took: began.elapsed(),
        })
    } else {
        let not_started = plan.steps.len() - done.len() - failures.len();
        Err(ApplyError::Steps {
            failures,
            done: done.len(),
            not_started,
        })
    }
}

async fn one<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    task: Task,
) -> (Task, Ending) {
    let ending = match task {
        Task::Step(index) => in_turn(context, index).await,
        Task::Ahead(index) => {
            let began = Instant::now();
            match ahead::make(context, &context.plan.steps[index]).await {
                Ok(true) => Ending::Made,
                Ok(false) => Ending::NotStarted,
                Err(source) => Ending::Failed(failed(context, index, began, source)),
            }
        }
    };
    (task, ending)
}

async fn in_turn<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    index: usize,
) -> Ending {
    let (planned, total) = (&context.plan.steps[index], context.plan.steps.len());
    let turn = if heavy(&planned.step) {
        Some(context.turn().await)
    } else {
        None
    };
    // a failure elsewhere while this one waited for its turn
    if context.stopping() {
        return Ending::NotStarted;
    }
    let id = planned.id.as_str();
    context.events.on(Event::StepStarted {
        id,
        index,
        total,
        why: &planned.why,
    });
    let began = Instant::now();
    if let Err(source) = journalled(context, planned, turn).await {
        return Ending::Failed(failed(context, index, began, source));
    }
    let took = began.elapsed();
    context.events.on(Event::StepDone {
        id,
        index,
        total,
        took,
    });
    Ending::Done(StepReport {
        id: planned.id.clone(),
        change: planned.change,
        took,
    })
}

/// Notes a failure, after which nothing more is begun.
fn failed<E, H, V: Events>(
    context: &Context<'_, E, H, V>,
    index: usize,
    began: Instant,
    source: StepError,
) -> StepFailure {
    context.stopping.store(true, Ordering::SeqCst);
    let (planned, total) = (&context.plan.steps[index], context.plan.steps.len());
    context.events.on(Event::StepFailed {
        id: &planned.id,
        index,
        total,
        took: began.elapsed(),
        words: &context.redactor.clean(&chain(&source)),
    });
    StepFailure {
        index,
        total,
        id: planned.id.clone(),
        what: step::words(planned),
        source,
    }
}

async fn journalled<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    planned: &PlannedStep,
    turn: Option<Turn<'_>>,
) -> Result<(), StepError> {
    // what only proves something leaves nothing to resume
    if planned.change == Change::Verify {
        return step::carry_out(context, planned, turn).await;
    }
    // one whose container was made ahead has begun
    if made_after(&planned.step).is_none() {
        context.journal.record(Moment::Begin, &planned.id)?;
    }
    let outcome = step::carry_out(context, planned, turn).await;
    let moment = if outcome.is_ok() {
        Moment::Done
    } else {
        Moment::Failed
    };
    let noted = context.journal.record(moment, &planned.id);
    outcome?;
    noted?;
    Ok(())
}

/// Whether a step makes the engine work from its beginning.
fn heavy(step: &Step) -> bool {
    matches!(
        step,
        Step::Container(_) | Step::Start { .. } | Step::Check(_) | Step::Network(_)
    )
}
