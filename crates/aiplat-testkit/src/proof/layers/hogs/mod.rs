//! A hog in one stack, and everybody else: a canary container takes processes, then memory, under the limits of one of its
//! stack's services, while the services of the other stacks are asked all along. The kernel has to stop the hog at its
//! limit, and the others must not notice.
//!
//! A hog is bounded whatever the limits are: it stops by itself a little beyond what is planned, and after some seconds.

mod canary;
mod neighbour;
mod pulse;

use std::time::Duration;

use super::groups::Groups;
use crate::proof::prober::Hog;
use crate::proof::{Cell, Layer, Member, Scene, Stack, Verdict};
use canary::{Canary, Program};
use neighbour::Neighbour;
use pulse::{Pulse, judge};

pub(in crate::proof) use canary::sweep;

/// What a hog takes beyond its planned limit before it stops by itself.
const BEYOND_TASKS: u64 = 32;
const BEYOND_BYTES: u64 = 64 << 20;
/// More than this is not tried on anybody's machine.
const MOST_BYTES: u64 = 2 << 30;
const MOST_TASKS: u64 = 8192;
/// What the machine must have left beside the hog.
const SPARE_BYTES: u64 = 1 << 30;
/// How long the others are asked before, after, and at least while a hog is there.
const QUIET: Duration = Duration::from_secs(1);
const BUSY: Duration = Duration::from_secs(2);
/// The longest wait for the kernel to stop a hog.
const LONGEST: Duration = Duration::from_secs(12);
/// Rounds at most: a machine that others use too is slow now and then; a neighbour that a hog hurts is hurt each time.
const ROUNDS: usize = 8;
/// How a cell begins that the machine's other load may spoil.
const ANSWERS: &str = "its answers";

/// What a hog is told, by the plan of the service whose limits it has.
#[derive(Debug, Clone, Copy)]
struct Plan {
    bytes: u64,
    tasks: u64,
}

pub(super) async fn cells(scene: &Scene<'_>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for stack in &scene.stacks {
        let others: Vec<&Stack> = scene
            .stacks
            .iter()
            .filter(|s| s.name != stack.name)
            .collect();
        cells.extend(of_stack(scene, stack, &others).await);
    }
    cells
}

/// A hog in this stack.
async fn of_stack(scene: &Scene<'_>, stack: &Stack, others: &[&Stack]) -> Vec<Cell> {
    let cell = Cell::new(
        Layer::Resources,
        &stack.name,
        "host",
        "a hog under one of its services' limits",
    )
    .expect("stopped by the kernel at that limit");
    let (member, plan) = match source(scene, stack) {
        Ok(found) => found,
        Err(words) => return vec![cell.not_tried(words)],
    };
    let program = match Program::find(&scene.options.prober).await {
        Ok(program) => program,
        Err(words) => return vec![cell.not_tried(words)],
    };
    let kinds = [
        Hog::Tasks(plan.tasks + BEYOND_TASKS),
        Hog::Memory(plan.bytes + BEYOND_BYTES),
    ];
    let mut cells = Vec::new();
    for hog in kinds {
        match round(scene, stack, member, plan, hog, &program, others).await {
            Ok(found) => cells.extend(found),
            Err(words) => cells.push(cell.clone().not_tried(words)),
        }
    }
    cells
}

