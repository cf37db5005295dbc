//! Steps on the host.

use aiplat_core::plan::{PlannedStep, Step};

use super::StepError;
use super::run::Context;
use crate::blocking::blocking;
use crate::host::{Host, HostError};

/// Carries a step out that concerns the host alone.
pub(super) fn carry_out<E, H: Host, V: crate::events::Events>(
    context: &Context<'_, E, H, V>,
    planned: &PlannedStep,
) -> Result<(), StepError> {
    let host = context.host;
    let done: Result<(), HostError> = blocking(|| match &planned.step {
        Step::Directories(all) => all
            .iter()
            .try_for_each(|spec| host.make_directory(spec).map(drop)),
        Step::Files(all) => all
            .iter()
            .try_for_each(|spec| host.write_file(spec).map(drop)),
        Step::RemoveFile { path } => host.remove_file(path),
        Step::Cgroup(spec) => host.set_cgroup(spec).map(drop),
        Step::Quota(spec) => host.set_quota(spec).map(drop),
        Step::Firewall(spec) => host.guard_bridge(spec).map(drop),
        Step::Profiles { files } => host.load_profiles(files),
        Step::RemoveFirewall(spec) => host.unguard_bridge(spec).map(drop),
        Step::RemoveProfiles { files } => host.remove_profiles(files),
        Step::RemoveCgroup { parent } => host.remove_cgroup(parent),
        Step::RemoveQuota(spec) => host.remove_quota(spec),
        Step::PurgeDirectory { path, base_dir } => host.purge_directory(path, base_dir),
        Step::Release => host.release(&context.plan.stack_id),
        Step::Network(_)
        | Step::Image { .. }
        | Step::Check(_)
        | Step::Container(_)
        | Step::Start { .. }
        | Step::Stop(_)
        | Step::Configure(_)
        | Step::Renew(_)
        | Step::SignIn(_)
        | Step::Gate(_)
        | Step::Provision(_)
        | Step::Withdraw(_)
        | Step::Secret(_)
        | Step::Reload(_)
        | Step::RemoveContainer(_)
        | Step::RemoveNetwork { .. } => Ok(()),
    });
    Ok(done?)
}
