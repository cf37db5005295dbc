//! A stack's limit of disk space, as it is.

use aiplat_core::config::StackConfig;
use aiplat_core::observed::{Observed, QuotaFacts, QuotaRefusal};
use aiplat_core::spec::project;

use crate::blocking::blocking;
use crate::host::{Host, HostError};

/// What the file system holds a stack's directory to, and what of it is in use. Nothing where the stack has no limit and
/// had none; facts with a refusal where it is to have one and the host cannot hold it.
///
/// # Errors
/// [`HostError`] where the kernel or a program does not answer.
pub fn disk<H: Host>(host: &H, config: &StackConfig) -> Result<Option<QuotaFacts>, HostError> {
    let wanted = config.settings.stack_disk.get();
    let wanted = wanted.map(|_| project(config.allocation.uid));
    blocking(|| host.quota(config.base_dir(), wanted))
}

/// Adds it to what was seen.
pub(super) fn look<H: Host>(
    host: &H,
    config: &StackConfig,
    observed: &mut Observed,
) -> Result<(), HostError> {
    observed.host.quota = disk(host, config)?;
    Ok(())
}

/// Why a limit that is wanted cannot be held.
pub(super) fn refusal(config: &StackConfig, observed: &Observed) -> Option<QuotaRefusal> {
    config.settings.stack_disk.get().as_ref()?;
    observed.host.quota.as_ref()?.refusal.clone()
}
