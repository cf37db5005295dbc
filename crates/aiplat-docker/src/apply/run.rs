//! Running the graph.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use aiplat_core::plan::{Change, Plan, PlannedStep, Step};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::graph::Graph;
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
    turns: Semaphore,
    journal: Journal<'a, H>,
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
}

/// How one step ended.
enum Ending {
    Done(StepReport),
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
        turns: Semaphore::new(options.concurrency.max(1)),
        journal: Journal::new(host, plan, options),
        stopping: AtomicBool::new(false),
    };
    let mut running = FuturesUnordered::new();
    for index in graph.first() {
        running.push(one(&context, index));
    }
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    while let Some((index, ending)) = running.next().await {
        match ending {
            Ending::Done(report) => {
                done.push(report);
                let free = graph.done(index);
                if !context.stopping.load(Ordering::SeqCst) {
                    for next in free {
                        running.push(one(&context, next));
                    }
                }
            }
            Ending::Failed(failure) => failures.push(failure),
            Ending::NotStarted => {}
        }
    }
    drop(running);
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
    index: usize,
) -> (usize, Ending) {
    let (planned, total) = (&context.plan.steps[index], context.plan.steps.len());
    let turn = if heavy(&planned.step) {
        Some(context.turn().await)
    } else {
        None
    };
    // a failure elsewhere while this one waited for its turn
    if context.stopping.load(Ordering::SeqCst) {
        return (index, Ending::NotStarted);
    }
    let id = planned.id.as_str();
    context.events.on(Event::StepStarted {
        id,
        index,
        total,
        why: &planned.why,
    });
    let began = Instant::now();
    let outcome = journalled(context, planned, turn).await;
    let took = began.elapsed();
    match outcome {
        Ok(()) => {
            context.events.on(Event::StepDone {
                id,
                index,
                total,
                took,
            });
            (
                index,
                Ending::Done(StepReport {
                    id: planned.id.clone(),
                    change: planned.change,
                    took,
                }),
            )
        }
        Err(source) => {
            context.stopping.store(true, Ordering::SeqCst);
            let words = context.redactor.clean(&chain(&source));
            context.events.on(Event::StepFailed {
                id,
                index,
                total,
                took,
                words: &words,
            });
            let failure = StepFailure {
                index,
                total,
                id: planned.id.clone(),
                what: step::words(planned),
                source,
            };
            (index, Ending::Failed(failure))
        }
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
    context.journal.record(Moment::Begin, &planned.id)?;
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
