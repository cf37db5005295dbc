//! Graphics processors: a stack has what it has for itself. The engine would hand one to any number of containers; who has
//! which is known by the register alone.

use super::{AllocationProblem, Request, Reservation};

/// Why a stack cannot have what it asks for, one by one.
pub(super) fn problems(
    request: &Request,
    on_host: u32,
    others: &[&Reservation],
) -> Vec<AllocationProblem> {
    let problem = |gpu: &u32| {
        if *gpu >= on_host {
            return Some(AllocationProblem::NoGpu { gpu: *gpu, on_host });
        }
        let holder = others.iter().find(|other| other.gpus.contains(gpu))?;
        Some(AllocationProblem::GpuTaken {
            gpu: *gpu,
            holder: holder.stack.to_string(),
        })
    };
    request.gpus.iter().filter_map(problem).collect()
}