/// The service with the smallest limits, and whether a hog under them is safe here.
fn source<'a>(scene: &Scene<'_>, stack: &'a Stack) -> Result<(&'a Member, Plan), String> {
    let smallest = stack
        .members
        .iter()
        .filter(|m| m.planned)
        .filter_map(|m| Some((m, m.spec.limits.memory_bytes?)))
        .min_by_key(|(m, bytes)| (*bytes, m.spec.limits.pids, m.label.clone()));
    let Some((member, bytes)) = smallest else {
        return Err("no service of it that runs has a limit of memory".to_owned());
    };
    let plan = Plan {
        bytes,
        tasks: u64::from(member.spec.limits.pids),
    };
    if plan.bytes > MOST_BYTES || plan.tasks > MOST_TASKS {
        return Err("its smallest limits are larger than what is safe to fill".to_owned());
    }
    let meminfo = std::fs::read_to_string(scene.bed.host.proc.join("meminfo")).unwrap_or_default();
    let available = meminfo
        .lines()
        .find_map(|l| {
            l.strip_prefix("MemAvailable:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .unwrap_or(0_u64)
        * 1024;
    if available < plan.bytes + BEYOND_BYTES + SPARE_BYTES {
        return Err(format!(
            "this machine has only {} MiB of memory left",
            available >> 20
        ));
    }
    // the stack's own services come first: under a limit of the whole stack a hog may only take what is free
    let groups = groups(scene, member.pid);
    for above in groups.limited_above() {
        let number = |file: &str| -> Option<u64> {
            std::fs::read_to_string(above.join(file))
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        let room = |limit: &str, used: &str| Some(number(limit)?.saturating_sub(number(used)?));
        let bytes = room("memory.max", "memory.current")
            .or_else(|| room("memory.limit_in_bytes", "memory.usage_in_bytes"));
        let tasks = room("pids.max", "pids.current");
        if bytes.is_some_and(|b| b < plan.bytes + BEYOND_BYTES)
            || tasks.is_some_and(|t| t < plan.tasks + BEYOND_TASKS)
        {
            return Err(format!(
                "the limit of `{}` leaves a hog no room beside the stack's own services",
                above.display()
            ));
        }
    }
    Ok((member, plan))
}

fn groups(scene: &Scene<'_>, pid: u32) -> Groups {
    Groups::of(&scene.bed.host.proc, &scene.bed.host.cgroups, pid)
}

fn word(hog: Hog) -> &'static str {
    match hog {
        Hog::Tasks(_) | Hog::Idle => "processes",
        Hog::Memory(_) | Hog::Eat(_) => "memory",
    }
}

/// One kind of hog, as often as it takes to tell it from the machine's other load.
async fn round(
    scene: &Scene<'_>,
    stack: &Stack,
    member: &Member,
    plan: Plan,
    hog: Hog,
    program: &Program,
    others: &[&Stack],
) -> Result<Vec<Cell>, String> {
    let neighbours: Vec<Neighbour<'_>> = others.iter().flat_map(|s| Neighbour::all(s)).collect();
    let mut cells = Vec::new();
    for last in (0..ROUNDS).rev() {
        let before = pulse(&neighbours, QUIET).await;
        let marks: Vec<_> = neighbours.iter().map(|n| n.mark(scene)).collect();
        let canary = Canary::start(scene, stack, member, hog, program).await?;
        let hogged = groups(scene, canary.pid);
        let (stopped, busy) = tokio::join!(
            watch(scene, &canary, &hogged, plan, hog),
            pulse(&neighbours, BUSY)
        );
        let shared = hogged.limited_above();
        canary.remove(scene).await;
        let after = pulse(&neighbours, QUIET).await;
        let from = format!("{}/hog of {}", stack.name, word(hog));
        cells = vec![stopped.cell(&from, &member.label, plan, hog)];
        for (index, neighbour) in neighbours.iter().enumerate() {
            let tried = format!("{ANSWERS} while a hog takes {}", word(hog));
            let cell = Cell::new(Layer::Resources, &from, &neighbour.member.label, tried);
            if neighbour.gate.is_some() {
                let quiet = before[index].and(&after[index]);
                cells.push(judge(cell, &quiet, &busy[index]));
            }
            cells.push(
                neighbour
                    .unharmed(scene, &from, &marks[index], &shared)
                    .await,
            );
        }
        // what was not tried is slow for the same reason: a hog that did not get to its limit, for one
        let answered = cells.iter().all(|c| {
            c.verdict == Verdict::Held
                || c.verdict == Verdict::Breach && !c.tried.starts_with(ANSWERS)
        });
        if answered || last == 0 {
            break;
        }
    }
    Ok(cells)
}

async fn pulse(neighbours: &[Neighbour<'_>], during: Duration) -> Vec<Pulse> {
    let asked = neighbours
        .iter()
        .map(|n| Pulse::take(n.gate.as_ref(), during, neighbours.len()));
    futures_util::future::join_all(asked).await
}

/// What the kernel's counters said of a hog.
#[derive(Debug, Default)]
struct Stopped {
    limit: Option<u64>,
    most: u64,
    times: u64,
    evidence: String,
}

/// Looks on until the kernel has stopped the hog, or the hog has more than it was planned to get.
async fn watch(
    scene: &Scene<'_>,
    canary: &Canary,
    groups: &Groups,
    plan: Plan,
    hog: Hog,
) -> Stopped {
    let mut seen = Stopped::default();
    let end = std::time::Instant::now() + LONGEST;
    let processes = matches!(hog, Hog::Tasks(_));
    while std::time::Instant::now() < end {
        let (limit, now, times) = if processes {
            (
                groups.number("pids", "pids.max", "pids.max"),
                groups.number("pids", "pids.current", "pids.current"),
                groups.refused(),
            )
        } else {
            (
                groups.number("memory", "memory.limit_in_bytes", "memory.max"),
                groups.number("memory", "memory.usage_in_bytes", "memory.current"),
                groups.oom_kills(),
            )
        };
        if let Some((limit, path)) = limit {
            seen.limit = Some(limit);
            let counter = if processes { "pids.events" } else { "oom_kill" };
            seen.evidence = format!("{} and {counter} beside it", path.display());
        }
        seen.most = seen.most.max(now.map_or(0, |(n, _)| n));
        seen.times = seen.times.max(times.unwrap_or(0));
        let more = if processes {
            seen.most > plan.tasks
        } else {
            seen.most > plan.bytes
        };
        if seen.times > 0 || more || !canary.runs(scene) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // the others are still being asked: it goes on taking for as long as that lasts
    seen
}

impl Stopped {
    fn cell(&self, from: &str, service: &str, plan: Plan, hog: Hog) -> Cell {
        let processes = matches!(hog, Hog::Tasks(_));
        let (planned, unit) = if processes {
            (plan.tasks, "")
        } else {
            (plan.bytes, " bytes")
        };
        let cell = Cell::new(
            Layer::Resources,
            from,
            "host",
            format!("taking {} under the limits of {service}", word(hog)),
        )
        .expect(format!("stopped by the kernel at {planned}{unit}"))
        .evidence(self.evidence.clone());
        let what = if processes { "refused" } else { "killed" };
        if self.most > planned {
            return cell.breach(format!("it got {}{unit}", self.most));
        }
        if self.times == 0 {
            return cell.not_tried(format!("it did not get to its limit: {}{unit}", self.most));
        }
        let most = self.most;
        cell.held(format!(
            "{what} {} times, with {most}{unit} at most",
            self.times
        ))
    }
}
