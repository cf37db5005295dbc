//! The limits of the whole stack.

use super::{Builder, id, refs, same_pages};
use crate::observed::CgroupFacts;
use crate::plan::problem::PlanProblem;
use crate::plan::step::{Change, Step};
use crate::spec::CgroupSpec;

/// The least that engines give a container, bytes and thousandths of a processor.
const LEAST_MEMORY: u64 = 6 << 20;
const LEAST_CPUS: u64 = 10;

impl Builder<'_> {
    /// Limits that the kernel does not have as wanted. What becomes more is given before the containers that may take it
    /// are made; what becomes less waits for [`Builder::lowered`].
    pub(super) fn cgroup(&mut self) {
        let Some(wanted) = &self.desired.cgroup else {
            return;
        };
        self.too_low(wanted);
        let (first, change, why) = match &self.observed.host.cgroup {
            None => (
                wanted.clone(),
                Change::Create,
                "the stack has limits of its own",
            ),
            Some(found) => {
                let first = raised(wanted, found);
                if held(&first, found) {
                    return;
                }
                let why = "the kernel has other limits than the stack's";
                (first, Change::Update, why)
            }
        };
        let images = self.image_ids();
        let step = Step::Cgroup(first);
        self.push(id::CGROUP.to_owned(), &refs(&images), change, why, step);
    }

    /// Takes away what the stack has too much of once none of its containers may have it: kernels refuse a cgroup
    /// fewer processors than one below it has.
    pub(super) fn lowered(&mut self) {
        let (Some(wanted), Some(found)) = (&self.desired.cgroup, &self.observed.host.cgroup) else {
            return;
        };
        if held(wanted, &facts(&raised(wanted, found))) {
            return;
        }
        let all: Vec<String> = self.steps.iter().map(|s| s.id.clone()).collect();
        let why = "the kernel has higher limits than the stack's";
        let step = Step::Cgroup(wanted.clone());
        let id = id::CGROUP_LOWERED.to_owned();
        self.push(id, &refs(&all), Change::Update, why, step);
    }

    /// Limits that nothing could run under, or that what runs is above already: a kernel refuses them, or kills.
    fn too_low(&mut self, wanted: &CgroupSpec) {
        let found = self.observed.host.cgroup.clone().unwrap_or_default();
        let used = self.observed.host.cgroup_use;
        let mebibytes = |bytes: u64| format!("{}m", bytes.div_ceil(1 << 20));
        let mut expect = |key, wanted: String, least: String, who| {
            self.problems.push(PlanProblem::StackLimit {
                key,
                wanted,
                least,
                who,
            });
        };
        let (least, now) = (
            "which is the least that an engine gives a container",
            "which the stack's services use now",
        );
        if let Some(memory) = wanted.memory_bytes {
            let text = memory_text(memory);
            if memory < LEAST_MEMORY {
                expect("STACK_MEMORY", text, mebibytes(LEAST_MEMORY), least);
            } else if memory < used.memory_bytes && !same_pages(found.memory_bytes, Some(memory)) {
                expect("STACK_MEMORY", text, mebibytes(used.memory_bytes), now);
            }
        }
        if let Some(cpus) = wanted.milli_cpus
            && cpus < LEAST_CPUS
        {
            expect("STACK_CPUS", format!("0.{cpus:03}"), "0.01".into(), least);
        }
        if let Some(pids) = wanted.pids
            && u64::from(pids) < used.pids
            && found.pids != Some(pids)
        {
            expect("STACK_PIDS", pids.to_string(), used.pids.to_string(), now);
        }
    }
}

fn memory_text(bytes: u64) -> String {
    crate::settings::ByteSize::new(bytes).map_or_else(|| bytes.to_string(), |size| size.to_string())
}

/// The wanted limits, none of them lower than found.
fn raised(wanted: &CgroupSpec, found: &CgroupFacts) -> CgroupSpec {
    CgroupSpec {
        parent: wanted.parent.clone(),
        memory_bytes: higher(wanted.memory_bytes, found.memory_bytes),
        milli_cpus: higher(wanted.milli_cpus, found.milli_cpus),
        pids: higher(wanted.pids, found.pids),
    }
}

/// The higher of two limits; none is the highest.
fn higher<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    Some(a?.max(b?))
}

/// Whether the kernel has these limits.
fn held(wanted: &CgroupSpec, found: &CgroupFacts) -> bool {
    same_pages(found.memory_bytes, wanted.memory_bytes)
        && found.milli_cpus == wanted.milli_cpus
        && found.pids == wanted.pids
}

fn facts(spec: &CgroupSpec) -> CgroupFacts {
    CgroupFacts {
        memory_bytes: spec.memory_bytes,
        milli_cpus: spec.milli_cpus,
        pids: spec.pids,
    }
}
